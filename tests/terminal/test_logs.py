from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.core.model import LogLine
from terminal.logs import LineHandler, redact, source_of, start_logging, stop_logging

log = logging.getLogger("engine.brokers.simulated.exchange")


@pytest.fixture(autouse=True)
def _root_level() -> Iterator[None]:
    level = logging.getLogger().level
    yield
    logging.getLogger().setLevel(level)


@pytest.mark.parametrize(
    "text",
    [
        "api_key=SECRET1 rest",
        "{'access_token': 'SECRET1', 'x': 1}",
        "Authorization: token SECRET1",
        'Authorization="Bearer SECRET1"',
        "GET /?request_token=SECRET1&x=1",
        "postgresql+psycopg://user:SECRET1@host/db",
        "password: SECRET1",
    ],
)
def test_secrets_are_struck_out(text: str) -> None:
    assert "SECRET1" not in redact(text)
    assert "***" in redact(text)


def test_ordinary_words_stay() -> None:
    text = "order 1K2: NSE:RELIANCE buy 10 at 1,234.50; spinning=3"
    assert redact(text) == text


def test_the_file_has_the_lines_without_secrets_and_is_the_owners_only(tmp_path: Path) -> None:
    handler = start_logging(tmp_path / "logs")
    try:
        log.info("connected with api_secret=abc123")
        try:
            raise ValueError("password=hunter2 was wrong")
        except ValueError:
            log.info("then", exc_info=True)
    finally:
        stop_logging(handler)
    path = tmp_path / "logs" / "shikra.log"
    text = path.read_text(encoding="utf-8")
    assert "connected with api_secret=***" in text
    assert "Traceback" in text
    assert "hunter2" not in text
    assert path.stat().st_mode & 0o777 == 0o600


def test_lines_reach_the_panel_with_a_short_source() -> None:
    lines: list[LogLine] = []
    handler = LineHandler(lines.append)
    logging.getLogger().addHandler(handler)
    logging.getLogger().setLevel(logging.INFO)
    try:
        log.info("filled %d", 3)
        log.debug("unseen")
        try:
            raise ValueError("token=abc")
        except ValueError:
            log.info("failed", exc_info=True)
    finally:
        stop_logging(handler)
    assert [(line.level, line.source, line.text) for line in lines] == [
        ("info", "simulated", "filled 3"),
        ("info", "simulated", "failed: token=abc"),
    ]
    assert lines[0].time_ns > 1_600_000_000_000_000_000


def test_sources_are_named_for_a_trader() -> None:
    assert source_of("engine.order_manager") == "order_manager"
    assert source_of("terminal.app") == "app"
    assert source_of("__main__") == "terminal"

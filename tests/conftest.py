"""What every test runs under: no display, no user's data, no warning, nothing left living."""

from __future__ import annotations

import asyncio
import logging
import os
import threading
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ.setdefault("QT_API", "pyside6")
os.environ.setdefault("PYQTGRAPH_QT_LIB", "PySide6")

import pytest
from PySide6.QtCore import QtMsgType, qInstallMessageHandler

ROOT = Path(__file__).resolve().parent.parent

LET_PASS = (
    "This plugin does not support propagateSizeHints",
    "This plugin does not support raise",
    "This plugin does not support grabbing",
)
"""What offscreen Qt prints for each dock and each list that pops up, and nobody can help."""


@pytest.fixture(autouse=True)
def _own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep every test away from the user's data."""
    monkeypatch.setenv("SHIKRA_HOME", str(tmp_path / "home"))


@pytest.fixture(autouse=True)
def _patient_heartbeat(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a busy test machine stand still for a while without stopping what is being tested."""
    monkeypatch.setattr("engine.heartbeat.LATE_S", 120.0)


@pytest.fixture(autouse=True)
def _nothing_left_living(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail a test that leaves a thread behind, logs a warning it did not ask for, or makes Qt complain."""
    messages: list[str] = []
    records: list[str] = []

    def on_message(kind: QtMsgType, context: object, text: str) -> None:
        if kind != QtMsgType.QtDebugMsg and not any(known in text for known in LET_PASS):
            messages.append(text)

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            records.append(f"{record.levelname} {record.name}: {record.getMessage()}")

    keep = Keep(logging.WARNING)
    logging.getLogger().addHandler(keep)
    before = set(threading.enumerate())
    qInstallMessageHandler(on_message)
    yield
    qInstallMessageHandler(None)
    logging.getLogger().removeHandler(keep)
    left = [t.name for t in threading.enumerate() if t not in before and t.is_alive() and not t.daemon]
    assert not left, f"threads left behind: {left}"
    assert not messages, f"Qt complained: {messages}"
    if request.node.get_closest_marker("logs_warnings") is None:
        assert not records, f"logged unasked: {records}"


@pytest.fixture
def loop_run() -> Callable[[Coroutine[Any, Any, Any]], Any]:
    """Run a coroutine on a fresh event loop; a task that outlives it fails the test."""

    def run(coroutine: Coroutine[Any, Any, Any]) -> Any:
        async def guarded() -> Any:
            result = await coroutine
            left = [task.get_name() for task in asyncio.all_tasks() if task is not asyncio.current_task()]
            assert not left, f"tasks left behind: {left}"
            return result

        return asyncio.run(guarded())

    return run


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Return the folder of real market data, or skip: a fresh clone has none."""
    folder = Path(os.environ.get("SHIKRA_TEST_DATA") or ROOT / "../shared/data").resolve()
    if not (folder / "SOURCES.md").is_file():
        pytest.skip(f"no market data at {folder}; set SHIKRA_TEST_DATA to a folder that has it")
    return folder

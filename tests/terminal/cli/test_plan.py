from __future__ import annotations

from pathlib import Path

import pytest

from engine.clock import ManualClock
from engine.core.errors import InvalidOption
from engine.engine_settings import EngineSettings
from terminal.arming import arm
from terminal.cli.arguments import parser
from terminal.cli.plan import engine_settings
from terminal.settings import Settings


def plan(folder: Path, *words: str, **settings: object) -> EngineSettings:
    return engine_settings(parser("1").parse(words), Settings(given=settings), folder)


def test_the_generated_market_keeps_to_real_time_unless_told(tmp_path: Path) -> None:
    made = plan(tmp_path, market_seed=5, capital=20_000, charges="none")
    assert (made.replay, made.broker_options, made.capital, made.charges) == (None, {"seed": 5, "speed": 1.0}, 20_000.0, "none")
    assert plan(tmp_path, "--speed", "30").broker_options["speed"] == 30.0


def test_a_file_is_played_sixty_times_faster_unless_told(tmp_path: Path) -> None:
    file = tmp_path / "bars.csv"
    file.write_text("", encoding="utf-8")
    made = plan(tmp_path, "--replay", str(file), "--symbols", "TCS")
    assert (made.replay, made.speed, made.symbols) == (file, 60.0, ("TCS",))
    assert plan(tmp_path, "--replay", str(file), "--speed", "max").speed == 0.0


def test_zerodha_is_reached_by_its_key_and_on_paper_unless_armed_today(tmp_path: Path) -> None:
    made = plan(tmp_path, broker="zerodha", api_key="k", kite_root="http://127.0.0.1:1")
    page = {"root": "http://127.0.0.1:1", "page": "http://127.0.0.1:1/connect/login"}
    assert made.broker_options == {"api_key": "k", "data_dir": tmp_path, "redirect_port": 8711} | page
    assert made.mode == "paper"
    assert plan(tmp_path, "--live", broker="zerodha", api_key="k").mode == "live"
    clock = ManualClock(100)
    arm(tmp_path, "AB1234", 101)
    arguments, settings = parser("1").parse([]), Settings(given={"broker": "zerodha", "api_key": "k"})
    assert engine_settings(arguments, settings, tmp_path, clock).mode == "live"
    clock.set(101)
    assert engine_settings(arguments, settings, tmp_path, clock).mode == "paper"


def test_zerodha_without_a_key_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidOption, match="Expected an API key"):
        plan(tmp_path, broker="zerodha")


@pytest.mark.parametrize(
    ("words", "match"),
    [
        (["--symbols", "TCS"], "Expected --replay FILE with --symbols"),
        (["--speed", "max"], "it has no end"),
        (["--replay", "none.csv"], "which is not there"),
        (["--replay", "."], "which is a folder"),
    ],
)
def test_what_does_not_go_together_is_refused(tmp_path: Path, words: list[str], match: str) -> None:
    with pytest.raises(InvalidOption, match=match):
        plan(tmp_path, *words)

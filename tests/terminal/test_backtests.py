"""A backtest of the window is a process of its own: its words are the command line's, and it can be ended at any moment."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtGui import QDesktopServices
from pytestqt.qtbot import QtBot

from engine.clock import ManualClock
from engine.core.errors import UserError
from terminal import backtests as module
from terminal.actions import ACTIONS
from terminal.backtests import CANCELLED, Backtests

WRITES = """
import sys, pathlib
words = sys.argv[1:]
pathlib.Path(words[words.index("--report") + 1]).write_text("page")
print("words", *words[:3])
print()
print("report  x")
"""
FAILS = "import sys; sys.stderr.write('shikra: Expected bars, was none.\\n'); sys.exit(2)"
SILENT = "import sys; sys.exit(3)"
SLEEPS = "import time; time.sleep(60)"

PATIENCE_MS = 20_000


@pytest.fixture
def backtests(tmp_path: Path, qapp: Any) -> Iterator[Backtests]:
    made = Backtests(tmp_path, ManualClock())
    yield made
    made.close()


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Keep what would be opened in the browser."""
    kept: list[str] = []
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda url: kept.append(url.toLocalFile()))
    return kept


@pytest.fixture
def ran(backtests: Backtests, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], list[Any]]:
    """Run a stand-in of the command and return what came of it."""

    def run(script: str, *words: str) -> list[Any]:
        monkeypatch.setattr(module, "START", script)
        with qtbot.waitSignal(backtests.ended, timeout=PATIENCE_MS) as heard:
            backtests.run(words)
        return list(heard.args)

    return run


def test_it_runs_the_command_and_keeps_its_page(backtests: Backtests, ran: Any, qtbot: QtBot, opened: list[str], tmp_path: Path) -> None:
    with qtbot.waitSignal(backtests.began) as heard:
        assert ran(WRITES, "--data", "my bars.csv") == ["words backtest --data my bars.csv", "", True]
    assert heard.args == ["shikra backtest --data 'my bars.csv'"]
    assert backtests.page is not None
    assert backtests.page.parent == tmp_path / "reports"
    backtests.show_page()
    assert opened == [str(backtests.page)]


def test_what_is_wrong_is_told(backtests: Backtests, ran: Any) -> None:
    assert ran(FAILS) == ["", "Expected bars, was none.", False]
    assert ran(SILENT) == ["", "The backtest ended with code 3 and said nothing; try it on the command line.", False]
    with pytest.raises(UserError, match="There is no report yet"):
        backtests.show_page()


def test_a_program_that_cannot_be_started_is_told(ran: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module.sys, "executable", "/nowhere/python")
    assert ran(WRITES)[1].startswith("The backtest ended with code 1")


def test_one_at_a_time_and_cancelled_at_once(backtests: Backtests, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "START", SLEEPS)
    backtests.run([])
    with pytest.raises(UserError, match="A backtest is running"):
        backtests.run([])
    with qtbot.waitSignal(backtests.ended, timeout=PATIENCE_MS) as heard:
        backtests.cancel()
    assert heard.args == ["", CANCELLED, False]
    backtests.cancel()


def test_closing_ends_what_runs(backtests: Backtests, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "START", SLEEPS)
    backtests.run([])
    with qtbot.waitSignal(backtests.ended, timeout=PATIENCE_MS):
        backtests.close()


def test_actions_ask_for_it(backtests: Backtests, ran: Any, opened: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[str] = []

    class Scene:
        class window:
            show_dialog = staticmethod(shown.append)

    scene: Any = Scene()
    scene.backtests = backtests
    ran(WRITES)
    ACTIONS.get("backtest.open").function(scene, None)
    ACTIONS.get("backtest.report").function(scene, None)
    ACTIONS.get("backtest.cancel").function(scene, None)
    assert (shown, len(opened)) == (["backtest"], 1)
    monkeypatch.setattr(module, "START", SLEEPS)
    ACTIONS.get("backtest.run").function(scene, ["--strategy", "x"])
    with pytest.raises(UserError, match="is running"):
        backtests.run([])

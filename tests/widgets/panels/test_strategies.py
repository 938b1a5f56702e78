from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QMenu
from pytestqt.qtbot import QtBot

from engine.core.model import BY_A_PERSON, Restraint, TradingState
from engine.core.model import StrategyState as S
from widgets.base.theme import Theme
from widgets.panels.strategies import COLUMNS, TONES, Strategies, state_text


@pytest.fixture
def strategies(desk: Any, theme: Theme, shown: Any) -> Strategies:
    return shown(Strategies(desk.view, theme))  # type: ignore[no-any-return]


def enabled(strategies: Strategies) -> set[str]:
    names = {action.partition(".")[2] for action, button in strategies.buttons.items() if button.isEnabled()}
    return names | ({"emergency_stop"} if strategies.emergency.isEnabled() else set())


@pytest.mark.parametrize(
    ("state", "allowed"),
    [
        (S.IDLE, {"start", "remove"}),
        (S.STARTING, {"stop", "emergency_stop"}),
        (S.RUNNING, {"pause", "stop", "emergency_stop"}),
        (S.PAUSED, {"resume", "stop", "emergency_stop"}),
        (S.STOPPING, {"emergency_stop"}),
        (S.STOPPED, {"start", "remove"}),
        (S.FAULTED, {"start", "stop", "remove", "emergency_stop"}),
    ],
)
def test_the_buttons_offer_what_makes_sense_in_each_state(strategies: Strategies, desk: Any, state: S, allowed: set[str]) -> None:
    assert enabled(strategies) == set()
    desk.strategy(state)
    desk.frame()
    assert enabled(strategies) == allowed
    assert strategies.buttons["strategy.resume"].isVisible() == (state is S.PAUSED)
    assert state in TONES


def test_a_button_asks_by_the_strategys_id(strategies: Strategies, desk: Any, asked: Any, qtbot: QtBot) -> None:
    desk.strategy(S.RUNNING, "one")
    desk.strategy(S.RUNNING, "two")
    strategies.grid.focus_key("two")
    kept = asked(strategies)
    qtbot.mouseClick(strategies.buttons["strategy.pause"], Qt.MouseButton.LeftButton)
    qtbot.mouseClick(strategies.buttons["strategy.stop"], Qt.MouseButton.LeftButton)
    assert kept == [("strategy.pause", "two"), ("strategy.stop", "two")]


def test_the_emergency_stop_needs_to_be_held(strategies: Strategies, desk: Any, asked: Any, qtbot: QtBot) -> None:
    desk.strategy(S.RUNNING)
    desk.frame()
    kept = asked(strategies)
    qtbot.mouseClick(strategies.emergency, Qt.MouseButton.LeftButton)
    assert kept == []
    strategies.emergency.hold_ms = 40
    qtbot.mousePress(strategies.emergency, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: bool(kept))
    qtbot.mouseRelease(strategies.emergency, Qt.MouseButton.LeftButton)
    assert kept == [("strategy.emergency_stop", "ema")]


def test_the_row_tells_figures_symbols_and_fault(strategies: Strategies, desk: Any) -> None:
    desk.strategy(S.FAULTED, realised_units=1_000_000, charges_units=100_000, last_error="NaN at 10:02", drawdown_pct=1.5)
    rows = strategies.grid.rows
    told = {column.name: rows.data(rows.index(0, at)) for at, column in enumerate(rows.columns)}
    assert told["state"] == "✕ Faulted"
    assert told["net"] == "+90.00"
    assert told["symbols"] == "RELIANCE"
    assert told["error"] == "NaN at 10:02"
    assert told["drawdown"] == "1.50%"
    assert state_text(desk.strategy(S.STOPPED)) == "■ Stopped"


def test_a_removed_strategy_goes(strategies: Strategies, desk: Any) -> None:
    desk.strategy(S.STOPPED)
    desk.view.on_strategy_removed("ema")
    assert strategies.grid.rows.lines == []
    assert enabled(strategies) == set()


def test_new_asks_for_the_form(strategies: Strategies, asked: Any, qtbot: QtBot) -> None:
    kept = asked(strategies)
    new = next(button for button in strategies.findChildren(type(strategies.buttons["strategy.start"])) if button.text() == "New")
    qtbot.mouseClick(new, Qt.MouseButton.LeftButton)
    assert kept == [("strategy.new", None)]


def test_keys_given_to_actions_respect_the_state(strategies: Strategies, desk: Any, asked: Any, press: Any) -> None:
    desk.strategy(S.PAUSED)
    strategies.bind({"R": "strategy.resume", "P": "strategy.pause", "Return": "chart.open"})
    strategies.grid.focus_key("ema")
    kept = asked(strategies)
    for key in (Qt.Key.Key_P, Qt.Key.Key_R, Qt.Key.Key_Return):
        press(strategies.grid, key)
    assert kept == [("strategy.resume", "ema"), ("chart.open", "NSE:RELIANCE")]


def test_the_menu_offers_what_the_state_allows(strategies: Strategies, desk: Any, asked: Any) -> None:
    desk.strategy(S.RUNNING)
    strategies.grid.focus_key("ema")
    kept = asked(strategies)
    strategies.grid.menu_asked.emit(strategies.grid.record, QPoint(0, 0))
    menu = strategies.findChild(QMenu)
    assert isinstance(menu, QMenu)
    titles = [entry.text().partition("\t")[0] for entry in menu.actions()]
    assert titles == ["Pause (EMA)", "Stop; the position stays (EMA)", "Chart of RELIANCE"]
    menu.actions()[1].trigger()
    assert kept == [("strategy.stop", "ema")]


def test_changed_code_is_approved_by_the_fingerprint_that_is_shown(strategies: Strategies, desk: Any, asked: Any) -> None:
    desk.strategy(S.STOPPED, code_sha256="0123456789abcdef")
    strategies.grid.focus_key("ema")
    kept = asked(strategies)
    assert next(column for column in COLUMNS if column.name == "code").text(strategies.grid.record) == "0123456789ab"
    strategies.grid.menu_asked.emit(strategies.grid.record, QPoint(0, 0))
    menu = strategies.findChild(QMenu)
    assert isinstance(menu, QMenu)
    titles = [entry.text().partition("\t")[0] for entry in menu.actions()]
    assert "Approve its code as it is now, SHA-256 was 0123456789ab (EMA)" in titles
    menu.actions()[titles.index("Approve its code as it is now, SHA-256 was 0123456789ab (EMA)")].trigger()
    assert kept == [("strategy.approve", "ema")]


def test_the_menu_lets_one_trade_again_that_only_a_person_ends(strategies: Strategies, desk: Any, asked: Any) -> None:
    desk.strategy(S.RUNNING)
    strategies.grid.focus_key("ema")
    kept = asked(strategies)
    for ends, owner in ((BY_A_PERSON, "ema"), ("with the next day", "ema"), (BY_A_PERSON, "other")):
        held = Restraint(owner, "broker_rejects", "refused", TradingState.REDUCING, ends)
        desk.view.risk = SimpleNamespace(restraints=(held,))
        strategies.grid.menu_asked.emit(strategies.grid.record, QPoint(0, 0))
        menu = strategies.findChildren(QMenu)[-1]
        (entry,) = [entry for entry in menu.actions() if entry.text().startswith("Let it trade")] or [None]
        assert (entry is not None) == (ends == BY_A_PERSON and owner == "ema")
        if entry is not None:
            entry.trigger()
    assert kept == [("strategy.let_trade", {"owner": "ema"})]

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from engine.core.model import Account, RiskStatus, TradingState
from engine.core.registry import RULES
from widgets.base.meter import Meter
from widgets.base.rule_titles import in_unit, title_of
from widgets.base.theme import Theme
from widgets.panels.risk import STATES, Risk

ACCOUNT = Account(
    capital_units=10_000_000_000,
    cash_units=9_000_000_000,
    equity_units=9_998_000_000,
    peak_units=10_000_000_000,
    day_start_units=10_000_000_000,
    realised_units=-3_000_000,
    unrealised_units=1_500_000,
    charges_units=500_000,
    exposure_units=998_000_000,
)
LIMITS = {"cash": 1.0, "max_positions": 10.0, "max_daily_loss": 30_000.0, "quote_age": 5.0, "market_hours": 1.0, "max_drawdown": 0.0}


@pytest.fixture
def risk(desk: Any, theme: Theme, shown: Any) -> Risk:
    return shown(Risk(desk.view, theme))  # type: ignore[no-any-return]


def status(state: TradingState = TradingState.ACTIVE, reason: str = "", **used: float) -> RiskStatus:
    return RiskStatus(state, reason, ACCOUNT, LIMITS, used)


def test_the_figures_of_the_account_are_exact(risk: Risk, desk: Any) -> None:
    desk.view.on_account(ACCOUNT)
    desk.frame()
    assert risk.day.text() == "▼ −200.00  (−0.02%)"
    assert risk.figures["Equity"].text() == "9,99,800.00"
    assert risk.figures["Realised"].text() == "−300.00"
    assert risk.figures["Unrealised"].text() == "+150.00"
    assert risk.figures["Drawdown"].text() == "0.02%"


def test_how_much_of_a_limit_is_used_shows_in_words_and_as_a_bar(risk: Risk, desk: Any) -> None:
    desk.view.on_risk(status(max_positions=4.0, max_daily_loss=24_000.0, cash=50.0))
    desk.frame()
    assert risk.limits.rows["max_positions"].text.text() == "4 of 10"
    assert risk.limits.rows["max_positions"].meter.share == pytest.approx(0.4)
    assert risk.limits.rows["max_daily_loss"].text.text() == "24,000 of 30,000"
    assert risk.limits.rows["max_daily_loss"].meter.tone == "warn"
    assert risk.limits.rows["cash"].text.text() == "50.0% of 100.0%"
    assert risk._rest["quote_age"].text() == "5 s"
    assert risk._rest["market_hours"].text() == "on"
    assert "max_drawdown" not in risk.limits.rows, "a limit of 0 is none"
    desk.view.on_risk(status(max_positions=10.0))
    desk.frame()
    assert risk.limits.rows["max_positions"].meter.tone == "bad"


def test_the_state_is_written_out_with_its_reason_and_can_be_resumed(risk: Risk, desk: Any, asked: Any, qtbot: QtBot) -> None:
    desk.view.on_risk(replace(status(), denied=2))
    desk.frame()
    assert risk.state.text() == "● ACTIVE"
    assert risk.reason.text().endswith("2 orders denied today.")
    assert not risk.resume.isVisible()
    desk.view.on_risk(status(TradingState.HALTED, "Killed by hand"))
    desk.frame()
    assert risk.state.text() == "■ HALTED"
    assert risk.reason.text() == "Killed by hand"
    kept = asked(risk)
    qtbot.mouseClick(risk.resume, Qt.MouseButton.LeftButton)
    assert kept == [("account.resume", None)]
    assert set(STATES) == set(TradingState)


@pytest.mark.parametrize(("button", "action"), [("kill", "account.kill"), ("flatten", "account.flatten")])
def test_kill_and_flatten_need_to_be_held(risk: Risk, asked: Any, qtbot: QtBot, button: str, action: str) -> None:
    kept = asked(risk)
    held = getattr(risk, button)
    qtbot.mouseClick(held, Qt.MouseButton.LeftButton)
    assert kept == []
    held.hold_ms = 80
    qtbot.mousePress(held, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: held.progress > 0)
    assert not held.grab().isNull()
    qtbot.waitUntil(lambda: bool(kept))
    qtbot.wait(100)
    qtbot.mouseRelease(held, Qt.MouseButton.LeftButton)
    assert kept == [(action, None)], "held on, it fires once"


def test_a_held_space_counts_and_leaving_the_button_lets_go(risk: Risk, asked: Any, press: Any, qtbot: QtBot) -> None:
    kept = asked(risk)
    risk.kill.setFocus()
    qtbot.keyPress(risk.kill, Qt.Key.Key_Space)
    press(risk.kill, Qt.Key.Key_Space, " ", is_held=True)
    risk.flatten.setFocus()
    assert risk.kill.progress == 0
    assert not risk.kill._timer.isActive()
    assert kept == []


def test_every_rule_has_a_title_and_its_unit() -> None:
    for name in RULES.names():
        assert title_of(name)[0].isupper()
        assert in_unit(name, 2.0)
    assert in_unit("max_daily_loss", 30_000.0) == "30,000"
    assert in_unit("price_collar", 3.0) == "3.0%"
    assert in_unit("no such rule", 1.5) == "1.5"


def test_a_meter_shows_no_more_than_all_and_no_less_than_nothing(theme: Theme, shown: Any) -> None:
    meter = shown(Meter(theme, "Loss"))
    meter.set_share(7.0)
    assert meter.share == 1.0
    assert meter.accessibleDescription() == "100% used"
    full = meter.grab().toImage()
    meter.set_share(-1.0)
    assert meter.share == 0.0
    assert meter.grab().toImage() != full
    assert meter.sizeHint().height() > 0

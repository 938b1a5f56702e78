from __future__ import annotations

from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from engine.core.alerts import AlertKind
from engine.core.model import Account, RiskStatus, StrategyState, TradingState
from widgets.base.theme import Theme
from widgets.dialogs.alert import FIELDS, AlertDialog

ACCOUNT = Account(10**10, 10**10, 10**10, 10**10, 10**10, 0, 0, 0)


@pytest.fixture
def opened(desk: Any, theme: Theme, shown: Any) -> Any:
    def open_it(given: dict[str, Any] | None = None, alert_id: str = "") -> AlertDialog:
        return shown(AlertDialog(desk.view, theme, given, alert_id))  # type: ignore[no-any-return]

    return open_it


def test_a_price_is_typed_and_sent_with_control_enter(opened: Any, asked: Any) -> None:
    dialog = opened({"kind": "price", "key": "NSE:RELIANCE"})
    kept = asked(dialog)
    assert not dialog.send_button.isEnabled()
    assert dialog.fault.text() == "Give the level as a number."
    dialog.value.setFocus()
    QTest.keyClicks(dialog.value, "1500")
    QTest.keyClick(dialog.value, Qt.Key.Key_Return)
    assert kept == []
    assert dialog.about.text() == "RELIANCE above 1,500.00"
    QTest.keyClick(dialog, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    ((name, given),) = kept
    assert name == "alert.add"
    assert (given["kind"], given["key"], given["value"], given["side"], given["is_repeating"]) == (
        "price",
        "NSE:RELIANCE",
        1_500.0,
        "above",
        False,
    )
    assert not dialog.isVisible()


def test_each_kind_shows_its_own_fields_and_makes_an_alert(opened: Any, desk: Any, asked: Any, qtbot: QtBot) -> None:
    desk.strategy(StrategyState.RUNNING)
    limits = {"max_daily_loss": 30_000.0, "tick_and_lot": 1.0}
    desk.view.on_risk(RiskStatus(TradingState.ACTIVE, "", ACCOUNT, limits=limits, used={"max_daily_loss": 5.0}))
    made = {}
    for kind in AlertKind:
        dialog = opened({"kind": "price", "key": "RELIANCE", "value": 70.0})
        kept = asked(dialog)
        dialog.kind.setCurrentIndex(dialog.kind.findData(kind))
        dialog.indicator.setText("rsi(14)")
        dialog.rule.setCurrentIndex(dialog.rule.findData("max_daily_loss"))
        shown = {name for name in {each for names in FIELDS.values() for each in names} if dialog._form.isRowVisible(getattr(dialog, name))}
        assert shown <= set(FIELDS[kind])
        assert dialog.problem() == "", kind
        qtbot.mouseClick(dialog.send_button, Qt.MouseButton.LeftButton)
        made[kind] = kept[0][1]
    assert made[AlertKind.INDICATOR]["subject"] == "rsi(14)"
    assert made[AlertKind.RISK]["subject"] == "max_daily_loss"
    assert (made[AlertKind.PNL]["subject"], made[AlertKind.PNL]["key"]) == ("account", "")
    assert made[AlertKind.CONNECTION]["subject"] == "link"


def test_a_strategys_profit_names_the_strategy(opened: Any, desk: Any) -> None:
    desk.strategy(StrategyState.RUNNING)
    dialog = opened({"kind": "pnl", "subject": "strategy", "other": "ema", "value": -500.0, "side": "below", "unit": "percent"})
    assert dialog.given["other"] == "ema"
    assert dialog.about.text() == "ema: profit below -500%"


def test_what_is_wrong_is_said_and_stays_open(opened: Any, asked: Any) -> None:
    dialog = opened({"kind": "price", "key": "NSE:RELIANC", "value": 5.0})
    kept = asked(dialog)
    assert "Unknown instrument" in dialog.fault.text()
    dialog.key.setText("RELIANCE")
    dialog.value.put(0)
    assert "above 0" in dialog.fault.text()
    dialog.send()
    assert kept == []
    assert dialog.isVisible()


def test_a_change_comes_with_its_id_and_what_was_there(opened: Any, asked: Any) -> None:
    dialog = opened(
        {"kind": "indicator", "key": "NSE:TCS", "subject": "ema(9)", "other": "ema(21)", "is_repeating": True, "hysteresis": 2.0,
         "interval_s": 300, "level": "critical", "note": "look", "cooldown_s": 30.0}, "alert-7",
    )  # fmt: skip
    kept = asked(dialog)
    dialog.send()
    ((name, (alert_id, given)),) = kept
    assert (name, alert_id) == ("alert.change", "alert-7")
    kept_as = {"subject": "ema(9)", "other": "ema(21)", "hysteresis": 2.0, "interval_s": 300, "level": "critical", "note": "look"}
    assert {key: given[key] for key in kept_as} == kept_as
    assert given["cooldown_s"] == 30.0


def test_escape_closes_without_asking(opened: Any, asked: Any) -> None:
    dialog = opened({"kind": "price", "key": "NSE:TCS", "value": 5.0})
    kept = asked(dialog)
    QTest.keyClick(dialog, Qt.Key.Key_Escape)
    assert kept == []
    assert not dialog.isVisible()

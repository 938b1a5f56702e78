from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QMenu
from pytestqt.qtbot import QtBot

from engine.core.alerts import Alert, AlertEvent, AlertState, Level, parse_alert
from widgets.base.theme import Theme
from widgets.panels.alerts import Alerts


@pytest.fixture
def alerts(desk: Any, theme: Theme, shown: Any) -> Alerts:
    return shown(Alerts(desk.view, theme))  # type: ignore[no-any-return]


def an_alert(alert_id: str = "alert-1", **given: Any) -> Alert:
    return parse_alert(alert_id, {"kind": "price", "key": "NSE:RELIANCE", "value": 1_500.0} | given)


def cell(grid: Any, column: str, row: int = 0) -> str:
    at = next(number for number, item in enumerate(grid.rows.columns) if item.name == column)
    return str(grid.rows.data(grid.rows.index(row, at)))


def menu_of(alerts: Alerts) -> dict[str, Any]:
    menu = alerts.findChildren(QMenu)[-1]
    return {entry.text().partition("\t")[0]: entry for entry in menu.actions() if entry.text()}


def test_an_alert_shows_what_it_waits_for_and_how_it_stands(alerts: Alerts, desk: Any) -> None:
    desk.view.on_alert(an_alert(note="sell half", is_repeating=True))
    assert cell(alerts.grid, "title") == "RELIANCE above 1,500.00"
    assert [cell(alerts.grid, name) for name in ("level", "state", "repeats", "fired", "last", "note")] == [
        "warning", "armed", "yes", "", "", "sell half",
    ]  # fmt: skip
    desk.view.on_alert(replace(an_alert(), state=AlertState.FIRED, fired=1, fired_ns=1_762_141_500_000_000_000))
    desk.frame()
    assert [cell(alerts.grid, name) for name in ("state", "fired", "last")] == ["told", "1×", "03 Nov 09:15:00"]
    desk.view.on_alert_removed("alert-1")
    assert alerts.grid.rows.rowCount() == 0


def test_keys_and_buttons_ask_and_nothing_trades(alerts: Alerts, desk: Any, asked: Any, press: Any, qtbot: QtBot) -> None:
    desk.view.on_alert(an_alert())
    kept = asked(alerts)
    assert not alerts._pause.isEnabled()
    alerts.grid.focus_key("alert-1")
    press(alerts.grid, Qt.Key.Key_A, "a")
    qtbot.mouseClick(alerts._pause, Qt.MouseButton.LeftButton)
    desk.view.on_alert(replace(an_alert(), state=AlertState.PAUSED))
    desk.frame()
    assert alerts._pause.text() == "Arm again"
    qtbot.mouseClick(alerts._pause, Qt.MouseButton.LeftButton)
    qtbot.mouseClick(alerts._remove, Qt.MouseButton.LeftButton)
    qtbot.mouseClick(alerts._new, Qt.MouseButton.LeftButton)
    alerts.grid.double_clicked.emit(alerts.grid.record)
    assert [name for name, _ in kept] == ["alert.new", "alert.pause", "alert.resume", "alert.remove", "alert.new", "alert.new"]
    assert kept[0][1] == {"key": "NSE:RELIANCE"}
    assert (kept[-1][1]["alert_id"], kept[-1][1]["value"], "state" in kept[-1][1]) == ("alert-1", 1_500.0, False)


def test_the_menu_acts_on_the_alert_it_was_opened_for(alerts: Alerts, desk: Any, asked: Any) -> None:
    desk.view.on_alert(an_alert())
    kept = asked(alerts)
    alerts.grid.menu_asked.emit(alerts.grid.rows.record(0), QPoint(0, 0))
    for entry in menu_of(alerts).values():
        entry.trigger()
    assert [name for name, _ in kept] == ["alert.pause", "chart.open", "alert.remove", "alert.new"]


def test_alarms_are_counted_until_they_are_acknowledged(alerts: Alerts, desk: Any, asked: Any, qtbot: QtBot) -> None:
    kept = asked(alerts)
    event = AlertEvent("e1", 1_762_141_500_000_000_000, Level.CRITICAL, "An order is of unknown fate.", count=3)
    desk.view.on_alert_event(event)
    desk.view.on_alert_event(AlertEvent("e2", 1, Level.WARNING, "RELIANCE is at 1,500.00."))
    desk.frame()
    assert alerts.waiting.text() == "1 alarm to acknowledge"
    alerts.shown.choose("told")
    rows = {alerts.told.rows.record(row).id: row for row in range(2)}  # type: ignore[union-attr]
    assert [cell(alerts.told, name, rows["e1"]) for name in ("level", "count", "seen")] == ["critical", "3×", "not acknowledged"]
    qtbot.mouseClick(alerts._see, Qt.MouseButton.LeftButton)
    alerts.told.double_clicked.emit(event)
    alerts.told.menu_asked.emit(event, QPoint(0, 0))
    menu_of(alerts)["Acknowledge"].trigger()
    assert kept == [("alert.acknowledge", {}), ("alert.acknowledge", {"ids": ["e1"]}), ("alert.acknowledge", {"ids": ["e1"]})]
    desk.view.on_alert_event(replace(event, acknowledged_ns=1_762_141_500_000_000_000, acknowledged_by="hand"))
    desk.frame()
    assert alerts.waiting.text() == ""
    assert not alerts._see.isEnabled()
    assert cell(alerts.told, "seen", rows["e1"]) == "hand, 03 Nov 09:15:00"


def test_what_is_shown_is_remembered(alerts: Alerts, desk: Any, theme: Theme, shown: Any) -> None:
    alerts.shown.choose("told")
    again = shown(Alerts(desk.view, theme))
    again.restore_state(alerts.save_state())
    assert again.shown.value == "told"
    again.restore_state({"shown": "nonsense"})
    assert "No alerts" in again.grid.empty

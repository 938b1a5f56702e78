"""What the terminal is to tell, and what it has told: alerts with their state, messages with who has seen them.

What is critical stands in red until it is acknowledged. Nothing here trades.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

from PySide6.QtCore import QPoint
from PySide6.QtWidgets import QStackedWidget

from engine.core.alerts import OPTIONS, Alert, AlertEvent, AlertState, title_of
from engine.view import EngineView
from widgets.base import numbers
from widgets.base.columns import Column
from widgets.base.grid import Grid
from widgets.base.inputs import Segments
from widgets.base.layouts import Label, Verb, column, strip
from widgets.base.menus import Asked, pop_up
from widgets.base.panel import BOTTOM, Panel, panel
from widgets.base.theme import Theme

NO_ALERTS = "No alerts.\nAdd one here, from the menu of a symbol or the chart, or with A on a focused row."
NOTHING_TOLD = "Nothing has been told yet.\nWarnings, alarms and your alerts show here; alarms wait until you acknowledge them."

LEVEL_TONES = {"info": "muted", "warning": "warn", "critical": "bad"}
STATES = {
    AlertState.ARMED: ("armed", "text"),
    AlertState.RESTING: ("waits for the way back", "muted"),
    AlertState.FIRED: ("told", "faint"),
    AlertState.PAUSED: ("paused", "warn"),
}


def _time(time_ns: int) -> str:
    return numbers.day_clock(time_ns) if time_ns else ""


ALERTS: tuple[Column[Alert], ...] = (
    Column("title", "Alert", title_of, 260, tone=lambda a: "text" if a.is_watching else "faint"),
    Column("level", "Level", lambda a: a.level.value, 70, tone=lambda a: LEVEL_TONES[a.level]),
    Column("state", "State", lambda a: STATES[a.state][0], 150, tone=lambda a: STATES[a.state][1]),
    Column("repeats", "Again", lambda a: "yes" if a.is_repeating else "once", 56, tone=lambda a: "muted"),
    Column("fired", "Told", lambda a: f"{a.fired}×" if a.fired else "", 54, is_number=True, order=lambda a: a.fired,
           tone=lambda a: "muted"),
    Column("last", "Last told", lambda a: _time(a.fired_ns), 116, order=lambda a: a.fired_ns, tone=lambda a: "muted"),
    Column("note", "Note", lambda a: a.note, 200, tone=lambda a: "muted"),
)  # fmt: skip


def _seen(event: AlertEvent) -> str:
    if event.acknowledged_ns:
        return f"{event.acknowledged_by}, {_time(event.acknowledged_ns)}"
    return "not acknowledged" if event.is_waiting else ""


TOLD: tuple[Column[AlertEvent], ...] = (
    Column("time", "Time", lambda e: _time(e.time_ns), 116, order=lambda e: e.time_ns, tone=lambda e: "muted"),
    Column("level", "Level", lambda e: e.level.value, 70, tone=lambda e: LEVEL_TONES[e.level]),
    Column("count", "Times", lambda e: f"{e.count}×" if e.count > 1 else "", 54, is_number=True, order=lambda e: e.count,
           tone=lambda e: "muted"),
    Column("seen", "Acknowledged", _seen, 190, tone=lambda e: "bad" if e.is_waiting else "muted"),
    Column("text", "What", lambda e: e.text, 700, tone=lambda e: "text" if e.is_waiting or not e.acknowledged_ns else "muted"),
)  # fmt: skip


@panel("Alerts", area=BOTTOM)
class Alerts(Panel):
    """Alerts and messages."""

    def __init__(self, view: EngineView, theme: Theme) -> None:
        super().__init__(view, theme)
        self.shown: Segments[str] = Segments([("Alerts", "alerts"), ("Told", "told")], name="Shown")
        self.grid: Grid[Alert] = Grid(self, ALERTS, is_newest_first=True, empty=NO_ALERTS)
        self.told: Grid[AlertEvent] = Grid(self, TOLD, is_newest_first=True, empty=NOTHING_TOLD)
        for table in (self.grid, self.told):
            table.horizontalHeader().setStretchLastSection(True)
        self._pages = QStackedWidget()
        self._pages.addWidget(self.grid)
        self._pages.addWidget(self.told)
        self.waiting = Label(theme, tone="muted")
        self._new = Verb(theme, "New alert", "Be told when something happens (A)", lambda: self.requested.emit("alert.new", {}), "add")
        self._pause = Verb(theme, "Pause", "Silence the focused alert, or arm it again", self._ask_pause, "pause")
        self._remove = Verb(theme, "", "Forget the focused alert", self._ask_remove, "remove")
        self._see = Verb(
            theme, "Acknowledge all", "Say that you have seen every alarm", lambda: self.requested.emit("alert.acknowledge", {})
        )
        self.setFocusProxy(self.grid)
        column(self, strip(self.shown, self.waiting, None, self._see, self._pause, self._remove, self._new), self._pages)
        self._listen()
        self._load()

    def _listen(self) -> None:
        view = self.view
        self.shown.chosen.connect(self._turn)
        self.grid.focused.connect(lambda record: self._enable())
        self.grid.menu_asked.connect(self._on_alert_menu)
        self.grid.double_clicked.connect(self._ask_change)
        self.told.menu_asked.connect(self._on_told_menu)
        self.told.double_clicked.connect(self._acknowledge)
        view.alert_changed.connect(self._on_alert)
        view.alert_removed.connect(self._on_removed)
        view.alert_told.connect(self._on_told)
        view.cleared.connect(self._load)

    def verbs(self) -> Mapping[str, Callable[[], object]]:
        """A new alert; Del forgets the focused one; the chart of its instrument."""
        return {
            "alert.new": lambda: {"key": record.key} if (record := self.grid.record) and self._is_list else {},
            "alert.remove": lambda: record.id if (record := self.grid.record) and self._is_list else None,
            "chart.open": lambda: (record.key or None) if (record := self.grid.record) and self._is_list else None,
        }

    @property
    def _is_list(self) -> bool:
        return self.shown.value == "alerts"

    def _turn(self, _: object = None) -> None:
        self._pages.setCurrentIndex(0 if self._is_list else 1)
        self._enable()

    def _load(self) -> None:
        self.grid.rows.load((alert.id, alert) for alert in self.view.alerts.values())
        self.told.rows.load((event.id, event) for event in self.view.alert_events.values())
        self._count()

    def _on_alert(self, alert: Alert) -> None:
        self.grid.rows.put(alert.id, alert)
        self.grid.ask_frame()
        self.frames.ask(self._enable)

    def _on_removed(self, alert_id: str) -> None:
        self.grid.rows.remove(alert_id)
        self._enable()

    def _on_told(self, event: AlertEvent) -> None:
        self.told.rows.put(event.id, event)
        for gone in [key for key in list(self.told.rows.by_key)[: -len(self.view.alert_events)] if key not in self.view.alert_events]:
            self.told.rows.remove(gone)
        self.told.ask_frame()
        self.frames.ask(self._count)

    def _count(self) -> None:
        count = sum(1 for event in self.view.alert_events.values() if event.is_waiting)
        self.shown.retitle("told", f"Told ({count})" if count else "Told")
        self.waiting.say(f"{numbers.count(count, 'alarm')} to acknowledge" if count else "", "bad")
        self._see.setEnabled(bool(count))
        self._enable()

    def _enable(self) -> None:
        record = self.grid.record if self._is_list else None
        for verb in (self._pause, self._remove):
            verb.setEnabled(record is not None)
        is_still = record is not None and not record.is_watching
        self._pause.setText("Arm again" if is_still else "Pause")

    def _ask_pause(self) -> None:
        record = self.grid.record
        if record is not None:
            self.requested.emit("alert.pause" if record.is_watching else "alert.resume", record.id)

    def _ask_remove(self) -> None:
        if (record := self.grid.record) is not None:
            self.requested.emit("alert.remove", record.id)

    def _ask_change(self, alert: Alert) -> None:
        given = {name: value for name, value in asdict(alert).items() if name in {option.name for option in OPTIONS}}
        self.requested.emit("alert.new", {"alert_id": alert.id, **given})

    def _acknowledge_all(self) -> None:
        self.requested.emit("alert.acknowledge", {})

    def _acknowledge(self, event: AlertEvent) -> None:
        if event.is_waiting:
            self.requested.emit("alert.acknowledge", {"ids": [event.id]})

    def _on_alert_menu(self, alert: Alert, at: QPoint) -> None:
        asked: list[Asked] = [("Pause", "alert.pause", alert.id) if alert.is_watching else ("Arm again", "alert.resume", alert.id)]
        if alert.key:
            asked.append((f"Chart of {alert.symbol}", "chart.open", alert.key))
        asked.append(("Remove", "alert.remove", alert.id))
        pop_up(self, at, asked, (("Change...", lambda: self._ask_change(alert)),))

    def _on_told_menu(self, event: AlertEvent, at: QPoint) -> None:
        asked: list[Asked] = [("Acknowledge", "alert.acknowledge", {"ids": [event.id]})] if event.is_waiting else []
        pop_up(self, at, asked, (("Copy", self.told.copy),))

    def save_state(self) -> dict[str, Any]:
        """Return what is shown and how the tables are set."""
        return {"shown": self.shown.value, "grid": self.grid.save_state(), "told": self.told.save_state()}

    def restore_state(self, state: Mapping[str, Any]) -> None:
        """Take what was remembered."""
        self.grid.restore_state(state.get("grid", {}))
        self.told.restore_state(state.get("told", {}))
        if state.get("shown") in self.shown.values:
            self.shown.choose(str(state["shown"]))

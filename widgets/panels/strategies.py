"""The strategies that run by themselves: what each is doing, what it has made, and the buttons that let it go on or stop it.

Emergency stop is held, not clicked: it cancels the strategy's orders and closes its position. A fault is written out in full.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from PySide6.QtCore import QPoint

from engine.core.model import StrategyState, StrategyStatus
from engine.view import EngineView
from widgets.base import numbers
from widgets.base.columns import Column, by_sign
from widgets.base.grid import Grid
from widgets.base.held_back import waits_for_a_person
from widgets.base.hold import HoldButton
from widgets.base.layouts import Label, Verb, column, strip
from widgets.base.menus import pop_up
from widgets.base.panel import BOTTOM, Panel, panel
from widgets.base.theme import Theme

EMPTY = "No strategies yet.\nPress New to make one from a template; it stands still until you start it."

S = StrategyState

TONES = {
    S.IDLE: "muted",
    S.STARTING: "accent",
    S.RUNNING: "good",
    S.PAUSED: "warn",
    S.STOPPING: "warn",
    S.STOPPED: "muted",
    S.FAULTED: "bad",
}

SHAPES = {S.RUNNING: "▶", S.PAUSED: "❙❙", S.STARTING: "▷", S.STOPPING: "▷", S.FAULTED: "✕"}
"""The state as a shape, for who does not see its colour."""

ALLOWED: Mapping[str, frozenset[StrategyState]] = {
    "strategy.start": frozenset({S.IDLE, S.STOPPED, S.FAULTED}),
    "strategy.pause": frozenset({S.RUNNING}),
    "strategy.resume": frozenset({S.PAUSED}),
    "strategy.stop": frozenset({S.STARTING, S.RUNNING, S.PAUSED, S.FAULTED}),
    "strategy.emergency_stop": frozenset({S.STARTING, S.RUNNING, S.PAUSED, S.STOPPING, S.FAULTED}),
    "strategy.remove": frozenset({S.IDLE, S.STOPPED, S.FAULTED}),
    "strategy.approve": frozenset({S.IDLE, S.STOPPED, S.FAULTED}),
}
"""In which states an action makes sense."""


def state_text(status: StrategyStatus) -> str:
    """Write a state as a shape and a word."""
    return f"{SHAPES.get(status.state, '■')} {status.state.value.capitalize()}"


def _symbols(status: StrategyStatus) -> str:
    return ", ".join(symbol.partition(":")[2] or symbol for symbol in status.symbols)


def _parameters(status: StrategyStatus) -> str:
    return ", ".join(f"{name} {value:g}" for name, value in status.parameters.items())


def _money(name: str, title: str, units: Callable[[StrategyStatus], int], width: int = 92) -> Column[StrategyStatus]:
    return Column(
        name, title, lambda s: numbers.signed_money(units(s)), width, is_number=True, tone=lambda s: by_sign(units(s)), order=units
    )


COLUMNS: tuple[Column[StrategyStatus], ...] = (
    Column("state", "State", state_text, 96, tone=lambda s: TONES[s.state]),
    Column("name", "Name", lambda s: s.name, 150),
    Column("type", "Template", lambda s: s.strategy_type.replace("_", " "), 116, tone=lambda s: "muted"),
    Column("mode", "Mode", lambda s: s.mode, 56, tone=lambda s: "live" if s.mode == "live" else "muted"),
    Column("symbols", "Symbols", _symbols, 130),
    _money("net", "Net P&L", lambda s: s.net_units, 100),
    _money("realised", "Realised", lambda s: s.realised_units),
    _money("unrealised", "Unrealised", lambda s: s.unrealised_units),
    Column("charges", "Charges", lambda s: numbers.money(s.charges_units), 72, is_number=True, tone=lambda s: "muted",
           order=lambda s: s.charges_units),
    Column("positions", "Open", lambda s: str(s.open_positions), 46, is_number=True, order=lambda s: s.open_positions,
           tip="Open positions"),
    Column("signals", "Signals", lambda s: numbers.grouped(s.signals), 60, is_number=True, order=lambda s: s.signals),
    Column("orders", "Orders", lambda s: numbers.grouped(s.orders), 56, is_number=True, order=lambda s: s.orders),
    Column("fills", "Fills", lambda s: numbers.grouped(s.fills), 50, is_number=True, order=lambda s: s.fills),
    Column("drawdown", "Drawdown", lambda s: numbers.decimal(s.drawdown_pct) + "%", 76, is_number=True, order=lambda s: s.drawdown_pct,
           tone=lambda s: "muted", tip="Fall from its peak, in percent"),
    Column("last_signal", "Last signal", lambda s: s.last_signal, 190, tone=lambda s: "muted"),
    Column("error", "Fault", lambda s: s.last_error, 200, tone=lambda s: "bad"),
    Column("parameters", "Parameters", _parameters, 220, tone=lambda s: "muted", is_hidden=True),
    Column("code", "Code", lambda s: s.code_sha256[:12], 104, tone=lambda s: "muted", is_hidden=True,
           tip="SHA-256 of the strategy's file, its first twelve characters"),
    Column("started", "Started", lambda s: numbers.day_clock(s.started_ns), 112, tone=lambda s: "muted", order=lambda s: s.started_ns,
           is_hidden=True),
)  # fmt: skip


@panel("Strategies", area=BOTTOM)
class Strategies(Panel):
    """One row a strategy; buttons act on the focused one and name it."""

    def __init__(self, view: EngineView, theme: Theme) -> None:
        super().__init__(view, theme)
        self.grid: Grid[StrategyStatus] = Grid(self, COLUMNS, empty=EMPTY)
        self.buttons = {
            "strategy.start": Verb(theme, "Start", "Start the focused strategy", lambda: self._ask("strategy.start"), "start"),
            "strategy.pause": Verb(theme, "Pause", "Open nothing more; exits go on", lambda: self._ask("strategy.pause"), "pause"),
            "strategy.resume": Verb(theme, "Resume", "Open positions again", lambda: self._ask("strategy.resume"), "start"),
            "strategy.stop": Verb(theme, "Stop", "Stop it; its position stays", lambda: self._ask("strategy.stop"), "stop"),
            "strategy.remove": Verb(theme, "", "Remove the focused strategy", lambda: self._ask("strategy.remove"), "remove"),
        }
        self.emergency = HoldButton("Emergency stop", theme)
        self.emergency.setToolTip("Hold: stop the strategy, cancel its orders, close its position")
        self.emergency.fired.connect(self._ask_emergency)
        new = Verb(theme, "New", "Make a strategy from a template", lambda: self.requested.emit("strategy.new", None), "add")
        self._target = Label(theme, tone="muted")
        self.setFocusProxy(self.grid)
        column(self, strip(new, *self.buttons.values(), self.emergency, self._target, None), self.grid)
        self.grid.horizontalHeader().setStretchLastSection(True)
        self.grid.focused.connect(self._on_focused)
        self.grid.menu_asked.connect(self._on_menu)
        view.strategy_changed.connect(self._on_strategy)
        view.strategy_removed.connect(self._on_removed)
        view.cleared.connect(self._load)
        self._load()

    def verbs(self) -> Mapping[str, Callable[[], object]]:
        """Every action on a strategy, where a key is given to it, and the chart of its first symbol."""
        made: dict[str, Callable[[], object]] = {action: lambda action=action: self._payload(action) for action in ALLOWED}  # type: ignore[misc]
        return made | {"chart.open": lambda: status.symbols[0] if (status := self.grid.record) and status.symbols else None}

    def _payload(self, action: str) -> str | None:
        status = self.grid.record
        return status.id if status is not None and status.state in ALLOWED[action] else None

    def _ask(self, action: str) -> None:
        payload = self._payload(action)
        if payload is not None:
            self.requested.emit(action, payload)

    def _ask_emergency(self) -> None:
        self._ask("strategy.emergency_stop")

    def _load(self) -> None:
        self.grid.rows.load(self.view.strategies.items())
        self._enable()

    def _on_strategy(self, status: StrategyStatus) -> None:
        self.grid.rows.put(status.id, status)
        if self.grid.record is None:
            self.grid.focus_key(status.id)
        self.grid.ask_frame()
        self.frames.ask(self._enable)

    def _on_removed(self, strategy_id: str) -> None:
        self.grid.rows.remove(strategy_id)
        self._enable()

    def _on_focused(self, status: StrategyStatus | None) -> None:
        self.emergency.setDown(False)
        self._enable()

    def _enable(self) -> None:
        status = self.grid.record
        state = status.state if status is not None else None
        for action, button in self.buttons.items():
            button.setEnabled(state in ALLOWED[action])
        self.buttons["strategy.resume"].setVisible(state is S.PAUSED)
        self.buttons["strategy.pause"].setVisible(state is not S.PAUSED)
        self.emergency.setEnabled(state in ALLOWED["strategy.emergency_stop"])
        self._target.say(status.name if status is not None else "")

    def _on_menu(self, status: StrategyStatus, at: QPoint) -> None:
        titles = {
            "strategy.start": "Start",
            "strategy.pause": "Pause",
            "strategy.resume": "Resume",
            "strategy.stop": "Stop; the position stays",
            "strategy.remove": "Remove",
        }
        if status.code_sha256:
            titles["strategy.approve"] = f"Approve its code as it is now, SHA-256 was {status.code_sha256[:12]}"
        asked: list[tuple[str, str, object]] = [
            (f"{title} ({status.name})", action, status.id) for action, title in titles.items() if status.state in ALLOWED[action]
        ]
        if waits_for_a_person(status.id, self.view):
            asked.append((f"Let it trade… ({status.name})", "strategy.let_trade", {"owner": status.id}))
        asked += [(f"Chart of {key.partition(':')[2] or key}", "chart.open", key) for key in status.symbols[:5]]
        pop_up(self, at, asked)

    def save_state(self) -> dict[str, Any]:
        """Return how the table is set."""
        return {"grid": self.grid.save_state()}

    def restore_state(self, state: Mapping[str, Any]) -> None:
        """Take what was remembered."""
        self.grid.restore_state(state.get("grid", {}))

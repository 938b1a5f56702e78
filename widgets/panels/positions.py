"""What is held, and what it makes or loses right now, after charges.

Profit and loss come from the one board of last prices, so that no two panels disagree. What was closed today stays, greyed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPoint

from engine.core.grid import price_units
from engine.core.model import UNITS, Position
from engine.view import EngineView
from widgets.base import numbers
from widgets.base.columns import Column, by_sign
from widgets.base.grid import Grid
from widgets.base.layouts import Label, Verb, column, strip
from widgets.base.menus import pop_up
from widgets.base.panel import BOTTOM, Panel, panel
from widgets.base.theme import Theme

EMPTY = "No positions.\nWhat is bought or sold today shows here with its live profit and loss."


class PositionRow:
    """A net position, marked at the board's last price."""

    def __init__(self, position: Position, view: EngineView) -> None:
        self.position = position
        self._view = view
        self.decimals = numbers.decimals_of(position.instrument.tick_size)

    @property
    def last_price(self) -> float:
        """Last price of the board; the position's own mark before the first quote."""
        return self._view.last_price(self.position.instrument.key) or self.position.last_price_units / UNITS

    @property
    def unrealised_units(self) -> int:
        """Profit of what is held at that price."""
        held = self.position
        if not held.quantity:
            return 0
        last = self._view.last_price(held.instrument.key)
        if not last:
            return held.unrealised_units
        return price_units(last) * held.quantity * held.instrument.multiplier - held.cost_units

    @property
    def net_units(self) -> int:
        """Profit, realised and not, after charges."""
        return self.position.realised_units + self.unrealised_units - self.position.charges_units

    @property
    def change_pct(self) -> float:
        """Profit of what is held in percent of what it cost; 0 when flat."""
        cost = abs(self.position.cost_units)
        return 100.0 * self.unrealised_units / cost if cost else 0.0

    @property
    def value_units(self) -> int:
        """Market value of what is held, without sign."""
        held = self.position
        return abs(price_units(self.last_price) * held.quantity * held.instrument.multiplier)


def _tone(row: PositionRow) -> str:
    return "text" if row.position.quantity else "faint"


def _side(row: PositionRow) -> str:
    quantity = row.position.quantity
    return "Long" if quantity > 0 else "Short" if quantity < 0 else "Closed"


def _money(name: str, title: str, units: Callable[[PositionRow], int], tip: str, width: int = 96) -> Column[PositionRow]:
    return Column(
        name, title, lambda r: numbers.signed_money(units(r)), width, is_number=True, tone=lambda r: by_sign(units(r)), order=units, tip=tip
    )


COLUMNS: tuple[Column[PositionRow], ...] = (
    Column("symbol", "Instrument", lambda r: r.position.instrument.symbol, 108, tone=_tone),
    Column("product", "Product", lambda r: r.position.product, 62, tone=lambda r: "muted"),
    Column("side", "Side", _side, 56, tone=lambda r: {"Long": "buy", "Short": "sell"}.get(_side(r), "faint")),
    Column("quantity", "Qty", lambda r: numbers.grouped(r.position.quantity), 68, is_number=True, tone=_tone,
           order=lambda r: r.position.quantity),
    Column("average", "Avg", lambda r: numbers.price(r.position.average_price), 88, is_number=True, tone=_tone,
           order=lambda r: r.position.average_price, tip="Average price of what is held"),
    Column("last", "LTP", lambda r: numbers.price(r.last_price, r.decimals), 88, is_number=True, tone=_tone, order=lambda r: r.last_price,
           flash=lambda r: r.last_price if r.position.quantity else 0.0),
    _money("unrealised", "Unrealised", lambda r: r.unrealised_units, "Profit of what is held at the last price"),
    _money("realised", "Realised", lambda r: r.position.realised_units, "Profit of what was closed, before charges"),
    Column("charges", "Charges", lambda r: numbers.money(r.position.charges_units), 76, is_number=True, tone=lambda r: "muted",
           order=lambda r: r.position.charges_units),
    _money("net", "Net P&L", lambda r: r.net_units, "Realised and unrealised, after charges", 104),
    Column("change", "Chg %", lambda r: numbers.percent(r.change_pct) if r.position.quantity else "", 70, is_number=True,
           tone=lambda r: by_sign(r.change_pct), order=lambda r: r.change_pct, tip="Of what it cost"),
    Column("value", "Value", lambda r: numbers.compact(r.value_units / UNITS), 80, is_number=True, tone=lambda r: "muted",
           order=lambda r: r.value_units, tip="Market value of what is held"),
)  # fmt: skip


@panel("Positions", area=BOTTOM)
class Positions(Panel):
    """Net positions of the account, with their sum."""

    def __init__(self, view: EngineView, theme: Theme) -> None:
        super().__init__(view, theme)
        self.grid: Grid[PositionRow] = Grid(self, COLUMNS, empty=EMPTY)
        self._close = Verb(theme, "Close position", "Close the focused position at the market", self._ask_close)
        self.totals = {name: Label(theme) for name in ("Unrealised", "Realised", "Charges", "Net P&L")}
        self._held = Label(theme, tone="muted")
        parts = [strip(Label(theme, name, "muted"), label) for name, label in self.totals.items()]
        self.setFocusProxy(self.grid)
        column(self, strip(self._held, None, self._close), self.grid, strip(*parts, None))
        self.grid.focused.connect(lambda record: self._enable())
        self.grid.menu_asked.connect(self._on_menu)
        self.grid.double_clicked.connect(lambda row: self.requested.emit("chart.open", row.position.instrument.key))
        view.position_changed.connect(self._on_position)
        view.ticks_received.connect(self._on_ticks)
        view.cleared.connect(self._load)
        self._load()

    def verbs(self) -> Mapping[str, Callable[[], object]]:
        """Tickets, the chart and, where a key is given to it, closing, for the focused row."""
        return {
            "ticket.buy": self._symbol_payload,
            "ticket.sell": self._symbol_payload,
            "chart.open": lambda: row.position.instrument.key if (row := self.grid.record) else None,
            "order.cancel_symbol": self._symbol_payload,
            "position.close": lambda: row.position if (row := self.grid.record) and row.position.quantity else None,
        }

    def _symbol_payload(self) -> dict[str, str] | None:
        row = self.grid.record
        return {"key": row.position.instrument.key} if row else None

    def _ask_close(self) -> None:
        row = self.grid.record
        if row is not None and row.position.quantity:
            self.requested.emit("position.close", row.position)

    def _load(self) -> None:
        self.grid.rows.load((_key(position), PositionRow(position, self.view)) for position in self.view.positions.values())
        self._sum()

    def _on_position(self, position: Position) -> None:
        self.grid.rows.put(_key(position), PositionRow(position, self.view))
        self.grid.ask_frame()
        self.frames.ask(self._sum)

    def _on_ticks(self, slots: NDArray[np.int64]) -> None:
        if not self.grid.rows.lines or not self.isVisible():
            return
        keys = {self.view.board.instruments[slot].key for slot in slots.tolist()}
        for line in self.grid.rows.lines:
            if line.record.position.quantity and line.record.position.instrument.key in keys:
                line.is_dirty = True
        self.grid.ask_frame()
        self.frames.ask(self._sum)

    def _sum(self) -> None:
        rows = [line.record for line in self.grid.rows.by_key.values()]
        unrealised = sum(row.unrealised_units for row in rows)
        realised = sum(row.position.realised_units for row in rows)
        charges = sum(row.position.charges_units for row in rows)
        for name, units in (("Unrealised", unrealised), ("Realised", realised), ("Net P&L", unrealised + realised - charges)):
            self.totals[name].say(f"{numbers.arrow(units)} {numbers.signed_money(units)}".strip(), by_sign(units))
        self.totals["Charges"].say(numbers.money(charges))
        held = sum(1 for row in rows if row.position.quantity)
        value = sum(row.value_units for row in rows)
        self._held.say(f"{numbers.count(held, 'open position')}, worth {numbers.compact(value / UNITS)}" if held else "Flat")
        self._enable()

    def _enable(self) -> None:
        row = self.grid.record
        is_open = row is not None and row.position.quantity != 0
        self._close.setEnabled(is_open)
        if row is not None and is_open:
            self._close.setText(f"Close {numbers.grouped(abs(row.position.quantity))} {row.position.instrument.symbol}")
        else:
            self._close.setText("Close position")

    def _on_menu(self, row: PositionRow, at: QPoint) -> None:
        instrument, target = row.position.instrument, {"key": row.position.instrument.key}
        asked: list[tuple[str, str, object]] = [
            (f"Buy {instrument.symbol}", "ticket.buy", target),
            (f"Sell {instrument.symbol}", "ticket.sell", target),
            (f"Chart of {instrument.symbol}", "chart.open", instrument.key),
        ]
        if row.position.quantity:
            asked.insert(0, (f"Close {numbers.grouped(abs(row.position.quantity))} {instrument.symbol}", "position.close", row.position))
        pop_up(self, at, asked)

    def save_state(self) -> dict[str, Any]:
        """Return how the table is set."""
        return {"grid": self.grid.save_state()}

    def restore_state(self, state: Mapping[str, Any]) -> None:
        """Take what was remembered."""
        self.grid.restore_state(state.get("grid", {}))


def _key(position: Position) -> str:
    return f"{position.instrument.key}|{position.product}"

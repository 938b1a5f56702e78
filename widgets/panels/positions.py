"""What is held, and what it makes or loses right now, after charges.

Profit and loss come from the one board of last prices, so that no two panels disagree. What was closed today stays, greyed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPoint
from PySide6.QtWidgets import QStackedWidget

from engine.core.model import EXTERNAL, HAND, UNITS, Position
from engine.view import EngineView
from widgets.base import numbers
from widgets.base.columns import by_sign
from widgets.base.grid import Grid
from widgets.base.inputs import Segments
from widgets.base.layouts import Label, Verb, column, strip
from widgets.base.menus import pop_up
from widgets.base.panel import BOTTOM, Panel, panel
from widgets.base.position_rows import COLUMNS, OWNED, SUMS, OwnerSum, PositionRow, owner_name, sum_of
from widgets.base.theme import Theme

NO_LOTS = "Nobody holds anything.\nEach lot shows here under the strategy, the hand, or outside: whoever it belongs to."
EMPTY = "No positions.\nWhat is bought or sold today shows here with its live profit and loss."


@panel("Positions", area=BOTTOM)
class Positions(Panel):
    """Net positions of the account, with their sum."""

    def __init__(self, view: EngineView, theme: Theme) -> None:
        super().__init__(view, theme)
        self.shown: Segments[str] = Segments([("Net", "net"), ("By owner", "owned"), ("Owners", "owners")], name="Positions shown")
        self.grid: Grid[PositionRow] = Grid(self, COLUMNS, empty=EMPTY)
        self.owned: Grid[PositionRow] = Grid(self, OWNED, empty=NO_LOTS)
        self.owners: Grid[OwnerSum] = Grid(self, SUMS, empty=NO_LOTS)
        self._pages = QStackedWidget()
        for table in (self.grid, self.owned, self.owners):
            self._pages.addWidget(table)
        self._close = Verb(theme, "Close position", "Close the focused position at the market", self._ask_close)
        self.totals = {name: Label(theme) for name in ("Unrealised", "Realised", "Charges", "Net P&L")}
        self._held = Label(theme, tone="muted")
        parts = [strip(Label(theme, name, "muted"), label) for name, label in self.totals.items()]
        self.setFocusProxy(self.grid)
        self._agrees = Label(theme, tone="muted")
        self._compare = Verb(theme, "Compare...", "What comparing with the broker's books has found", self._ask_report)
        column(self, strip(self.shown, self._held, self._agrees, None, self._compare, self._close), self._pages, strip(*parts, None))
        self.grid.focused.connect(lambda record: self._enable())
        self.grid.menu_asked.connect(self._on_menu)
        self.grid.double_clicked.connect(lambda row: self.requested.emit("chart.open", row.position.instrument.key))
        self.shown.chosen.connect(self._turn)
        self.owned.menu_asked.connect(self._on_lot_menu)
        view.position_changed.connect(self._on_position)
        view.book_changed.connect(self._on_book)
        for signal in (view.reconciled, view.difference_seen):
            signal.connect(self._on_report)
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
            "position.close": self._held_position,
            "position.protect": self._held_position,
        }

    def _symbol_payload(self) -> dict[str, str] | None:
        row = self.grid.record
        return {"key": row.position.instrument.key} if row else None

    def _held_position(self) -> Position | None:
        row = self.grid.record
        return row.position if row and row.position.quantity else None

    def _ask_close(self) -> None:
        row = self.grid.record
        if row is not None and row.position.quantity:
            self.requested.emit("position.close", row.position)

    def _load(self) -> None:
        self.grid.rows.load((_key(position), PositionRow(position, self.view)) for position in self.view.positions.values())
        self.owned.rows.load((_lot_key(book), PositionRow(book, self.view)) for book in self.view.books.values())
        self._sum()

    def _on_position(self, position: Position) -> None:
        self.grid.rows.put(_key(position), PositionRow(position, self.view))
        self.grid.ask_frame()
        self.frames.ask(self._sum)

    def _on_book(self, book: Position) -> None:
        self.owned.rows.put(_lot_key(book), PositionRow(book, self.view))
        self.owned.ask_frame()
        self.frames.ask(self._sum)

    def _on_report(self, _: object) -> None:
        self.frames.ask(self._sum)

    def _turn(self, _: object = None) -> None:
        self._pages.setCurrentIndex(self.shown.values.index(self.shown.value))
        self._sum()

    def _ask_report(self) -> None:
        self.requested.emit("books.show", None)

    def _on_ticks(self, slots: NDArray[np.int64]) -> None:
        if not self.grid.rows.lines or not self.isVisible():
            return
        keys = {self.view.board.instruments[slot].key for slot in slots.tolist()}
        for line in (*self.grid.rows.lines, *self.owned.rows.lines):
            if line.record.position.quantity and line.record.position.instrument.key in keys:
                line.is_dirty = True
        (self.owned if self.shown.value == "owned" else self.grid).ask_frame()
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
        self._sum_owners(rows)
        self._held.say(f"{numbers.count(held, 'open position')}, worth {numbers.compact(value / UNITS)}" if held else "Flat")
        self._enable()

    def _sum_owners(self, net_rows: list[PositionRow]) -> None:
        """Sum up each owner's lots, and hold their sum against the net; what differs, or waits to be looked at, is said in red."""
        lots = [line.record for line in self.owned.rows.by_key.values()]
        sums = [
            sum_of(owner_name(owner, self.view), (row for row in lots if row.position.owner == owner))
            for owner in dict.fromkeys(row.position.owner for row in lots)
        ]
        everybody, net = sum_of("All owners", lots, is_total=True), sum_of("Net", net_rows, is_total=True)
        if self.shown.value == "owners":
            self.owners.rows.load((each.title, each) for each in ([*sums, everybody, net] if sums else []))
        reports = self.view.reports
        waiting = reports[-1].unacknowledged if reports else ()
        if waiting:
            self._agrees.say(f"{', '.join(waiting[:3])} differed from the broker's books", "bad")
        elif everybody.net != net.net:
            self._agrees.say(f"Owners and net differ by {numbers.signed_money(everybody.net - net.net)}", "bad")
        else:
            self._agrees.say("Owners add up to the net" if sums else "", "muted")

    def _on_lot_menu(self, row: PositionRow, at: QPoint) -> None:
        book, asked = row.position, []
        for owner in (HAND, EXTERNAL, *self.view.strategies):
            if book.quantity and owner != book.owner:
                given = {"key": book.instrument.key, "product": book.product, "from": book.owner, "to": owner}
                asked.append((f"Give to {owner_name(owner, self.view)}: no order is sent", "lot.assign", given))
        pop_up(self, at, [*asked, (f"Chart of {book.instrument.symbol}", "chart.open", book.instrument.key)])

    def _enable(self) -> None:
        row = self.grid.record if self.shown.value == "net" else None
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
            asked.insert(0, (f"Protect {instrument.symbol} again", "position.protect", row.position))
            asked.insert(0, (f"Close {numbers.grouped(abs(row.position.quantity))} {instrument.symbol}", "position.close", row.position))
        pop_up(self, at, asked)

    def save_state(self) -> dict[str, Any]:
        """Return how the table is set."""
        return {"shown": self.shown.value, "grid": self.grid.save_state(), "owned": self.owned.save_state()}

    def restore_state(self, state: Mapping[str, Any]) -> None:
        """Take what was remembered."""
        self.grid.restore_state(state.get("grid", {}))
        self.owned.restore_state(state.get("owned", {}))
        if state.get("shown") in self.shown.values:
            self.shown.choose(str(state["shown"]))


def _key(position: Position) -> str:
    return f"{position.instrument.key}|{position.product}"


def _lot_key(book: Position) -> str:
    return f"{book.owner}|{_key(book)}"

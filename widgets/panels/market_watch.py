"""The market watch: the symbols a trader follows, live, one row each.

B and S open a ticket for the focused row, Enter its chart. Rows fade when their quote grows old: nothing old looks like now.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPoint, QTimer

from engine.core.model import Instrument, Phase, Position
from engine.view import EngineView
from widgets.base import numbers
from widgets.base.columns import Column, by_sign
from widgets.base.finder import Finder
from widgets.base.frames import Frames
from widgets.base.grid import Grid
from widgets.base.layouts import Verb, column, strip
from widgets.base.menus import pop_up
from widgets.base.panel import LEFT, Panel, panel
from widgets.base.theme import Theme

FADE_S = 3.0
AGE_MS = 1_000

EMPTY = "No symbols yet.\nType a name above and press Enter, or press Ctrl+K."


class WatchRow:
    """One followed instrument; its figures are read from the board when they are written."""

    def __init__(self, instrument: Instrument, view: EngineView, frames: Frames) -> None:
        self.instrument = instrument
        self.key = instrument.key
        self.decimals = numbers.decimals_of(instrument.tick_size)
        self._view = view
        self._frames = frames
        self._slot: int | None = None

    @property
    def alert(self) -> dict[str, object]:
        """What an alert is filled in with: the symbol and its last price."""
        return {"key": self.key, "value": self._view.last_price(self.key) or None}

    @property
    def slot(self) -> int | None:
        """Its row on the board, which it keeps once it has one; None before it is subscribed."""
        if self._slot is None:
            self._slot = self._view.board.slot(self.key)
        return self._slot

    def figure(self, name: str) -> float:
        """Return a column of the board, 0 when nothing is known."""
        slot = self.slot
        return 0.0 if slot is None else float(getattr(self._view.board, name)[slot])

    @property
    def change(self) -> float:
        """Change of the last price against the previous close."""
        last, close = self.figure("last_price"), self.figure("close")
        return last - close if last and close else 0.0

    @property
    def change_pct(self) -> float:
        """The same in percent."""
        close = self.figure("close")
        return 100.0 * self.change / close if close else 0.0

    @property
    def change_text(self) -> str:
        """The same as it is written: a shape, a sign and the number."""
        text = f"{numbers.arrow(self.change)} {numbers.percent(self.change_pct)}".strip()
        return text if self.figure("last_price") else numbers.NONE

    @property
    def spread(self) -> float:
        """Distance from bid to ask, 0 when one of them is missing."""
        bid, ask = self.figure("bid"), self.figure("ask")
        return ask - bid if bid and ask else 0.0

    @property
    def place_in_day(self) -> float:
        """Where the last price stands between the day's low (0) and high (1); NaN when that is not known."""
        low, high, last = self.figure("low"), self.figure("high"), self.figure("last_price")
        return (last - low) / (high - low) if high > low > 0 and last else float("nan")

    @property
    def place_text(self) -> str:
        """The same in percent of the day's range."""
        return f"{self.place_in_day:.0%}" if math.isfinite(self.place_in_day) else numbers.NONE

    @property
    def held(self) -> int:
        """Quantity held, over all products."""
        positions: Mapping[tuple[str, str], Position] = self._view.positions
        return sum(position.quantity for (key, _), position in positions.items() if key == self.key)

    @property
    def age_s(self) -> float:
        """How long ago its last quote was heard."""
        return self._frames.age_s(self.slot)


def _priced(name: str) -> Callable[[WatchRow], str]:
    return lambda row: numbers.price(row.figure(name), row.decimals)


COLUMNS: tuple[Column[WatchRow], ...] = (
    Column("symbol", "Symbol", lambda r: r.instrument.symbol, 104, tip="Symbol; the exchange is NSE unless it says so"),
    Column(
        "last", "LTP", _priced("last_price"), 78, is_number=True, tone=lambda r: by_sign(r.change) if r.change else "text",
        order=lambda r: r.figure("last_price"), flash=lambda r: r.figure("last_price"), tip="Last traded price",
    ),
    Column(
        "change_pct", "Chg %", lambda r: r.change_text,
        80, is_number=True, tone=lambda r: by_sign(r.change), order=lambda r: r.change_pct, tip="Change against the previous close",
    ),
    Column(
        "change", "Chg", lambda r: numbers.signed(r.change, r.decimals) if r.figure("last_price") else numbers.NONE, 68, is_number=True,
        tone=lambda r: by_sign(r.change), order=lambda r: r.change, is_hidden=True, tip="Change against the previous close in rupees",
    ),
    Column("bid", "Bid", _priced("bid"), 76, is_number=True, order=lambda r: r.figure("bid"), tip="Best price someone buys at"),
    Column("ask", "Ask", _priced("ask"), 76, is_number=True, order=lambda r: r.figure("ask"), tip="Best price someone sells at"),
    Column("spread", "Spread", lambda r: numbers.price(r.spread, r.decimals), 62, is_number=True, order=lambda r: r.spread, is_hidden=True),
    Column(
        "volume", "Volume", lambda r: numbers.compact(r.figure("volume")), 76, is_number=True, order=lambda r: r.figure("volume"),
        tone=lambda r: "muted", tip="Traded today",
    ),
    Column("day", "Day range", lambda r: r.place_text, 86, gauge=lambda r: r.place_in_day, tone=lambda r: by_sign(r.change),
           order=lambda r: r.place_in_day, tip="Where the price stands between the day's low (left) and high (right)"),
    Column("open", "Open", _priced("open"), 80, is_number=True, order=lambda r: r.figure("open"), is_hidden=True),
    Column("high", "High", _priced("high"), 80, is_number=True, order=lambda r: r.figure("high"), is_hidden=True),
    Column("low", "Low", _priced("low"), 80, is_number=True, order=lambda r: r.figure("low"), is_hidden=True),
    Column("close", "Prev close", _priced("close"), 84, is_number=True, order=lambda r: r.figure("close"), is_hidden=True),
    Column("held", "Pos", lambda r: numbers.grouped(r.held) if r.held else "", 56, is_number=True, tone=lambda r: by_sign(r.held),
           order=lambda r: r.held, tip="Quantity held"),
    Column("age", "Age", lambda r: numbers.age(r.age_s), 56, is_number=True, order=lambda r: r.age_s, tone=lambda r: "muted",
           tip="How long ago the last quote came"),
)  # fmt: skip


@panel("Market watch", area=LEFT)
class MarketWatch(Panel):
    """The list of followed symbols, with the box that finds more."""

    def __init__(self, view: EngineView, theme: Theme) -> None:
        super().__init__(view, theme)
        self._is_own_list = False
        self._wanted: list[str] = []
        self._keys_of_slots: dict[int, str] = {}
        self.finder = Finder(view, "Add a symbol", self.add)
        self.grid: Grid[WatchRow] = Grid(self, COLUMNS, empty=EMPTY)
        remove = Verb(theme, "", "Take the focused symbol off the list", self._remove_focused, "remove")
        self.setFocusProxy(self.grid)
        column(self, strip(self.finder, remove), self.grid)
        self.grid.menu_asked.connect(self._on_menu)
        self.grid.double_clicked.connect(lambda row: self.requested.emit("chart.open", row.key))
        view.ticks_received.connect(self._on_ticks)
        view.instruments_changed.connect(self._on_instruments)
        view.position_changed.connect(self._on_position)
        view.cleared.connect(self._on_cleared)
        self._ageing = QTimer(self)
        self._ageing.setInterval(AGE_MS)
        self._ageing.timeout.connect(self._on_age)
        self._ageing.start()
        self._on_instruments()

    def verbs(self) -> Mapping[str, Callable[[], object]]:
        """Tickets and the chart for the focused row."""
        return {
            "ticket.buy": self._focused_payload,
            "ticket.sell": self._focused_payload,
            "order.cancel_symbol": self._focused_payload,
            "chart.open": lambda: row.key if (row := self.grid.record) else None,
            "alert.new": lambda: row.alert if (row := self.grid.record) else None,
        }

    def _focused_payload(self) -> dict[str, str] | None:
        row = self.grid.record
        return {"key": row.key} if row else None

    @property
    def symbols(self) -> list[str]:
        """The keys on the list, in its order, those whose instrument is not known yet included."""
        return list(self._wanted)

    def add(self, instrument: Instrument) -> None:
        """Put an instrument on the list and ask for its quotes; one that is there is focused."""
        self._is_own_list = True
        if instrument.key not in self._wanted:
            self._wanted.append(instrument.key)
            self._show(instrument)
            self.requested.emit("watch.add", instrument.key)
        self.grid.focus_key(instrument.key)

    def remove(self, key: str) -> None:
        """Take an instrument off the list."""
        if key in self._wanted:
            self._is_own_list = True
            self._wanted.remove(key)
            self.grid.rows.remove(key)
            self._keys_of_slots = {slot: name for slot, name in self._keys_of_slots.items() if name != key}
            self.requested.emit("watch.remove", key)

    def _remove_focused(self) -> None:
        row = self.grid.record
        if row is not None:
            self.remove(row.key)

    def _show(self, instrument: Instrument) -> None:
        self.grid.rows.put(instrument.key, WatchRow(instrument, self.view, self.frames))
        slot = self.view.board.slot(instrument.key)
        if slot is not None:
            self._keys_of_slots[slot] = instrument.key

    def _on_instruments(self) -> None:
        """Show wanted symbols as soon as they are known; without a list of its own the panel shows what the engine follows."""
        if not self._is_own_list:
            self._wanted = [instrument.key for instrument in self.view.board.instruments]
        on_board = {instrument.key: instrument for instrument in self.view.board.instruments}
        for key in self._wanted:
            instrument = on_board.get(key) or self.view.catalogue.get(key)
            if instrument is not None and key not in self.grid.rows.by_key:
                self._show(instrument)
                if key not in on_board:
                    self.requested.emit("watch.add", key)

    def _on_ticks(self, slots: NDArray[np.int64]) -> None:
        if not self._is_own_list and len(self._wanted) < len(self.view.board):
            self._on_instruments()
        keys = self._keys_of_slots
        rows = self.grid.rows.by_key
        for slot in slots.tolist():
            key = keys.get(slot) or self._meet(slot)
            if key:
                line = rows[key]
                line.is_dirty, line.is_faded = True, False
        self.grid.ask_frame()

    def _meet(self, slot: int) -> str:
        """Remember which row a slot feeds; "" when it is not on the list."""
        key = self.view.board.instruments[slot].key
        if key not in self.grid.rows.by_key:
            return ""
        self._keys_of_slots[slot] = key
        return key

    def _on_position(self, position: Position) -> None:
        if self.grid.rows.touch(position.instrument.key):
            self.grid.ask_frame()

    def _on_cleared(self) -> None:
        self.grid.rows.touch_all()
        self.grid.ask_frame()

    def _on_age(self) -> None:
        if not self.isVisible():
            return
        is_trading = self.view.phase is Phase.CONTINUOUS
        for line in self.grid.rows.lines:
            line.is_faded = is_trading and line.record.age_s > FADE_S
            line.is_dirty = True
        self.grid.ask_frame()

    def _on_menu(self, row: WatchRow, at: QPoint) -> None:
        target, key, symbol = {"key": row.key}, row.key, row.instrument.symbol
        asked = (
            (f"Buy {symbol}", "ticket.buy", target),
            (f"Sell {symbol}", "ticket.sell", target),
            (f"Chart of {symbol}", "chart.open", key),
            ("Alert...", "alert.new", row.alert),
            ("Cancel its open orders", "order.cancel_symbol", target),
        )
        moves = (("Move up", lambda: self._move(key, -1)), ("Move down", lambda: self._move(key, 1)))
        pop_up(self, at, asked, (*moves, ("Remove from the list", lambda: self.remove(key))))

    def _move(self, key: str, by: int) -> None:
        self.grid.rows.move(key, by)
        self._wanted = [name for name in self.grid.rows.by_key if name in self._wanted]
        self._is_own_list = True

    def save_state(self) -> dict[str, Any]:
        """Return the list and how the table is set."""
        return {"grid": self.grid.save_state(), "symbols": self.symbols if self._is_own_list else []}

    def restore_state(self, state: Mapping[str, Any]) -> None:
        """Take the list and the table; symbols show as soon as their instrument is known."""
        self.grid.restore_state(state.get("grid", {}))
        symbols = [key for key in state.get("symbols", []) if isinstance(key, str)]
        if symbols:
            self._is_own_list = True
            self._wanted = symbols
            self.grid.rows.load([])
            self._on_instruments()

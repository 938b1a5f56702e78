"""The trade book: every fill of the day with what it cost, and the round trips they make."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from PySide6.QtWidgets import QStackedWidget

from engine.core.model import UNITS, Fill, Side, Trade
from engine.view import EngineView
from widgets.base import numbers
from widgets.base.columns import Column, by_sign
from widgets.base.grid import Grid
from widgets.base.inputs import Segments
from widgets.base.layouts import Label, column, strip
from widgets.base.panel import BOTTOM, Panel, panel
from widgets.base.theme import Theme

NO_FILLS = "No fills yet today.\nEvery execution shows here with its price and charges."
NO_TRADES = "No round trips yet.\nA position that is opened and closed again makes one."


def _side_tone(fill: Fill) -> str:
    return "buy" if fill.side is Side.BUY else "sell"


FILLS: tuple[Column[Fill], ...] = (
    Column("time", "Time", lambda f: numbers.clock(f.time_ns), 68, order=lambda f: f.time_ns, tone=lambda f: "muted"),
    Column("day", "Day", lambda f: numbers.day(f.time_ns), 92, order=lambda f: f.time_ns, tone=lambda f: "muted", is_hidden=True),
    Column("side", "Side", lambda f: f.side.name, 46, tone=_side_tone),
    Column("symbol", "Instrument", lambda f: f.instrument.symbol, 104),
    Column("product", "Product", lambda f: f.product, 62, tone=lambda f: "muted"),
    Column("quantity", "Qty", lambda f: numbers.grouped(f.quantity), 72, is_number=True, order=lambda f: f.quantity),
    Column("price", "Price", lambda f: numbers.price(f.price, numbers.decimals_of(f.instrument.tick_size)), 88, is_number=True,
           order=lambda f: f.price_units),
    Column("value", "Value", lambda f: numbers.money(f.value_units), 108, is_number=True, order=lambda f: f.value_units),
    Column("charges", "Charges", lambda f: numbers.money(f.charges_units), 76, is_number=True, order=lambda f: f.charges_units,
           tone=lambda f: "muted"),
    Column("purpose", "For", lambda f: f.purpose.value.replace("_", " "), 78, tone=lambda f: "muted"),
    Column("owner", "Owner", lambda f: f.owner, 120, tone=lambda f: "muted", tip="Strategy, or hand"),
    Column("trade_id", "Trade id", lambda f: f.trade_id, 110, tone=lambda f: "faint"),
    Column("order_id", "Order id", lambda f: f.order_id, 170, tone=lambda f: "faint", is_hidden=True),
)  # fmt: skip


def _net(trade: Trade) -> int:
    return trade.pnl_units - trade.charges_units


def _average(value_units: int, trade: Trade) -> str:
    return numbers.price(value_units / UNITS / (abs(trade.quantity) * trade.instrument.multiplier)) if trade.quantity else numbers.NONE


TRADES: tuple[Column[Trade], ...] = (
    Column("exit", "Closed", lambda t: numbers.day_clock(t.exit_ns), 112, order=lambda t: t.exit_ns, tone=lambda t: "muted"),
    Column("symbol", "Instrument", lambda t: t.instrument.symbol, 104),
    Column("side", "Side", lambda t: "Long" if t.quantity > 0 else "Short", 56, tone=lambda t: "buy" if t.quantity > 0 else "sell"),
    Column("quantity", "Qty", lambda t: numbers.grouped(abs(t.quantity)), 72, is_number=True, order=lambda t: abs(t.quantity)),
    Column("entry_price", "Entry", lambda t: _average(abs(t.entry_value_units), t), 88, is_number=True),
    Column("exit_price", "Exit", lambda t: _average(abs(t.exit_value_units), t), 88, is_number=True),
    Column("held", "Held", lambda t: numbers.age((t.exit_ns - t.entry_ns) / 1e9), 64, is_number=True,
           order=lambda t: t.exit_ns - t.entry_ns, tone=lambda t: "muted"),
    Column("pnl", "P&L", lambda t: numbers.signed_money(t.pnl_units), 92, is_number=True, tone=lambda t: by_sign(t.pnl_units),
           order=lambda t: t.pnl_units, tip="Before charges"),
    Column("charges", "Charges", lambda t: numbers.money(t.charges_units), 76, is_number=True, tone=lambda t: "muted",
           order=lambda t: t.charges_units),
    Column("net", "Net", lambda t: numbers.signed_money(_net(t)), 92, is_number=True, tone=lambda t: by_sign(_net(t)), order=_net),
    Column("reason", "Closed by", lambda t: t.reason.value.replace("_", " "), 84, tone=lambda t: "muted"),
    Column("owner", "Owner", lambda t: t.owner, 120, tone=lambda t: "muted"),
)  # fmt: skip


@panel("Trades", area=BOTTOM)
class Trades(Panel):
    """Fills and round trips, newest first, with their sum."""

    def __init__(self, view: EngineView, theme: Theme) -> None:
        super().__init__(view, theme)
        self._turnover = self._charges = self._net = self._won = 0
        self.shown = Segments([("Fills", "fills"), ("Round trips", "trades")], name="Trades shown")
        self.fills: Grid[Fill] = Grid(self, FILLS, is_newest_first=True, empty=NO_FILLS)
        self.trades: Grid[Trade] = Grid(self, TRADES, is_newest_first=True, empty=NO_TRADES)
        for table in (self.fills, self.trades):
            table.horizontalHeader().setStretchLastSection(True)
        self._sum_label = Label(theme, tone="muted")
        self._stack = QStackedWidget()
        self._stack.addWidget(self.fills)
        self._stack.addWidget(self.trades)
        self.setFocusProxy(self.fills)
        column(self, strip(self.shown, None, self._sum_label), self._stack)
        self.shown.chosen.connect(self._show)
        self.fills.double_clicked.connect(lambda fill: self.requested.emit("chart.open", fill.instrument.key))
        self.trades.double_clicked.connect(lambda trade: self.requested.emit("chart.open", trade.instrument.key))
        view.order_filled.connect(self._on_fill)
        view.trade_closed.connect(self._on_trade)
        view.cleared.connect(self._load)
        self._load()

    def verbs(self) -> Mapping[str, Callable[[], object]]:
        """Tickets and the chart for the focused row."""
        return {
            "ticket.buy": self._symbol_payload,
            "ticket.sell": self._symbol_payload,
            "chart.open": lambda: payload["key"] if (payload := self._symbol_payload()) else None,
        }

    def _symbol_payload(self) -> dict[str, str] | None:
        record: Fill | Trade | None = self.fills.record if self.shown.value == "fills" else self.trades.record
        return {"key": record.instrument.key} if record else None

    def _show(self, which: object) -> None:
        table = self.fills if which == "fills" else self.trades
        self._stack.setCurrentWidget(table)
        self.setFocusProxy(table)
        self._sum()

    def _load(self) -> None:
        self._turnover = self._charges = self._net = self._won = 0
        self.fills.rows.load((str(at), fill) for at, fill in enumerate(self.view.fills))
        self.trades.rows.load((str(at), trade) for at, trade in enumerate(self.view.trades))
        for fill in self.view.fills:
            self._add_fill(fill)
        for trade in self.view.trades:
            self._add_trade(trade)
        self._sum()

    def _add_fill(self, fill: Fill) -> None:
        self._turnover += fill.value_units
        self._charges += fill.charges_units

    def _add_trade(self, trade: Trade) -> None:
        self._net += _net(trade)
        self._won += _net(trade) > 0

    def _on_fill(self, fill: Fill) -> None:
        self.fills.rows.put(str(len(self.fills.rows.by_key)), fill)
        self._add_fill(fill)
        self.fills.ask_frame()
        self.frames.ask(self._sum)

    def _on_trade(self, trade: Trade) -> None:
        self.trades.rows.put(str(len(self.trades.rows.by_key)), trade)
        self._add_trade(trade)
        self.trades.ask_frame()
        self.frames.ask(self._sum)

    def _sum(self) -> None:
        if self.shown.value == "fills":
            count = numbers.count(len(self.fills.rows.by_key), "fill")
            turnover, charges = numbers.compact(self._turnover / UNITS), numbers.money(self._charges)
            self._sum_label.say(f"{count}   turnover {turnover}   charges {charges}")
        else:
            count = numbers.count(len(self.trades.rows.by_key), "round trip")
            self._sum_label.say(f"{count}   {self._won} won   net {numbers.signed_money(self._net)}")

    def save_state(self) -> dict[str, Any]:
        """Return what is shown and how the tables are set."""
        return {"shown": self.shown.value, "fills": self.fills.save_state(), "trades": self.trades.save_state()}

    def restore_state(self, state: Mapping[str, Any]) -> None:
        """Take what was remembered."""
        self.fills.restore_state(state.get("fills", {}))
        self.trades.restore_state(state.get("trades", {}))
        if state.get("shown") in self.shown.values:
            self.shown.choose(state["shown"])

"""The order book of the day: what is working, what is done, what was refused and why.

Del cancels the focused order, at once and always; M changes it in the strip above. An order nobody is sure of says so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from PySide6.QtCore import QPoint

from engine.core.model import EXTERNAL, HAND, Order, OrderStatus, OrderType, Pending, Side
from engine.view import EngineView
from widgets.base import numbers
from widgets.base.amend import AmendStrip
from widgets.base.columns import Column
from widgets.base.grid import Grid
from widgets.base.inputs import Segments
from widgets.base.layouts import Verb, column, strip
from widgets.base.menus import pop_up
from widgets.base.panel import BOTTOM, Panel, panel
from widgets.base.position_rows import owner_name
from widgets.base.theme import Theme

EMPTY = {
    "open": "No open orders.\nPress B or S on a row of the market watch to open an order ticket.",
    "done": "No orders are done yet today.",
    "all": "No orders yet today.\nPress B or S on a row of the market watch, or start a strategy.",
}

STATUS = {
    OrderStatus.NEW: ("New", "muted"),
    OrderStatus.DENIED: ("Denied", "bad"),
    OrderStatus.INTENT: ("Intent", "muted"),
    OrderStatus.SENT: ("Sent", "warn"),
    OrderStatus.UNKNOWN: ("UNKNOWN – not confirmed", "bad"),
    OrderStatus.ACKED: ("Received", "muted"),
    OrderStatus.TRIGGER: ("Trigger pending", "accent"),
    OrderStatus.OPEN: ("Open", "accent"),
    OrderStatus.PARTIAL: ("Part filled", "accent"),
    OrderStatus.FILLED: ("Filled", "good"),
    OrderStatus.CANCELLED: ("Cancelled", "muted"),
    OrderStatus.REJECTED: ("Rejected", "bad"),
    OrderStatus.EXPIRED: ("Expired", "muted"),
    OrderStatus.NOT_PLACED: ("Not placed", "bad"),
    OrderStatus.OPERATOR: ("Look at the broker", "bad"),
}

PENDING = {
    Pending.CANCEL: "cancelling",
    Pending.MODIFY: "changing",
    Pending.CANCEL_UNKNOWN: "cancel not confirmed",
    Pending.MODIFY_UNKNOWN: "change not confirmed",
}


def status_text(order: Order) -> str:
    """Write an order's status, with what has been asked and is not known yet."""
    text = STATUS[order.status][0]
    asked = PENDING.get(order.pending, "")
    return f"{text}, {asked}" if asked and order.status.is_working else text


def filled_text(order: Order) -> str:
    """Write how much of an order has filled."""
    return f"{numbers.grouped(order.filled)} / {numbers.grouped(order.quantity or order.request.quantity)}"


def is_changeable(order: Order) -> bool:
    """Tell whether asking for a change makes sense now."""
    return order.status in (OrderStatus.OPEN, OrderStatus.PARTIAL, OrderStatus.TRIGGER, OrderStatus.ACKED)


def _decimals(order: Order) -> int:
    return numbers.decimals_of(order.instrument.tick_size)


def _price(order: Order) -> str:
    if order.request.order_type in (OrderType.MARKET, OrderType.SL_M):
        return "Market"
    return numbers.price(order.price, _decimals(order))


def _side_tone(order: Order) -> str:
    return "buy" if order.request.side is Side.BUY else "sell"


@panel("Orders", area=BOTTOM)
class Orders(Panel):
    """Open, done and all orders, newest first."""

    def __init__(self, view: EngineView, theme: Theme) -> None:
        super().__init__(view, theme)
        self.keys["M"] = "order.modify"
        self.shown = Segments([("Open", "open"), ("Done", "done"), ("All", "all")], name="Orders shown")
        self.amend = AmendStrip(theme)
        self.grid: Grid[Order] = Grid(self, self._columns(), is_newest_first=True)
        self._cancel = Verb(theme, "Cancel", "Cancel the focused order (Del)", lambda: self._ask("order.cancel", self._cancel_payload()))
        self._modify = Verb(theme, "Change", "Change the focused order (M)", self._open_amend, "edit")
        self._cancel_all = Verb(theme, "Cancel all", "Cancel all open orders (Ctrl+Shift+X)", self._ask_cancel_all, "cancel")
        self.setFocusProxy(self.grid)
        column(self, strip(self.shown, None, self._modify, self._cancel, self._cancel_all), self.amend, self.grid)
        self.shown.chosen.connect(self._show)
        self.amend.changed.connect(lambda order_id, change: self.requested.emit("order.modify", (order_id, change)))
        self.grid.horizontalHeader().setStretchLastSection(True)
        self.grid.focused.connect(lambda record: self._enable())
        self.grid.menu_asked.connect(self._on_menu)
        self.grid.double_clicked.connect(lambda record: self._open_amend())
        view.order_changed.connect(self._on_order)
        view.ticks_received.connect(self._on_ticks)
        view.cleared.connect(self._load)
        self._load()
        self._show("open")

    def _columns(self) -> tuple[Column[Order], ...]:
        return (
            Column("time", "Time", lambda o: numbers.clock(o.created_ns), 68, order=lambda o: o.created_ns, tone=lambda o: "muted"),
            Column("side", "Side", lambda o: o.request.side.name, 46, tone=_side_tone),
            Column("symbol", "Instrument", lambda o: o.instrument.symbol, 104),
            Column("product", "Product", lambda o: o.request.product, 62, tone=lambda o: "muted"),
            Column("type", "Type", lambda o: o.request.order_type, 68, tone=lambda o: "muted"),
            Column("quantity", "Filled / qty", filled_text,
                   96, is_number=True, order=lambda o: o.quantity),
            Column("price", "Price", _price, 84, is_number=True, order=lambda o: o.price or 0.0),
            Column("trigger", "Trigger", lambda o: numbers.price(o.trigger_price, _decimals(o)), 84, is_number=True,
                   order=lambda o: o.trigger_price or 0.0),
            Column("last", "LTP", lambda o: numbers.price(self.view.last_price(o.instrument.key), _decimals(o)), 84, is_number=True,
                   order=lambda o: self.view.last_price(o.instrument.key)),
            Column("average", "Avg", lambda o: numbers.price(o.average_price), 84, is_number=True, order=lambda o: o.average_price,
                   tip="Average price of what has filled"),
            Column("status", "Status", status_text, 172, tone=lambda o: STATUS[o.status][1]),
            Column("owner", "Owner", lambda o: o.request.owner, 100, tone=lambda o: "muted", tip="Strategy, or hand"),
            Column("purpose", "For", lambda o: o.request.purpose.value.replace("_", " "), 78, tone=lambda o: "muted",
                   tip="Why it was sent: entry, exit, stop, target"),
            Column("message", "Message", lambda o: o.message, 200, tone=lambda o: "bad" if STATUS[o.status][1] == "bad" else "muted"),
            Column("id", "Order id", lambda o: o.id, 170, tone=lambda o: "faint", is_hidden=True),
            Column("broker_id", "Broker's id", lambda o: o.broker_order_id, 150, tone=lambda o: "faint", is_hidden=True),
        )  # fmt: skip

    def verbs(self) -> Mapping[str, Callable[[], object]]:
        """Cancel, change, tickets and the chart for the focused row."""
        return {
            "ticket.buy": self._symbol_payload,
            "ticket.sell": self._symbol_payload,
            "chart.open": lambda: order.instrument.key if (order := self.grid.record) else None,
            "order.cancel": self._cancel_payload,
            "order.cancel_symbol": self._symbol_payload,
            "order.modify": self._open_amend,
        }

    def _symbol_payload(self) -> dict[str, str] | None:
        order = self.grid.record
        return {"key": order.instrument.key} if order else None

    def _cancel_payload(self) -> str | None:
        order = self.grid.record
        return order.id if order is not None and order.status.is_working else None

    def _ask(self, action: str, payload: object) -> None:
        if payload is not None:
            self.requested.emit(action, payload)

    def _ask_cancel_all(self) -> None:
        self.requested.emit("order.cancel_all", None)

    def _open_amend(self) -> None:
        order = self.grid.record
        if order is not None and is_changeable(order):
            self.amend.open(order)

    def _load(self) -> None:
        self.grid.rows.load((order.id, order) for order in self.view.orders.values())
        self.amend.close_strip()
        self._count()

    def _show(self, which: object) -> None:
        kinds: dict[object, Callable[[Order], bool]] = {
            "open": lambda order: order.status.is_working or order.status is OrderStatus.NEW,
            "done": lambda order: order.status.is_terminal,
        }
        self.grid.empty = EMPTY[str(which)]
        self.grid.rows.show_only(kinds.get(which, lambda order: True))
        self._enable()

    def _on_order(self, order: Order) -> None:
        self.grid.rows.put(order.id, order)
        self.amend.follow(order)
        self.grid.ask_frame()
        self.frames.ask(self._count)

    def _on_ticks(self, slots: object) -> None:
        """Write the last price anew on what is still working."""
        if self.isVisible():
            for line in self.grid.rows.lines:
                if line.record.status.is_working:
                    line.is_dirty = True
            self.grid.ask_frame()

    def _count(self) -> None:
        working = len(self.view.working_orders())
        self.shown.retitle("open", f"Open {working}" if working else "Open")
        self.shown.retitle("done", f"Done {len(self.view.orders) - working}" if len(self.view.orders) > working else "Done")
        self._cancel_all.setEnabled(working > 0)
        self._enable()

    def _enable(self) -> None:
        order = self.grid.record
        self._cancel.setEnabled(order is not None and order.status.is_working)
        self._modify.setEnabled(order is not None and is_changeable(order))

    def _on_menu(self, order: Order, at: QPoint) -> None:
        symbol, target = order.instrument.symbol, {"key": order.instrument.key}
        asked: list[tuple[str, str, object]] = [
            (f"Buy {symbol}", "ticket.buy", target),
            (f"Sell {symbol}", "ticket.sell", target),
            (f"Chart of {symbol}", "chart.open", order.instrument.key),
            (f"Cancel all open orders of {symbol}", "order.cancel_symbol", target),
        ]
        if order.status.is_working:
            asked.insert(0, ("Cancel this order", "order.cancel", order.id))
            owners = [owner for owner in (HAND, *self.view.strategies) if owner != order.request.owner]
            if order.request.owner == EXTERNAL:
                asked += [(f"Give to {owner_name(owner, self.view)}", "lot.assign_order", (order.id, owner)) for owner in owners]
        pop_up(self, at, asked, [("Change this order", self._open_amend)] if is_changeable(order) else ())

    def save_state(self) -> dict[str, Any]:
        """Return which orders are shown and how the table is set."""
        return {"shown": self.shown.value, "grid": self.grid.save_state()}

    def restore_state(self, state: Mapping[str, Any]) -> None:
        """Take what was remembered."""
        self.grid.restore_state(state.get("grid", {}))
        if state.get("shown") in self.shown.values:
            self.shown.choose(state["shown"])

"""Takes an order from the wish to its end: into the journal, to the broker, through whatever the broker says of it.

Nothing leaves before its line in the journal is on the disk. What the broker answers is a definite yes, a definite no, or unknown; an
unknown order is looked up, never sent again. Fills are told before the order's new state, each exactly once.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject

from engine import failpoints
from engine.brokers.base import Broker
from engine.charging import RatesOf, free_of_charge
from engine.clock import Clock
from engine.core.errors import InvalidOrder
from engine.core.model import (
    Instrument,
    Order,
    OrderChange,
    OrderRequest,
    OrderStatus,
    OrderType,
    Pending,
    Product,
    Purpose,
    Side,
    Verdict,
)
from engine.order_log import wording, wording_of_change
from engine.order_news import OrderNews
from engine.order_path import OrderPath
from engine.tasks import Tasks

if TYPE_CHECKING:
    from engine.store import Store

S = OrderStatus

CHANGES_AT_MOST = 20
"""Changes of one order; the broker's own limit lies a little above."""

_CHANGEABLE = frozenset({S.OPEN, S.TRIGGER, S.PARTIAL})


class OrderManager(OrderNews):
    """All orders of one account."""

    def __init__(
        self, tasks: Tasks, store: Store, clock: Clock, env: str = "P", *, rates_of: RatesOf = free_of_charge, parent: QObject | None = None
    ) -> None:
        """`env` is the first character of order ids; `rates_of` tells what a fill costs."""
        super().__init__(store, clock, env, rates_of, parent)
        self.submit: Callable[[OrderRequest], Order] | None = None
        """The session's door, through which `place_market` and its like go."""
        self._tasks = tasks
        self._path = OrderPath(self._log, self._on_answer, self.alarm_raised.emit)
        self._path.doubt = self.doubt_raised.emit
        self._cancel_wanted: dict[str, Broker] = {}

    def guard(self, gate: Callable[[Order], str], turn: Callable[[], Awaitable[None]] | None) -> None:
        """Set who has the last word before an order leaves.

        `gate` says why it may not, empty when it may; `turn` waits until an exit or a cancel is within the message rate, None = never.
        """
        self._path.gate, self._path.turn = gate, turn

    def place_market(self, instrument: Instrument, side: Side, quantity: int, product: Product = Product.MIS, **more: Any) -> Order:
        """Submit an order that fills at once at the market's price; `more` are further fields of OrderRequest."""
        return self._submit(OrderRequest(instrument, side, quantity, OrderType.MARKET, product, **more))

    def place_limit(
        self, instrument: Instrument, side: Side, quantity: int, price: float, product: Product = Product.MIS, **more: Any
    ) -> Order:
        """Submit an order that fills at this price or better."""
        return self._submit(OrderRequest(instrument, side, quantity, OrderType.LIMIT, product, price, **more))

    def place_stop(
        self, instrument: Instrument, side: Side, quantity: int, trigger_price: float, product: Product = Product.MIS, **more: Any
    ) -> Order:
        """Submit an order that becomes one at market when the price reaches its trigger."""
        return self._submit(OrderRequest(instrument, side, quantity, OrderType.SL_M, product, trigger_price=trigger_price, **more))

    def create(self, request: OrderRequest, verdict: Verdict) -> Order:
        """Make an order of a request: INTENT, told by `send`, or DENIED with the reason, which is kept and told like any other."""
        status = S.INTENT if verdict.is_allowed else S.DENIED
        order = self._new(request, status, reservation=verdict.reservation, message=verdict.reason)
        if verdict.is_allowed:
            return self._log.keep(order)
        return self._log.change(order, "DENIED", wording(order) | {"rule": verdict.rule, "reason": verdict.reason})

    def send(self, order: Order, broker: Broker) -> None:
        """Hand an INTENT to the journal at once, and to the broker as soon as its line is safe on the disk."""
        if failpoints.reached is not None:
            failpoints.reached("before intent")
        intent, sent = self._log.entry("INTENT", order.id, wording(order)), self._log.entry("SENT", order.id, {"broker": broker.name})
        committed = self._log.store.commit(intent, sent, order)
        self._path.on_way.add(order.id)
        # The disk is at work before anybody is told: what they do meanwhile costs the order nothing.
        self._log.tell(order)
        self._tasks.spawn(self._path.place(order.id, broker, committed), f"place {order.id}")

    def modify(
        self, order_id: str, change: OrderChange, broker: Broker, *, reservation: int | None = None, purpose: Purpose | None = None
    ) -> Order:
        """Ask for a change of a working order; raises InvalidOrder when it cannot be changed now."""
        order = self.require_changeable(order_id)
        asked = replace(
            order,
            pending=Pending.MODIFY,
            modifications=order.modifications + 1,
            reservation=order.reservation if reservation is None else reservation,
            request=order.request if purpose is None else replace(order.request, purpose=purpose),
        )
        self._log.change(asked, "MODIFY_REQ", wording_of_change(change))
        self._tasks.spawn(self._path.modify(order_id, change, broker), f"modify {order_id}")
        return asked

    def require_changeable(self, order_id: str) -> Order:
        """Return an order that can be changed now; raises InvalidOrder when it cannot."""
        order = self.order(order_id)
        if order.status not in _CHANGEABLE or order.pending is not Pending.NONE:
            raise InvalidOrder(f"Expected an order that rests at the exchange, was {order.status} ({order.pending}); wait for its answer.")
        if order.modifications >= CHANGES_AT_MOST:
            raise InvalidOrder(f"Expected at most {CHANGES_AT_MOST} changes of an order, were that many; cancel it and place another.")
        return order

    def cancel(self, order_id: str, broker: Broker) -> Order:
        """Ask for the cancel of an order; one whose place or change is not answered yet is cancelled as soon as that is.

        Raises InvalidOrder when the order has ended.
        """
        order = self.order(order_id)
        if order.status.is_terminal:
            raise InvalidOrder(f"Expected a working order, was {order.status}; there is nothing to cancel.")
        if order.pending is Pending.CANCEL:
            return order
        if order.status is S.INTENT:
            self._path.withdrawn.add(order_id)
            return self._log.change(replace(order, pending=Pending.CANCEL), "CANCEL_REQ")
        if order.status not in _CHANGEABLE or order.pending is Pending.MODIFY:
            self._cancel_wanted[order_id] = broker
            return order
        asked = self._log.change(replace(order, pending=Pending.CANCEL), "CANCEL_REQ")
        self._tasks.spawn(self._path.cancel(order_id, broker), f"cancel {order_id}")
        return asked

    def cancel_all(self, broker: Broker, owner: str | None = None, key: str | None = None) -> list[Order]:
        """Ask for the cancel of all working orders, of one owner or instrument if given; returns them."""
        return [self.cancel(order.id, broker) for order in self.working(owner, key)]

    def _submit(self, request: OrderRequest) -> Order:
        if self.submit is None:
            raise InvalidOrder("Expected a session to send orders through, was none; start one first.")
        return self.submit(request)

    def _on_answer(self, order_id: str) -> None:
        """Go on with what had to wait for an answer: updates that came before it, and a cancel that was wanted."""
        early, self._early = self._early, []
        for update in early:
            self.on_update(update)
        self._cancel_if_wanted(order_id)

    def _cancel_if_wanted(self, order_id: str) -> None:
        broker = self._cancel_wanted.pop(order_id, None)
        if broker is not None and not self.order(order_id).status.is_terminal:
            self.cancel(order_id, broker)

    def is_on_way(self, order_id: str) -> bool:
        """Tell whether an order waits for the journal, its turn or the broker's answer: what the broker lists says nothing of it yet."""
        return order_id in self._path.on_way

    def _awaits_number(self) -> bool:
        return bool(self._path.in_flight)

    def _after_news(self, order_id: str) -> None:
        self._cancel_if_wanted(order_id)

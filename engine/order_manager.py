"""Takes an order from the wish to its end: into the journal, to the broker, through whatever the broker says of it.

Nothing leaves before its line in the journal is on the disk. What the broker answers is a definite yes, a definite no, or unknown; an
unknown order is looked up, never sent again. Fills are told before the order's new state, each exactly once.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal

from engine.brokers.base import Broker
from engine.charging import Charging, RatesOf, free_of_charge
from engine.clock import Clock
from engine.core.errors import InvalidOrder
from engine.core.lifecycle import advance, new_order_id
from engine.core.model import (
    EXTERNAL,
    Fill,
    Instrument,
    Order,
    OrderChange,
    OrderRequest,
    OrderStatus,
    OrderType,
    OrderUpdate,
    Pending,
    Product,
    Purpose,
    Side,
    Verdict,
)
from engine.order_log import OrderLog, wording, wording_of_change, wording_of_update
from engine.order_path import OrderPath
from engine.tasks import Tasks

if TYPE_CHECKING:
    from engine.store import Store

S = OrderStatus

CHANGES_AT_MOST = 20
"""Changes of one order; the broker's own limit lies a little above."""

_CHANGEABLE = frozenset({S.OPEN, S.TRIGGER, S.PARTIAL})


class OrderManager(QObject):
    """All orders of one account."""

    order_changed = Signal(object)
    order_filled = Signal(object)
    """A Fill, charges included."""
    alarm_raised = Signal(str)
    """Something that the trader must look at."""
    ghost_seen = Signal(object)
    """An Order of ours that had ended, as far as was known, and is alive at the broker: it is to be cancelled."""
    doubt_raised = Signal(object)
    """An Order of which the broker tells two things that cannot both be so: it is to be asked once more."""
    store_failed = Signal(str)
    """The journal takes nothing more: nothing more may be sent."""

    def __init__(
        self, tasks: Tasks, store: Store, clock: Clock, env: str = "P", *, rates_of: RatesOf = free_of_charge, parent: QObject | None = None
    ) -> None:
        """`env` is the first character of order ids; `rates_of` tells what a fill costs."""
        super().__init__(parent)
        self.submit: Callable[[OrderRequest], Order] | None = None
        """The session's door, through which `place_market` and its like go."""
        self._tasks = tasks
        self._env = env
        self._charging = Charging(rates_of)
        self._log = OrderLog(store, clock, self.order_changed.emit, self.store_failed.emit)
        self._path = OrderPath(self._log, self._on_answer, self.alarm_raised.emit)
        self._early: list[OrderUpdate] = []
        self._random = b""
        self._cancel_wanted: dict[str, Broker] = {}
        self._alarmed: set[str] = set()

    def guard(self, gate: Callable[[Order], str], turn: Callable[[], Awaitable[None]] | None) -> None:
        """Set who has the last word before an order leaves.

        `gate` says why it may not, empty when it may; `turn` waits until an exit or a cancel is within the message rate, None = never.
        """
        self._path.gate, self._path.turn = gate, turn

    @property
    def orders(self) -> list[Order]:
        """List all orders, oldest first, in their latest state."""
        return list(self._log.all.values())

    @property
    def trades(self) -> list[Fill]:
        """List all executions, oldest first."""
        return list(self._log.fills)

    def order(self, order_id: str) -> Order:
        """Return an order's latest state; raises InvalidOrder when there is none of that id."""
        return self._log.get(order_id)

    def working(self, owner: str | None = None, key: str | None = None) -> list[Order]:
        """List the orders that may still fill, of one owner or instrument if given."""
        return self._log.working(owner, key)

    def working_in(self, key: str, product: Product, owner: str) -> list[Order]:
        """List an owner's working orders in an instrument and product."""
        return self._log.working_in(key, product, owner)

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

    def restore(self, orders: Iterable[Order], fills: Iterable[Fill]) -> None:
        """Take in orders and fills of before a restart, without telling anyone."""
        fills = list(fills)
        # Numbers of reservations do not outlive the risk manager that gave them out.
        self._log.restore((replace(order, reservation=0) for order in orders), fills)
        self._charging.restore(fills)

    def create(self, request: OrderRequest, verdict: Verdict) -> Order:
        """Make an order of a request: INTENT, told by `send`, or DENIED with the reason, which is kept and told like any other."""
        status = S.INTENT if verdict.is_allowed else S.DENIED
        order = self._new(request, status, reservation=verdict.reservation, message=verdict.reason)
        if verdict.is_allowed:
            return self._log.keep(order)
        return self._log.change(order, "DENIED", wording(order) | {"rule": verdict.rule, "reason": verdict.reason})

    def send(self, order: Order, broker: Broker) -> None:
        """Hand an INTENT to the journal at once, and to the broker as soon as its line is safe on the disk."""
        intent, sent = self._log.entry("INTENT", order.id, wording(order)), self._log.entry("SENT", order.id, {"broker": broker.name})
        committed = self._log.store.commit(intent, sent, order)
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

    def on_update(self, update: OrderUpdate) -> None:
        """Take what the broker says of an order, however late, often or out of order."""
        order = self._log.find(update)
        if order is not None:
            self._merge(order, update)
        elif self._path.in_flight and not update.tag:
            # It may speak of an order whose number we have not been told yet.
            self._early.append(update)
        else:
            self._adopt(update)

    def incarnations(self, order_id: str) -> list[str]:
        """List the broker's ids of all that an order became there, as far as is known: slices, legs, forks of a change."""
        return self._log.incarnations(order_id)

    def conclude(self, order_id: str, status: OrderStatus, message: str) -> Order:
        """Put down what has become of an order that the broker does not speak of; raises InvalidTransition where that cannot be."""
        return self._log.conclude(order_id, status, message)

    def reserve(self, order_id: str, reservation: int) -> None:
        """Note under which number a restored order's risk is held, without telling anyone."""
        self._log.keep(replace(self.order(order_id), reservation=reservation))

    def adjust(self, fill: Fill) -> None:
        """Take in a difference between the broker's positions and ours: an entry without an order, told like any fill."""
        self._log.book(fill)
        payload = {"key": fill.instrument.key, "quantity": fill.signed_quantity, "price_units": fill.price_units}
        self._log.write(self._log.entry("ADJUST", "", payload), fill)
        self.order_filled.emit(fill)

    def note(self, kind: str, **payload: Any) -> None:
        """Put a line into the journal that belongs to no order."""
        self._log.write(self._log.entry(kind, "", payload))

    def _submit(self, request: OrderRequest) -> Order:
        if self.submit is None:
            raise InvalidOrder("Expected a session to send orders through, was none; start one first.")
        return self.submit(request)

    def _merge(self, order: Order, update: OrderUpdate) -> None:
        log = self._log
        made = advance(order, update, log.trades(order.id), log.traded(order.id))
        # What stays odd is told again with every reading of the broker's list; once is enough.
        alarms = [alarm for alarm in made.alarms if alarm not in self._alarmed]
        if made.order == order and not made.new_fills and not alarms:
            return
        fills = [self._charging.fill_of(made.order, fill) for fill in made.new_fills]
        log.keep(made.order)
        for fill in fills:
            log.book(fill)
        log.write(log.entry("UPDATE", order.id, wording_of_update(update, made.order, made.new_fills)), made.order, *fills)
        for fill in fills:
            self.order_filled.emit(fill)
        log.tell(log.get(order.id))
        self._alarmed.update(alarms)
        for alarm in alarms:
            self.alarm_raised.emit(alarm)
        self._cancel_if_wanted(order.id)
        if made.is_ghost and order.request.owner != EXTERNAL:
            self.ghost_seen.emit(log.get(order.id))
        if made.is_doubtful and alarms:
            self.doubt_raised.emit(log.get(order.id))

    def _adopt(self, update: OrderUpdate) -> None:
        """Take in an order that was placed elsewhere: it counts, and belongs to no strategy."""
        if update.request is None:
            alarm = f"The broker speaks of an order {update.broker_order_id} that nobody here placed; look it up there."
            if alarm not in self._alarmed:
                self._alarmed.add(alarm)
                self.alarm_raised.emit(alarm)
            return
        order = self._new(replace(update.request, owner=EXTERNAL), S.SENT, broker_order_id=update.broker_order_id)
        self._log.keep(order)
        self._log.write(self._log.entry("EXTERNAL", order.id, wording(order)), order)
        self._merge(order, update)

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

    def _new_id(self, owner: str, now_ns: int) -> str:
        """Make an order id; randomness is drawn from the system a block at a time, for asking costs more than all the rest."""
        if not self._random:
            self._random = secrets.token_bytes(5 * 512)
        drawn, self._random = self._random[:5], self._random[5:]
        return new_order_id(self._env, owner, now_ns // 1_000_000, drawn)

    def _new(self, request: OrderRequest, status: OrderStatus, **changes: Any) -> Order:
        now_ns = self._log.clock.now_ns()
        return Order(
            id=self._new_id(request.owner, now_ns),
            request=request,
            status=status,
            quantity=request.quantity,
            price=request.price,
            trigger_price=request.trigger_price,
            created_ns=now_ns,
            updated_ns=now_ns,
            **changes,
        )

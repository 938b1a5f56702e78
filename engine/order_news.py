"""What the broker says of the account's orders: merged whatever the order of arrival, written down, and each execution told once.

Fills are told before the order's new state. What comes late, twice or in other words changes nothing; what cannot be so is alarmed once.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal

from engine.charging import Charging, RatesOf
from engine.clock import Clock
from engine.core.lifecycle import advance, new_order_id
from engine.core.model import EXTERNAL, Fill, Order, OrderRequest, OrderStatus, OrderUpdate, Pending, Product
from engine.inferred_fills import infer, is_inferred, replaced_by, settled, without_news
from engine.order_log import OrderLog, wording, wording_of_fill, wording_of_update

if TYPE_CHECKING:
    from engine.store import Store

S = OrderStatus

LATE_NS = 30_000_000_000
"""A trade that was not told so long after it was counted is missing."""


class OrderNews(QObject):
    """The account's orders, as far as they are heard of."""

    order_changed = Signal(object)
    order_filled = Signal(object)
    """A Fill, charges included."""
    fills_replaced = Signal(object)
    """All Fills that are left after inferred ones were taken back; the true ones are told next."""
    alarm_raised = Signal(str)
    """Something that the trader must look at."""
    ghost_seen = Signal(object)
    """An Order of ours that had ended, as far as was known, and is alive at the broker: it is to be cancelled."""
    doubt_raised = Signal(object)
    """An Order of which the broker tells two things that cannot both be so: it is to be asked once more."""
    store_failed = Signal(str)
    """The journal takes nothing more: nothing more may be sent."""

    def __init__(self, store: Store, clock: Clock, env: str, rates_of: RatesOf, parent: QObject | None) -> None:
        super().__init__(parent)
        self.whose: Callable[[OrderRequest], OrderRequest] = lambda request: request
        """Says of an order that was placed elsewhere whose it is, nobody's unless said otherwise."""
        self._env = env
        self._charging = Charging(rates_of)
        self._log = OrderLog(store, clock, self.order_changed.emit, self.store_failed.emit)
        self._early: list[OrderUpdate] = []
        self._random, self._drawn = b"", 0
        self._alarmed: set[str] = set()
        self._inferred: set[str] = set()

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

    def incarnations(self, order_id: str) -> list[str]:
        """List the broker's ids of all that an order became there, as far as is known: slices, legs, forks of a change."""
        return self._log.incarnations(order_id)

    def restore(self, orders: Iterable[Order], fills: Iterable[Fill]) -> None:
        """Take in orders and fills of before a restart, without telling anyone."""
        fills = settled(fills)
        self._inferred = {fill.order_id for fill in fills if is_inferred(fill.trade_id)}
        # Numbers of reservations do not outlive the risk manager that gave them out.
        self._log.restore((replace(order, reservation=0) for order in orders), fills)
        self._charging.restore(fills)

    def on_update(self, update: OrderUpdate) -> None:
        """Take what the broker says of an order, however late, often or out of order."""
        order = self._log.find(update)
        if order is not None:
            self._merge(order, update)
        elif not update.tag and self._awaits_number():
            # It may speak of an order whose number we have not been told yet.
            self._early.append(update)
        else:
            self._adopt(update)

    def conclude(self, order_id: str, status: OrderStatus, message: str) -> Order:
        """Put down what has become of an order that the broker does not speak of; raises InvalidTransition where that cannot be."""
        return self._log.conclude(order_id, status, message)

    def reserve(self, order_id: str, reservation: int) -> None:
        """Note under which number a restored order's risk is held, without telling anyone."""
        self._log.keep(replace(self.order(order_id), reservation=reservation))

    def adjust(self, fill: Fill) -> None:
        """Take in a difference between the broker's positions and ours: an entry without an order, told like any fill."""
        self._log.book(fill)
        payload: dict[str, Any] = {"key": fill.instrument.key, "quantity": fill.signed_quantity, "price_units": fill.price_units}
        payload["booked"] = [wording_of_fill(fill)]
        self._log.write(self._log.entry("ADJUST", "", payload), fill)
        self.order_filled.emit(fill)

    def assign(self, given: Fill, taken: Fill) -> None:
        """Write down that a lot passes from one owner to another, as two entries that come to nothing; nothing is sent or told."""
        for fill in (given, taken):
            self._log.book(fill)
        payload: dict[str, Any] = {"key": given.instrument.key, "from": given.owner, "to": taken.owner, "quantity": taken.signed_quantity}
        payload |= {"price_units": taken.price_units, "booked": [wording_of_fill(fill) for fill in (given, taken)]}
        self._log.write(self._log.entry("ASSIGN", "", payload), given, taken)

    def give(self, order_id: str, owner: str) -> Order:
        """Let what a working order still fills belong to another owner; nothing is sent."""
        order = self.order(order_id)
        given = replace(order, request=replace(order.request, owner=owner))
        return self._log.change(given, "ASSIGN", {"from": order.request.owner, "to": owner})

    def infer(self, update: OrderUpdate) -> list[Fill]:
        """Take in what the broker counts as filled without telling its trades; returns what was made, told like any fill."""
        order = self._log.find(update)
        made = infer(order, update, self._log.traded(order.id)) if order is not None else None
        if order is None or made is None:
            return []
        before = len(self._log.fills)
        self._take(order, replace(update, status=None, filled=0, fills=(made,), pending=None, raw=""))
        self._inferred.add(order.id)
        self.alarm_raised.emit(
            f"The broker counts {order.filled} of {order.instrument.symbol} as filled and tells trades of {order.filled - made.quantity}; "
            "the rest is booked at its average until the trades are told."
        )
        return self._log.fills[before:]

    def short(self) -> list[Order]:
        """List the orders of which more has filled than their trades tell, for half a minute already."""
        before_ns = self._log.clock.now_ns() - LATE_NS
        return [order for order in self._log.all.values() if order.filled > self._log.traded(order.id) and order.updated_ns < before_ns]

    def note(self, kind: str, **payload: Any) -> None:
        """Put a line into the journal that belongs to no order."""
        self._log.write(self._log.entry(kind, "", payload))

    def commit_note(self, kind: str, **payload: Any) -> Awaitable[None]:
        """Put such a line into the journal; done once it is on the disk, raises StoreFailed when it cannot be."""
        return self._log.store.commit(self._log.entry(kind, "", payload))

    def _with_true_fills(self, order: Order, update: OrderUpdate) -> tuple[Order, OrderUpdate]:
        """Take inferred executions back once the true ones are all told; until then leave those out."""
        log, known = self._log, self._log.trades(order.id)
        if all(fill.trade_id in known for fill in update.fills):
            return order, update
        gone = replaced_by(update, known)
        if not gone:
            return order, without_news(update, known)
        self._inferred.discard(order.id)
        log.unbook(order.id, gone)
        self._charging.begin_anew(order.id, log.fills)
        value_units = sum(fill.price_units * fill.quantity for fill in log.fills if fill.order_id == order.id)
        log.write(log.entry("REPLACED", order.id, {"trades": list(gone)}))
        self.fills_replaced.emit(list(log.fills))
        return log.keep(replace(order, filled_value_units=value_units)), update

    def _merge(self, order: Order, update: OrderUpdate) -> None:
        if order.id in self._inferred:
            order, update = self._with_true_fills(order, update)
        self._take(order, update)

    def _take(self, order: Order, update: OrderUpdate) -> None:
        log = self._log
        made = advance(order, update, log.trades(order.id), log.traded(order.id))
        # What stays odd is told again with every reading of the broker's list; once is enough.
        alarms = [alarm for alarm in made.alarms if alarm not in self._alarmed]
        if made.order == order and not made.new_fills and not alarms:
            return
        if not made.new_fills and not alarms and replace(made.order, heard_ns=order.heard_ns) == order:
            log.keep(made.order)  # later news of the same: to be weighed against what comes, and nothing to write down
            return
        fills = [self._charging.fill_of(made.order, fill) for fill in made.new_fills]
        log.keep(made.order)
        for fill in fills:
            log.book(fill)
        log.record("UPDATE", made.order, wording_of_update(update, made.order, made.new_fills), fills)
        for fill in fills:
            self.order_filled.emit(fill)
        log.tell(log.get(order.id))
        self._alarmed.update(alarms)
        for alarm in alarms:
            self.alarm_raised.emit(alarm)
        self._after_news(order.id)
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
        order = self._new(self.whose(replace(update.request, owner=EXTERNAL)), S.SENT, broker_order_id=update.broker_order_id)
        self._log.keep(order)
        self._log.record("EXTERNAL", order, wording(order))
        self._merge(order, update)

    def _new_id(self, owner: str, now_ns: int) -> str:
        """Make an order id; randomness is drawn from the system a block at a time, for asking costs more than all the rest."""
        if self._drawn == len(self._random):
            self._random, self._drawn = secrets.token_bytes(5 * 512), 0
        self._drawn += 5
        return new_order_id(self._env, owner, now_ns // 1_000_000, self._random[self._drawn - 5 : self._drawn])

    def _new(self, request: OrderRequest, status: OrderStatus, broker_order_id: str = "", message: str = "", reservation: int = 0) -> Order:
        now_ns = self._log.clock.now_ns()
        # In the order of its fields: an order waits for this, and names cost as much again.
        return Order(
            self._new_id(request.owner, now_ns),
            request,
            status,
            Pending.NONE,
            broker_order_id,
            request.quantity,
            request.price,
            request.trigger_price,
            0,
            0,
            message,
            reservation,
            now_ns,
            now_ns,
        )

    def _awaits_number(self) -> bool:
        """Tell whether an order is out whose number the broker has not told yet."""
        return False

    def _after_news(self, order_id: str) -> None:
        """Go on with what had to wait for news of an order."""

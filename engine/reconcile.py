"""Brings our books in line with the broker's after a start, a lost connection, or an order of unknown fate.

The broker's word is the truth, but its silence is not: an order that it does not list is only taken as never placed where its list is
complete, or after long enough with proof that the list is fresh. Nothing here ever sends an order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from engine.brokers.base import Broker
from engine.clock import Clock
from engine.core.errors import BrokerError
from engine.core.grid import price_units
from engine.core.model import EXTERNAL, Fill, Order, OrderStatus, OrderUpdate, Pending, Position, Product, Purpose, Side
from engine.order_manager import OrderManager
from engine.position_tracker import PositionTracker

S = OrderStatus

LOOKS_S = (0.3, 0.7, 1.5, 3.0, 5.0, 10.0, 20.0, 30.0, 60.0, 90.0, 120.0)
"""When an order of unknown fate is looked up, in seconds after it was sent."""

GOOD_LOOKS = 5
"""Complete lists without the order that are needed before it is taken as never placed."""

_DELIVERED = frozenset({Product.CNC, Product.MTF})
"""Products whose shares are delivered the next day."""

_SUSPECT = frozenset({S.INTENT, S.SENT, S.UNKNOWN})


@dataclass(frozen=True, slots=True)
class Report:
    """What a reconciliation found."""

    orders: int = 0
    """Listed by the broker."""
    fills: tuple[Fill, ...] = ()
    """That were not known before."""
    external: tuple[Order, ...] = ()
    """Orders that came from elsewhere."""
    not_placed: tuple[Order, ...] = ()
    unknown: tuple[Order, ...] = ()
    adjusted: tuple[Fill, ...] = ()
    """Differences between the broker's positions and ours, taken over as entries without an order."""

    @property
    def is_clean(self) -> bool:
        """Tell whether nothing is left that a person must look at."""
        return not (self.external or self.unknown or self.adjusted)

    def __str__(self) -> str:
        """Say it in one line."""
        parts = (
            (self.orders, "orders at the broker"),
            (len(self.fills), "fills recovered"),
            (len(self.external), "orders from elsewhere"),
            (len(self.not_placed), "never placed"),
            (len(self.unknown), "of unknown fate"),
            (len(self.adjusted), "positions adjusted"),
        )
        return ", ".join(f"{count} {what}" for count, what in parts if count) or "nothing to do"


class Reconciler:
    """Compares with one broker."""

    def __init__(self, broker: Broker, orders: OrderManager, positions: PositionTracker, clock: Clock) -> None:
        self._broker = broker
        self._orders = orders
        self._positions = positions
        self._clock = clock

    async def run(self) -> Report:
        """Read the broker's orders and positions and take over what is new; raises BrokerError when they cannot be read.

        All or nothing: whatever cannot be read is unknown, never empty.
        """
        updates = list(await self._broker.orders())
        held = list(await self._broker.positions())
        shares = {holding.instrument.key: holding.quantity for holding in await self._broker.holdings()}
        known = {order.id for order in self._orders.orders}
        before = len(self._orders.trades)
        for update in updates:
            self._orders.on_update(update)
        fills = tuple(self._orders.trades[before:])
        not_placed, unknown = self._suspects(updates)
        adjusted = self._adjust(held, shares)
        return Report(
            orders=len(updates),
            fills=fills,
            external=tuple(o for o in self._orders.orders if o.id not in known and o.request.owner == EXTERNAL),
            not_placed=not_placed,
            unknown=unknown,
            adjusted=adjusted,
        )

    async def resolve(self, order_id: str) -> Order:
        """Look an order of unknown fate up until the broker lists it, or until it is certain that it never will."""
        sent_ns = self._orders.order(order_id).updated_ns
        good_looks = 0
        for after_s in LOOKS_S:
            await self._clock.sleep(max(0.0, after_s - (self._clock.now_ns() - sent_ns) / 1e9))
            if not self._is_open_question(order_id):
                break
            try:
                updates = list(await self._broker.orders())
            except BrokerError:
                continue
            for update in updates:
                self._orders.on_update(update)
            good_looks += 1
        else:
            if self._is_open_question(order_id) and good_looks >= GOOD_LOOKS and self._is_fresh(order_id, updates, sent_ns):
                self._orders.conclude(order_id, S.NOT_PLACED, "The broker's list, newer than the order, does not have it.")
        return self._orders.order(order_id)

    def _is_open_question(self, order_id: str) -> bool:
        order = self._orders.order(order_id)
        return order.status is S.UNKNOWN or order.pending in (Pending.CANCEL_UNKNOWN, Pending.MODIFY_UNKNOWN)

    def _is_fresh(self, order_id: str, updates: Sequence[OrderUpdate], sent_ns: int) -> bool:
        """Tell whether the list shows something that happened after the order was sent, and so cannot be an old one."""
        is_placed_question = self._orders.order(order_id).status is S.UNKNOWN
        return is_placed_question and any(update.time_ns > sent_ns for update in updates)

    def _suspects(self, updates: Sequence[OrderUpdate]) -> tuple[tuple[Order, ...], tuple[Order, ...]]:
        """Decide about working orders that the broker does not list: never placed, expired, or unknown."""
        listed = {update.tag for update in updates} | {update.broker_order_id for update in updates}
        not_placed, unknown = [], []
        is_complete = not self._broker.capabilities.is_live
        for order in self._orders.working():
            if order.id in listed or (order.broker_order_id and order.broker_order_id in listed):
                continue
            if order.status in _SUSPECT and is_complete:
                not_placed.append(self._orders.conclude(order.id, S.NOT_PLACED, "The broker does not have it."))
            elif order.status in _SUSPECT:
                unknown.append(order if order.status is S.UNKNOWN else self._orders.conclude(order.id, S.UNKNOWN, "Looked up."))
            else:
                self._orders.conclude(order.id, S.EXPIRED, "The broker lists it no longer.")
        return tuple(not_placed), tuple(unknown)

    def _adjust(self, held: Sequence[Position], shares: Mapping[str, int]) -> tuple[Fill, ...]:
        """Take over the broker's net positions where ours differ, as entries without an order that belong to nobody here.

        Shares bought for delivery are no position any more the next day, but lie in the demat account (`shares`): those are ours still.
        """
        theirs = {(position.instrument.key, position.product): position for position in held}
        ours = {(position.instrument.key, position.product): position for position in self._positions.positions}
        made: list[Fill] = []
        for key in sorted(theirs.keys() | ours.keys()):
            truth = theirs.get(key) or replace(ours[key], quantity=0)
            own = ours[key].quantity if key in ours else 0
            difference = truth.quantity - own
            if key[1] in _DELIVERED and difference < 0 < own:
                difference = min(0, difference + min(own, max(0, shares.get(key[0], 0))))
            if difference:
                made.append(self._entry(truth, difference, len(made)))
        for fill in made:
            self._orders.adjust(fill)
        return tuple(made)

    def _entry(self, truth: Position, difference: int, number: int) -> Fill:
        """Make the entry that leads to the broker's position, at its average price, or at the last one when it is flat there."""
        return Fill(
            trade_id=f"adjust-{self._clock.now_ns()}-{number}",
            order_id="",
            instrument=truth.instrument,
            side=Side.BUY if difference > 0 else Side.SELL,
            quantity=abs(difference),
            price_units=price_units(truth.average_price) if truth.quantity else truth.last_price_units,
            charges_units=0,
            time_ns=self._clock.now_ns(),
            product=truth.product,
            owner=EXTERNAL,
            purpose=Purpose.ENTRY,
        )

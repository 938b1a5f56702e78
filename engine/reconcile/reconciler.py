"""Brings our books in line with the broker's after a start, a lost connection, at the close, or when they were found to differ.

The broker's word is the truth, but its silence is not: an order that it does not list is only taken as never placed where its list is
complete. Nothing here ever sends an order.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from engine import failpoints
from engine.brokers.base import Broker
from engine.calendar import day_of
from engine.clock import Clock
from engine.core.model import EXTERNAL, Fill, Order, OrderStatus, OrderUpdate, Product
from engine.core.reconciliation import Difference, ProfitDifference, Report
from engine.order_manager import OrderManager
from engine.position_tracker import PositionTracker
from engine.reconcile.differences import differences, entry_of
from engine.reconcile.profit import profit_differences
from engine.reconcile.snapshot import WAITS_S, Snapshot, take

S = OrderStatus

AT_THE_END = frozenset({"close", "end"})
"""Reasons of a comparison at which the day's profit is compared, too."""

_SUSPECT = frozenset({S.INTENT, S.SENT, S.UNKNOWN})


class Reconciler:
    """Compares with one broker."""

    def __init__(self, broker: Broker, orders: OrderManager, positions: PositionTracker, clock: Clock) -> None:
        self.heard: Callable[[Snapshot], None] = lambda snapshot: None
        """Hears of everything that was read, once it agrees."""
        self._broker = broker
        self._orders = orders
        self._positions = positions
        self._clock = clock

    async def run(
        self, reason: str = "asked", pause: Callable[[float], Awaitable[None]] | None = None, *, is_patient: bool = True
    ) -> Report:
        """Read the broker's orders and positions and take over what is new; raises BrokerError when they cannot be read.

        `pause` waits so many seconds between two readings. `is_patient`: wait until the broker's lists agree, and for trades that it counts
        and does not tell yet.
        """
        waits_s = WAITS_S if is_patient and self._broker.capabilities.is_live else ()
        snapshot = await take(self._broker, pause or self._clock.sleep, waits_s)
        self.heard(snapshot)
        known = {order.id for order in self._orders.orders}
        before = len(self._orders.trades)
        for update in snapshot.updates:
            self._orders.on_update(update)
        fills = tuple(self._orders.trades[before:])
        if failpoints.reached is not None:
            failpoints.reached("mid-reconcile")
        inferred = tuple(fill for update in snapshot.short for fill in self._orders.infer(update)) if is_patient else ()
        not_placed, expired, unknown = self._suspects(snapshot.updates)
        found, adjusted = self._adjust(snapshot)
        return Report(
            time_ns=self._clock.now_ns(),
            reason=reason,
            orders=len(snapshot.updates),
            fills=fills,
            inferred=inferred,
            external=tuple(o for o in self._orders.orders if o.id not in known and o.request.owner == EXTERNAL),
            not_placed=not_placed,
            expired=expired,
            unknown=unknown,
            adjusted=adjusted,
            differences=found,
            profits=self._profits(snapshot) if reason in AT_THE_END and self._broker.capabilities.is_live else (),
            triggers=sum(trigger.status == "active" for trigger in snapshot.triggers),
            skew_s=self._broker.skew_s,
            tries=snapshot.tries,
        )

    async def differing(self) -> tuple[Difference, ...]:
        """Return in which positions the broker differs now, and change nothing; raises BrokerError when they cannot be read."""
        held = list(await self._broker.positions())
        shares = {holding.instrument.key: holding.quantity for holding in await self._broker.holdings()}
        found = differences(held, self._positions.positions, shares, self._orders.working())
        return tuple(difference for difference, _ in found if not difference.is_explained)

    def _profits(self, snapshot: Snapshot) -> tuple[ProfitDifference, ...]:
        today = day_of(self._clock.now_ns())
        return profit_differences(snapshot.held, self._positions.positions, self._orders.trades, today)

    async def agrees_on(self, key: str, product: Product) -> bool:
        """Tell whether the broker holds now what we hold of an instrument and product; raises BrokerError when it cannot be read."""
        held = list(await self._broker.positions())
        shares = {holding.instrument.key: holding.quantity for holding in await self._broker.holdings()}
        found = differences(held, self._positions.positions, shares)
        return all((one.instrument.key, one.product) != (key, product) for one, _ in found)

    def _suspects(self, updates: Sequence[OrderUpdate]) -> tuple[tuple[Order, ...], tuple[Order, ...], tuple[Order, ...]]:
        """Decide about working orders that the broker does not list: never placed, expired, or unknown."""
        listed = {update.tag for update in updates} | {update.broker_order_id for update in updates}
        not_placed, expired, unknown = [], [], []
        is_complete = not self._broker.capabilities.is_live
        today = day_of(self._clock.now_ns())
        for order in self._orders.working():
            if order.id in listed or (order.broker_order_id and order.broker_order_id in listed):
                continue
            if self._orders.is_on_way(order.id):
                continue
            is_of_today = day_of(order.created_ns) == today
            if order.status not in _SUSPECT:
                if is_complete or not is_of_today:
                    expired.append(self._orders.conclude(order.id, S.EXPIRED, "The broker lists it no longer."))
                else:
                    # The broker took it today and does not list it: its list is an old one, and proves nothing.
                    unknown.append(order)
            elif is_complete:
                not_placed.append(self._orders.conclude(order.id, S.NOT_PLACED, "The broker does not have it."))
            else:
                unknown.append(self._question(order, is_of_today))
        return tuple(not_placed), tuple(expired), tuple(unknown)

    def _question(self, order: Order, is_of_today: bool) -> Order:
        """Let an order be looked up; one of an earlier day no list of today will ever have, so a person has to decide."""
        asked = order if order.status is S.UNKNOWN else self._orders.conclude(order.id, S.UNKNOWN, "Looked up.")
        if is_of_today:
            return asked
        return self._orders.conclude(order.id, S.OPERATOR, "Its day is over and nobody knows its fate; ask the broker.")

    def _adjust(self, snapshot: Snapshot) -> tuple[tuple[Difference, ...], tuple[Fill, ...]]:
        """Take over the broker's net positions where ours differ, as entries without an order that belong to nobody here."""
        found = differences(snapshot.held, self._positions.positions, snapshot.shares, self._orders.working())
        now_ns = self._clock.now_ns()
        made = [entry_of(difference, truth, now_ns, at) for at, (difference, truth) in enumerate(found) if not difference.is_explained]
        for fill in made:
            self._orders.adjust(fill)
        return tuple(difference for difference, _ in found), tuple(made)

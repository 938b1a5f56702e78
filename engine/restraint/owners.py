"""What each owner did of late: entries without an exit, orders the broker refused, orders of the day, losing stops in a row.

An order counts from the moment it is allowed, before anything is sent, so that a burst within one turn of the loop is seen whole.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from engine.core.facts import PROTECTIVE, Facts
from engine.core.model import EXTERNAL, HAND, Order, OrderRequest, OrderStatus, Purpose, Trade

MINUTE_NS = 60_000_000_000

ENTRIES_NS, REJECTS_NS, PAUSE_NS = 5 * MINUTE_NS, MINUTE_NS, 60 * MINUTE_NS
"""For how long entries and rejects count, and how long a pause after losses lasts."""


def is_strategy(owner: str) -> bool:
    """Tell whether an owner is a strategy: neither the account, nor the hand, nor somebody outside."""
    return owner not in ("", HAND, EXTERNAL)


@dataclass(slots=True)
class Tally:
    """One owner's counts."""

    orders: int = 0
    """Allowed today."""
    quantity: int = 0
    """That its entries of today asked for."""
    entries: dict[str, deque[int]] = field(default_factory=dict)
    """When it entered, by instrument key, since its last exit from it."""
    rejects: deque[int] = field(default_factory=deque)
    """When the broker refused an order of it."""
    stops: int = 0
    """Losing stops in a row."""
    pauses_until_ns: int = 0
    began_units: int | None = None
    """Profit of all its days when the present one began; None before its first look."""


class Owners:
    """The tallies of all owners."""

    def __init__(self) -> None:
        self.tallies: dict[str, Tally] = {}
        """By owner; one that has done nothing has none."""

    def of(self, owner: str) -> Tally:
        """Return an owner's tally, a new one the first time."""
        return self.tallies.get(owner) or self.tallies.setdefault(owner, Tally())

    def tell(self, facts: Facts, now_ns: int) -> None:
        """Fill in what is known of the owner of an entry."""
        request = facts.request
        facts.is_budgeted = is_strategy(request.owner)
        tally = self.tallies.get(request.owner)
        if tally is None:
            return
        if entries := tally.entries.get(request.instrument.key):
            facts.entries = _within(entries, now_ns - ENTRIES_NS)
        if tally.rejects:
            facts.rejects = _within(tally.rejects, now_ns - REJECTS_NS)
        if tally.pauses_until_ns > now_ns:
            facts.cools_s = (tally.pauses_until_ns - now_ns) / 1e9
        if facts.is_budgeted:
            facts.orders_today, facts.quantity_today = tally.orders, tally.quantity

    def entries(self, owner: str, key: str, now_ns: int) -> int:
        """Count an owner's entries into an instrument of the last minutes, since its last exit."""
        return _within(self.of(owner).entries.get(key, deque()), now_ns - ENTRIES_NS)

    def rejects(self, owner: str, now_ns: int) -> int:
        """Count an owner's orders that the broker refused within a minute."""
        return _within(self.of(owner).rejects, now_ns - REJECTS_NS)

    def on_allowed(self, request: OrderRequest, now_ns: int) -> None:
        """Count an order that may be sent."""
        tally = self.of(request.owner)
        tally.orders += 1
        if not request.is_exit:
            tally.quantity += request.quantity
            entries = tally.entries.get(request.instrument.key)
            if entries is None:
                entries = tally.entries[request.instrument.key] = deque()
            entries.append(now_ns)

    def on_reject(self, owner: str, now_ns: int) -> int:
        """Count an order that the broker refused; returns how many there were within the minute."""
        rejects = self.of(owner).rejects
        rejects.append(now_ns)
        return _within(rejects, now_ns - REJECTS_NS)

    def on_exit(self, owner: str, key: str) -> None:
        """Take note that an owner got out of an instrument, in whole or in part: its entries count anew."""
        if (tally := self.tallies.get(owner)) is not None:
            tally.entries.pop(key, None)

    def on_trade(self, trade: Trade, now_ns: int, limit: float | None) -> bool:
        """Count a round trip; True when it was the losing stop in a row that makes its owner pause."""
        tally = self.of(trade.owner)
        if trade.pnl_units - trade.charges_units >= 0:
            tally.stops = 0
            return False
        if trade.reason not in PROTECTIVE:
            return False
        tally.stops += 1
        if limit is None or tally.stops < limit:
            return False
        tally.stops, tally.pauses_until_ns = 0, now_ns + PAUSE_NS
        return True

    def forgive(self, owner: str) -> None:
        """Forget what holds an owner back at present; what it used of the day's budgets stays used."""
        if (tally := self.tallies.get(owner)) is not None:
            tally.entries.clear()
            tally.rejects.clear()
            tally.stops = tally.pauses_until_ns = 0

    def roll_day(self) -> None:
        """Begin a day: its orders and its loss count from here; entries, rejects and pauses go by their own time."""
        for tally in self.tallies.values():
            tally.orders, tally.quantity, tally.began_units, tally.stops = 0, 0, None, 0

    def recount(self, orders: Iterable[Order], since_ns: int) -> None:
        """Count anew from the orders of a day that began at `since_ns`: they were on the disk before they were sent."""
        for tally in self.tallies.values():
            tally.orders = tally.quantity = 0
            tally.entries.clear()
            tally.rejects.clear()
        mine = [order for order in orders if order.created_ns >= since_ns and order.status is not OrderStatus.DENIED]
        mine = [order for order in mine if order.request.owner != EXTERNAL]
        out_at: dict[tuple[str, str], int] = {}
        for order in mine:
            if is_turn(order):
                place = order.request.owner, order.instrument.key
                out_at[place] = max(order.updated_ns, out_at.get(place, 0))
        for order in sorted(mine, key=lambda order: order.created_ns):
            self.on_allowed(order.request, order.created_ns)
            if order.created_ns <= out_at.get((order.request.owner, order.instrument.key), 0):
                self.on_exit(order.request.owner, order.instrument.key)
            if order.status is OrderStatus.REJECTED:
                self.on_reject(order.request.owner, order.updated_ns)

    def kept(self) -> dict[str, Any]:
        """Return what orders do not tell, as JSON can hold it."""
        names = ("orders", "quantity", "stops", "pauses_until_ns", "began_units")
        return {owner: {name: getattr(tally, name) for name in names} for owner, tally in self.tallies.items()}

    def take_up(self, kept: Mapping[str, Any], *, is_today: bool) -> None:
        """Go on with what was kept; of an earlier day only a pause goes on."""
        for owner, figures in kept.items():
            tally = self.of(owner)
            tally.pauses_until_ns = int(figures["pauses_until_ns"])
            if is_today:
                began = figures["began_units"]
                tally.stops, tally.began_units = int(figures["stops"]), None if began is None else int(began)
                tally.orders = max(tally.orders, int(figures["orders"]))
                tally.quantity = max(tally.quantity, int(figures.get("quantity", 0)))


def is_turn(order: Order) -> bool:
    """Tell whether an order has got its owner out of something: an exit, or a reversal, that has filled."""
    return order.filled > 0 and order.request.purpose is not Purpose.ENTRY


def _within(times: deque[int], after_ns: int) -> int:
    while times and times[0] <= after_ns:
        times.popleft()
    return len(times)

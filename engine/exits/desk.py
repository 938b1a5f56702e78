"""All who see to it that positions are left when and as they should be, of one session; told of orders, fills and time by it.

In a replay nothing is tried again and nothing audited: there the market itself is the law, and a backtest must trade the same.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from engine.closing import Closer
from engine.core.model import HAND, Fill, Order, OrderChange, OrderRequest, OrderUpdate, Position, Product, Purpose, TradingState
from engine.exits.cover import CoverAudit
from engine.exits.refused import Refused
from engine.exits.second import SecondTries
from engine.exits.timed import TimedExits
from engine.exits.triggers import Triggers
from engine.guard import Guard
from engine.position_tracker import BookKey
from engine.remainder import Remainders
from engine.session_parts import SessionParts
from engine.store.rows import Setting, StoreFailed

TIMES = "timed exits"
"""Name under which the store keeps when positions are to be closed."""

LOOKS_S = 1.0


class Door(Protocol):
    """What may be done: the session."""

    def submit(self, request: OrderRequest, *, by_hand: bool | None = None) -> Order:
        """Send an order past the rules."""
        ...

    def move_order(self, order_id: str, change: OrderChange, purpose: Purpose) -> None:
        """Change an order without asking the rules."""
        ...

    def on_order_update(self, update: OrderUpdate) -> None:
        """Take what the broker says of an order."""
        ...

    def warn(self, text: str) -> None:
        """Tell the trader what must be looked at."""
        ...


class Exits:
    """The exits of one session."""

    def __init__(self, parts: SessionParts, door: Door, guard: Guard, closer: Closer, tell: Callable[[str, str], None]) -> None:
        self._parts = parts
        self.remainders = Remainders(door, parts.orders, parts.broker, parts.clock, parts.tasks)
        self.refused = Refused(
            door, parts.orders, parts.positions, parts.risk.reservations, parts.broker, parts.clock, parts.tasks, self.remainders
        )
        self.second = SecondTries(
            door,
            parts.orders,
            parts.positions,
            parts.broker,
            parts.reconciler,
            parts.clock,
            parts.tasks,
            lambda: parts.risk.state is TradingState.HALTED,
        )
        self.triggers = Triggers(parts, guard, door.warn, self.remainders.see_through, door.on_order_update)
        self.cover = CoverAudit(guard, parts.orders, parts.positions, parts.wall, parts.risk.desk.is_open, tell, self.triggers.cover)
        self._closer = closer
        is_open = None if parts.is_replay else self._may_leave
        self.timed = TimedExits(parts.positions, parts.orders.order, self._leave, self._keep, tell, is_open=is_open)
        closer.is_busy, closer.is_once = self.is_busy, parts.is_replay

    def begin(self) -> None:
        """Take over the times of before a restart, and audit from now on; to be called once the books agree with the broker's."""
        try:
            kept = self._parts.store.settings().get(TIMES)
        except StoreFailed:
            kept = None
        self.timed.restore(kept if isinstance(kept, dict) else {})
        if not self._parts.is_replay:
            for order in self._parts.orders.working():
                self.second.on_order(order)
            self._parts.tasks.spawn(self.triggers.begin(), "triggers of before")
            self._parts.tasks.spawn(self._watch(), "audit protection", service=True)

    def is_busy(self, book: Position) -> bool:
        """Tell whether an exit of that position is being tried again."""
        return self.refused.is_busy(book) or self.second.is_busy(book)

    def on_order(self, order: Order) -> None:
        """Look at an order's new state."""
        self.remainders.on_order(order)
        if not self._parts.is_replay:
            self.refused.on_order(order)
            self.second.on_order(order)
            self.triggers.on_order(order)

    def on_fill(self, fill: Fill) -> None:
        """Take note of a fill that the positions know already."""
        self.timed.on_fill(fill)

    def _leave(self, owner: str, key: str, product: Product) -> None:
        """Close what is due: what a person holds as by hand, what a strategy holds as the replay of it does."""
        if owner == HAND:
            self._closer.flatten(owner, key, product)
        else:
            self._closer.leave(owner, key, product)

    def _may_leave(self, book: BookKey) -> bool:
        """Tell whether the market of what is due trades now."""
        held = self._parts.positions.open_books(book[2], book[1])
        return any(one.instrument.key == book[0] and self._parts.risk.desk.is_open(one.instrument) for one in held)

    async def _watch(self) -> None:
        while True:
            self.cover.look()
            await self._parts.wall.sleep(LOOKS_S)

    def _keep(self, times: object) -> None:
        try:
            self._parts.store.write(Setting(TIMES, times))
        except StoreFailed:
            return  # that nothing is kept any more has been told, and stops new risk

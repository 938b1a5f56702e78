"""Reads all that the broker has as of one moment: orders before and after must agree, and trades add up to what filled.

All or nothing: what cannot be read is unknown, never empty, and nothing of a reading that failed is used.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from engine.brokers.base import Broker, Funds
from engine.brokers.triggers import Gtt
from engine.core.errors import BrokerError
from engine.core.model import OrderUpdate, Position

WAITS_S = (0.5, 1.0, 2.0, 5.0, 10.0, 12.0)
"""How long is waited before the next try; together longer than a trade list may lag behind."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What the broker had at one moment."""

    updates: Sequence[OrderUpdate]
    held: Sequence[Position]
    shares: Mapping[str, int]
    """Quantity in the demat account by instrument key."""
    funds: Funds | None = None
    """The account's money; None where the broker does not tell."""
    triggers: Sequence[Gtt] = ()
    """Orders that wait there for a price, over days."""
    tries: int = 1

    @property
    def short(self) -> list[OrderUpdate]:
        """Orders of which more has filled than their trades tell."""
        return [update for update in self.updates if is_short(update)]


async def take(broker: Broker, pause: Callable[[float], Awaitable[None]], waits_s: Sequence[float] = WAITS_S) -> Snapshot:
    """Read until two lists of orders agree and trades add up; raises BrokerError when something cannot be read, or they never agree.

    `pause` waits so many seconds before the next try. Trades that are still missing after all waits are missing for good: the broker
    counts what it does not tell.
    """
    tries = 0
    while True:
        tries += 1
        before = list(await broker.orders())
        held = list(await broker.positions())
        shares = {holding.instrument.key: holding.quantity for holding in await broker.holdings()}
        funds = await broker.funds()
        triggers = list(await broker.gtts.all()) if broker.gtts is not None else []
        updates = list(await broker.orders())
        is_same = _state_of(before) == _state_of(updates)
        is_last = tries > len(waits_s)
        if is_same and (is_last or not any(map(is_short, updates))):
            return Snapshot(updates, held, shares, funds, triggers, tries)
        if is_last:
            raise BrokerError(f"Expected two lists of orders in a row to agree, {tries} never did; the books are compared again later.")
        await pause(waits_s[tries - 1])


def is_short(update: OrderUpdate) -> bool:
    """Tell whether more of an order has filled than its trades tell."""
    return update.filled > sum(fill.quantity for fill in update.fills)


def _state_of(updates: Sequence[OrderUpdate]) -> set[tuple[str, str | None, int]]:
    return {(update.broker_order_id or update.tag, update.status, update.filled) for update in updates}

"""Orders that wait at a broker for a price, over days: one trigger alone, or a pair of stop and target of which one ends the other.

Plain values, and what a broker that has such triggers does with them. They carry no tag: one is known by its number, or by what it asks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from engine.core.model import Instrument, Product, Side

SINGLE, TWO_LEG = "single", "two-leg"


@dataclass(frozen=True, slots=True)
class Leg:
    """A limit order that is placed when its trigger is reached."""

    trigger_price: float
    side: Side
    quantity: int
    price: float
    product: Product = Product.CNC
    outcome: str = ""
    """What became of it once triggered: the broker's order id, or why it was refused."""


@dataclass(frozen=True, slots=True)
class Gtt:
    """One trigger with one leg, or two of which the first reached cancels the other: stop first, then target."""

    instrument: Instrument
    legs: tuple[Leg, ...]
    last_price: float
    """When it was placed; the triggers of a pair lie on its two sides."""
    id: int = 0
    status: str = ""
    created_ns: int = 0

    @property
    def kind(self) -> str:
        """Name the kind as the broker does."""
        return TWO_LEG if len(self.legs) == 2 else SINGLE

    def is_same(self, other: Gtt) -> bool:
        """Tell whether another asks the very same."""
        return self.instrument.key == other.instrument.key and _terms(self) == _terms(other)


class TriggerDesk(Protocol):
    """The triggers of one account; errors are the BrokerErrors of `core.errors`."""

    async def place(self, gtt: Gtt) -> int:
        """Place a trigger; returns its number. After a lost answer it is looked for by what it asks; raises OutcomeUnknown without one."""
        ...

    async def modify(self, gtt: Gtt) -> None:
        """Replace all of a trigger by this one of the same number."""
        ...

    async def delete(self, number: int) -> None:
        """Take a trigger back."""
        ...

    async def all(self) -> Sequence[Gtt]:
        """List the triggers: the active ones, and those that ended lately."""
        ...


def _terms(gtt: Gtt) -> list[tuple[float, int, int, float, str]]:
    legs = sorted(gtt.legs, key=lambda leg: leg.trigger_price)
    return [(round(g.trigger_price, 4), int(g.side), g.quantity, round(g.price, 4), g.product.value) for g in legs]

"""What a pair of stop and target at the broker is to be for a position, and how it is known again: by what it asks, for it has no tag.

Pure. A pair is for what is carried over nights and has both prices; everything else is protected by orders of the day.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from engine.brokers.triggers import Gtt, Leg
from engine.core.grid import to_tick
from engine.core.model import Instrument, OrderRequest, OrderType, Product, Purpose, Side
from engine.protection import Plan
from engine.rules.market_protection import protection_pct

CARRIED = frozenset({Product.CNC, Product.NRML, Product.MTF})
"""Products whose positions outlive the day, and its orders."""

ACTIVE, TRIGGERED, DELETED = "active", "triggered", "deleted"

WINDOW_NS = 120_000_000_000
"""A trigger whose number nobody knows was made at most so long after it was asked for."""

EARLY_NS = 5_000_000_000
"""The broker's clock may be so far behind ours."""


@dataclass(frozen=True, slots=True)
class Pair:
    """Stop and target over a whole position."""

    quantity: int
    """Signed, as it is held."""
    stop: float
    target: float
    number: int = 0
    """At the broker; 0 = not known."""
    asked_ns: int = 0
    is_fired: bool = False
    """One of the two was reached: the broker has placed its order."""
    is_joined: bool = False
    """And that order was seen, and is the owner's."""

    def asks_same(self, other: Pair) -> bool:
        """Tell whether both ask the same of the broker."""
        return (self.quantity, self.stop, self.target) == (other.quantity, other.stop, other.target)


def pair_of(plan: Plan | None, product: Product, instrument: Instrument, quantity: int) -> Pair | None:
    """Return the pair that a plan comes to, None where it is a matter for orders: intraday, one price only, or too large for one order."""
    if plan is None or plan.stop is None or plan.target is None or quantity == 0 or product not in CARRIED:
        return None
    return None if instrument.must_slice(abs(quantity)) else Pair(quantity, plan.stop, plan.target)


def to_gtt(pair: Pair, instrument: Instrument, product: Product, last_price: float) -> Gtt:
    """Return what to ask of the broker: the stop's order is a limit far enough beyond its trigger to fill, the target's is its price."""
    side, quantity = (Side.SELL if pair.quantity > 0 else Side.BUY), abs(pair.quantity)
    tick = float(instrument.tick_size)
    beyond = max(tick, to_tick.plain(pair.stop * (1.0 + side * protection_pct(instrument, pair.stop) / 100.0), tick))
    legs = (Leg(pair.stop, side, quantity, beyond, product), Leg(pair.target, side, quantity, pair.target, product))
    return Gtt(instrument, legs, last_price, pair.number)


def joined(request: OrderRequest, owner: str, pair: Pair, instrument: Instrument, group: str) -> OrderRequest | None:
    """Return an order from elsewhere as its owner's, when it is the very order that one leg of a pair places; None when it is not."""
    gtt = to_gtt(pair, instrument, request.product, 0.0)
    for leg, purpose in zip(gtt.legs, (Purpose.STOP, Purpose.TARGET), strict=True):
        is_same = (leg.side, leg.quantity, leg.price) == (request.side, request.quantity, request.price)
        if is_same and request.order_type is OrderType.LIMIT:
            return replace(request, owner=owner, purpose=purpose, group=group)
    return None


def found_again(asked: Gtt, asked_ns: int, listed: Iterable[Gtt], known: Iterable[int]) -> Gtt | None:
    """Return the active trigger that was made of a request whose number nobody knows: by what it asks and when it was made."""
    taken = set(known)
    for one in listed:
        is_in_time = asked_ns - EARLY_NS <= one.created_ns <= asked_ns + WINDOW_NS
        if one.status == ACTIVE and one.id not in taken and is_in_time and one.is_same(asked):
            return one
    return None


def ending_of(row: Gtt | None) -> str:
    """Say what became of a trigger that is not active: why its order was refused, or the broker's word for it."""
    return "not listed" if row is None else next((leg.outcome for leg in row.legs if leg.outcome), row.status)


def wording(gtt: Gtt) -> dict[str, Any]:
    """Return what a trigger asks, as the journal keeps it."""
    legs = [[leg.trigger_price, leg.price, int(leg.side) * leg.quantity] for leg in gtt.legs]
    return {"key": gtt.instrument.key, "product": str(gtt.legs[0].product), "legs": legs, "last_price": gtt.last_price, "number": gtt.id}

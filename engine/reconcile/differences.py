"""Holds the broker's positions against ours, instrument by instrument and product by product, to the single share.

Pure. Shares bought for delivery are no position any more the next day, but lie in the demat account: those are ours still.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TypeAlias

from engine.core.grid import price_units
from engine.core.model import EXTERNAL, Fill, Order, OrderStatus, Position, Product, Purpose, Side
from engine.core.reconciliation import Difference

_DELIVERED = frozenset({Product.CNC, Product.MTF})
"""Products whose shares are delivered the next day."""

_UNSEEN = frozenset({OrderStatus.SENT, OrderStatus.ACKED, OrderStatus.UNKNOWN})
"""What an order is before any list of the broker's had it."""

_price_units = price_units.plain

Place: TypeAlias = tuple[str, Product]


def differences(
    held: Iterable[Position], own: Iterable[Position], shares: Mapping[str, int], unknown: Iterable[Order] = ()
) -> list[tuple[Difference, Position]]:
    """Return each position that differs, with the broker's; `unknown`: working orders, of which some may explain it."""
    theirs = {(position.instrument.key, position.product): position for position in held}
    ours = {(position.instrument.key, position.product): position for position in own}
    open_questions = _open_questions(unknown)
    found = []
    for place in sorted(theirs.keys() | ours.keys()):
        truth = theirs.get(place) or replace(ours[place], quantity=0)
        had = ours[place].quantity if place in ours else 0
        difference = truth.quantity - had
        if place[1] in _DELIVERED and difference < 0 < had:
            difference = min(0, difference + min(had, max(0, shares.get(place[0], 0))))
        if difference:
            least, most = open_questions.get(place, (0, 0))
            found.append((Difference(truth.instrument, place[1], had, had + difference, least <= difference <= most), truth))
    return found


def entry_of(difference: Difference, truth: Position, now_ns: int, number: int) -> Fill:
    """Make the entry that leads to the broker's position, at its average price, or at the last one when it is flat there."""
    return Fill(
        trade_id=f"adjust-{now_ns}-{number}",
        order_id="",
        instrument=truth.instrument,
        side=Side.BUY if difference.quantity > 0 else Side.SELL,
        quantity=abs(difference.quantity),
        price_units=_price_units(truth.average_price) if truth.quantity else truth.last_price_units,
        charges_units=0,
        time_ns=now_ns,
        product=truth.product,
        owner=EXTERNAL,
        purpose=Purpose.ENTRY,
    )


def _open_questions(unknown: Iterable[Order]) -> dict[Place, tuple[int, int]]:
    """Return between which signed quantities orders that nobody has seen listed may have changed a position.

    The broker's positions may know of a fill before its list knows of the order; taken over, it would be counted twice.
    """
    spans: dict[Place, tuple[int, int]] = {}
    for order in unknown:
        if order.status in _UNSEEN:
            place = (order.instrument.key, order.request.product)
            least, most = spans.get(place, (0, 0))
            signed = order.remaining * int(order.request.side)
            spans[place] = (least + min(0, signed), most + max(0, signed))
    return spans

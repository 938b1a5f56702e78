"""The contract note of the day: what the broker debits in the end, where shares bought and sold the same day were never delivered.

Each order's charges are rounded to the paisa; securities tax and stamp duty are whole rupees, on the sum of the day.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from tests.kite_exchange.charges import PAISA, charges_of
from tests.kite_exchange.orders import Order

HEADS = ("brokerage", "exchange", "sebi", "gst", "tax", "stamp")
RUPEE = Decimal(1)


def intraday_parts(orders: Iterable[Order]) -> dict[str, int]:
    """Return of each CNC order the quantity that was bought and sold the same day: the first of both sides are matched."""
    by_share: dict[str, list[Order]] = defaultdict(list)
    for order in orders:
        if order.product == "CNC" and order.filled:
            by_share[order.listing.key].append(order)
    parts: dict[str, int] = {}
    for dealt in by_share.values():
        matched = min(sum(one.filled for one in dealt if one.side == side) for side in (1, -1))
        for side in (1, -1):
            left = matched
            for one in dealt:
                if one.side == side:
                    parts[one.order_id] = min(left, one.filled)
                    left -= parts[one.order_id]
    return parts


def contract_note(orders: Iterable[Order]) -> dict[str, Any]:
    """Return the day's charges by head, in rupees as exact text, and their total."""
    dealt = [one for one in orders if one.filled]
    intraday = intraday_parts(dealt)
    heads = dict.fromkeys(HEADS, Decimal(0))
    for order in dealt:
        value = order.value * order.listing.multiplier
        inside = value * intraday.get(order.order_id, 0) // order.filled
        for part, is_intraday in ((inside, True), (value - inside, False)):
            charges = charges_of(order.listing, order.product, order.side, part, is_intraday)
            for head in HEADS:
                amount = getattr(charges, head)
                heads[head] += amount if head in ("tax", "stamp") else amount.quantize(PAISA, ROUND_HALF_UP)
    for head in ("tax", "stamp"):
        heads[head] = heads[head].quantize(RUPEE, ROUND_HALF_UP)
    return {**{head: str(amount) for head, amount in heads.items()}, "total": str(sum(heads.values()))}

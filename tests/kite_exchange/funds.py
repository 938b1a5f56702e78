"""How much an order needs and how much the account has: simple percentages that stand in for SPAN and exposure.

CNC needs the whole value, MTF half, MIS a fifth; futures and sold options 15 % of the contract (MIS a half of that);
bought options their premium.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from tests.kite_exchange.account import Position
from tests.kite_exchange.catalogue import Listing, rupees


@dataclass(frozen=True, slots=True)
class Need:
    """The margin of one order or position, in units."""

    span: int = 0
    exposure: int = 0
    premium: int = 0
    var: int = 0

    @property
    def total(self) -> int:
        """All of it."""
        return self.span + self.exposure + self.premium + self.var


def need_of(listing: Listing, product: str, side: int, quantity: int, price: int) -> Need:
    """Return the margin for dealing a quantity at a price in units."""
    value = quantity * price * listing.multiplier
    if listing.kind == "EQ":
        return Need(var=value // {"MIS": 5, "CO": 5, "MTF": 2}.get(product, 1))
    if listing.kind != "FUT" and side > 0:
        return Need(premium=value)
    notional = value if listing.kind == "FUT" else quantity * listing.strike * listing.multiplier
    part = notional // (2 if product == "MIS" else 1)
    return Need(span=part * 12 // 100, exposure=part * 3 // 100)


def held_by(position: Position) -> Need:
    """Return the margin an open position holds, at its cost."""
    if position.net == 0:
        return Need()
    side = 1 if position.net > 0 else -1
    if position.listing.kind == "EQ" and position.product == "CNC" and side < 0:
        return Need()
    return need_of(position.listing, position.product, side, abs(position.net), abs(position.cost // position.net))


def segment_of(listing: Listing) -> str:
    """Return which of the two purses pays."""
    return "commodity" if listing.exchange in ("MCX", "NCO") else "equity"


def margins_row(cash: int, positions: Iterable[Position], reserved: int) -> dict[str, Any]:
    """Return one segment of `/user/margins`; the `net` is what may still be used."""
    positions = list(positions)
    needs = [held_by(one) for one in positions]
    realised = sum(one.realised * one.listing.multiplier for one in positions if one.product != "CNC")
    span, exposure, premium, var = (sum(getattr(one, name) for one in needs) for name in ("span", "exposure", "premium", "var"))
    debits = span + exposure + premium + var + reserved - realised
    net = cash - debits
    return {
        "enabled": True,
        "net": rupees(net),
        "available": {
            "adhoc_margin": 0,
            "cash": rupees(cash),
            "opening_balance": rupees(cash),
            "live_balance": rupees(net),
            "collateral": 0,
            "intraday_payin": 0,
        },
        "utilised": {
            "debits": rupees(debits),
            "exposure": rupees(exposure),
            "m2m_realised": rupees(realised),
            "m2m_unrealised": 0,
            "option_premium": rupees(premium),
            "payout": 0,
            "span": rupees(span),
            "holding_sales": 0,
            "turnover": 0,
            "liquid_collateral": 0,
            "stock_collateral": 0,
            "delivery": rupees(var),
        },
    }

"""Sends no bare market order with real money: each carries how far from the last price it may fill at the worst."""

from __future__ import annotations

from engine.core.facts import Facts
from engine.core.model import Instrument, OrderRequest, OrderType
from engine.core.registry import rule

CODE = 25

AT_MARKET = frozenset({OrderType.MARKET, OrderType.SL_M})
"""Types of order that fill at whatever price there is."""

DEFAULT_PCT, CHEAP_OPTION_PCT, CHEAP = 2.0, 5.0, 100.0
"""How far an order at market may fill from the last price, in percent; more for an option that costs less than so many rupees."""


@rule(
    "market_protection",
    code=CODE,
    limit=1.0,
    unit="on",
    explain="Expected a market order of {symbol} with a market protection, was none, and this broker takes none; send a limit order.",
)
def check(facts: Facts, limit: float) -> int:
    """Return CODE when an entry at market would go out bare with real money, else 0; what closes something passes."""
    request = facts.request
    if not facts.is_live or not facts.opens or request.order_type not in AT_MARKET:
        return 0
    return CODE if request.market_protection is None else 0


def protection_pct(instrument: Instrument, price: float) -> float:
    """Return how far an order at market may fill from the last price, in percent, where nobody says."""
    return CHEAP_OPTION_PCT if instrument.is_option and price < CHEAP else DEFAULT_PCT


def worst_price(request: OrderRequest, price: float) -> float:
    """Return the price in rupees that an order may cost at the worst: above the last one for a protected buy at market."""
    if request.market_protection is None or request.side < 0 or request.order_type not in AT_MARKET:
        return price
    return price * (1.0 + request.market_protection / 100.0)

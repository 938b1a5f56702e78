"""Asks the trader again before an order much larger than the usual, or priced off the market, goes out: fingers slip."""

from __future__ import annotations

from engine.core.facts import Facts
from engine.core.registry import rule

CODE = 35

OFF_PCT, OPTION_OFF_PCT = 1.0, 10.0
"""A limit that pays so much more than the last price, in percent, is asked about; of options, which move more, the second."""


@rule(
    "unusual_order",
    code=CODE,
    limit=5.0,
    unit="times the usual value",
    explain="Expected an order like your others, was {unusual}; confirm it if it is meant.",
)
def check(facts: Facts, limit: float) -> int:
    """Return CODE when an order by hand was not confirmed and is unusual, else 0; `limit` is times the median value of earlier ones."""
    if not facts.by_hand or not facts.opens or facts.request.is_confirmed:
        return 0
    return CODE if is_large(facts, limit) or is_off(facts) else 0


def is_large(facts: Facts, limit: float) -> bool:
    """Tell whether it is worth more than so many times the usual; without earlier orders nothing is usual."""
    return 0 < limit * facts.usual_units < facts.request.quantity * facts.each_units


def is_off(facts: Facts) -> bool:
    """Tell whether its limit pays clearly more, or takes clearly less, than the market; a stop's limit is held against its trigger."""
    request = facts.request
    around = request.trigger_price or facts.last_price
    if request.price is None or around <= 0.0:
        return False
    off_pct = OPTION_OFF_PCT if request.instrument.is_option else OFF_PCT
    return request.side * (request.price - around) > around * off_pct / 100.0

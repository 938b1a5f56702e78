"""Lets nothing new through while the account only reduces, and only the trader's own exits while it is halted."""

from __future__ import annotations

from engine.core.facts import Facts
from engine.core.model import TradingState
from engine.core.registry import rule

CODE = 9


@rule(
    "trading_state",
    code=CODE,
    limit=1.0,
    unit="on",
    explain="{stopped} is {state}: {state_reason}; {way_out}.",
)
def check(facts: Facts, limit: float) -> int:
    """Return CODE when the trading state does not let the order pass, else 0."""
    if facts.state is TradingState.ACTIVE:
        return 0
    if facts.state is TradingState.REDUCING:
        return CODE if facts.opens else 0
    return 0 if facts.by_hand and not facts.opens else CODE

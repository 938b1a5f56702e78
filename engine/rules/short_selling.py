"""Sells for delivery only what is held, and lets nobody carry a short position in shares with real money."""

from __future__ import annotations

from engine.core.facts import Facts
from engine.core.model import InstrumentKind, Product
from engine.core.registry import rule

CODE = 11


@rule(
    "short_selling",
    code=CODE,
    limit=1.0,
    unit="on",
    explain="Expected to sell at most the {held} {symbol} held in {product}, was {quantity}; take MIS to sell short within the day.",
)
def check(facts: Facts, limit: float) -> int:
    """Return CODE when the order would sell short what cannot be sold short, else 0."""
    request = facts.request
    after = facts.held + min(0, facts.entering) + request.signed_quantity
    if request.side > 0 or after >= 0 or request.is_exit:
        return 0
    if request.product in (Product.CNC, Product.MTF):
        return CODE
    is_share = request.instrument.kind is InstrumentKind.EQUITY
    return CODE if facts.is_live and is_share and request.product is Product.NRML else 0

"""Fills in what an order leaves open before it is judged: what it does to a position, the price it was decided at, its protection.

A request that makes no sense is handed on as it is: the rules say what is wrong with it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from engine.brokers.base import Capabilities
from engine.core.errors import InvalidOrder
from engine.core.model import HAND, OrderRequest, Purpose
from engine.reservations import Reservations
from engine.risk_inputs import Desk
from engine.rules.market_protection import AT_MARKET, protection_pct
from engine.rules.sound_order import is_price, is_whole, unsound


def completed(request: OrderRequest, desk: Desk, reservations: Reservations, capabilities: Capabilities) -> tuple[OrderRequest, str | None]:
    """Return the request with purpose, reference price and market protection, and what is unsound about it ("" = nothing).

    It is the same one when nothing was left open. None as the fault: what was filled in has not been looked at yet.
    """
    if fault := unsound(request):
        return request, fault
    purpose, reference, protection = request.purpose, request.reference_price, request.market_protection
    if purpose is Purpose.ENTRY and request.owner == HAND:
        purpose = purpose_of(request, desk, reservations)
    if reference is None:
        reference = desk.last_price(request.instrument.key) or None
    if protection is None and capabilities.has_market_protection and request.order_type in AT_MARKET:
        protection = protection_pct(request.instrument, reference or 0.0)
    if purpose is request.purpose and reference is request.reference_price and protection is request.market_protection:
        return request, ""
    return replace(request, purpose=purpose, reference_price=reference, market_protection=protection), None


PRICES = ("price", "trigger_price", "reference_price", "stop", "target", "trail", "market_protection")


def showable(request: OrderRequest) -> OrderRequest:
    """Return an unsound request without the figures that cannot be written down: what was refused is shown all the same.

    Raises InvalidOrder when a field is of the wrong kind altogether: such a thing is no order.
    """
    left_out: dict[str, Any] = {name: None for name in PRICES if (price := getattr(request, name)) is not None and not is_price(price)}
    shown = replace(request, **left_out)
    if fault := unsound(replace(shown, quantity=1)):
        raise InvalidOrder(f"Expected {fault}")
    return shown if is_whole(request.quantity) else replace(shown, quantity=0)


def purpose_of(request: OrderRequest, desk: Desk, reservations: Reservations) -> Purpose:
    """Tell what the trader's order does to what the trader holds: an order against a position reduces it, or turns it round."""
    key, product = request.instrument.key, request.product
    held = desk.quantity_of(key, product, HAND)
    if held * request.side >= 0:
        return Purpose.ENTRY
    left = abs(held) - reservations.closing(key, product, HAND)
    return Purpose.EXIT if request.quantity <= left else Purpose.REVERSAL

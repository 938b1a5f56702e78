"""What Zerodha would block and charge for orders that were not placed: one by one, or together as a basket.

The broker's own reckoning; ours is an estimate beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from engine.brokers.zerodha.limiter import Call
from engine.brokers.zerodha.rest import KiteRest
from engine.core.model import OrderRequest, to_units


@dataclass(frozen=True, slots=True)
class Margin:
    """Money that an order would block, and what it would cost, in money units."""

    total_units: int
    charges_units: int
    span_units: int = 0
    exposure_units: int = 0
    premium_units: int = 0


@dataclass(frozen=True, slots=True)
class BasketMargin:
    """Money that several orders would block together: first in full, then as they protect each other."""

    initial_units: int
    final_units: int


class MarginDesk:
    """The broker's calculators."""

    def __init__(self, rest: KiteRest) -> None:
        self._rest = rest

    async def of_orders(self, requests: Sequence[OrderRequest]) -> list[Margin]:
        """Return what each order would block by itself, in their order."""
        said = await self._rest.read(Call.OTHER, "order_margins", [to_parameters(request) for request in requests])
        return [to_margin(row) for row in said]

    async def of_basket(self, requests: Sequence[OrderRequest], with_positions: bool = True) -> BasketMargin:
        """Return what all would block together, beside what is held already if asked."""
        # The client writes True with a capital, which the broker does not read: a word in small letters is one in every language.
        said = await self._rest.read(
            Call.OTHER, "basket_order_margins", [to_parameters(request) for request in requests], "true" if with_positions else "false"
        )
        return BasketMargin(_units(said.get("initial"), "total"), _units(said.get("final"), "total"))


def to_parameters(request: OrderRequest) -> dict[str, Any]:
    """Return the broker's fields of an order that is only asked about."""
    return {
        "exchange": request.instrument.exchange.value,
        "tradingsymbol": request.instrument.symbol,
        "transaction_type": request.side.name,
        "variety": request.variety.value,
        "product": request.product.value,
        "order_type": request.order_type.value,
        "quantity": request.quantity,
        "price": round(request.price or 0.0, 4),
        "trigger_price": round(request.trigger_price or 0.0, 4),
    }


def to_margin(row: dict[str, Any]) -> Margin:
    """Read what one order would block."""
    return Margin(
        _units(row, "total"),
        _units(row.get("charges"), "total"),
        _units(row, "span"),
        _units(row, "exposure"),
        _units(row, "option_premium"),
    )


def _units(row: Any, name: str) -> int:
    return to_units(round(float((row or {}).get(name) or 0.0), 4))

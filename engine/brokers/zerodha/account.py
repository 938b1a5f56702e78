"""Reads Zerodha's positions, holdings, funds and quotes in our words.

Pure. What the broker adds up differently from its parts is taken from the one figure that it stands by.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from engine.brokers.base import Funds, Holding
from engine.brokers.zerodha.orders import to_ns, whole
from engine.core.model import Instrument, Position, Product, Quote, to_units

RawRow = Mapping[str, Any]

_PRODUCTS = {str(product): product for product in Product}


def to_position(row: RawRow, instrument: Instrument) -> Position | None:
    """Return a net position; None for a product that this terminal does not know."""
    product = _PRODUCTS.get(str(row.get("product")))
    if product is None:
        return None
    multiplier = whole(row.get("multiplier")) or 1
    if multiplier != instrument.multiplier:
        instrument = replace(instrument, multiplier=multiplier)  # only here the broker tells how many units a lot of commodities is
    quantity = whole(row.get("quantity"))
    cost = quantity * multiplier * _number(row, "average_price")
    return Position(
        instrument=instrument,
        product=product,
        quantity=quantity,
        cost_units=to_units(round(cost, 4)),
        realised_units=to_units(round(_number(row, "sell_value") - _number(row, "buy_value") + cost, 4)),
        last_price_units=to_units(round(_number(row, "last_price"), 4)),
        bought=whole(row.get("buy_quantity")),
        sold=whole(row.get("sell_quantity")),
    )


def to_holding(row: RawRow, instrument: Instrument) -> Holding:
    """Return what is held for delivery, shares that arrive tomorrow and those bought on margin included."""
    mtf = row.get("mtf") or {}
    owned = whole(row.get("quantity")) + whole(row.get("t1_quantity"))
    return Holding(
        instrument=instrument,
        quantity=owned + whole(mtf.get("quantity")),
        sellable=max(0, owned - whole(row.get("used_quantity")) - whole(row.get("collateral_quantity"))),
        average_price=_number(row, "average_price"),
        last_price=_number(row, "last_price"),
        close_price=_number(row, "close_price"),
    )


def to_funds(said: RawRow) -> Funds:
    """Return the money of the account, equity and commodities together; what can be used is the broker's own `net`."""
    segments = [said[name] for name in ("equity", "commodity") if isinstance(said.get(name), dict)]
    enabled = [segment for segment in segments if segment.get("enabled", True)]

    def total(*path: str) -> int:
        amount = 0.0
        for segment in enabled:
            value: Any = segment
            for name in path:
                value = value.get(name, 0.0) if isinstance(value, dict) else 0.0
            amount += float(value or 0.0)
        return to_units(round(amount, 4))

    return Funds(
        available_units=total("net"),
        opening_units=total("available", "opening_balance"),
        collateral_units=total("available", "collateral"),
        used_units=total("utilised", "debits"),
    )


def to_quote(row: RawRow, instrument: Instrument) -> Quote:
    """Return a full quote."""
    ohlc, depth = row.get("ohlc") or {}, row.get("depth") or {}
    bids, asks = _levels(depth.get("buy")), _levels(depth.get("sell"))
    return Quote(
        instrument=instrument,
        last_price=_number(row, "last_price"),
        open=_number(ohlc, "open"),
        high=_number(ohlc, "high"),
        low=_number(ohlc, "low"),
        close=_number(ohlc, "close"),
        volume=whole(row.get("volume")),
        average_price=_number(row, "average_price"),
        oi=whole(row.get("oi")),
        bid=bids[0][0] if bids else 0.0,
        ask=asks[0][0] if asks else 0.0,
        bid_quantity=bids[0][1] if bids else 0,
        ask_quantity=asks[0][1] if asks else 0,
        bids=bids,
        asks=asks,
        time_ns=to_ns(row.get("timestamp")),
    )


def _levels(said: Any) -> tuple[tuple[float, int], ...]:
    """Return the levels of one side, best first, empty ones left out."""
    rows = said if isinstance(said, list) else []
    return tuple((_number(row, "price"), whole(row.get("quantity"))) for row in rows if whole(row.get("quantity")) > 0)


def _number(row: RawRow, name: str) -> float:
    """Read a figure without the noise of floating point, 0 for none."""
    return round(float(row.get(name) or 0.0), 4) + 0.0

"""Rows as Zerodha writes them, a few fields changed by the test."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from engine.core.model import Exchange, Instrument, InstrumentKind, Order, OrderRequest, OrderType, Product, Side

TAG = "L0100ABCDEFGHJKMNPQR"
INFY = Instrument(Exchange.NSE, "INFY", 408065, tick_size=Decimal("0.10"))
NIFTY_CE = Instrument(
    Exchange.NFO, "NIFTY26DEC24500CE", 9_000_962, name="NIFTY", kind=InstrumentKind.CALL, lot_size=65, freeze_quantity=1_800
)


def order_row(order_id: str = "1", status: str = "OPEN", **changes: Any) -> dict[str, Any]:
    """Return a row of the order list."""
    row = {
        "placed_by": "AB1234", "order_id": order_id, "exchange_order_id": "100", "parent_order_id": None, "status": status,
        "status_message": None, "status_message_raw": None, "order_timestamp": "2026-11-23 10:00:01",
        "exchange_update_timestamp": "2026-11-23 10:00:02", "exchange_timestamp": "2026-11-23 10:00:01", "variety": "regular",
        "modified": False, "exchange": "NSE", "tradingsymbol": "INFY", "instrument_token": 408065, "order_type": "LIMIT",
        "transaction_type": "BUY", "validity": "DAY", "validity_ttl": 0, "product": "MIS", "quantity": 10, "disclosed_quantity": 0,
        "price": 1500.1, "trigger_price": 0, "average_price": 0, "filled_quantity": 0, "pending_quantity": 10, "cancelled_quantity": 0,
        "market_protection": 0, "meta": {}, "tag": TAG, "guid": "x",
    }  # fmt: skip
    return row | changes


def trade_row(trade_id: str = "t1", order_id: str = "1", quantity: int = 10, price: float = 1500.0, **changes: Any) -> dict[str, Any]:
    """Return a row of the trade list."""
    row = {
        "trade_id": trade_id, "order_id": order_id, "exchange": "NSE", "tradingsymbol": "INFY", "instrument_token": 408065,
        "product": "MIS", "average_price": price, "quantity": quantity, "exchange_order_id": "100", "transaction_type": "BUY",
        "fill_timestamp": "2026-11-23 10:00:02", "order_timestamp": "10:00:01", "exchange_timestamp": "2026-11-23 10:00:02",
    }  # fmt: skip
    return row | changes


def an_order(order_type: OrderType = OrderType.LIMIT, instrument: Instrument = INFY, **changes: Any) -> Order:
    """Return an order about to leave: ten to buy within the day, unless said."""
    fields: dict[str, Any] = {"side": Side.BUY, "quantity": 10, "product": Product.MIS}
    if order_type in (OrderType.LIMIT, OrderType.SL):
        fields["price"] = 1500.1
    if order_type in (OrderType.SL, OrderType.SL_M):
        fields["trigger_price"] = 1500.0
    request = OrderRequest(instrument=instrument, order_type=order_type, **(fields | changes))
    return Order(TAG, request, quantity=request.quantity, price=request.price, trigger_price=request.trigger_price)

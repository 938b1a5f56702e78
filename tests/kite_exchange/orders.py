"""An order and a trade as the exchange keeps them, and as Kite shows them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any

from tests.kite_exchange.catalogue import Listing, rupees

FINAL = frozenset({"COMPLETE", "CANCELLED", "REJECTED"})
HISTORY_LACKS = ("guid", "meta", "tags", "placed_by", "instrument_token", "modified")


@dataclass(slots=True)
class Order:
    """One order; prices and value in units, quantity as Kite counts it."""

    order_id: str
    listing: Listing
    side: int  # 1 buy, -1 sell
    variety: str
    product: str
    order_type: str
    validity: str
    quantity: int
    price: int = 0
    trigger: int = 0
    disclosed: int = 0
    ttl_minutes: int = 0
    protection: str = "0"
    tag: str | None = None
    tags: list[str] = field(default_factory=list)
    meta: dict[str, Any] = field(default_factory=dict)
    parent_id: str | None = None
    placed_by: str = ""
    app_id: int = 1
    status: str = "PUT ORDER REQ RECEIVED"
    message: str | None = None
    exchange_id: str | None = None
    filled: int = 0
    value: int = 0  # units x quantity of the fills
    cancelled: int = 0
    modifications: int = 0
    stop_type: str = ""  # SL or SL-M until it has triggered
    asked_type: str = ""  # what it was placed as, where the exchange made a limit order of it
    time: str = ""
    exchange_time: str | None = None
    visible_ns: int = 0  # the order book shows it from then on
    opened_day: str = ""
    disguise: dict[str, Any] = field(default_factory=dict)  # what the row says instead, for a test
    limit: int = 0  # what it works at: the price, or the edge of the protection
    history: list[dict[str, Any]] = field(default_factory=list)

    @property
    def is_final(self) -> bool:
        """Whether nothing more can happen to it."""
        return self.status in FINAL

    @property
    def remaining(self) -> int:
        """Quantity that may still trade."""
        return 0 if self.is_final else self.quantity - self.filled

    def row(self) -> dict[str, Any]:
        """Return the row of the order book."""
        tags = ([self.tag] if self.tag else []) + self.tags
        row = {
            "account_id": "AB1234",
            "placed_by": self.placed_by,
            "order_id": self.order_id,
            "exchange_order_id": self.exchange_id,
            "parent_order_id": self.parent_id,
            "status": self.status,
            "status_message": self.message,
            "status_message_raw": self.message,
            "order_timestamp": self.time,
            "exchange_update_timestamp": self.exchange_time,
            "exchange_timestamp": self.exchange_time,
            "variety": self.variety,
            "modified": self.modifications > 0,
            "exchange": self.listing.exchange,
            "tradingsymbol": self.listing.symbol,
            "instrument_token": self.listing.token,
            "order_type": self.order_type,
            "transaction_type": "BUY" if self.side > 0 else "SELL",
            "validity": self.validity,
            "validity_ttl": self.ttl_minutes,
            "product": self.product,
            "quantity": self.quantity,
            "disclosed_quantity": self.disclosed,
            "price": rupees(self.price),
            "trigger_price": rupees(self.trigger),
            "average_price": self.average(),
            "filled_quantity": self.filled,
            "pending_quantity": self.remaining,
            "cancelled_quantity": self.cancelled,
            "market_protection": 0,
            "meta": self.meta,
            "tag": self.tag,
            "guid": f"{self.app_id}X{self.order_id[-8:]}",
        }
        return {**row, **({"tags": tags} if tags else {}), **self.disguise}

    def average(self) -> float:
        """Return the average price of the fills in rupees; 0 without one."""
        return rupees(self.value) / self.filled if self.filled else 0

    def note(self) -> None:
        """Write the present state into the order's history."""
        row = self.row()
        self.history.append({name: value for name, value in row.items() if name not in HISTORY_LACKS})


@dataclass(frozen=True, slots=True)
class Trade:
    """One execution."""

    trade_id: str
    order: Order
    quantity: int
    price: int
    time: str
    time_ns: int

    def row(self) -> dict[str, Any]:
        """Return the row of the trade book."""
        order = self.order
        return {
            "trade_id": self.trade_id,
            "order_id": order.order_id,
            "exchange_order_id": order.exchange_id,
            "exchange": order.listing.exchange,
            "tradingsymbol": order.listing.symbol,
            "instrument_token": order.listing.token,
            "product": order.product,
            "average_price": rupees(self.price),
            "quantity": self.quantity,
            "transaction_type": "BUY" if order.side > 0 else "SELL",
            "fill_timestamp": self.time,
            "order_timestamp": order.time[11:],
            "exchange_timestamp": self.time,
        }


def update_of(row: dict[str, Any], user_id: str, app_id: int, api_secret: str) -> dict[str, Any]:
    """Turn a row of the order book into the update that Kite sends of it."""
    update = {name: value for name, value in row.items() if name not in ("modified", "tags")}
    text = f"{row['order_id']}{row['order_timestamp']}{api_secret}"
    return {
        **update,
        "user_id": user_id,
        "app_id": app_id,
        "unfilled_quantity": row["pending_quantity"],
        "checksum": hashlib.sha256(text.encode()).hexdigest(),
    }

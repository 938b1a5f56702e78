"""Reads a row of Zerodha's order list, or one of its order messages, in our words.

Pure. A word that nobody knows changes nothing about an order's state; times without a zone are India's.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from engine.clock import IST_OFFSET_NS
from engine.core.model import (
    EXTERNAL,
    BrokerFill,
    Exchange,
    Instrument,
    OrderRequest,
    OrderStatus,
    OrderType,
    OrderUpdate,
    Pending,
    Product,
    Side,
    Validity,
    Variety,
)

S, P = OrderStatus, Pending

RawRow = Mapping[str, Any]

STATUSES: Mapping[str, tuple[OrderStatus | None, Pending | None]] = {
    "PUT ORDER REQ RECEIVED": (S.ACKED, None),
    "VALIDATION PENDING": (S.ACKED, None),
    "OPEN PENDING": (S.ACKED, None),
    # It rests at the broker until the market opens, and can be changed and cancelled there.
    "AMO REQ RECEIVED": (S.OPEN, P.NONE),
    "MODIFY AMO REQ RECEIVED": (S.OPEN, P.NONE),
    "OPEN": (S.OPEN, P.NONE),
    "TRIGGER PENDING": (S.TRIGGER, P.NONE),
    "MODIFY VALIDATION PENDING": (None, P.MODIFY),
    "MODIFY PENDING": (None, P.MODIFY),
    "CANCEL PENDING": (None, P.CANCEL),
    "MODIFIED": (None, P.NONE),
    "NOT MODIFIED": (None, P.NONE),
    "NOT CANCELLED": (None, P.NONE),
    # A message's word for a partial fill or a change; which of the two, the quantities tell.
    "UPDATE": (None, P.NONE),
    "COMPLETE": (S.FILLED, P.NONE),
    "CANCELLED": (S.CANCELLED, P.NONE),
    "CANCELLED AMO": (S.CANCELLED, P.NONE),
    "REJECTED": (S.REJECTED, P.NONE),
}
"""What each of the broker's words says of an order's status, and of what is pending; None says nothing."""

OUR_TAG = re.compile(r"^[A-Z][0-9A-HJKMNP-TV-Z]{19}$")
"""A letter and nineteen characters of Crockford's base32, as our order ids are."""

_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001  # as naive as what is subtracted from it
_PRODUCTS = {str(product): product for product in Product}
_TYPES = {str(order_type): order_type for order_type in OrderType}
_VALIDITIES = {str(validity): validity for validity in Validity}
_VARIETIES = {str(variety): variety for variety in Variety}


def to_update(
    row: RawRow, trades: Iterable[RawRow] = (), *, instrument: Instrument | None = None, is_snapshot: bool = False
) -> OrderUpdate:
    """Return what a row of the order list (or a message) and its trades say of one order.

    `instrument`: needed for the update to tell what the order asks, by which one that is not ours is adopted. `is_snapshot`: the row is
    of the list, read when it was asked for.
    """
    raw_status = str(row.get("status") or "")
    status, pending = STATUSES.get(raw_status, (None, None))
    filled = whole(row.get("filled_quantity"))
    if filled and status in (None, S.OPEN) and raw_status in STATUSES:
        status = S.PARTIAL
    return OrderUpdate(
        broker_order_id=str(row.get("order_id") or ""),
        tag=tag_of(row),
        status=status,
        filled=filled,
        fills=tuple(to_fill(trade) for trade in trades),
        pending=pending,
        quantity=whole(row.get("quantity")) or None,
        price=_price(row.get("price")),
        trigger_price=_price(row.get("trigger_price")),
        message=str(row.get("status_message") or row.get("status_message_raw") or ""),
        raw_status=raw_status,
        time_ns=time_of(row),
        is_snapshot=is_snapshot,
        request=to_request(row, instrument) if instrument is not None else None,
        average_price=_price(row.get("average_price")) or 0.0,
        raw="" if raw_status in STATUSES else json.dumps(dict(row), default=str, sort_keys=True),
    )


def to_fill(trade: RawRow) -> BrokerFill:
    """Return one execution; its id is unique within its order."""
    when = to_ns(trade.get("fill_timestamp")) or to_ns(trade.get("exchange_timestamp"))
    price = float(trade.get("average_price") or trade.get("price") or 0.0)
    return BrokerFill(str(trade["trade_id"]), whole(trade.get("quantity")), round(price, 4), when)


def to_request(row: RawRow, instrument: Instrument) -> OrderRequest | None:
    """Return what an order asks that was placed elsewhere; None for a kind that this terminal does not know."""
    product, order_type = _PRODUCTS.get(str(row.get("product"))), _TYPES.get(str(row.get("order_type")))
    if product is None or order_type is None:
        return None
    return OrderRequest(
        instrument=instrument,
        side=Side.SELL if row.get("transaction_type") == "SELL" else Side.BUY,
        quantity=whole(row.get("quantity")),
        order_type=order_type,
        product=product,
        price=_price(row.get("price")),
        trigger_price=_price(row.get("trigger_price")),
        validity=_VALIDITIES.get(str(row.get("validity")), Validity.DAY),
        disclosed_quantity=whole(row.get("disclosed_quantity")),
        owner=EXTERNAL,
        variety=_VARIETIES.get(str(row.get("variety")), Variety.REGULAR),
    )


def tag_of(row: RawRow) -> str:
    """Return the tag by which we know an order: ours where one of several is, else the first."""
    tags = [str(tag) for tag in [row.get("tag"), *_list(row.get("tags"))] if tag]
    return next((tag for tag in tags if OUR_TAG.match(tag)), tags[0] if tags else "")


def is_known(row: RawRow) -> bool:
    """Tell whether a row is of an exchange that this terminal trades on; the broker has more of them."""
    return str(row.get("exchange")) in Exchange.__members__


def is_slice(row: RawRow) -> bool:
    """Tell whether a row is one of several orders that the broker made of one: a leg of an iceberg, or a slice."""
    return row.get("variety") == "iceberg" or any(str(tag).startswith("autoslice") for tag in _list(row.get("tags")))


def time_of(row: RawRow) -> int:
    """Return when the broker last touched an order, UTC nanoseconds; whole seconds, 0 when the row does not say."""
    return max(to_ns(row.get("exchange_update_timestamp")), to_ns(row.get("order_timestamp")))


def to_ns(said: object) -> int:
    """Read a time of India's, text or datetime without a zone, as UTC nanoseconds; 0 for none."""
    if isinstance(said, str):
        try:
            said = datetime.fromisoformat(said)
        except ValueError:
            return 0
    if not isinstance(said, datetime) or said.year < 1971:
        return 0  # in place of no time the broker writes the year 1
    if said.tzinfo is not None:
        return round(said.timestamp() * 1e6) * 1_000
    since = said - _EPOCH
    return (since.days * 86_400_000_000 + since.seconds * 1_000_000 + since.microseconds) * 1_000 - IST_OFFSET_NS


def whole(said: object) -> int:
    """Read a quantity: the broker writes some as floats, and nothing as null."""
    return round(float(said)) if isinstance(said, int | float | str) and said != "" else 0


def _price(said: object) -> float | None:
    """Read a price; 0 stands for none."""
    price = float(said) if isinstance(said, int | float | str) and said != "" else 0.0
    return round(price, 4) if price > 0.0 else None


def _list(said: object) -> Sequence[object]:
    return said if isinstance(said, list | tuple) else ()

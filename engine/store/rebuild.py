"""Makes orders and executions anew out of the order journal alone, as they would stand in their tables.

What a line says of an order is whole, so its latest line is its row. Lines of an older Shikra say less: an order of theirs is named and
left out, never guessed. What is held and round trips follow from the executions, by the ledger's arithmetic.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from engine.core.ledger import TradeBuilder, apply
from engine.core.model import (
    Fill,
    Instrument,
    Order,
    OrderRequest,
    OrderStatus,
    OrderType,
    Pending,
    Position,
    Product,
    Purpose,
    Side,
    Trade,
    Validity,
)
from engine.store.rows import JournalEntry

BOOKED = (
    "trade_id", "order_id", "key", "side", "quantity", "price_units", "charges_units", "time_ns", "product", "owner", "purpose"
)  # fmt: skip
"""What a line says of an execution, in this order."""

_BEGINS = frozenset({"INTENT", "EXTERNAL", "DENIED"})
"""Lines that say what an order asks."""

_SAYS_LITTLE = frozenset({"SENT", "REPLACED", "INTENT"})
"""Lines of an order that need not say what has become of it."""

FillKey = tuple[str, str]
"""Order and trade."""


@dataclass(slots=True)
class Rebuilt:
    """What the journal says of one account."""

    orders: dict[str, Order] = field(default_factory=dict)
    """By id, those of which every line is whole."""
    fills: dict[FillKey, Fill] = field(default_factory=dict)
    """In the order in which they became known."""
    of_old: set[str] = field(default_factory=set)
    """Orders with lines of an older Shikra, which cannot be made of them; "" stands for executions without an order."""


def rebuild(lines: Iterable[JournalEntry], instrument_of: Callable[[str], Instrument]) -> dict[str, Rebuilt]:
    """Read a journal, oldest line first; returns what it says of each account.

    `instrument_of(key)` finds an instrument by its key and raises StoreFailed for one that nobody knows.
    """
    accounts: dict[str, Rebuilt] = {}
    for line in lines:
        _take(accounts.setdefault(line.account, Rebuilt()), line, instrument_of)
    for made in accounts.values():
        for order_id in made.of_old:
            made.orders.pop(order_id, None)
        made.fills = {key: fill for key, fill in made.fills.items() if fill.order_id not in made.of_old}
    return accounts


def _take(made: Rebuilt, line: JournalEntry, instrument_of: Callable[[str], Instrument]) -> None:
    said: Mapping[str, Any] = line.payload
    if line.kind in _BEGINS:
        if "created_ns" not in said:
            made.of_old.add(line.order_id)
            return
        made.orders[line.order_id] = _asked(line.order_id, said, instrument_of(said["key"]))
    if "now" in said:
        if line.order_id in made.orders:
            made.orders[line.order_id] = _become(made.orders[line.order_id], said["now"])
    elif line.order_id and line.kind not in _SAYS_LITTLE:
        made.of_old.add(line.order_id)
    elif line.kind in ("ADJUST", "ASSIGN") and "booked" not in said:
        made.of_old.add("")
    for booked in said.get("booked", ()):
        fill = _fill(dict(zip(BOOKED, booked, strict=True)), instrument_of)
        made.fills.setdefault((fill.order_id, fill.trade_id), fill)


def _asked(order_id: str, said: Mapping[str, Any], instrument: Instrument) -> Order:
    """Return the order that a line begins, as it stood when its line was written."""
    request = OrderRequest(
        instrument,
        Side(said["side"]),
        said["quantity"],
        OrderType(said["order_type"]),
        Product(said["product"]),
        said["price"],
        said["trigger_price"],
        validity=Validity(said.get("validity", Validity.DAY)),
        disclosed_quantity=said.get("disclosed_quantity", 0),
        owner=said["owner"],
        purpose=Purpose(said["purpose"]),
        reference_price=said["reference_price"],
        stop=said.get("stop"),
        target=said.get("target"),
        trail=said.get("trail"),
        group=said.get("group", ""),
    )
    return Order(
        id=order_id,
        request=request,
        status=OrderStatus.INTENT,
        quantity=request.quantity,
        price=request.price,
        trigger_price=request.trigger_price,
        created_ns=said["created_ns"],
        updated_ns=said["created_ns"],
    )


def _become(order: Order, now: Mapping[str, Any]) -> Order:
    """Return an order as a line says that it is now."""
    return replace(
        order,
        request=replace(order.request, owner=now["owner"], purpose=Purpose(now["purpose"])),
        status=OrderStatus(now["status"]),
        pending=Pending(now["pending"]),
        broker_order_id=now["broker_order_id"],
        quantity=now["quantity"],
        price=now["price"],
        trigger_price=now["trigger_price"],
        filled=now["filled"],
        filled_value_units=now["filled_value_units"],
        message=now["message"],
        modifications=now["modifications"],
        updated_ns=now["updated_ns"],
    )


def _fill(said: Mapping[str, Any], instrument_of: Callable[[str], Instrument]) -> Fill:
    return Fill(
        trade_id=said["trade_id"],
        order_id=said["order_id"],
        instrument=instrument_of(said["key"]),
        side=Side(said["side"]),
        quantity=said["quantity"],
        price_units=said["price_units"],
        charges_units=said["charges_units"],
        time_ns=said["time_ns"],
        product=Product(said["product"]),
        owner=said["owner"],
        purpose=Purpose(said["purpose"]),
    )


def books_of(fills: Iterable[Fill]) -> tuple[list[Position], list[Trade]]:
    """Return what each owner holds, flat ones of the past included, and the round trips, that executions come to in their order."""
    held: dict[tuple[str, Product, str], Position] = {}
    builders: dict[tuple[str, Product, str], TradeBuilder] = {}
    trades: list[Trade] = []
    for fill in fills:
        key = (fill.instrument.key, fill.product, fill.owner)
        held[key], _ = apply(held.get(key) or Position(fill.instrument, fill.product, fill.owner), fill)
        trade = builders.setdefault(key, TradeBuilder()).add(fill)
        if trade is not None:
            trades.append(trade)
    return list(held.values()), trades

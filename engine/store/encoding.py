"""How an order, a fill or a position becomes a row of its table, and a row the same noun again.

Rows are plain tuples in the order of the table's columns: what the writer's thread does per row is little more than one call of these.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

from engine.core.model import (
    Exchange,
    Fill,
    Instrument,
    InstrumentKind,
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
from engine.store.models import StoredFill, StoredInstrument, StoredOrder, StoredPosition, StoredTrade

Values = tuple[Any, ...]
Instruments = Callable[[Instrument], int]
"""Gives the row number of an instrument."""


def to_json(value: object) -> str:
    """Write JSON in one fixed way: the journal's hashes are made of it. What JSON does not know is written as its text."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str)


def encode_instrument(instrument: Instrument) -> Values:
    """Return the columns of `instruments` but its id, `identity` first."""
    columns = (
        str(instrument.exchange),
        instrument.symbol,
        instrument.token,
        instrument.name,
        str(instrument.kind),
        str(instrument.tick_size),
        instrument.lot_size,
        instrument.multiplier,
        instrument.expiry.isoformat() if instrument.expiry else None,
        str(instrument.strike),
        instrument.has_derivatives,
        instrument.freeze_quantity,
    )
    return (to_json(columns), *columns)


def decode_instrument(row: StoredInstrument) -> Instrument:
    """Return the instrument of a row."""
    return Instrument(
        Exchange(row.exchange),
        row.symbol,
        row.token,
        row.name,
        InstrumentKind(row.kind),
        Decimal(row.tick_size),
        row.lot_size,
        row.multiplier,
        date.fromisoformat(row.expiry) if row.expiry else None,
        Decimal(row.strike),
        row.has_derivatives,
        row.freeze_quantity,
    )


def encode_order(account: str, order: Order, instruments: Instruments) -> Values:
    """Return the columns of `orders`."""
    request = order.request
    return (
        account,
        order.id,
        instruments(request.instrument),
        request.owner,
        int(request.side),
        str(request.order_type),
        str(request.product),
        str(request.validity),
        str(request.purpose),
        request.quantity,
        request.price,
        request.trigger_price,
        request.disclosed_quantity,
        request.reference_price,
        request.stop,
        request.target,
        request.trail,
        request.group,
        str(order.status),
        str(order.pending),
        order.broker_order_id,
        order.quantity,
        order.price,
        order.trigger_price,
        order.filled,
        order.filled_value_units,
        order.message,
        order.reservation,
        order.created_ns,
        order.updated_ns,
        order.modifications,
    )


def decode_order(row: StoredOrder, instrument: Instrument) -> Order:
    """Return the order of a row."""
    request = OrderRequest(
        instrument=instrument,
        side=Side(row.side),
        quantity=row.asked_quantity,
        order_type=OrderType(row.order_type),
        product=Product(row.product),
        price=row.asked_price,
        trigger_price=row.asked_trigger_price,
        validity=Validity(row.validity),
        disclosed_quantity=row.disclosed_quantity,
        owner=row.owner,
        purpose=Purpose(row.purpose),
        reference_price=row.reference_price,
        stop=row.stop,
        target=row.target,
        trail=row.trail,
        group=row.order_group,
    )
    return Order(
        id=row.id,
        request=request,
        status=OrderStatus(row.status),
        pending=Pending(row.pending),
        broker_order_id=row.broker_order_id,
        quantity=row.quantity,
        price=row.price,
        trigger_price=row.trigger_price,
        filled=row.filled,
        filled_value_units=row.filled_value_units,
        message=row.message,
        reservation=row.reservation,
        created_ns=row.created_ns,
        updated_ns=row.updated_ns,
        modifications=row.modifications,
    )


def encode_fill(account: str, fill: Fill, instruments: Instruments) -> Values:
    """Return the columns of `fills` but its number."""
    return (
        account,
        fill.order_id,
        fill.trade_id,
        instruments(fill.instrument),
        int(fill.side),
        fill.quantity,
        fill.price_units,
        fill.charges_units,
        fill.time_ns,
        str(fill.product),
        fill.owner,
        str(fill.purpose),
    )


def decode_fill(row: StoredFill, instrument: Instrument) -> Fill:
    """Return the fill of a row."""
    return Fill(
        trade_id=row.trade_id,
        order_id=row.order_id,
        instrument=instrument,
        side=Side(row.side),
        quantity=row.quantity,
        price_units=row.price_units,
        charges_units=row.charges_units,
        time_ns=row.time_ns,
        product=Product(row.product),
        owner=row.owner,
        purpose=Purpose(row.purpose),
    )


def encode_trade(account: str, trade: Trade, instruments: Instruments) -> Values:
    """Return the columns of `trades` but its number."""
    return (
        account,
        instruments(trade.instrument),
        trade.owner,
        str(trade.product),
        trade.quantity,
        trade.entry_ns,
        trade.exit_ns,
        trade.entry_value_units,
        trade.exit_value_units,
        trade.pnl_units,
        trade.charges_units,
        str(trade.reason),
    )


def decode_trade(row: StoredTrade, instrument: Instrument) -> Trade:
    """Return the round trip of a row."""
    return Trade(
        instrument=instrument,
        owner=row.owner,
        product=Product(row.product),
        quantity=row.quantity,
        entry_ns=row.entry_ns,
        exit_ns=row.exit_ns,
        entry_value_units=row.entry_value_units,
        exit_value_units=row.exit_value_units,
        pnl_units=row.pnl_units,
        charges_units=row.charges_units,
        reason=Purpose(row.reason),
    )


def encode_position(account: str, position: Position, instruments: Instruments) -> Values:
    """Return the columns of `positions`."""
    return (
        account,
        position.instrument.key,
        str(position.product),
        position.owner,
        instruments(position.instrument),
        position.quantity,
        position.cost_units,
        position.realised_units,
        position.charges_units,
        position.last_price_units,
        position.bought,
        position.sold,
        position.updated_ns,
    )


def decode_position(row: StoredPosition, instrument: Instrument) -> Position:
    """Return the position of a row."""
    return Position(
        instrument=instrument,
        product=Product(row.product),
        owner=row.owner,
        quantity=row.quantity,
        cost_units=row.cost_units,
        realised_units=row.realised_units,
        charges_units=row.charges_units,
        last_price_units=row.last_price_units,
        bought=row.bought,
        sold=row.sold,
        updated_ns=row.updated_ns,
    )

"""Stands in for executions that a broker counts but does not tell, until it does: then the true ones take their place.

Pure. The same gap always makes the same entry, so that a restart makes no second one; where true trades and an entry for them are both
known, the true ones count.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

from engine.core.model import UNITS, BrokerFill, Fill, Order, OrderUpdate

_PREFIX = "inferred-"


def infer(order: Order, update: OrderUpdate, traded: int) -> BrokerFill | None:
    """Make the execution that is missing between the trades known (`traded` of them) and what has filled; None when none is.

    Its price brings the order to the broker's own average, or is the order's average so far, its limit, or the price at its decision.
    """
    missing = order.filled - traded
    if missing <= 0:
        return None
    value_units = round(update.average_price * UNITS) * order.filled - order.filled_value_units
    guess = order.filled_value_units / traded / UNITS if traded else order.price or order.request.reference_price or 0.0
    price = value_units / missing / UNITS if update.average_price > 0.0 and value_units > 0 else guess
    return BrokerFill(f"{_PREFIX}{order.filled}-{missing}", missing, round(price, 4), update.time_ns)


def is_inferred(trade_id: str) -> bool:
    """Tell whether an execution is one that the broker never told."""
    return trade_id.startswith(_PREFIX)


def replaced_by(update: OrderUpdate, known: Mapping[str, int]) -> Collection[str]:
    """Return which inferred executions the trades of an update, with those known, take the place of: all of them, or none yet."""
    inferred = [trade_id for trade_id in known if is_inferred(trade_id)]
    true = sum(quantity for trade_id, quantity in known.items() if not is_inferred(trade_id))
    true += sum({fill.trade_id: fill.quantity for fill in update.fills if fill.trade_id not in known}.values())
    return inferred if true >= max(map(_reach, inferred), default=0) else ()


def without_news(update: OrderUpdate, known: Mapping[str, int]) -> OrderUpdate:
    """Return an update without trades that are not known: an inferred execution stands for them until all are told."""
    return replace(update, fills=tuple(fill for fill in update.fills if fill.trade_id in known))


def settled(fills: Iterable[Fill]) -> list[Fill]:
    """Leave out inferred executions whose place true ones have taken."""
    fills = list(fills)
    true: dict[str, int] = {}
    for fill in fills:
        if not is_inferred(fill.trade_id):
            true[fill.order_id] = true.get(fill.order_id, 0) + fill.quantity
    return [fill for fill in fills if not is_inferred(fill.trade_id) or true.get(fill.order_id, 0) < _reach(fill.trade_id)]


def _reach(trade_id: str) -> int:
    """Return up to which filled quantity of its order an inferred execution stands for trades."""
    return int(trade_id.removeprefix(_PREFIX).split("-")[0])

"""Where an order may go from here, and what to believe when the broker's news comes late, twice or out of order.

`transition` is for what we do ourselves and follows the table, or raises. `advance` merges what the broker says: what is filled only
grows, an end is only left for a late fill or a live sighting, and the same news in any order leads to the same order.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from math import isfinite
from typing import Any

from engine.core.errors import InvalidTransition
from engine.core.model import BrokerFill, Order, OrderStatus, OrderUpdate, Pending, to_units

S = OrderStatus

_SIGHTED = frozenset({S.ACKED, S.TRIGGER, S.OPEN, S.PARTIAL, S.FILLED, S.CANCELLED, S.REJECTED, S.EXPIRED})
_LATE = frozenset({S.ACKED, S.TRIGGER, S.OPEN, S.PARTIAL, S.FILLED})

TRANSITIONS: Mapping[OrderStatus, frozenset[OrderStatus]] = {
    S.NEW: frozenset({S.DENIED, S.INTENT}),
    S.INTENT: _SIGHTED | {S.SENT, S.UNKNOWN, S.NOT_PLACED},
    S.SENT: _SIGHTED | {S.UNKNOWN, S.NOT_PLACED},
    S.UNKNOWN: _SIGHTED | {S.NOT_PLACED, S.OPERATOR},
    S.ACKED: _SIGHTED - {S.ACKED},
    S.TRIGGER: _SIGHTED - {S.ACKED, S.TRIGGER},
    S.OPEN: _SIGHTED - {S.ACKED, S.OPEN},
    S.PARTIAL: frozenset({S.PARTIAL, S.FILLED, S.CANCELLED, S.EXPIRED, S.REJECTED}),
    S.CANCELLED: _LATE,
    S.EXPIRED: _LATE | {S.CANCELLED},
    S.REJECTED: _LATE | {S.CANCELLED, S.EXPIRED},
    S.NOT_PLACED: _SIGHTED,
    S.OPERATOR: _SIGHTED,
    S.DENIED: _SIGHTED,
    S.FILLED: frozenset(),
}
"""From each status, those that may follow. What follows an end is the late truth of the broker, and comes with an alarm."""

_LIVE = (S.NEW, S.INTENT, S.SENT, S.UNKNOWN, S.ACKED, S.TRIGGER, S.OPEN, S.PARTIAL)
_ENDS = (S.DENIED, S.NOT_PLACED, S.OPERATOR, S.REJECTED, S.EXPIRED, S.CANCELLED, S.FILLED)
_RANK = {status: rank for ranked in (_LIVE, _ENDS) for rank, status in enumerate(ranked)}
"""How far on a status is among those of its kind; of two that are told the one further on stands."""

_OUR_OWN_VERDICTS = frozenset({S.DENIED, S.NOT_PLACED, S.OPERATOR})

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_PAIRS = [high + low for high in _CROCKFORD for low in _CROCKFORD]
_SHIFTS = range(90, -1, -10)
_NINE = (1 << 45) - 1
"""The largest number of nine characters."""


@dataclass(frozen=True, slots=True)
class Advance:
    """What an update led to: the order as it is now, the fills not seen before, and what the trader must be told."""

    order: Order
    new_fills: tuple[BrokerFill, ...] = ()
    alarms: tuple[str, ...] = ()
    is_regression: bool = False
    """The update was older than what is known: recorded, not applied."""
    is_ghost: bool = False
    """The order had ended, as far as was known, and is alive at the broker."""
    is_doubtful: bool = False
    """The broker tells of two different ends: it must be asked once more."""


def transition(order: Order, status: OrderStatus, now_ns: int, **changes: Any) -> Order:
    """Return the order in its next status, with further changes; raises InvalidTransition where the table has no way."""
    if status not in TRANSITIONS[order.status]:
        allowed = ", ".join(sorted(TRANSITIONS[order.status])) or "nothing"
        raise InvalidTransition(f"Order {order.id} is {order.status}: expected {allowed} to follow, was {status}.")
    return replace(order, status=status, updated_ns=max(order.updated_ns, now_ns), **changes)


def advance(order: Order, update: OrderUpdate, known_trades: Mapping[str, int], traded: int | None = None) -> Advance:
    """Merge what the broker says into what is known; `known_trades` holds the quantity of each of the order's trades by trade id.

    `traded`: what those come to, from a caller who keeps count; an order of many thousand trades is not added up for each of them.
    What is filled is the larger of the sum of all trades and every filled quantity that was reported. Which of two news is newer is
    told by the broker's clock alone.
    """
    new_fills = _unseen(update.fills, known_trades)
    before = sum(known_trades.values()) if traded is None else traded
    filled = max(order.filled, update.filled, before + sum(fill.quantity for fill in new_fills))
    is_newer = update.time_ns >= order.heard_ns
    quantity = _or(update.quantity, order.quantity) if is_newer else order.quantity
    status, alarms, is_regression = _merge(order, update, filled, quantity, is_newer)
    is_ghost = order.status.is_terminal and not status.is_terminal
    alarms = (*alarms, *_oddities(order, update, new_fills, filled, quantity))
    merged = replace(
        order,
        status=status,
        pending=_pending(order, update, status, is_newer),
        broker_order_id=order.broker_order_id or update.broker_order_id,
        quantity=quantity,
        price=_or(update.price, order.price) if is_newer else order.price,
        trigger_price=_or(update.trigger_price, order.trigger_price) if is_newer else order.trigger_price,
        filled=filled,
        filled_value_units=order.filled_value_units + sum(to_units(fill.price) * fill.quantity for fill in new_fills),
        message=update.message or order.message,
        updated_ns=max(order.updated_ns, update.time_ns),
        heard_ns=max(order.heard_ns, update.time_ns),
        # What was held for it was let go when it ended: it has to be counted anew.
        reservation=0 if is_ghost else order.reservation,
    )
    return Advance(
        merged,
        new_fills,
        alarms,
        is_regression,
        is_ghost=is_ghost,
        is_doubtful=_contradicts(order.status, update.status, filled, quantity),
    )


def new_order_id(env: str, owner: str, now_ms: int, random: bytes) -> str:
    """Make an order id that a broker carries as a tag: 20 characters of Crockford's base32.

    One for the environment, two for the owner, nine for the time in milliseconds, eight for five random bytes.
    """
    number = (zlib.crc32(owner.encode()) & 1023) << 85 | (now_ms & _NINE) << 40 | int.from_bytes(random[:5], "big")
    return env[:1].upper() + "".join([_PAIRS[number >> shift & 1023] for shift in _SHIFTS])[1:]


def _or(value: Any, otherwise: Any) -> Any:
    return otherwise if value is None else value


def _unseen(fills: tuple[BrokerFill, ...], known_trades: Mapping[str, int]) -> tuple[BrokerFill, ...]:
    unique = {
        fill.trade_id: fill if isfinite(fill.price) else replace(fill, price=0.0) for fill in fills if fill.trade_id not in known_trades
    }
    return tuple(sorted(unique.values(), key=lambda fill: fill.time_ns))


def _oddities(order: Order, update: OrderUpdate, new_fills: tuple[BrokerFill, ...], filled: int, quantity: int) -> Iterator[str]:
    """Say what must be looked at although it is taken as it is told."""
    if filled > max(quantity, order.filled):
        yield f"Order {order.id} filled {filled} of {quantity}: more than was asked; check the position at the broker."
    if len(update.parts) > 1 and quantity > order.quantity:
        count = len(update.parts)
        yield f"Order {order.id} became {count} at the broker, {quantity} in all, where {order.quantity} were asked; cancel the rest."
    for fill in new_fills:
        if not fill.price > 0.0:
            yield f"Order {order.id} filled {fill.quantity} at a price of {fill.price:g}; ask the broker at what price it really did."
    if update.raw:
        word = update.raw_status or "nothing"
        yield f'The broker says "{word}" of order {order.id}, which is no word known here; it counts as {order.status} until another comes.'


def _contradicts(known: OrderStatus, said: OrderStatus | None, filled: int, quantity: int) -> bool:
    """Tell whether the broker has told of two ends of which only one can be so."""
    if said is None or not (known.is_terminal and said.is_terminal) or known in _OUR_OWN_VERDICTS:
        return False
    return known is not said and filled < quantity


def _pending(order: Order, update: OrderUpdate, status: OrderStatus, is_newer: bool) -> Pending:
    if status.is_terminal:
        return Pending.NONE
    return update.pending if update.pending is not None and is_newer else order.pending


def _merge(order: Order, update: OrderUpdate, filled: int, quantity: int, is_newer: bool) -> tuple[OrderStatus, tuple[str, ...], bool]:
    """Return the status to believe, the alarms, and whether the update was a step back."""
    said = _said(update.status, filled, quantity, order)
    if said is None:
        return order.status, (), False
    if not order.status.is_terminal:
        is_step_back = not said.is_terminal and _RANK[said] < _RANK[order.status]
        if is_step_back and not (update.is_snapshot and is_newer and order.status is not S.PARTIAL):
            return order.status, (), True
        return said, (), False
    return _leave_end(order, update, said, filled)


def _said(status: OrderStatus | None, filled: int, quantity: int, order: Order) -> OrderStatus | None:
    """Read an update's status together with what is filled; None says nothing new."""
    if filled >= quantity > 0:
        return S.FILLED
    if status is not None and status.is_terminal:
        return status
    if filled > 0:
        return S.PARTIAL
    return status


def _leave_end(order: Order, update: OrderUpdate, said: OrderStatus, filled: int) -> tuple[OrderStatus, tuple[str, ...], bool]:
    """Decide what news is worth for an order that had ended: a snapshot proves it alive only if taken after its end was heard of."""
    late = f"Order {order.id} was {order.status} and is {said} at the broker, {filled} filled; check the position there."
    if said is order.status:
        return said, _late_fill(order, filled), False
    if said.is_terminal:
        kept = max(order.status, said, key=_RANK.__getitem__)
        return kept, (late,), kept is order.status
    is_ghost = order.status in _OUR_OWN_VERDICTS
    is_later = update.is_snapshot and update.time_ns > order.heard_ns
    if is_ghost or (is_later and update.status is not None and order.status is not S.FILLED):
        return said, (late,), False
    return order.status, _late_fill(order, filled), filled == order.filled


def _late_fill(order: Order, filled: int) -> tuple[str, ...]:
    if filled <= order.filled:
        return ()
    return (f"Order {order.id} was {order.status} when {filled - order.filled} more of it filled; check the position at the broker.",)

"""Decides which protective orders must rest for what is held: one stop and one target, over all of it, never more.

Pure decisions: a plan says at which prices a position is protected, `steps` what to place, change or cancel so that the resting
orders match it. An order whose last request is not answered yet is left alone until it is; the old protection stays till then.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import Enum
from typing import TypeAlias

from engine.core.facts import PROTECTIVE
from engine.core.grid import to_tick
from engine.core.model import Order, OrderChange, OrderRequest, OrderStatus, OrderType, Pending, Position, Product, Purpose, Side

S = OrderStatus

DELIVERED = frozenset({Product.CNC, Product.MTF})
"""Products whose shares a broker blocks for one sale at a time."""

_RESTING = frozenset({OrderStatus.OPEN, OrderStatus.TRIGGER, OrderStatus.PARTIAL})


@dataclass(frozen=True, slots=True)
class Plan:
    """At which prices a position is protected; None = not."""

    stop: float | None = None
    target: float | None = None
    trail: float | None = None
    """Distance in rupees at which the stop follows the price."""
    is_trailed: bool = False
    """The stop has come from following the price."""
    group: str = ""


@dataclass(frozen=True, slots=True)
class Place:
    """Send a protective order."""

    request: OrderRequest


@dataclass(frozen=True, slots=True)
class Change:
    """Change a resting protective order."""

    order_id: str
    change: OrderChange
    purpose: Purpose


@dataclass(frozen=True, slots=True)
class Cancel:
    """Take a protective order back."""

    order_id: str


class Laid(Enum):
    """Who protects a position."""

    BY_ORDERS = "by orders"
    THERE = "at the broker"
    """A trigger that waits there."""
    FIRED = "fired"
    """The order of such a trigger, which is not to be touched."""


Step: TypeAlias = Place | Change | Cancel


def after_entry(plan: Plan | None, request: OrderRequest, fill_price: float, held: int, group: str) -> Plan:
    """Return the plan after an owner's order filled and `held` (signed, not 0) is what is held now; None = it was flat, or turned.

    What the order does not say stays as it was planned. A trailing stop begins at the fill's price.
    """
    kept = plan or Plan(group=group)
    planned = moved(kept, tick_of(request), stop=request.stop, target=request.target, trail=request.trail)
    return planned if request.trail is None else trailed(planned, tick_of(request), held, fill_price)


def moved(plan: Plan, tick: float, *, stop: float | None = None, target: float | None = None, trail: float | None = None) -> Plan:
    """Return the plan with other prices; None leaves one where it is."""
    if stop is not None:
        plan = replace(plan, stop=to_tick(stop, tick), is_trailed=False)
    if target is not None:
        plan = replace(plan, target=to_tick(target, tick))
    return plan if trail is None else replace(plan, trail=trail)


def trailed(plan: Plan, tick: float, held: int, price: float) -> Plan:
    """Return the plan with the stop drawn after a price (the high for a long position, the low for a short one), never back."""
    if plan.trail is None or held == 0:
        return plan
    stop = to_tick(price - plan.trail if held > 0 else price + plan.trail, tick)
    is_tighter = plan.stop is None or (stop > plan.stop if held > 0 else stop < plan.stop)
    return replace(plan, stop=stop, is_trailed=True) if is_tighter else plan


def leads_to(request: OrderRequest, held: int) -> bool:
    """Tell whether what is held is on the side that an order leads to: an exit that leaves some is against it, all others are with it.

    Until then, a part of a reversal having filled, the old protection stays.
    """
    return held != 0 and (request.is_exit == (held * request.side < 0))


def exit_of(book: Position, purpose: Purpose, quantity: int | None = None) -> OrderRequest:
    """Return the order at market that closes a position, or so much of it; in slices where the exchange wants them."""
    quantity = abs(book.quantity) if quantity is None else quantity
    return OrderRequest(
        instrument=book.instrument,
        side=Side.SELL if book.quantity > 0 else Side.BUY,
        quantity=quantity,
        product=book.product,
        owner=book.owner,
        purpose=purpose,
        is_sliced=book.instrument.must_slice(quantity),
    )


def tick_of(request: OrderRequest) -> float:
    """Return the tick of what an order is for."""
    return float(request.instrument.tick_size)


def steps(position: Position, plan: Plan | None, working: Iterable[Order], *, is_stop_first: bool = False) -> list[Step]:
    """Return what leads from the owner's working orders in the instrument and product to the plan for its position.

    `is_stop_first`: the broker may let only one of stop and target rest, so no target goes out before the stop stands.
    """
    resting = [order for order in working if order.request.purpose in PROTECTIVE and order.status.is_working]
    stops = [order for order in resting if order.request.purpose is not Purpose.TARGET]
    targets = [order for order in resting if order.request.purpose is Purpose.TARGET]
    if plan is None or position.quantity == 0:
        return [Cancel(order.id) for order in resting if order.pending is not Pending.CANCEL]
    made = _leg(position, plan, plan.stop, stops, is_stop=True)
    if is_stop_first and plan.stop is not None and not targets and not any(order.status in _RESTING for order in stops):
        return made
    return [*made, *_leg(position, plan, plan.target, targets, is_stop=False)]


def _leg(position: Position, plan: Plan, price: float | None, resting: list[Order], *, is_stop: bool) -> list[Step]:
    side = Side.SELL if position.quantity > 0 else Side.BUY
    mine = [order for order in resting if order.request.side is side and order.pending is not Pending.CANCEL] if price is not None else []
    made: list[Step] = [Cancel(order.id) for order in resting if order not in mine[:1] and order.pending is not Pending.CANCEL]
    if price is None:
        return made
    place = Place(_request(position, plan, price, side, is_stop=is_stop))
    if not mine:
        return [*made, place]
    if position.instrument.must_slice(mine[0].filled + abs(position.quantity)) and not mine[0].request.is_sliced:
        # What was one order, with what has filled of it, is to be several now.
        return [*made, Cancel(mine[0].id), place]
    change = _difference(mine[0], price, abs(position.quantity), is_stop=is_stop)
    return made if change is None else [*made, Change(mine[0].id, change, _purpose(plan, is_stop=is_stop))]


def _difference(order: Order, price: float, quantity: int, *, is_stop: bool) -> OrderChange | None:
    """Return what must change about a resting order, None when nothing must, or nothing can be now."""
    if order.status not in _RESTING or order.pending is not Pending.NONE:
        return None
    # A stop that was triggered is an order at market now: its trigger means nothing any more.
    is_triggered = is_stop and order.status is not OrderStatus.TRIGGER
    now = order.trigger_price if is_stop else order.price
    wanted_price = None if is_triggered or now == price else price
    wanted_quantity = None if order.remaining == quantity else order.filled + quantity
    if wanted_price is None and wanted_quantity is None:
        return None
    return OrderChange(wanted_quantity, None, wanted_price) if is_stop else OrderChange(wanted_quantity, wanted_price)


def _purpose(plan: Plan, *, is_stop: bool) -> Purpose:
    if not is_stop:
        return Purpose.TARGET
    return Purpose.TRAIL if plan.is_trailed else Purpose.STOP


def _request(position: Position, plan: Plan, price: float, side: Side, *, is_stop: bool) -> OrderRequest:
    return OrderRequest(
        instrument=position.instrument,
        side=side,
        quantity=abs(position.quantity),
        order_type=OrderType.SL_M if is_stop else OrderType.LIMIT,
        product=position.product,
        price=None if is_stop else price,
        trigger_price=price if is_stop else None,
        owner=position.owner,
        purpose=_purpose(plan, is_stop=is_stop),
        trail=plan.trail if is_stop else None,
        group=plan.group,
        is_sliced=position.instrument.must_slice(abs(position.quantity)),
    )


def plan_of_before(orders: list[Order], held: int) -> Plan | None:
    """Read a plan off the orders of before (oldest first): each leg off what was placed for it, or off the entry when nothing was yet."""
    entries = [o for o in orders if o.filled and o.request.purpose in (Purpose.ENTRY, Purpose.REVERSAL)]
    since_ns = entries[-1].created_ns if entries else 0
    placed = [o for o in orders if o.request.purpose in PROTECTIVE and o.request.side * held < 0]
    guards = [o for o in placed if o.created_ns >= since_ns or o.status.is_working]
    plan = _asked_for(entries[-1], guards, held) if entries else None
    for order in guards:
        if order.status.is_working or order.status in (S.EXPIRED, S.NOT_PLACED):
            plan = plan or Plan(group=order.request.group)
            if order.request.purpose is Purpose.TARGET:
                plan = replace(plan, target=order.price)
            else:
                is_trailed = order.request.purpose is Purpose.TRAIL
                plan = replace(plan, stop=order.trigger_price, trail=order.request.trail, is_trailed=is_trailed)
    return plan


def _asked_for(entry: Order, guards: list[Order], held: int) -> Plan | None:
    """Return what an entry asked for and nothing was placed for yet: the end may have come between its stop and its target."""
    asked = entry.request
    has_target = any(order.request.purpose is Purpose.TARGET for order in guards)
    has_stop = any(order.request.purpose is not Purpose.TARGET for order in guards)
    target = None if has_target else asked.target
    stop, trail = (None, None) if has_stop else (asked.stop, asked.trail)
    if (stop, target, trail) == (None, None, None):
        return None
    return after_entry(None, replace(asked, stop=stop, target=target, trail=trail), entry.average_price, held, entry.id)

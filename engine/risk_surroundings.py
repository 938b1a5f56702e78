"""What surrounds an entry: the account's other orders, who holds against it, what covers it, what the trader usually sends.

Only what a given limit looks at is gathered, in plain numbers; exits are not looked at here, for they pass.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Mapping

from engine.core.facts import Facts
from engine.core.model import HAND, UNITS, Order, OrderRequest, OrderStatus, OrderType, Side
from engine.reservations import Reservations
from engine.risk_inputs import Desk, Traffic
from engine.rules import spread
from engine.rules.market_protection import AT_MARKET, protection_pct

USUAL_OF, USUAL_FROM = 50, 5
"""Out of how many of the trader's last entries the usual value is made, and how many it takes to tell."""


class Surroundings:
    """The gathering of what lies around one entry."""

    def __init__(self, desk: Desk, reservations: Reservations, traffic: Traffic) -> None:
        self._desk = desk
        self._reservations = reservations
        self._traffic = traffic
        self._values: deque[int] = deque(maxlen=USUAL_OF)

    def tell(self, facts: Facts, limits: Mapping[str, float], now_ns: int) -> None:
        """Fill in what the given limits look at."""
        desk, request = self._desk, facts.request
        instrument = request.instrument
        facts.not_listed = desk.not_listed(instrument)
        if "entry_hours" in limits:
            facts.entry_hours = desk.entry_hours(instrument)
        if request.price is not None and "price_collar" in limits and not instrument.has_derivatives:
            facts.close = desk.day_close(instrument.key)
        if "messages_a_minute" in limits:
            facts.messages_minute = self._traffic.messages_in_minute(now_ns)
        if self._reservations and ("max_open_orders" in limits or "max_open_orders_symbol" in limits or "max_open_value" in limits):
            self._count(facts)
        if "own_orders" in limits or "opposing_owners" in limits:
            self._look_across(facts)
        if request.side is Side.SELL and instrument.is_option and "short_option" in limits:
            facts.uncovered = self._uncovered(request, facts.entering)
        if "spread" in limits:
            self._look_at_spread(facts, limits["spread"])
        if "restricted" in limits:
            facts.restricted, remark = desk.restricted(instrument)
            facts.remark = remark or facts.remark
        if "margin_use" in limits:
            facts.margin_pct = desk.margin_pct
        if facts.by_hand and "unusual_order" in limits:
            facts.usual_units = self.usual_units()

    def note(self, facts: Facts) -> None:
        """Take note of an entry by hand that was allowed."""
        self._values.append(facts.request.quantity * facts.each_units)

    def recall(self, orders: Iterable[Order]) -> None:
        """Learn from orders of before what the trader usually sends."""
        for order in orders:
            request = order.request
            price = order.average_price or request.price or request.trigger_price or request.reference_price
            if request.owner == HAND and not request.is_exit and order.status is not OrderStatus.DENIED and price:
                self._values.append(round(request.quantity * price * UNITS) * request.instrument.multiplier)

    def usual_units(self) -> int:
        """Return the median value of the trader's last entries in money units, 0 while there are too few."""
        values = self._values
        return sorted(values)[len(values) // 2] if len(values) >= USUAL_FROM else 0

    def _count(self, facts: Facts) -> None:
        key, count, here, units = facts.request.instrument.key, 0, 0, 0
        for kept in self._reservations:
            if not kept.is_protective:
                count += 1
                here += kept.key == key
                if not kept.is_exit:
                    units += kept.held_units
        facts.open_orders, facts.open_orders_here, facts.open_units = count, here, units

    def _look_across(self, facts: Facts) -> None:
        """Look for orders and positions of the account on the other side."""
        request = facts.request
        key, side, owner, product = request.instrument.key, request.side, request.owner, request.product
        facts.opposed = self._desk.opposed_by(key, product, owner, side)
        reach = math.nan
        for kept in self._reservations:
            if kept.key != key or kept.quantity * side >= 0:
                continue
            if not kept.is_exit and kept.owner != owner and kept.product is product and not facts.opposed:
                facts.opposed = f"an order of {kept.owner} for {kept.quantity:+d}"
            if kept.is_waiting or request.order_type in (OrderType.SL, OrderType.SL_M):
                continue
            if math.isnan(reach):
                reach = _reach(request, facts.price)
            if kept.price is None or side * (reach - kept.price) >= 0.0:
                at = "market" if kept.price is None else f"{kept.price:g}"
                facts.crossed = f"{kept.owner} for {kept.quantity:+d} at {at}"

    def _uncovered(self, request: OrderRequest, entering: int) -> int:
        """Return how much would be short of a kind of option, of one underlying, beyond what is held of it and expires no sooner."""
        written, held = request.instrument, 0
        short = cover = 0
        for instrument, quantity in self._desk.options_like(written):
            if instrument.key == written.key:
                held += quantity
            elif quantity < 0:
                short -= quantity
            elif _covers(instrument.expiry, written.expiry):
                cover += quantity
        for kept in self._reservations:
            option = kept.instrument
            if kept.key == written.key or kept.quantity > 0 or (option.kind, option.name) != (written.kind, written.name):
                continue
            if kept.is_exit:
                cover += 0 if kept.is_protective else kept.quantity
            else:
                short -= kept.quantity
        after = held + entering - request.quantity
        return max(0, short - after - cover) if after < 0 else 0

    def _look_at_spread(self, facts: Facts, limit: float) -> None:
        facts.spread_pct = wide = self._desk.spread_pct(facts.request.instrument.key)
        if limit * spread.WARN_PART < wide <= limit:
            facts.remark = f"Bid and offer of {facts.request.instrument.symbol} are {wide:.1f} % apart; expect a poor price."


def _covers(expiry: object, written: object) -> bool:
    return expiry is None or written is None or expiry >= written  # type: ignore[operator]  # both are dates


def _reach(request: OrderRequest, price: float) -> float:
    """Return the worst price that an order may fill at: its limit, or as far from the last price as its protection goes."""
    if request.order_type not in AT_MARKET:
        return request.price or price
    pct = request.market_protection or protection_pct(request.instrument, price)
    return price * (1.0 + request.side * pct / 100.0)

"""Asks the rules about one order, one after the other, with all that they may want to know.

Gathers first, asks then: a rule is a pure function of what was gathered. Whatever is not known is worded so that it refuses.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from engine.core.facts import Facts
from engine.core.grid import price_units
from engine.core.limits import free_cash, opened_by
from engine.core.model import EXTERNAL, Account, OrderRequest, Product, Verdict
from engine.core.records import Row
from engine.reservations import ANYONE, Reservations
from engine.risk_inputs import SECOND_NS, Desk, Traffic
from engine.risk_limits import Latches, Limits
from engine.risk_surroundings import Surroundings
from engine.risk_words import explain
from engine.rules.market_protection import worst_price
from engine.unclear import Unclear

_price_units, _opened_by, _free_cash = price_units.plain, opened_by.plain, free_cash.plain


@dataclass(slots=True)
class _Figures:
    """What rules about money look at, ACCOUNT, POSITION and ORDER by their fields' names; filled in anew for each order.

    Making such a thing costs more than a rule: there is one of each.
    """

    capital: int = 0
    cash: int = 0
    charges: int = 0
    contract_lot: int = 0
    day_start: int = 0
    equity: int = 0
    fills: int = 0
    is_exit: int = 0
    open_orders: int = 0
    other_positions: int = 0
    peak: int = 0
    price: int = 0
    quantity: int = 0
    realised: int = 0


class RiskCheck:
    """The gathering of facts and the asking."""

    def __init__(self, desk: Desk, reservations: Reservations, traffic: Traffic) -> None:
        self.unclear = Unclear()
        """In what nothing more may be opened."""
        self.surroundings = Surroundings(desk, reservations, traffic)
        """What the trader usually sends, and what else lies around an entry."""
        self._desk = desk
        self._reservations = reservations
        self._traffic = traffic
        self._account, self._position, self._order = _Figures(), _Figures(), _Figures()

    def facts(self, request: OrderRequest, latches: Latches, by_hand: bool, now_ns: int, limits: Mapping[str, float]) -> Facts:
        """Gather what rules without records look at; what is dear to find out is asked only for a rule that is given."""
        desk, traffic, instrument, owner = self._desk, self._traffic, request.instrument, request.owner
        key, product, is_entry = instrument.key, request.product, not request.is_exit
        alike_s = limits.get("duplicate_order") if is_entry else None
        soon, repeats = (0, 0) if alike_s is None else traffic.repeats(request, now_ns, round(alike_s * SECOND_NS))
        entering, closing = self._reservations.pending(key, product, owner, request.side)
        facts = Facts(
            request,
            by_hand,
            desk.is_live,
            latches.state,
            latches.reason,
            desk.quantity_of(key, product, owner),
            closing,
            entering,
            desk.last_price(key),
            desk.quote_age_s(key),
            not is_entry or "market_hours" not in limits or desk.is_open(instrument),
            is_entry and product is Product.MIS and desk.is_past_square_off(instrument),
            traffic.messages(now_ns),
            soon,
            repeats,
        )
        if 0.0 < facts.price < math.inf:
            facts.each_units = _price_units(worst_price(request, facts.price)) * instrument.multiplier
        if is_entry:
            facts.unclear = self.unclear.why(owner, key) if self.unclear else ""
            self.surroundings.tell(facts, limits, now_ns)
        elif outside := desk.quantity_of(key, product, EXTERNAL):
            # What came from elsewhere is closed as far as owners here hold its other side: closing it would open that anew.
            other = outside if owner != EXTERNAL else desk.quantity_of(key, product, ANYONE) - outside
            facts.elsewhere = max(0, other * request.side)
        return facts

    def refusal(self, facts: Facts, limits: Limits, owner: str) -> Verdict | None:
        """Return what the first rule that refuses says, None when all let it pass; `owner` is whose money is looked at."""
        for rule, limit, refuses in limits.to_ask(facts):
            if refuses(facts, limit):
                return Verdict(False, rule.name, explain(rule, limit, facts))
        if not facts.opens or not limits.money:
            return None
        account, row, position, order = self._rows(facts, owner)
        for rule, limit, breaks in limits.money:
            if breaks(row, position, order, limits.row):
                return Verdict(False, rule.name, explain(rule, limit, facts, account, position, row.cash))
        return None

    def opened_units(self, facts: Facts) -> int:
        """Return the money that the order binds when it fills; 0 for an exit."""
        if not facts.opens:
            return 0
        return _opened_by(facts.held + facts.entering, facts.request.signed_quantity) * facts.each_units

    def _rows(self, facts: Facts, owner: str) -> tuple[Account, Row, Row, Row]:
        """Return the owner's account, and what rules look at: ACCOUNT, POSITION and ORDER by their fields' names."""
        request, kept = facts.request, self._reservations
        key, product = request.instrument.key, request.product
        account = self._desk.account_of(owner)
        orders, reserved, others = kept.load(owner)
        others |= self._desk.held_keys(owner)
        others.discard((key, product))
        row, position, order = self._account, self._position, self._order
        row.cash = _free_cash(account.equity_units, account.exposure_units, reserved)
        row.equity, row.peak, row.day_start = account.equity_units, account.peak_units, account.day_start_units
        row.realised, row.charges, row.fills = account.realised_units, account.charges_units, account.fills
        row.capital, row.open_orders, row.other_positions = account.capital_units, orders, len(others)
        is_own = owner == request.owner
        entering = facts.entering if is_own else kept.pending(key, product, owner, request.side)[0]
        position.quantity = (facts.held if is_own else self._desk.quantity_of(key, product, owner)) + entering
        order.quantity, order.price, order.is_exit = request.signed_quantity, facts.each_units, 0
        order.contract_lot = request.instrument.contract_lot
        return account, row, position, order

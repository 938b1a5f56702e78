"""Asks the rules about one order, one after the other, with all that they may want to know.

Gathers first, asks then: a rule is a pure function of what was gathered. Whatever is not known is worded so that it refuses.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace

from engine.core.facts import Facts
from engine.core.grid import price_units
from engine.core.limits import free_cash, opened_by
from engine.core.model import Account, OrderRequest, Product, Verdict
from engine.core.records import Row
from engine.reservations import Reservations
from engine.risk_inputs import MINUTE_NS, SECOND_NS, Desk, Traffic, explain
from engine.risk_limits import Latches, Limits


class RiskCheck:
    """The gathering of facts and the asking."""

    def __init__(self, desk: Desk, reservations: Reservations, traffic: Traffic) -> None:
        self._desk = desk
        self._reservations = reservations
        self._traffic = traffic

    def facts(self, request: OrderRequest, latches: Latches, by_hand: bool, now_ns: int, limits: Mapping[str, float]) -> Facts:
        """Gather what rules without records look at; what is dear to find out is asked only for a rule that is given."""
        desk, kept, instrument, owner = self._desk, self._reservations, request.instrument, request.owner
        key, product, is_entry = instrument.key, request.product, not request.is_exit
        alike_s = limits.get("duplicate_order") if is_entry else None
        entering, closing = kept.pending(key, product, owner)
        return Facts(
            request=request,
            by_hand=by_hand,
            is_live=desk.is_live,
            state=latches.state,
            state_reason=latches.reason,
            held=desk.quantity_of(key, product, owner),
            closing=closing,
            entering=entering,
            last_price=desk.last_price(key),
            quote_age_s=desk.quote_age_s(key),
            is_open=not is_entry or "market_hours" not in limits or desk.is_open(instrument),
            is_past_square_off=is_entry and product is Product.MIS and desk.is_past_square_off(instrument),
            messages=self._traffic.messages(now_ns),
            repeats_soon=0 if alike_s is None else self._traffic.repeats(request, now_ns, round(alike_s * SECOND_NS)),
            repeats=0 if alike_s is None else self._traffic.repeats(request, now_ns, MINUTE_NS),
        )

    def refusal(self, facts: Facts, limits: Limits, owner: str) -> Verdict | None:
        """Return what the first rule that refuses says, None when all let it pass; `owner` is whose money is looked at."""
        for rule, limit in limits.plain:
            if rule.check(facts, limit):
                return Verdict(False, rule.name, explain(rule, limit, facts))
        if facts.request.is_exit or not limits.money:
            return None
        account, *rows = self._rows(facts, owner)
        for rule, limit in limits.money:
            # Fields of plain objects are read tens of times faster than those of NumPy records; the rule is the same.
            if rule.check.py_func(*rows, limits.row):  # type: ignore[attr-defined]
                return Verdict(False, rule.name, explain(rule, limit, facts, account, rows[1], rows[0].cash))
        return None

    def opened_units(self, facts: Facts) -> int:
        """Return the money that the order binds when it fills; 0 for an exit."""
        request = facts.request
        if not facts.opens:
            return 0
        each = price_units(facts.price) * request.instrument.multiplier
        return opened_by(facts.held + facts.entering, int(request.signed_quantity)) * each

    def _rows(self, facts: Facts, owner: str) -> tuple[Account, Row, Row, Row]:
        """Return the owner's account, and what rules look at: ACCOUNT, POSITION and ORDER by their fields' names."""
        request, kept = facts.request, self._reservations
        key, product = request.instrument.key, request.product
        account = self._desk.account_of(owner)
        orders, reserved, others = kept.load(owner)
        others |= self._desk.held_keys(owner)
        others.discard((key, product))
        row = SimpleNamespace(
            cash=free_cash.py_func(account.equity_units, account.exposure_units, reserved),
            equity=account.equity_units,
            peak=account.peak_units,
            day_start=account.day_start_units,
            realised=account.realised_units,
            charges=account.charges_units,
            open_orders=orders,
            fills=account.fills,
            capital=account.capital_units,
            other_positions=len(others),
        )
        is_own = owner == request.owner
        entering = facts.entering if is_own else kept.pending(key, product, owner)[0]
        held = (facts.held if is_own else self._desk.quantity_of(key, product, owner)) + entering
        each = price_units(facts.price) * request.instrument.multiplier
        return account, row, SimpleNamespace(quantity=held), SimpleNamespace(quantity=request.signed_quantity, price=each, is_exit=0)

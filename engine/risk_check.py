"""Asks the rules about one order, one after the other, with all that they may want to know.

Gathers first, asks then: a rule is a pure function of what was gathered. Whatever is not known is worded so that it refuses.
"""

from __future__ import annotations

import numpy as np

from engine.core.facts import Facts
from engine.core.grid import price_units
from engine.core.limits import free_cash, opened_by
from engine.core.model import Account, OrderRequest, Verdict
from engine.core.records import ACCOUNT, ORDER, POSITION
from engine.reservations import Reservations
from engine.risk_inputs import MINUTE_NS, SECOND_NS, Desk, Traffic, explain
from engine.risk_limits import Latches, Limits


class RiskCheck:
    """The gathering of facts and the asking."""

    def __init__(self, desk: Desk, reservations: Reservations, traffic: Traffic) -> None:
        self._desk = desk
        self._reservations = reservations
        self._traffic = traffic
        self._account, self._position, self._order = (np.zeros(1, dtype=kind) for kind in (ACCOUNT, POSITION, ORDER))

    def facts(self, request: OrderRequest, latches: Latches, by_hand: bool, now_ns: int, alike_s: float | None) -> Facts:
        """Gather what rules without records look at; `alike_s` is how long an entry may not be repeated, None = as often as wanted."""
        desk, kept, instrument, owner = self._desk, self._reservations, request.instrument, request.owner
        key, product = instrument.key, request.product
        alike = alike_s is not None and not request.is_exit
        return Facts(
            request=request,
            by_hand=by_hand,
            is_live=desk.is_live,
            state=latches.state,
            state_reason=latches.reason,
            held=desk.quantity_of(key, product, owner),
            closing=kept.closing(key, product, owner),
            entering=kept.entering(key, product, owner),
            last_price=desk.last_price(key),
            quote_age_s=desk.quote_age_s(key),
            is_open=desk.is_open(instrument),
            is_past_square_off=desk.is_past_square_off(instrument),
            messages=self._traffic.messages(now_ns),
            repeats_soon=self._traffic.repeats(request, now_ns, round((alike_s or 0.0) * SECOND_NS)) if alike else 0,
            repeats=self._traffic.repeats(request, now_ns, MINUTE_NS) if alike else 0,
        )

    def refusal(self, facts: Facts, limits: Limits, owner: str) -> Verdict | None:
        """Return what the first rule that refuses says, None when all let it pass; `owner` is whose money is looked at."""
        for rule, limit in limits.plain:
            if rule.check(facts, limit):
                return Verdict(False, rule.name, explain(rule, limit, facts))
        if facts.request.is_exit or not limits.money:
            return None
        account = self._fill_rows(facts, owner)
        rows = self._account[0], self._position[0], self._order[0]
        for rule, limit in limits.money:
            if rule.check(*rows, limits.row[0]):
                return Verdict(False, rule.name, explain(rule, limit, facts, account, rows[1], int(rows[0].cash)))
        return None

    def opened_units(self, facts: Facts) -> int:
        """Return the money that the order binds when it fills; 0 for an exit."""
        request = facts.request
        if not facts.opens:
            return 0
        each = price_units(facts.price) * request.instrument.multiplier
        return opened_by(facts.held + facts.entering, int(request.signed_quantity)) * each

    def _fill_rows(self, facts: Facts, owner: str) -> Account:
        request, kept = facts.request, self._reservations
        key, product = request.instrument.key, request.product
        account = self._desk.account_of(owner)
        others = self._desk.held_keys(owner) | kept.keys(owner)
        self._account[0] = (
            free_cash(account.equity_units, account.exposure_units, kept.units(owner)),
            account.equity_units,
            account.peak_units,
            account.day_start_units,
            account.realised_units,
            account.charges_units,
            kept.count(owner),
            account.fills,
            account.capital_units,
            len(others - {(key, product)}),
        )
        held = self._desk.quantity_of(key, product, owner) + kept.entering(key, product, owner)
        self._position[0].quantity = held
        each = price_units(facts.price) * request.instrument.multiplier
        self._order[0] = (0, 0, request.signed_quantity, each, request.is_exit)
        return account

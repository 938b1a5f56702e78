"""Says of every order whether it may be sent, and stops new risk when the account has lost enough.

A check reserves: what was allowed counts against the limits at once, before anything is sent. The first rule that refuses says why. A
check is a call, never a signal; what only reduces a position is refused by few rules, and a cancel by none.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from PySide6.QtCore import QObject, Signal

from engine.clock import Clock
from engine.core.facts import Facts
from engine.core.model import (
    HAND,
    UNITS,
    Account,
    Instrument,
    Order,
    OrderChange,
    OrderRequest,
    OrderStatus,
    Pending,
    Product,
    RiskStatus,
    Verdict,
)
from engine.core.registry import RULES
from engine.core.sizing import RISK, Sizing, size_for
from engine.reservations import ANYONE, Reservations
from engine.restraint.overseer import Overseer
from engine.restraint.owners import is_turn
from engine.restraint.stops import LINK, OPENING
from engine.risk_check import RiskCheck
from engine.risk_inputs import MINUTE_NS, Desk, LoneDesk, Traffic
from engine.risk_words import explain
from engine.rules.messages_a_day import WARN_PART
from engine.rules.sound_order import unsound
from engine.unclear import Unclear

log = logging.getLogger(__name__)

SOFT_PART = 5 / 8
"""Beyond this part of the message rate the trader is told, at most once a minute."""

SAME_TOO_OFTEN = 3
"""So many entries alike within a minute stop new risk: something runs away."""

LATCHING = frozenset({"entries_without_exit", "broker_rejects"})
"""Rules whose refusal stops the owner until a person lets it trade again."""

COUNTED = ("entries_without_exit", "broker_rejects", "strategy_orders", "strategy_quantity", "strategy_loss", "loss_streak")
"""Rules of which the owner who used most of its part is shown."""

__all__ = ["LINK", "OPENING", "RiskManager"]


class RiskManager(Overseer):
    """The limits of one account, and of the owners that trade in it."""

    order_denied = Signal(object, str)
    """OrderRequest and the reason."""

    def __init__(
        self, limits: Mapping[str, float], capital_units: int, clock: Clock, desk: Desk | None = None, parent: QObject | None = None
    ) -> None:
        """`limits`: by rule, in the rule's unit; `desk` knows account and market, without one nothing is held."""
        super().__init__(limits, desk or LoneDesk(capital_units), clock, parent)
        self.reservations = Reservations(is_cancel_certain=not self.desk.is_live)
        self.traffic = Traffic(clock.monotonic_ns)
        self._pace_told_ns = -MINUTE_NS
        self._checks = RiskCheck(self.desk, self.reservations, self.traffic)

    @property
    def unclear(self) -> Unclear:
        """In what nothing more may be opened until it is cleared up."""
        return self._checks.unclear

    def check(self, request: OrderRequest, *, by_hand: bool | None = None, fault: str | None = None) -> Verdict:
        """Say whether a request may be sent, and reserve its risk when it may; never raises for an order.

        `fault` is what `unsound` has said of this very request, None when nobody has asked it yet.
        """
        if fault is None:
            fault = unsound(request)
        if fault:
            return self._count_denied(request, Verdict(False, "sound_order", f"Expected {fault}"))
        try:
            facts = self._facts(request, request.owner == HAND if by_hand is None else by_hand)
            refused = self._first_refusal(facts)
        except Exception as error:  # noqa: BLE001  # a rule that cannot answer refuses, and nothing new is risked until it was looked at
            return self._count_denied(request, self._broken(error))
        if refused is not None:
            return self._deny(facts, refused)
        self._note(facts)
        self.count_message()
        self.memory.owners.on_allowed(request, self._clock.now_ns())
        if facts.opens:
            self._remember(facts)
        return Verdict(True, reservation=self.reservations.add(request, self._checks.opened_units(facts)))

    def check_change(self, order: Order, change: OrderChange) -> Verdict:
        """Say whether a working order may be changed so; its reservation follows the change when it may."""
        quantity = (change.quantity if change.quantity is not None else order.quantity) - order.filled
        price = change.price if change.price is not None else order.price
        trigger = change.trigger_price if change.trigger_price is not None else order.trigger_price
        order_type = change.order_type or order.request.order_type
        wanted = replace(order.request, quantity=quantity, price=price, trigger_price=trigger, order_type=order_type, is_confirmed=True)
        if fault := unsound(wanted):
            return Verdict(False, "sound_order", f"Expected {fault}", order.reservation)
        self.reservations.release(order.reservation)
        facts = self._facts(wanted, by_hand=True)
        facts.repeats_soon = facts.entries = facts.orders_today = facts.quantity_today = 0  # it was counted when it was sent
        refused = self._first_refusal(facts)
        if refused is not None:
            return replace(refused, reservation=self.adopt(order))
        return Verdict(True, reservation=self.reservations.add(wanted, self._checks.opened_units(facts)))

    def doubt_of(self, request: OrderRequest) -> str:
        """Say what is unusual about an order by hand and would have to be confirmed; "" when nothing is."""
        limit, rule = self.limits.get("unusual_order"), RULES.get("unusual_order")
        if limit is None or unsound(request):
            return ""
        facts = self._facts(request, by_hand=True)
        return explain(rule, limit, facts) if rule.check(facts, limit) else ""

    def release(self, reservation: int) -> None:
        """Let go of what a check reserved, when nothing comes of it."""
        self.reservations.release(reservation)

    def size(
        self,
        instrument: Instrument,
        price: float,
        stop: float | None = None,
        *,
        risk_pct: float = 0.0,
        max_position_pct: float = 0.0,
        product: Product = Product.MIS,
        owner: str = ANYONE,
    ) -> int:
        """Return the quantity, in whole lots, that risks so much of equity at this price and stop; UserError without a measure."""
        row = Sizing(RISK).row(instrument, product, risk_pct=risk_pct, max_position_pct=max_position_pct)
        return size_for(row[0], self.desk.account_of(owner).equity_units, price, math.nan if stop is None else stop)

    def take_up(self, kept: Mapping[str, Any], orders: Iterable[Order], now_ns: int) -> None:
        """Go on after a restart with what was kept and with the orders of before."""
        orders = list(orders)
        self._checks.surroundings.recall(orders)
        self.traffic.recall(orders, now_ns)
        super().take_up(kept, orders, now_ns)

    def on_order(self, order: Order) -> None:
        """Follow an order: what is left of it stays reserved; too many that the broker refuses stop their owner."""
        if order.status is OrderStatus.REJECTED and self.reservations.holds(order.reservation):
            self.on_reject(order.request.owner)
        elif is_turn(order):
            self.memory.owners.on_exit(order.request.owner, order.instrument.key)
        self.reservations.on_order(order)

    def counts(self, order: Order) -> bool:
        """Tell whether a working order is counted as it should be: one that goes on although its cancel seemed certain is not."""
        if order.pending is Pending.CANCEL:
            return bool(order.reservation)
        return self.reservations.holds(order.reservation)

    def adopt(self, order: Order) -> int:
        """Count a working order that was not asked for here; returns its reservation."""
        return self.reservations.restore(order, self._checks.opened_units(self._facts(order.request, by_hand=True)))

    def count_message(self) -> None:
        """Take note of a message that goes out."""
        now_ns = self._clock.now_ns()
        self.memory.messages += 1
        self._look_at_messages()
        sent = self.traffic.count(now_ns)
        limit = self.limits.get("message_rate", math.inf)
        if sent > SOFT_PART * limit and now_ns - self._pace_told_ns >= MINUTE_NS:
            self._pace_told_ns = now_ns
            self.told.emit(f"{sent} messages went out within a second, of {limit:g} that may; see what sends them.", "warning")

    def _look_at_messages(self) -> None:
        """Tell, once a day, that a good part of the day's messages is used."""
        limit = self.limits.get("messages_a_day")
        if limit is not None and self.memory.messages == max(1, round(limit * WARN_PART)):
            self.told.emit(f"{self.memory.messages} messages went out today, of {limit:g} that may; see what sends so many.", "warning")

    def wait_s(self) -> float:
        """Return how long an exit or a cancel has to wait for its turn, in seconds; 0 where no rate was given."""
        limit = self.limits.get("message_rate")
        return 0.0 if limit is None else self.traffic.wait_s(self._clock.now_ns(), limit)

    def status(self, account: Account) -> RiskStatus:
        """Return limits and how much of each is used."""
        now_ns, memory = self._clock.now_ns(), self.memory
        messages = self.traffic.messages(now_ns)
        used = {
            "cash": 100.0 * (account.exposure_units + self.reservations.units()) / max(1, account.equity_units),
            "max_positions": float(len(self.desk.held_keys(ANYONE) | self.reservations.keys())),
            "max_position_size": 100.0 * self._largest_units() / max(1, account.capital_units),
            "max_daily_loss": max(0, account.day_start_units - account.equity_units) / UNITS,
            "max_drawdown": account.drawdown_pct,
            "message_rate": float(messages),
            "profit_giveback": memory.ladder.given_back_pct(account),
        }
        for control in COUNTED:
            if control in self.limits:
                used[control] = max((memory.used(owner, control, now_ns) for owner in list(memory.owners.tallies)), default=0.0)
        return RiskStatus(
            self.state,
            self.reason,
            account,
            self.limits,
            used,
            memory.denied,
            float(messages),
            (*memory.restraints(now_ns), *self.unclear.restraints()),
            memory.budgets(self.limits, now_ns),
            dict(memory.changes.waiting),
        )

    def _facts(self, request: OrderRequest, by_hand: bool) -> Facts:
        now_ns = self._clock.now_ns()
        facts = self._checks.facts(request, self.memory.stops.account, by_hand, now_ns, self.limits)
        self.memory.tell(facts, now_ns, self.limits)
        return facts

    def _first_refusal(self, facts: Facts) -> Verdict | None:
        refused = self._checks.refusal(facts, self._limits[ANYONE], ANYONE)
        own = self._limits.get(facts.request.owner)
        if refused is None and own is not None:
            refused = self._checks.refusal(facts, own, facts.request.owner)
        return refused

    def _remember(self, facts: Facts) -> None:
        """Keep an entry in mind; the third alike within a minute stops new risk."""
        if "duplicate_order" not in self.limits:
            return
        self.traffic.remember(facts.request, self._clock.now_ns())
        if facts.repeats + 1 >= SAME_TOO_OFTEN:
            symbol = facts.request.instrument.symbol
            self.reduce(
                f"{facts.repeats + 1} orders alike for {symbol} within a minute; see what sends them, then resume", "duplicate_order"
            )

    def _deny(self, facts: Facts, refused: Verdict) -> Verdict:
        """Count and tell a refusal; some stop the owner until a person lets it trade again."""
        request = facts.request
        if refused.rule == "duplicate_order":
            self._remember(facts)
        if refused.rule in LATCHING:
            self.stop_owner(request.owner, refused.rule, refused.reason.rstrip("."))
        return self._count_denied(request, refused)

    def _count_denied(self, request: OrderRequest, refused: Verdict) -> Verdict:
        self.memory.denied += 1
        self.order_denied.emit(request, refused.reason)
        return refused

    def _broken(self, error: Exception) -> Verdict:
        log.exception("the rules could not judge an order")
        said = f"{type(error).__name__}: {error}"
        self.reduce(f"the rules could not judge an order ({said}); see the log, then resume", "failure")
        return Verdict(False, "failure", f"Expected the rules to judge the order, but they failed ({said}); see the log, nothing was sent.")

    def _note(self, facts: Facts) -> None:
        """Tell what is worth a word about an order that passes, and remember what the trader usually sends."""
        if facts.remark:
            self.told.emit(facts.remark, "warning")
        if facts.by_hand and facts.opens:
            self._checks.surroundings.note(facts)

    def _largest_units(self) -> int:
        held = self.desk.held_keys(ANYONE)
        prices = ((abs(self.desk.quantity_of(key, product, ANYONE)), self.desk.last_price(key)) for key, product in held)
        return max((round(quantity * price * UNITS) for quantity, price in prices), default=0)

"""All that an account remembers against itself, in one hand: told to the rules before an order, counted after, kept over restarts.

The risk manager asks and tells it; it decides nothing about an order itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from engine.clock import IST_OFFSET_NS
from engine.core.facts import Facts
from engine.core.model import Budget, Order, Restraint, TradingState
from engine.restraint.arming import Arming
from engine.restraint.ladder import Ladder
from engine.restraint.limit_changes import LimitChanges
from engine.restraint.owners import Owners, is_strategy
from engine.restraint.stops import ACCOUNT, Stops
from engine.risk_inputs import Desk, messages_of

DAY_NS = 86_400_000_000_000

BUDGETS = ("strategy_orders", "strategy_quantity", "strategy_loss", "loss_streak", "broker_rejects")
"""Controls of which each owner has a part of its own."""


class Keeper:
    """The memory of one account's risk manager."""

    def __init__(self, desk: Desk) -> None:
        self.owners = Owners()
        self.ladder = Ladder()
        self.arming = Arming()
        self.stops = Stops()
        self.changes = LimitChanges()
        self.denied = 0
        """Orders refused today."""
        self.messages = 0
        """Messages sent to the broker today: placed, changed, cancelled."""
        self._desk = desk
        self._day: int | None = None

    def tell(self, facts: Facts, now_ns: int, limits: Mapping[str, float]) -> None:
        """Fill in what went before; what is dear to find out is asked only for a limit that is given."""
        request = facts.request
        owner = request.owner
        latches = self.stops.of(owner)
        facts.state, facts.state_reason = latches.state, latches.reason
        if not facts.opens:
            return
        if latches is not self.stops.account:
            facts.stopped = owner
        facts.messages_today = self.messages
        self.owners.tell(facts, now_ns)
        if "profit_giveback" in limits:
            facts.given_back_pct = self.ladder.given_back_pct(self._desk.account_of(ACCOUNT))
        if is_strategy(owner):
            if "strategy_loss" in limits:
                facts.lost_pct = self.lost_pct(owner)
            if facts.is_live:
                facts.is_armed = self.arming.is_armed(owner)
                facts.is_first_session = self.arming.is_first_session(owner, day_number(now_ns))

    def day_profit_units(self, owner: str) -> int:
        """Return what an owner has gained today, open positions and charges included; neither a restart nor new capital changes it."""
        account, tally = self._desk.account_of(owner), self.owners.of(owner)
        profit = account.equity_units - account.capital_units
        if tally.began_units is None:
            tally.began_units = account.day_start_units - account.capital_units
        return profit - tally.began_units

    def lost_pct(self, owner: str) -> float:
        """Return what an owner has lost today in percent of what the account was worth when the day began."""
        worth = self._desk.account_of(ACCOUNT).day_start_units
        return -100.0 * self.day_profit_units(owner) / worth if worth > 0 else 0.0

    def roll_day(self, now_ns: int) -> bool:
        """Forget what ends with the day; tells whether the account was stopped by such a cause."""
        self._day = day_number(now_ns)
        self.denied = self.messages = 0
        self.owners.roll_day()
        self.ladder.roll_day()
        self.arming.roll_day()
        return self.stops.roll_day()

    def restraints(self, now_ns: int) -> tuple[Restraint, ...]:
        """List what holds somebody back, the account's first, pauses last."""
        pauses = [
            Restraint(
                owner, "loss_streak", "it was stopped out too often in a row", TradingState.REDUCING, "by itself", tally.pauses_until_ns
            )
            for owner, tally in self.owners.tallies.items()
            if tally.pauses_until_ns > now_ns
        ]
        return (*self.stops.listing(), *pauses)

    def used(self, owner: str, control: str, now_ns: int) -> float:
        """Return how much an owner has used of a control, in the rule's unit."""
        tally = self.owners.of(owner)
        match control:
            case "strategy_orders":
                return float(tally.orders)
            case "strategy_quantity":
                return float(tally.quantity if is_strategy(owner) else 0)
            case "strategy_loss":
                return max(0.0, self.lost_pct(owner))
            case "loss_streak":
                return float(tally.stops)
            case "broker_rejects":
                return float(self.owners.rejects(owner, now_ns))
        return float(max((self.owners.entries(owner, key, now_ns) for key in list(tally.entries)), default=0))

    def budgets(self, limits: Mapping[str, float], now_ns: int) -> tuple[Budget, ...]:
        """List what owners have used of what each may use; budgets of strategies are no affair of the hand."""
        return tuple(
            Budget(owner, control, self.used(owner, control, now_ns), limits[control])
            for owner in self.owners.tallies
            for control in BUDGETS
            if control in limits and (is_strategy(owner) or not control.startswith("strategy_"))
        )

    def kept(self, now_ns: int) -> dict[str, Any]:
        """Return all of it as JSON can hold it."""
        return {
            "day": day_number(now_ns) if self._day is None else self._day,
            "denied": self.denied,
            "messages": self.messages,
            "stops": self.stops.kept(),
            "owners": self.owners.kept(),
            "ladder": self.ladder.kept(),
            "first_days": self.arming.kept(),
            "waiting": self.changes.kept(),
        }

    def take_up(self, kept: Mapping[str, Any], orders: Iterable[Order], now_ns: int) -> bool:
        """Go on with what was kept, and count the day's orders anew; tells whether it was kept on this day."""
        self._day = day_number(now_ns)
        is_today = kept.get("day") == self._day
        self.stops.take_up(kept.get("stops", {}), is_today=is_today)
        self.arming.take_up(kept.get("first_days", {}))
        self.changes.take_up(kept.get("waiting", {}))
        orders = list(orders)
        began_ns = self._day * DAY_NS - IST_OFFSET_NS
        self.owners.recount(orders, began_ns)
        self.owners.take_up(kept.get("owners", {}), is_today=is_today)
        # What the orders tell was on the disk before it was sent; what was kept may be some seconds old.
        self.messages = sum(messages_of(order) for order in orders if order.created_ns >= began_ns)
        if is_today:
            self.denied = int(kept["denied"])
            self.messages = max(int(kept["messages"]), self.messages)
            self.ladder.take_up(kept["ladder"])
        return is_today


def day_number(now_ns: int) -> int:
    """Return India's day, counted from 1970."""
    return (now_ns + IST_OFFSET_NS) // DAY_NS

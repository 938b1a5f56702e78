"""A risk manager whose desk and clock the test sets, for what it remembers."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from engine.clock import ManualClock
from engine.core.model import Account, Order, OrderStatus, Product, Purpose, Trade
from engine.risk_inputs import LoneDesk
from engine.risk_manager import RiskManager
from tests.engine.fakes import OPEN_NS, RELIANCE, request

UNITS = 10_000
CAPITAL = 100_000 * UNITS
MINUTE_S = 60.0


class Desk(LoneDesk):
    """An account whose profit the test sets, by owner."""

    def __init__(self) -> None:
        super().__init__(CAPITAL)
        self.is_live = False
        self.profits: dict[str, int] = {}
        self.starts: dict[str, int] = {}

    def account_of(self, owner: str) -> Account:
        equity, start = CAPITAL + self.profits.get(owner, 0), CAPITAL + self.starts.get(owner, 0)
        return Account(CAPITAL, equity, equity, max(equity, start), start, 0, 0, 0)

    def last_price(self, key: str) -> float:
        return 100.0


class Bench:
    """The risk manager and all that it tells."""

    def __init__(self, clock: ManualClock | None = None, **limits: float) -> None:
        self.clock = clock or ManualClock(OPEN_NS)
        self.desk = Desk()
        self.risk = RiskManager(limits, CAPITAL, self.clock, self.desk)
        self.stopped: list[tuple[str, str]] = []
        self.told: list[tuple[str, str]] = []
        self.changes: list[dict[str, Any]] = []
        self.orders: list[Order] = []
        self.risk.owner_stopped.connect(lambda owner, reason: self.stopped.append((owner, reason)))
        self.risk.told.connect(lambda text, level: self.told.append((level, text)))
        self.risk.limits_changed.connect(self.changes.append)

    def gains(self, rupees: int, owner: str = "") -> None:
        """Let an owner's profit of all days be so much, and look."""
        self.desk.profits[owner] = rupees * UNITS
        self.risk.look()

    def send(self, side: int = 1, **more: Any) -> Order | None:
        """Ask, and keep the order that comes of it; None when it was refused."""
        self.last = self.risk.check(wanted := request(side, more.pop("quantity", 1), **more))
        if not self.last.is_allowed:
            return None
        now_ns = self.clock.now_ns()
        order = Order(
            f"o{len(self.orders)}", wanted, OrderStatus.OPEN, quantity=wanted.quantity, reservation=self.last.reservation, created_ns=now_ns
        )
        self.orders.append(order)
        return order

    def becomes(self, order: Order | None, status: OrderStatus, filled: int = 0) -> None:
        """Let an order become something."""
        assert order is not None
        after = replace(order, status=status, filled=filled, updated_ns=self.clock.now_ns())
        self.orders[self.orders.index(order)] = after
        self.risk.on_order(after)

    def stop_out(self, rupees: int = -100, owner: str = "bot", reason: Purpose = Purpose.STOP) -> None:
        """End a round trip of an owner."""
        self.risk.on_trade(Trade(RELIANCE, owner, Product.MIS, 1, 0, 0, 0, 0, rupees * UNITS, 0, reason))

    def again(self, clock: ManualClock | None = None, *, is_live: bool = False, **limits: float) -> Bench:
        """Return the bench after a restart: nothing but what was kept, and the orders of the store."""
        made = Bench(clock or self.clock, **(limits or self.risk.limits))
        made.desk.profits, made.desk.starts, made.desk.is_live = self.desk.profits, dict(self.desk.profits), is_live
        made.orders = list(self.orders)
        made.risk.take_up(json.loads(json.dumps(self.risk.kept())), self.orders, made.clock.now_ns())
        return made

"""Strategies that meet at a shared limit in one turn of the loop cannot pass it together, in whatever order their steps come.

Every order goes through check, create, what the broker does, and the telling of it; all orders of all those steps are tried for two
strategies, all of whole orders for three, and others at random. After each step what is held and may still fill is within the limit.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import product as combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.clock import ManualClock
from engine.core.model import Account, Exchange, Instrument, InstrumentKind, Order, OrderStatus, Pending, Product, Verdict
from engine.reservations import Reservations
from engine.risk_inputs import LoneDesk
from engine.risk_manager import RiskManager
from tests.engine.fakes import OPEN_NS, RELIANCE, request

UNITS = 10_000
CAPITAL = 100_000 * UNITS
PRICE = 100
SHARES = [replace(RELIANCE, symbol=name, token=number) for number, name in enumerate(("A", "B", "C"))]
FUTURE = Instrument(Exchange.NFO, "F", 9, kind=InstrumentKind.FUTURE, tick_size=Decimal("0.05"), lot_size=50)
OUTCOMES = ("fill", "reject", "cancel", "part")
S = OrderStatus


@dataclass(frozen=True)
class Case:
    """A limit, the orders that cannot all be within it, and how much of it the account has taken."""

    name: str
    limit: float
    quantity: int
    instruments: Sequence[Instrument]

    def taken(self, held: dict[str, int], working: dict[str, int], count: int) -> float:
        """Return what is used at worst: everything that works fills."""
        after = {key: abs(held.get(key, 0)) + abs(working.get(key, 0)) for key in {*held, *working}}
        match self.name:
            case "cash":
                return sum(after.values()) * PRICE / (CAPITAL / UNITS)
            case "max_positions":
                return sum(quantity > 0 for quantity in after.values())
            case "max_position_size":
                return max(after.values(), default=0) * PRICE * 100.0 / (CAPITAL / UNITS)
            case "max_position_lots":
                return max(after.values(), default=0) / 50
            case "gross_exposure":
                return sum(after.values()) * PRICE / (CAPITAL / UNITS)
            case "max_open_value":
                return sum(abs(quantity) for quantity in working.values()) * PRICE
        return count


CASES = [
    Case("cash", 1.0, 600, SHARES),
    Case("max_positions", 1.0, 10, SHARES),
    Case("max_position_size", 30.0, 200, SHARES[:1]),
    Case("max_position_lots", 3.0, 100, [FUTURE]),
    Case("gross_exposure", 0.5, 300, SHARES),
    Case("max_open_orders", 1.0, 10, SHARES),
    Case("max_open_orders_symbol", 1.0, 10, SHARES[:1]),
    Case("max_open_value", 30_000.0, 200, SHARES),
]


class Market(LoneDesk):
    """A desk of real money that books what the test lets fill."""

    is_live = True

    def __init__(self) -> None:
        super().__init__(CAPITAL)
        self.held: dict[tuple[str, str], int] = {}

    def account_of(self, owner: str) -> Account:
        exposure = sum(abs(quantity) for (_, holder), quantity in self.held.items() if holder == owner) * PRICE * UNITS
        return Account(CAPITAL, CAPITAL, CAPITAL, CAPITAL, CAPITAL, 0, 0, 0, exposure_units=exposure)

    def quantity_of(self, key: str, product: Product, owner: str) -> int:
        return self.held.get((key, owner), 0)

    def held_keys(self, owner: str) -> set[tuple[str, Product]]:
        return {(key, Product.MIS) for (key, holder), quantity in self.held.items() if holder == owner and quantity}

    def last_price(self, key: str) -> float:
        return float(PRICE)

    def fill(self, order: Order, quantity: int) -> None:
        for holder in ("", order.request.owner):
            key = order.instrument.key, holder
            self.held[key] = self.held.get(key, 0) + quantity * order.request.side


class Turn:
    """One turn of the loop at one limit; `step` lets a strategy take its next step, and looks whether the limit still holds."""

    def __init__(self, case: Case, outcomes: Sequence[str]) -> None:
        self.case, self.market = case, Market()
        self.risk = RiskManager({case.name: case.limit}, CAPITAL, ManualClock(OPEN_NS), self.market)
        self.denied = 0
        self.orders: dict[int, Order] = {}
        self.steps = [self._steps(number, outcome) for number, outcome in enumerate(outcomes)]

    def step(self, strategy: int) -> None:
        next(self.steps[strategy], None)
        working: dict[str, int] = {}
        live = [order for order in self.orders.values() if not order.status.is_terminal]
        for order in live:
            working[order.instrument.key] = working.get(order.instrument.key, 0) + order.remaining
        held = {key: quantity for (key, holder), quantity in self.market.held.items() if holder == ""}
        assert self.case.taken(held, working, len(live)) <= self.case.limit

    def _steps(self, number: int, outcome: str) -> Iterator[None]:
        instrument = self.case.instruments[number % len(self.case.instruments)]
        owner = f"s{number}"
        self.risk.arm(owner)
        verdict = self.risk.check(request(1, self.case.quantity, instrument=instrument, owner=owner))
        if not verdict.is_allowed:
            self._is_told(verdict)
            return
        order = Order(
            owner, request(1, self.case.quantity, instrument=instrument, owner=owner), S.INTENT,
            quantity=self.case.quantity, reservation=verdict.reservation,
        )  # fmt: skip
        self.orders[number] = order
        yield
        self._becomes(number, status=S.OPEN)
        yield
        if outcome in ("fill", "part"):
            done = order.quantity if outcome == "fill" else order.quantity // 2
            # Booked first, told after: what comes between must find the limit held, too.
            self.market.fill(order, done)
            self.orders[number] = replace(self.orders[number], filled=done, status=S.FILLED if outcome == "fill" else S.PARTIAL)
            yield
            self.risk.on_order(self.orders[number])
        if outcome == "reject":
            self._becomes(number, status=S.REJECTED)
        if outcome in ("cancel", "part"):
            self._becomes(number, pending=Pending.CANCEL)
            yield
            self._becomes(number, status=S.CANCELLED, pending=Pending.NONE)

    def _becomes(self, number: int, **changes: object) -> None:
        self.orders[number] = after = replace(self.orders[number], **changes)  # type: ignore[arg-type]
        self.risk.on_order(after)

    def _is_told(self, verdict: Verdict) -> None:
        self.denied += 1
        assert verdict.rule == self.case.name
        assert verdict.reason.startswith("Expected")
        assert "{" not in verdict.reason


def interleavings(counts: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    """Walk over all orders in which strategies can take so many steps each."""
    if not any(counts):
        yield ()
    for strategy, left in enumerate(counts):
        if left:
            for rest in interleavings((*counts[:strategy], left - 1, *counts[strategy + 1 :])):
                yield (strategy, *rest)


def played(case: Case, order: Sequence[int], outcomes: Sequence[str]) -> Turn:
    """Let strategies take their steps in this order, and look after each."""
    turn = Turn(case, outcomes)
    for strategy in order:
        turn.step(strategy)
    return turn


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_two_strategies_in_every_order_of_their_steps(case: Case) -> None:
    orders = [order for order in interleavings((4, 4)) if order[0] == 0]  # they are alike: the other half is the same
    turns = [played(case, order, outcomes) for order in orders for outcomes in combinations(OUTCOMES, repeat=2)]
    assert 0 < sum(turn.denied for turn in turns) < len(turns), "the limit was met, and not by all"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_three_strategies_in_every_order_of_their_orders(case: Case) -> None:
    orders = [order for order in interleavings((3, 3, 3)) if order[0] == 0]
    turns = [played(case, order, outcomes) for order in orders for outcomes in (("reject",) * 3, ("fill", "reject", "fill"))]
    assert 0 < sum(turn.denied for turn in turns) < 2 * len(turns)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_without_reserving_every_one_of_these_limits_would_be_passed(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Reservations, "add", lambda *given: 0)
    with pytest.raises(AssertionError):
        played(case, (0, 1, 2), ("fill", "fill", "fill"))


@given(
    st.sampled_from(CASES),
    st.lists(st.integers(0, 2), min_size=3, max_size=24),
    st.tuples(*[st.sampled_from(OUTCOMES)] * 3),
)
@settings(max_examples=150, deadline=None)
def test_three_strategies_at_random(case: Case, order: list[int], outcomes: tuple[str, ...]) -> None:
    played(case, order, outcomes)

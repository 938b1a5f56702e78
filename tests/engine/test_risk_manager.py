"""The risk manager counts what it has allowed before it is sent, says why it refuses, and stops when enough was lost."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.clock import ManualClock
from engine.core.errors import InvalidOption, UserError
from engine.core.model import Account, Instrument, Order, OrderChange, OrderStatus, Product, Purpose, TradingState
from engine.core.registry import RULES
from engine.risk_inputs import LoneDesk, Traffic
from engine.risk_limits import retail_limits
from engine.risk_manager import LINK, OPENING, RiskManager
from tests.engine.fakes import OPEN_NS, RELIANCE, SECOND_NS, TCS, request

UNITS = 10_000
CAPITAL = 100_000 * UNITS


class Desk(LoneDesk):
    """A desk whose account, positions and quotes the test sets."""

    def __init__(self) -> None:
        super().__init__(CAPITAL)
        self.accounts: dict[str, Account] = {}
        self.held: dict[tuple[str, str], int] = {}
        self.age_s = 1.0
        self.open = True
        self.is_squared = False
        self.is_live = False

    def account_of(self, owner: str) -> Account:
        return self.accounts.get(owner, super().account_of(owner))

    def quantity_of(self, key: str, product: Product, owner: str) -> int:
        return self.held.get((key, owner), 0)

    def held_keys(self, owner: str) -> set[tuple[str, Product]]:
        return {(key, Product.MIS) for key, holder in self.held if holder == owner}

    def last_price(self, key: str) -> float:
        return 100.0

    def quote_age_s(self, key: str) -> float:
        return self.age_s

    def is_open(self, instrument: Instrument) -> bool:
        return self.open

    def is_past_square_off(self, instrument: Instrument) -> bool:
        return self.is_squared

    def holds(self, quantity: int, owner: str = "hand", key: str = RELIANCE.key) -> None:
        """Let an owner, and so the account, hold something."""
        self.held[key, owner] = self.held[key, ""] = quantity

    def loses(self, rupees: int, owner: str = "") -> None:
        """Let an account have lost so much today."""
        left = CAPITAL - rupees * UNITS
        self.accounts[owner] = Account(CAPITAL, left, left, CAPITAL, CAPITAL, 0, 0, 0)


class Bench:
    """A risk manager, its desk and its clock."""

    def __init__(self, **limits: float) -> None:
        self.clock = ManualClock(OPEN_NS)
        self.desk = Desk()
        self.risk = RiskManager(limits, CAPITAL, self.clock, self.desk)
        self.states: list[TradingState] = []
        self.risk.trading_state_changed.connect(self.states.append)

    def allows(self, *args: int, **more: object) -> bool:
        return self.risk.check(request(*args, **more)).is_allowed


def an_order(reservation: int, status: OrderStatus = OrderStatus.OPEN, filled: int = 0) -> Order:
    return Order("id", request(), status, quantity=10, filled=filled, reservation=reservation)


def test_a_burst_cannot_slip_past_a_limit_together() -> None:
    bench = Bench()
    verdicts = [bench.risk.check(request(quantity=400)) for _ in range(4)]
    assert [v.is_allowed for v in verdicts] == [True, True, False, False], "Rs 40,000 each of Rs 100,000"
    assert verdicts[2].rule == "cash"
    assert verdicts[2].reason == (
        "Expected an order worth no more than the free cash of Rs 20,000, was Rs 40,000; make it smaller or close something first."
    )
    bench.risk.on_order(an_order(verdicts[0].reservation, OrderStatus.REJECTED))
    assert bench.allows(1, 400), "what a rejected order held is free again"


def test_what_is_allowed_and_comes_to_nothing_can_be_released() -> None:
    bench = Bench()
    verdict = bench.risk.check(request(quantity=900))
    assert not bench.allows(1, 900)
    bench.risk.release(verdict.reservation)
    assert bench.allows(1, 900)


def test_a_limit_counts_instruments_held_and_on_their_way() -> None:
    bench = Bench(max_positions=2)
    bench.desk.holds(10)
    assert bench.allows(1, 5, instrument=TCS)
    third = replace(TCS, symbol="INFY")
    assert not bench.allows(1, 5, instrument=third)
    assert bench.allows(1, 5), "more of what is held is no position more"


def test_an_exit_passes_while_only_exits_may_and_an_entry_does_not() -> None:
    bench = Bench()
    bench.desk.holds(10)
    bench.risk.reduce("enough")
    assert not bench.allows(1, 10)
    assert bench.allows(-1, 10, purpose=Purpose.EXIT)
    assert not bench.allows(-1, 1, purpose=Purpose.EXIT), "it is being closed already"
    assert bench.risk.denied == 2


def test_while_halted_only_the_trader_s_own_exits_pass() -> None:
    bench = Bench()
    bench.desk.holds(10, "bot")
    bench.desk.holds(10)
    bench.risk.halt("stop")
    exit_of_bot = request(-1, 5, owner="bot", purpose=Purpose.EXIT)
    assert not bench.risk.check(exit_of_bot).is_allowed
    assert bench.risk.check(exit_of_bot, by_hand=True).is_allowed
    assert bench.allows(-1, 5, purpose=Purpose.EXIT)
    assert bench.risk.check(request()).reason == "The account is HALTED: stop; only cancels and your own exits pass."


def test_a_lost_day_stops_entries_until_the_next_day() -> None:
    bench = Bench(max_daily_loss=3_000)
    bench.desk.loses(2_999)
    bench.risk.look()
    assert bench.risk.state is TradingState.ACTIVE
    bench.desk.loses(3_000)
    bench.risk.look()
    bench.risk.look()
    assert bench.states == [TradingState.REDUCING], "told once"
    bench.desk.loses(0)
    assert not bench.allows(), "a loss that was made up for is still a stop for the day"
    bench.risk.roll_day()
    assert bench.allows()
    assert bench.states == [TradingState.REDUCING, TradingState.ACTIVE]


def test_a_drawdown_outlives_the_day_and_a_person_takes_it_back() -> None:
    bench = Bench(max_drawdown=5)
    bench.desk.loses(5_000)
    bench.risk.look()
    bench.risk.roll_day()
    assert bench.risk.state is TradingState.REDUCING
    bench.desk.loses(0)
    bench.risk.resume("seen")
    assert bench.risk.state is TradingState.ACTIVE


def test_resume_does_not_take_back_what_ends_by_itself() -> None:
    bench = Bench()
    bench.risk.reduce("no line", LINK)
    bench.risk.halt("comparing", OPENING)
    bench.risk.halt("hand")
    bench.risk.resume("go on")
    assert (bench.risk.state, bench.risk.reason) == (TradingState.HALTED, "comparing; no line")
    bench.risk.clear(OPENING)
    bench.risk.clear(LINK)
    bench.risk.clear(LINK)
    reducing, halted = TradingState.REDUCING, TradingState.HALTED
    assert bench.states == [reducing, halted, halted, halted, reducing, TradingState.ACTIVE], "each change of cause is told, once"


def test_an_owner_s_own_limits_stop_that_owner_alone() -> None:
    bench = Bench()
    told: list[tuple[str, str]] = []
    bench.risk.owner_stopped.connect(lambda owner, reason: told.append((owner, reason)))
    bench.risk.limit_owner("bot", {"max_daily_loss": 500, "max_order_quantity": 5})
    assert not bench.allows(1, 6, owner="bot")
    assert bench.allows(1, 6, owner="other")
    bench.desk.loses(500, "bot")
    bench.risk.look()
    bench.risk.look()
    assert not bench.allows(1, 1, owner="bot")
    assert bench.allows(1, 1, owner="other")
    assert [owner for owner, _ in told] == ["bot"]
    bench.desk.loses(0, "bot")
    bench.risk.roll_day()
    assert bench.allows(1, 1, owner="bot")


def test_a_denied_request_is_told_with_its_reason() -> None:
    bench, told = Bench(), []
    bench.risk.order_denied.connect(lambda wanted, reason: told.append((wanted.quantity, reason)))
    bench.allows(1, 0)
    assert told == [(0, "Expected a whole quantity above 0, was 0; change it.")]


def test_every_rule_can_word_its_refusal() -> None:
    """A sentence with a hole in it would only show when somebody is refused."""
    every = {name: 0.0 if RULES.get(name).unit != "on" else 1.0 for name in RULES.names()}
    bench = Bench(**{name: value for name, value in every.items() if name != "cash"})
    bench.desk.open, bench.desk.age_s, bench.desk.is_squared = False, 99.0, True
    bench.desk.loses(1)
    limited = dict(every)
    seen = set()
    while not (verdict := bench.risk.check(request(1, 2_000, price=100.0))).is_allowed:
        assert "{" not in verdict.reason
        seen.add(verdict.rule)
        limited.pop(verdict.rule, None)
        bench.risk.let_trade("hand", "go on")
        if verdict.rule == "cash":
            limited["cash"] = 0.0
        if verdict.rule == "square_off_time":
            bench.desk.is_squared = False
        bench.risk.set_limits(limited)
    assert seen >= {
        "square_off_time", "market_hours", "message_rate", "quote_age", "max_positions", "max_position_size", "max_daily_loss",
        "max_drawdown", "max_order_value", "max_order_quantity", "cash",
    }  # fmt: skip


def test_limits_can_be_replaced_and_unknown_ones_are_refused() -> None:
    bench = Bench()
    assert bench.allows(1, 10)
    bench.risk.set_limits({"max_order_quantity": 5})
    assert not bench.allows(1, 10)
    assert bench.risk.limits == {"max_order_quantity": 5}
    with pytest.raises(InvalidOption, match="max_order_quantity"):
        bench.risk.set_limits({"max_order_quanti": 5})


def test_the_same_entry_twice_in_a_moment_is_refused_and_the_third_stops_new_risk() -> None:
    bench = Bench(duplicate_order=3)
    assert bench.allows()
    assert not bench.allows()
    assert bench.allows(1, 11), "another quantity is another order"
    assert bench.risk.state is TradingState.ACTIVE
    bench.clock.advance(3.1)
    assert bench.allows()
    assert bench.risk.state is TradingState.REDUCING
    assert "3 orders alike for RELIANCE within a minute" in bench.risk.reason


def test_entries_alike_minutes_apart_are_no_runaway() -> None:
    bench = Bench(duplicate_order=3)
    for _ in range(5):
        assert bench.allows()
        bench.clock.advance(61)
    assert bench.risk.state is TradingState.ACTIVE


def test_the_message_rate_leaves_room_for_exits_which_wait_for_their_turn() -> None:
    bench = Bench(message_rate=8)
    assert [bench.allows(1, 1 + i) for i in range(8)] == [True] * 6 + [False] * 2
    assert bench.risk.wait_s() == 0.0
    bench.risk.count_message()
    bench.risk.count_message()
    bench.clock.advance(0.25)
    assert bench.risk.wait_s() == pytest.approx(0.75)
    bench.clock.advance(0.75)
    assert bench.risk.wait_s() == 0.0
    assert bench.allows()
    assert Bench().risk.wait_s() == 0.0, "no rate was given"


def test_a_quick_pace_is_told_before_it_is_too_quick_and_not_every_time() -> None:
    bench, told = Bench(message_rate=8), []
    bench.risk.told.connect(lambda text, level: told.append(text))
    for number in range(5):
        bench.allows(1, 1 + number)
    assert told == []
    bench.allows(1, 6)
    bench.risk.count_message()
    assert told == ["6 messages went out within a second, of 8 that may; see what sends them."]
    bench.clock.advance(61)
    for _ in range(6):
        bench.risk.count_message()
    assert len(told) == 2


def test_a_change_is_checked_as_a_whole_and_keeps_what_was_reserved_when_refused() -> None:
    bench = Bench(max_order_quantity=20)
    verdict = bench.risk.check(request(1, 10, price=100.0))
    order = replace(an_order(verdict.reservation, filled=4), request=request(1, 10, price=100.0), price=100.0)
    bench.risk.on_order(order)
    refused = bench.risk.check_change(order, OrderChange(quantity=30))
    assert (refused.is_allowed, refused.rule) == (False, "max_order_quantity")
    assert bench.risk.reservations.pending(RELIANCE.key, Product.MIS) == (6, 0)
    order = replace(order, reservation=refused.reservation)
    allowed = bench.risk.check_change(order, OrderChange(quantity=14, price=101.0))
    assert allowed.is_allowed
    assert bench.risk.reservations.pending(RELIANCE.key, Product.MIS) == (10, 0)
    assert bench.risk.reservations.units() == 10 * 101 * UNITS
    assert len(bench.risk.reservations) == 1


def test_an_order_from_elsewhere_counts() -> None:
    bench = Bench()
    number = bench.risk.adopt(replace(an_order(0, filled=2), request=request(1, 10, price=100.0)))
    assert bench.risk.reservations.units() == 8 * 100 * UNITS
    bench.risk.release(number)


def test_size_risks_a_part_of_equity() -> None:
    bench = Bench()
    assert bench.risk.size(RELIANCE, 100.0, 98.0, risk_pct=1.0) == 500
    assert bench.risk.size(RELIANCE, 100.0, 98.0, risk_pct=1.0, max_position_pct=10.0) == 100
    assert bench.risk.size(RELIANCE, 100.0, max_position_pct=10.0) == 100
    with pytest.raises(UserError, match="Expected a stop"):
        bench.risk.size(RELIANCE, 100.0)


def test_a_script_can_ask_without_a_session() -> None:
    risk = RiskManager({"max_positions": 1}, CAPITAL, ManualClock(OPEN_NS))
    assert risk.check(request(quantity=10)).is_allowed
    assert risk.check(request(quantity=2_000)).rule == "cash"
    assert not risk.check(request(quantity=1, instrument=TCS)).is_allowed
    assert risk.size(RELIANCE, 100.0, 99.0, risk_pct=1.0) == 1_000


def test_the_status_tells_what_is_used() -> None:
    bench = Bench(max_positions=3, message_rate=8)
    bench.desk.holds(50)
    bench.desk.loses(1_000)
    bench.allows(1, 10, instrument=TCS)
    account = replace(bench.desk.account_of(""), exposure_units=5_000 * UNITS)
    status = bench.risk.status(account)
    assert (status.used["max_positions"], status.used["max_position_size"], status.used["max_daily_loss"]) == (2.0, 5.0, 1_000.0)
    assert status.used["max_drawdown"] == pytest.approx(1.0)
    assert status.used["cash"] == pytest.approx(100 * 6_000 / 99_000)
    assert (status.used["message_rate"], status.messages_per_s, status.limits["max_positions"]) == (1.0, 1.0, 3)
    assert Bench().risk.status(account).used["max_position_size"] == 0.0


def test_retail_limits_let_a_plain_order_through() -> None:
    bench = Bench(**retail_limits(CAPITAL))
    assert bench.risk.check(request(1, 10, price=100.0)).is_allowed


def test_messages_and_entries_are_forgotten_in_time() -> None:
    traffic = Traffic()
    for second in range(200):
        traffic.count(second * SECOND_NS)
        traffic.remember(request(), second * SECOND_NS)
        assert traffic.messages(second * SECOND_NS) == 1
    assert traffic.repeats(request(), 199 * SECOND_NS, 3 * SECOND_NS) == (3, 60)
    assert traffic.repeats(request(owner="bot"), 199 * SECOND_NS, 3 * SECOND_NS) == (0, 0)
    assert traffic.wait_s(199 * SECOND_NS, 1) == 1.0


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["a", "b", "c"]), st.integers(1, 600), st.sampled_from(["fill", "cancel", "keep"])), max_size=25))
def test_no_interleaving_of_owners_gets_past_the_cash(orders: list[tuple[str, int, str]]) -> None:
    bench = Bench()
    held, names = 0, itertools.count()
    for owner, quantity, then in orders:
        share = replace(RELIANCE, symbol=f"S{next(names)}")
        verdict = bench.risk.check(request(1, quantity, owner=owner, instrument=share))
        if verdict.is_allowed and then == "cancel":
            bench.risk.on_order(an_order(verdict.reservation, OrderStatus.CANCELLED))
        elif verdict.is_allowed and then == "fill":
            held += quantity * 100 * UNITS
            bench.desk.accounts[""] = replace(bench.desk.account_of(""), exposure_units=held)
            bench.risk.on_order(an_order(verdict.reservation, OrderStatus.FILLED, quantity))
        assert held + bench.risk.reservations.units() <= CAPITAL


def test_what_is_unclear_is_opened_no_further_by_its_owner_alone() -> None:
    risk = RiskManager({}, 1_000_000 * UNITS, ManualClock(OPEN_NS))
    risk.unclear.set("ema", RELIANCE.key, "P1", "order P1 is looked up")
    refused = risk.check(request(owner="ema"))
    assert (refused.is_allowed, refused.rule) == (False, "unclear")
    assert "order P1 is looked up" in refused.reason
    assert risk.check(request(owner="rsi")).is_allowed
    risk.unclear.clear("ema", RELIANCE.key, "P1")
    assert risk.check(request(owner="ema")).is_allowed


def test_an_exit_closes_only_what_was_not_closed_elsewhere() -> None:
    desk = Desk()
    risk = RiskManager({}, CAPITAL, ManualClock(OPEN_NS), desk)
    desk.holds(10, "ema")
    desk.held[RELIANCE.key, "external"] = -4
    assert not risk.check(request(-1, 7, owner="ema", purpose=Purpose.EXIT)).is_allowed
    assert risk.check(request(-1, 6, owner="ema", purpose=Purpose.STOP)).is_allowed
    desk.held[RELIANCE.key, "external"] = 5
    assert risk.check(request(-1, 10, owner="ema", purpose=Purpose.STOP)).is_allowed


@pytest.mark.parametrize(("ours", "quantity", "passes"), [(10, 1, False), (4, 6, True), (4, 7, False), (-4, 10, True), (0, 10, True)])
def test_what_came_from_elsewhere_is_closed_only_where_nobody_here_holds_its_other_side(ours: int, quantity: int, passes: bool) -> None:
    desk = Desk()
    risk = RiskManager({}, CAPITAL, ManualClock(OPEN_NS), desk)
    desk.holds(ours, "ema")
    desk.held[RELIANCE.key, "external"] = -10
    desk.held[RELIANCE.key, ""] = ours - 10
    assert risk.check(request(1, quantity, owner="external", purpose=Purpose.EXIT)).is_allowed is passes


def test_a_clock_that_is_set_forward_does_not_let_more_messages_out() -> None:
    class Settable(ManualClock):
        off_ns = 0

        def now_ns(self) -> int:
            return super().now_ns() + self.off_ns

    clock = Settable(OPEN_NS)
    risk = RiskManager({"message_rate": 8.0}, CAPITAL, clock)
    for _ in range(8):
        risk.count_message()
    assert risk.wait_s() == 1.0
    clock.off_ns = 600 * SECOND_NS
    assert risk.wait_s() == 1.0, "the broker counts by its own clock"
    clock.off_ns = -600 * SECOND_NS
    clock.advance(1.0)
    assert risk.wait_s() == 0.0

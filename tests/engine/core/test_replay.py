"""Replays worked by hand: what is decided on one bar, where it fills on the next, what protects it, and what is refused."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from engine.core import replay as replaying
from engine.core.compiled import compiled, is_disabled
from engine.core.costs import RATES, order_charges
from engine.core.decision import bet_of
from engine.core.errors import UserError
from engine.core.legs import LEG, SQUARE
from engine.core.limits import LIMITS
from engine.core.records import BAR, REASONS, Rows
from engine.core.replay import Outcome, Terms, no_limits, replay
from engine.core.sizing import FIXED, KELLY, RISK, SIZING
from engine.core.walk import walk

NAN = math.nan
MINUTE = 60_000_000_000
DAY = 1440 * MINUTE
OPEN = (9 * 60 + 15 - 330) * MINUTE
"""09:15 IST of the first day, in UTC."""

Bar = tuple[float, float, float, float]
Fill = tuple[int, int, float, str]


@compiled("void(f8[:], f8[:], BAR, INTENT)")
def scripted(state, params, bar, intent):  # type: ignore[no-untyped-def]
    """Want what the script says: five numbers a bar, for instrument after instrument."""
    at = int(params[0]) * bar.instrument * 5 + int(state[0]) * 5 + 1
    state[0] += 1.0
    intent.target = params[at]
    intent.limit = params[at + 1]
    intent.stop = params[at + 2]
    intent.profit = params[at + 3]
    intent.trail = params[at + 4]


def want(target: float = NAN, limit: float = NAN, stop: float = NAN, profit: float = NAN, trail: float = NAN) -> tuple[float, ...]:
    return target, limit, stop, profit, trail


def script(*legs: dict[int, tuple[float, ...]], bars: int = 40) -> NDArray[np.float64]:
    """Lay out what each leg wants at which of its decision bars."""
    rows = np.full((len(legs), bars, 5), NAN)
    for k, wishes in enumerate(legs):
        for at, wish in wishes.items():
            rows[k, at] = wish
    return np.concatenate([[float(bars)], rows.ravel()])


def minutes(*bars: Bar, instrument: int = 0, day: int = 0, first: int = 0) -> Rows:
    rows: Rows = np.zeros(len(bars), BAR)
    at = np.arange(len(bars)) + first
    rows["time_ns"] = day * DAY + OPEN + at * MINUTE
    rows["session_minute"] = at
    rows["instrument"] = instrument
    for name, column in zip(("open", "high", "low", "close"), np.array(bars).T, strict=True):
        rows[name] = column
    return rows


def together(*parts: Rows) -> Rows:
    rows = np.concatenate(parts)
    return rows[np.lexsort((rows["instrument"], rows["time_ns"]))]


def sizing(*fixed: int, can_short: bool = True, lot: int = 1, multiplier: int = 1, contract_lot: int = 0) -> Rows:
    rows: Rows = np.zeros(len(fixed), SIZING)
    rows["contract_lot"] = contract_lot
    rows["mode"], rows["fixed"], rows["can_short"], rows["lot"], rows["multiplier"] = FIXED, fixed, can_short, lot, multiplier
    return rows


def terms(sizes: Rows | None = None, **given: Any) -> Terms:
    sizes = sizing(10) if sizes is None else sizes
    return Terms(sizing=sizes, ticks=np.full(len(sizes), 0.05), capital_units=given.pop("capital", 1_000_000) * 10_000, **given)


def run(bars: Rows, *legs: dict[int, tuple[float, ...]], given: Terms | None = None) -> Outcome:
    """Replay a script, as plain Python and as machine code by both loops, and see that they agree."""
    given = given or terms()
    states, params = np.zeros((len(given.ticks), 1)), script(*legs)
    made = replay(scripted, states, params, bars, given, plain=True)
    assert_same(made, replay(scripted, states, params, bars, given))
    if len(legs) == 1 and given.interval_s == given.base_s:
        before, replaying.walk_one = replaying.walk_one, walk
        try:
            assert_same(made, replay(scripted, states, params, bars, given, plain=True))
        finally:
            replaying.walk_one = before
    return made


def assert_same(one: Outcome, other: Outcome) -> None:
    assert one.fills.tolist() == other.fills.tolist()
    assert one.equity.tolist() == other.equity.tolist()
    assert one.equity_ns.tolist() == other.equity_ns.tolist()
    assert one.positions.tolist() == other.positions.tolist()
    assert one.account.item() == other.account.item()
    assert (one.decisions, one.signals, one.orders, one.unsized, one.denied) == (
        other.decisions,
        other.signals,
        other.orders,
        other.unsized,
        other.denied,
    )
    assert (one.fault, one.fault_ns) == (other.fault, other.fault_ns)
    assert one.states.tobytes() == other.states.tobytes()


def fills_of(made: Outcome) -> list[Fill]:
    """Return (minute, signed quantity, price in rupees, reason) of each fill."""
    return [
        (int((row.time_ns - OPEN) // MINUTE), int(row.quantity), row.price / 10_000, REASONS[row.reason])
        for row in made.fills  # type: ignore[attr-defined]
    ]


FLAT: Bar = (100.0, 101.0, 99.0, 100.0)


def test_a_decision_fills_at_the_next_open_and_a_reversal_is_one_fill() -> None:
    bars = minutes(FLAT, (101.0, 103.0, 100.0, 102.0), (104.0, 105.0, 103.0, 104.0), FLAT, FLAT)
    made = run(bars, {0: want(1.0), 1: want(-1.0), 2: want(0.0)})
    assert fills_of(made) == [(1, 10, 101.0, "entry"), (2, -20, 104.0, "reversal"), (3, 10, 100.0, "exit")]
    assert (made.equity - 10_000_000_000).tolist() == [0, 100_000, 300_000, 700_000, 700_000]
    assert made.equity_ns.tolist() == bars["time_ns"].tolist()
    assert made.account.cash == made.account.equity == 10_000_700_000
    assert made.account.realised == 700_000
    assert (made.decisions, made.signals, made.orders) == (5, 3, 3)


def test_nothing_fills_after_the_last_bar() -> None:
    made = run(minutes(FLAT, FLAT), {1: want(1.0)})
    assert fills_of(made) == []
    assert made.orders == 1


def test_no_bars_come_to_nothing() -> None:
    made = run(minutes(FLAT)[:0], {})
    assert (len(made.fills), len(made.equity), len(made.equity_ns)) == (0, 0, 0)


def test_the_same_wish_again_does_nothing_but_while_flat_it_is_a_new_one() -> None:
    bars = minutes(FLAT, FLAT, (99.0, 99.5, 96.0, 97.0), FLAT, FLAT, FLAT)
    made = run(bars, {0: want(1.0, stop=98.0), 1: want(1.0, stop=90.0), 2: want(1.0)})
    assert fills_of(made) == [(1, 10, 100.0, "entry"), (2, -10, 98.0, "stop"), (3, 10, 100.0, "entry")]


def test_a_stop_gapped_through_fills_at_the_open_and_takes_the_target_with_it() -> None:
    bars = minutes(FLAT, FLAT, (95.0, 110.0, 94.0, 95.0), (100.0, 120.0, 90.0, 100.0))
    made = run(bars, {0: want(1.0, stop=98.0, profit=105.0)})
    assert fills_of(made) == [(1, 10, 100.0, "entry"), (2, -10, 95.0, "stop")]


def test_stop_and_target_in_one_bar_take_the_stop() -> None:
    bars = minutes(FLAT, (100.0, 106.0, 97.0, 100.0), FLAT)
    made = run(bars, {0: want(1.0, stop=98.0, profit=105.0)})
    assert fills_of(made) == [(1, 10, 100.0, "entry"), (1, -10, 98.0, "stop")]


def test_a_target_is_traded_through_and_takes_the_stop_with_it() -> None:
    bars = minutes(FLAT, FLAT, (100.0, 105.0, 99.0, 100.0), (100.0, 105.05, 99.0, 100.0), (90.0, 90.0, 80.0, 85.0))
    made = run(bars, {0: want(1.0, stop=98.0, profit=105.0)})
    assert fills_of(made) == [(1, 10, 100.0, "entry"), (3, -10, 105.0, "target")]
    touched = run(bars, {0: want(1.0, stop=98.0, profit=105.0)}, given=terms(touch=True))
    assert fills_of(touched)[1] == (2, -10, 105.0, "target")


def test_a_short_position_is_protected_the_other_way_round() -> None:
    bars = minutes(FLAT, FLAT, (100.0, 102.0, 99.0, 100.0), FLAT, (100.0, 101.0, 94.0, 95.0))
    made = run(bars, {0: want(-1.0, stop=102.0), 2: want(-1.0, profit=95.0)})
    assert fills_of(made) == [(1, -10, 100.0, "entry"), (2, 10, 102.0, "stop"), (3, -10, 100.0, "entry"), (4, 10, 95.0, "target")]


def test_protective_prices_are_put_on_the_grid() -> None:
    bars = minutes(FLAT, FLAT, (100.0, 100.0, 90.0, 91.0))
    assert fills_of(run(bars, {0: want(1.0, stop=97.98)}))[1] == (2, -10, 98.0, "stop")


def test_protection_can_be_moved_without_a_new_wish() -> None:
    bars = minutes(FLAT, FLAT, (100.0, 104.0, 99.0, 103.0), (103.0, 103.0, 101.0, 102.0), FLAT)
    made = run(bars, {0: want(1.0, stop=95.0, profit=120.0), 2: want(stop=102.0, profit=103.5)})
    assert fills_of(made)[1] == (3, -10, 102.0, "stop")
    flat = run(bars, {0: want(stop=102.0, profit=103.5, trail=1.0)})
    assert fills_of(flat) == []


def test_a_stop_trails_behind_the_high_and_never_goes_back() -> None:
    bars = minutes(FLAT, FLAT, (100.0, 104.0, 99.5, 103.0), (103.0, 103.5, 102.5, 103.0), (103.0, 103.0, 101.0, 102.0))
    made = run(bars, {0: want(1.0, stop=97.0, trail=2.0)})
    # 98 at the fill, 99 after the high of 101, 102 after 104; 103.5 - 2 would be lower again.
    assert fills_of(made) == [(1, 10, 100.0, "entry"), (4, -10, 102.0, "trail")]


def test_the_tighter_of_stop_and_trail_holds_at_first() -> None:
    bars = minutes(FLAT, (100.0, 100.0, 98.5, 99.0), FLAT)
    made = run(bars, {0: want(1.0, stop=99.0, trail=2.0)})
    assert fills_of(made)[1] == (1, -10, 99.0, "stop")


def test_a_short_stop_trails_above_the_low() -> None:
    bars = minutes(FLAT, FLAT, (100.0, 100.0, 95.0, 96.0), (96.0, 98.0, 95.5, 96.0))
    made = run(bars, {0: want(-1.0), 1: want(trail=2.0)})
    assert fills_of(made) == [(1, -10, 100.0, "entry"), (3, 10, 97.0, "trail")]


def test_a_limit_entry_rests_until_it_is_traded_through_or_the_wish_changes() -> None:
    bars = minutes(FLAT, (100.0, 101.0, 98.0, 100.0), (100.0, 101.0, 97.0, 100.0), FLAT)
    assert fills_of(run(bars, {0: want(1.0, limit=98.0)})) == [(2, 10, 98.0, "entry")]
    assert fills_of(run(bars, {0: want(1.0, limit=98.0), 1: want(0.0)})) == []
    assert fills_of(run(bars, {0: want(1.0, limit=98.0), 1: want(1.0)})) == [(2, 10, 100.0, "entry")]


def test_a_target_placed_inside_the_range_waits_for_the_next_open_but_a_stop_does_not() -> None:
    up = minutes(FLAT, (100.0, 106.0, 97.0, 100.0), (102.0, 103.0, 101.0, 102.0))
    made = run(up, {0: want(1.0, limit=98.0, profit=101.0)})
    assert fills_of(made) == [(1, 10, 98.0, "entry"), (2, -10, 102.0, "target")]
    down = minutes(FLAT, (100.0, 101.0, 95.0, 96.0))
    assert fills_of(run(down, {0: want(1.0, limit=98.0, stop=96.0)})) == [(1, 10, 98.0, "entry"), (1, -10, 96.0, "stop")]


def test_a_stop_out_takes_a_resting_exit_with_it() -> None:
    bars = minutes(FLAT, FLAT, (100.0, 100.0, 97.0, 98.0), (100.0, 130.0, 90.0, 100.0))
    made = run(bars, {0: want(1.0, stop=98.0), 1: want(0.0, limit=120.0)})
    assert fills_of(made) == [(1, 10, 100.0, "entry"), (2, -10, 98.0, "stop")]


def test_adding_to_a_position_keeps_its_protection_and_covers_all_of_it() -> None:
    bars = minutes(FLAT, FLAT, FLAT, (100.0, 100.0, 94.0, 95.0))
    made = run(bars, {0: want(1.0, stop=95.0, profit=110.0), 1: want(2.0)})
    assert fills_of(made) == [(1, 10, 100.0, "entry"), (2, 10, 100.0, "entry"), (3, -20, 95.0, "stop")]
    reduced = run(bars, {0: want(2.0, stop=95.0), 1: want(1.0, stop=96.0)})
    assert fills_of(reduced) == [(1, 20, 100.0, "entry"), (2, -10, 100.0, "exit"), (3, -10, 96.0, "stop")]


def test_a_reversal_leaves_the_old_protection_behind() -> None:
    bars = minutes(FLAT, FLAT, FLAT, (100.0, 120.0, 80.0, 100.0))
    made = run(bars, {0: want(1.0, stop=95.0, profit=110.0), 1: want(-1.0, stop=115.0)})
    assert fills_of(made) == [(1, 10, 100.0, "entry"), (2, -20, 100.0, "reversal"), (3, 10, 115.0, "stop")]


def test_where_shorting_is_not_allowed_a_sale_only_closes() -> None:
    bars = minutes(FLAT, FLAT, FLAT, FLAT)
    made = run(bars, {0: want(1.0), 1: want(-1.0), 2: want(-1.0)}, given=terms(sizing(10, can_short=False)))
    assert fills_of(made) == [(1, 10, 100.0, "entry"), (2, -10, 100.0, "exit")]
    assert made.unsized == 0


def test_charges_are_those_of_the_order_and_leave_the_cash() -> None:
    rates: Rows = np.zeros((1, 2), RATES)
    rates[0, 0]["stt_sell"] = 250_000
    rates[0, 1]["brokerage_flat"] = 200_000
    bars = together(minutes(FLAT, FLAT, FLAT), minutes(FLAT, FLAT, day=1))
    given = terms(rates=rates, rates_from_ns=np.array([0, OPEN + DAY // 2]))
    made = run(bars, {0: want(1.0), 1: want(-1.0), 3: want(0.0)}, given=given)
    sold = int(order_charges(rates[0, 0], -20, 20, 20 * 1_000_000))
    assert made.fills["charges"].tolist() == [0, sold, 200_000]
    assert sold == 5_000
    assert made.account.cash == 10_000_000_000 - sold - 200_000
    assert made.account.charges == sold + 200_000
    assert made.positions["charges"].tolist() == [sold + 200_000]


def test_contracts_are_worth_their_multiplier() -> None:
    bars = minutes(FLAT, FLAT, (101.0, 101.0, 101.0, 101.0))
    made = run(bars, {0: want(1.0)}, given=terms(sizing(50, lot=25, multiplier=3)))
    assert made.equity[-1] - made.equity[0] == 50 * 3 * 10_000
    assert made.account.cash == 10_000_000_000 - 50 * 3 * 1_000_000


def risk(**given: float) -> Rows:
    rows = sizing(0)
    rows["mode"] = RISK
    for name, value in given.items():
        rows[name] = value
    return rows


def test_size_by_risk_follows_equity_and_stop() -> None:
    bars = minutes(FLAT, FLAT, FLAT)
    made = run(bars, {0: want(1.0, stop=98.0)}, given=terms(risk(risk_pct=1.0), capital=100_000))
    assert fills_of(made) == [(1, 500, 100.0, "entry")]
    none = run(bars, {0: want(1.0, stop=98.0)}, given=terms(risk(risk_pct=0.0001), capital=1_000))
    assert (fills_of(none), none.unsized, none.fault) == ([], 1, "")


def test_size_by_risk_without_any_measure_stops_the_strategy() -> None:
    made = run(minutes(FLAT, FLAT, FLAT), {0: want(0.0), 1: want(1.0)}, given=terms(risk(risk_pct=1.0)))
    assert made.fault.startswith("Expected a stop (with max_risk_per_trade) or max_position_size")
    assert made.fault_ns == OPEN + MINUTE
    assert (made.decisions, made.orders) == (2, 0)


@pytest.mark.parametrize("bad", [want(math.inf), want(1.0, stop=-1.0), want(1.0, limit=math.inf), want(profit=0.0)])
def test_a_wish_that_makes_no_sense_stops_the_strategy_and_leaves_its_protection(bad: tuple[float, ...]) -> None:
    bars = minutes(FLAT, FLAT, FLAT, (100.0, 100.0, 94.0, 95.0))
    made = run(bars, {0: want(1.0, stop=95.0), 1: bad, 2: want(-1.0)})
    assert made.fault.startswith("Expected a finite target and prices above zero")
    assert fills_of(made) == [(1, 10, 100.0, "entry"), (3, -10, 95.0, "stop")]
    assert made.decisions == 2


def test_a_strategy_that_is_stopped_takes_its_entries_along_but_not_its_exits() -> None:
    low: Bar = (100.0, 120.0, 80.0, 100.0)
    parts = (minutes(FLAT, FLAT, low, instrument=k) for k in range(3))
    wishes = {0: want(1.0), 1: want(0.0, limit=110.0)}, {1: want(1.0, limit=90.0)}, {1: want(math.inf)}
    made = run(together(*parts), *wishes, given=terms(sizing(10, 10, 10)))
    assert [(*fill[1:], int(k)) for fill, k in zip(fills_of(made), made.fills["instrument"], strict=True)] == [
        (10, 100.0, "entry", 0),
        (-10, 110.0, "exit", 0),
    ]


def limits(**given: float) -> Rows:
    rows = no_limits()
    for name, value in given.items():
        rows[name] = value
    return rows


@pytest.mark.parametrize(
    ("sizes", "given", "refused"),
    [
        (sizing(101), {"capital": 10_000}, "cash"),
        (sizing(100), {"limits": limits(max_position_size=0.9)}, "max_position_size"),
        (sizing(10), {"limits": limits(max_order_value=9_999_999.0)}, "max_order_value"),
        (sizing(10), {"limits": limits(max_order_quantity=9.0)}, "max_order_quantity"),
        (sizing(10), {"limits": limits(max_positions=0.0)}, "max_positions"),
        (sizing(100), {"limits": limits(max_order_share=0.99)}, "max_order_share"),
        (sizing(10, contract_lot=5), {"limits": limits(max_order_lots=1.0)}, "max_order_lots"),
        (sizing(10, contract_lot=5), {"limits": limits(max_position_lots=1.0)}, "max_position_lots"),
        (sizing(10_001), {"limits": limits(gross_exposure=1.0, cash=0.0)}, "gross_exposure"),
    ],
)
def test_an_order_beyond_a_limit_is_refused_and_counted(sizes: Rows, given: dict[str, Any], refused: str) -> None:
    made = run(minutes(FLAT, FLAT), {0: want(1.0)}, given=terms(sizes, **given))
    assert made.denied == {refused: 1}
    assert (made.orders, len(made.fills)) == (0, 0)


def test_cash_may_be_left_out_of_account() -> None:
    made = run(minutes(FLAT, FLAT), {0: want(1.0)}, given=terms(sizing(101), capital=10_000, limits=limits(cash=0.0)))
    assert (made.denied, len(made.fills)) == ({}, 1)


def test_limits_let_through_what_lies_within() -> None:
    row = limits(max_position_size=1.0, max_order_value=100_000_000.0, max_order_quantity=100.0, max_positions=1.0, max_drawdown=50.0)
    for name, limit in (("max_order_share", 1.0), ("max_order_lots", 0.0), ("max_position_lots", 0.0), ("gross_exposure", 0.01)):
        row[name] = limit
    made = run(minutes(FLAT, FLAT), {0: want(1.0)}, given=terms(sizing(100), limits=row))
    assert (made.denied, len(made.fills)) == ({}, 1)


def test_a_lost_day_refuses_entries_until_the_next_but_lets_exits_pass() -> None:
    fall: Bar = (100.0, 100.0, 90.0, 90.0)
    bars = together(minutes(FLAT, fall, fall, FLAT, FLAT), minutes(FLAT, FLAT, day=1))
    wishes = {0: want(1.0), 1: want(-1.0), 2: want(0.0), 3: want(1.0), 5: want(1.0)}
    made = run(bars, wishes, given=terms(limits=limits(max_daily_loss=1_000_000.0)))
    assert made.denied == {"max_daily_loss": 2}
    # The reversal is refused, and what it would have left first is left: half of it reduces.
    assert fills_of(made) == [(1, 10, 100.0, "entry"), (2, -10, 100.0, "exit"), (1441, 10, 100.0, "entry")]


def test_a_drawdown_refuses_entries_for_good() -> None:
    fall: Bar = (100.0, 100.0, 50.0, 50.0)
    bars = together(minutes(FLAT, fall, FLAT, FLAT), minutes(FLAT, FLAT, day=1))
    made = run(bars, {0: want(1.0), 1: want(0.0), 4: want(1.0)}, given=terms(sizing(20), capital=4_000, limits=limits(max_drawdown=25.0)))
    assert made.denied == {"max_drawdown": 1}
    assert made.account.peak == 40_000_000


def squares_at(*times: int, group: int = 0) -> Rows:
    return np.array([(time, group) for time in times], dtype=SQUARE)


def test_square_off_closes_with_one_order_and_nothing_is_entered_until_the_next_day() -> None:
    bars = together(minutes(FLAT, FLAT, FLAT, FLAT, FLAT), minutes(FLAT, FLAT, day=1))
    squares = squares_at(OPEN + 3 * MINUTE, OPEN + DAY + 3 * MINUTE)
    wishes = {0: want(1.0, stop=90.0), 2: want(-1.0), 3: want(1.0), 5: want(1.0)}
    made = run(bars, wishes, given=terms(squares=squares))
    assert fills_of(made) == [(1, 10, 100.0, "entry"), (3, -10, 100.0, "square_off"), (1441, 10, 100.0, "entry")]


def test_each_group_of_instruments_has_its_own_square_off() -> None:
    bars = together(minutes(*[FLAT] * 5), minutes(*[FLAT] * 5, instrument=1))
    squares = np.concatenate([squares_at(OPEN + 2 * MINUTE), squares_at(OPEN + 3 * MINUTE, group=1)])
    made = run(bars, {0: want(1.0)}, {0: want(1.0)}, given=terms(sizing(10, 20), squares=squares, groups=np.array([1, 0])))
    assert fills_of(made)[2:] == [(2, -20, 100.0, "square_off"), (3, -10, 100.0, "square_off")]


def test_square_off_takes_resting_entries_with_it() -> None:
    bars = minutes(FLAT, FLAT, FLAT, (100.0, 100.0, 80.0, 90.0))
    made = run(bars, {0: want(1.0, limit=90.0)}, given=terms(squares=squares_at(OPEN + 3 * MINUTE)))
    assert fills_of(made) == []


def test_a_square_off_in_a_hole_of_the_day_takes_the_next_open() -> None:
    bars = together(minutes(FLAT, FLAT), minutes((98.0, 99.0, 97.0, 98.0), FLAT, first=5))
    made = run(bars, {0: want(1.0), 2: want(1.0)}, given=terms(squares=squares_at(OPEN + 3 * MINUTE)))
    assert fills_of(made) == [(1, 10, 100.0, "entry"), (5, -10, 98.0, "square_off")]


def test_a_square_off_missed_by_a_hole_in_the_data_is_made_up_for_at_the_next_open() -> None:
    bars = together(minutes(FLAT, FLAT), minutes((98.0, 99.0, 97.0, 98.0), FLAT, FLAT, day=1))
    squares = squares_at(OPEN + 300 * MINUTE, OPEN + DAY + 300 * MINUTE)
    made = run(bars, {0: want(1.0), 2: want(1.0)}, given=terms(squares=squares))
    assert fills_of(made) == [(1, 10, 100.0, "entry"), (1440, -10, 98.0, "square_off"), (1441, 10, 100.0, "entry")]


def test_a_position_is_left_so_long_after_it_was_opened_and_may_be_entered_again() -> None:
    bars = minutes(*[FLAT] * 9)
    wishes = {0: want(1.0, stop=90.0), 1: want(2.0), 3: want(-1.0), 4: want(1.0)}
    made = run(bars, wishes, given=terms(exit_after_s=180.0))
    assert fills_of(made) == [
        (1, 10, 100.0, "entry"),
        (2, 10, 100.0, "entry"),
        (4, -20, 100.0, "square_off"),
        (5, 10, 100.0, "entry"),
        (8, -10, 100.0, "square_off"),
    ], "counted from its first fill; what is wished while it is being left goes unheard"


def test_the_time_of_a_position_counts_anew_once_it_was_turned() -> None:
    made = run(minutes(*[FLAT] * 8), {0: want(1.0), 2: want(-1.0)}, given=terms(exit_after_s=180.0))
    assert fills_of(made) == [(1, 10, 100.0, "entry"), (3, -20, 100.0, "reversal"), (6, 10, 100.0, "square_off")]


def test_a_position_that_was_closed_before_its_time_leaves_no_time_behind() -> None:
    made = run(minutes(*[FLAT] * 8), {0: want(1.0), 2: want(0.0), 4: want(1.0)}, given=terms(exit_after_s=180.0))
    assert fills_of(made) == [(1, 10, 100.0, "entry"), (3, -10, 100.0, "exit"), (5, 10, 100.0, "entry")]


def test_an_entry_that_waits_goes_with_the_position_whose_time_has_come() -> None:
    bars = minutes(FLAT, FLAT, FLAT, FLAT, (100.0, 100.0, 80.0, 90.0), FLAT)
    made = run(bars, {0: want(1.0), 1: want(2.0, limit=95.0)}, given=terms(exit_after_s=180.0))
    assert fills_of(made) == [(1, 10, 100.0, "entry"), (4, -10, 100.0, "square_off")]


def test_a_time_in_a_hole_is_made_up_for_at_the_next_open_of_every_instrument() -> None:
    first = together(minutes(FLAT, FLAT), minutes((98.0, 99.0, 97.0, 98.0), FLAT, day=1))
    bars = together(first, minutes(*[FLAT] * 7, instrument=1))
    made = run(bars, {0: want(1.0)}, {2: want(1.0)}, given=terms(sizing(10, 20), exit_after_s=180.0))
    assert fills_of(made) == [
        (1, 10, 100.0, "entry"),
        (3, 20, 100.0, "entry"),
        (6, -20, 100.0, "square_off"),
        (1440, -10, 98.0, "square_off"),
    ]


def test_a_square_off_on_its_way_is_not_disturbed_by_a_new_day() -> None:
    other = together(minutes(*[FLAT] * 4, instrument=1), minutes(FLAT, FLAT, instrument=1, day=1))
    bars = together(other, minutes(FLAT, FLAT), minutes(FLAT, first=1, day=1))
    squares = squares_at(OPEN + 3 * MINUTE, OPEN + DAY + 300 * MINUTE)
    made = run(bars, {0: want(1.0), 2: want(-1.0)}, {}, given=terms(sizing(10, 10), squares=squares, interval_s=60))
    assert fills_of(made) == [(1, 10, 100.0, "entry"), (1441, -10, 100.0, "square_off")]


def test_larger_windows_are_decided_on_when_they_end_also_after_a_hole() -> None:
    bars = together(minutes(*[FLAT] * 4), minutes((101.0, 102.0, 100.0, 101.0), FLAT, first=7), minutes(FLAT, FLAT, day=1))
    made = run(bars, {0: want(1.0), 1: want(0.0), 2: want(-1.0)}, given=terms(interval_s=300))
    # The first window (minutes 0 to 4) ends in the hole, the second at minute 10, before the next day's first bar.
    assert fills_of(made) == [(7, 10, 101.0, "entry"), (1440, -10, 100.0, "exit")]
    assert made.decisions == 2


def test_a_window_that_began_before_the_data_is_not_decided_on() -> None:
    bars = together(minutes(*[FLAT] * 6, first=1), minutes(*[FLAT] * 2, instrument=1, first=3))
    made = run(bars, {0: want(1.0)}, {0: want(1.0)}, given=terms(sizing(10, 10), interval_s=120))
    # Minute 0 is missing: the first whole window is that of minutes 2 and 3. Instrument 1 has only half of it, but could have had all.
    assert fills_of(made) == [(4, 10, 100.0, "entry"), (4, 10, 100.0, "entry")]


def test_a_window_has_the_range_of_all_its_bars() -> None:
    bars = minutes(FLAT, FLAT, FLAT, (100.0, 108.0, 99.0, 100.0), FLAT, FLAT)
    made = run(bars, {0: want(1.0), 1: want(trail=1.0)}, given=terms(interval_s=120))
    # Decided after minute 1, filled at 2; the window of 2 and 3 had a high of 108, so the stop lies at 107, above the next open.
    assert fills_of(made) == [(2, 10, 100.0, "entry"), (4, -10, 100.0, "trail")]


def test_instruments_share_the_cash_and_count_what_is_on_its_way() -> None:
    bars = together(minutes(*[FLAT] * 3), minutes(*[FLAT] * 3, instrument=1), minutes(*[FLAT] * 3, instrument=2))
    wishes = {0: want(1.0)}
    made = run(bars, wishes, wishes, wishes, given=terms(sizing(10, 10, 10), capital=2_500))
    assert made.fills["instrument"].tolist() == [0, 1]
    assert made.denied == {"cash": 1}
    few = run(bars, wishes, {0: want(1.0, limit=50.0)}, {1: want(1.0)}, given=terms(sizing(10, 10, 10), limits=limits(max_positions=2.0)))
    assert few.fills["instrument"].tolist() == [0]
    assert few.denied == {"max_positions": 1}
    assert len(made.equity) == 3
    assert made.equity_ns.tolist() == [OPEN, OPEN + MINUTE, OPEN + 2 * MINUTE]


def test_a_wish_that_waits_for_a_cancel_lets_the_other_instruments_go_first() -> None:
    bars = together(minutes(*[FLAT] * 4), minutes(*[FLAT] * 4, instrument=1))
    first = {0: want(1.0, limit=90.0), 1: want(1.0)}
    made = run(bars, first, {1: want(1.0)}, given=terms(sizing(10, 10), capital=1_500))
    assert made.fills["instrument"].tolist() == [1]
    assert made.denied == {"cash": 1}
    faulty = run(bars, first, {1: want(math.inf)}, given=terms(sizing(10, 10)))
    assert (len(faulty.fills), faulty.orders) == (0, 1)
    sized = risk(risk_pct=1.0)
    unsized = run(bars, {0: want(1.0, limit=90.0, stop=80.0), 1: want(1.0)}, {}, given=terms(np.concatenate([sized, sized])))
    assert unsized.fault.startswith("Expected a stop")
    assert len(unsized.fills) == 0


def test_what_is_held_at_market_value_binds_cash() -> None:
    rise: Bar = (150.0, 150.0, 150.0, 150.0)
    bars = together(minutes(FLAT, FLAT, rise, rise), minutes(*[FLAT] * 4, instrument=1))
    made = run(bars, {0: want(1.0)}, {2: want(1.0)}, given=terms(sizing(10, 10), capital=1_999))
    # 1,999 + 500 of profit, less 1,500 held: 999 are free, 1,000 are asked.
    assert made.denied == {"cash": 1}


@pytest.mark.parametrize(
    "bars",
    [
        minutes(FLAT, FLAT)[::-1],
        np.concatenate([minutes(FLAT), minutes(FLAT)]),
        minutes(FLAT, instrument=1),
    ],
)
@pytest.mark.parametrize("interval_s", [60, 300])
def test_bars_out_of_order_or_of_unknown_instruments_are_refused(bars: Rows, interval_s: int) -> None:
    with pytest.raises(UserError, match="Expected bars of instruments 0 to 0 in order of time"):
        replay(scripted, np.zeros((1, 1)), script({}), bars, terms(interval_s=interval_s))


def test_instruments_of_one_moment_out_of_order_are_refused() -> None:
    bars = together(minutes(FLAT, instrument=0), minutes(FLAT, instrument=1))[::-1]
    with pytest.raises(UserError, match="Expected bars of instruments 0 to 1 in order of time"):
        replay(scripted, np.zeros((2, 1)), script({}, {}), bars.copy(), terms(sizing(1, 1)))


def test_fills_may_be_many_and_progress_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replaying, "CHUNK", 100)
    count = 600
    bars = minutes(*[FLAT] * count)
    params = script({i: want(1.0 if i % 2 else -1.0) for i in range(count)}, bars=count)
    told: list[int] = []
    made = replay(scripted, np.zeros((1, 1)), params, bars, terms(), on_progress=told.append)
    assert told == [100, 200, 300, 400, 500, 600]
    assert len(made.fills) == count - 1
    assert made.fills["quantity"][1:].tolist() == [20 if i % 2 else -20 for i in range(1, count - 1)]
    assert_same(made, replay(scripted, np.zeros((1, 1)), params, bars, terms()))


def test_the_given_state_is_not_written_to() -> None:
    states = np.zeros((1, 1))
    made = replay(scripted, states, script({}), minutes(FLAT, FLAT), terms())
    assert states.tolist() == [[0.0]]
    assert made.states.tolist() == [[2.0]]


price = st.integers(1900, 2100).map(lambda ticks: round(ticks * 0.05, 2))
wish = st.tuples(
    st.sampled_from([NAN, NAN, 0.0, 1.0, -1.0, 2.0]),
    st.one_of(st.just(NAN), price),
    st.one_of(st.just(NAN), price),
    st.one_of(st.just(NAN), price),
    st.sampled_from([NAN, NAN, 0.5, 2.0]),
)


@settings(deadline=None, max_examples=60)
@given(
    paths=st.lists(st.lists(price, min_size=4, max_size=4), min_size=8, max_size=24),
    wishes=st.lists(st.lists(wish, min_size=12, max_size=12), min_size=2, max_size=2),
    interval=st.sampled_from([60, 120]),
    touch=st.booleans(),
    square=st.sampled_from([3, 7, 400]),
)
def test_whatever_is_wanted_money_is_kept_and_fills_lie_within_their_bars(
    paths: list[list[float]], wishes: list[list[tuple[float, ...]]], interval: int, touch: bool, square: int
) -> None:
    rows = [(path[0], max(path), min(path), path[-1]) for path in paths]
    half = len(rows) // 2
    bars = together(minutes(*rows[:half]), minutes(*rows[half:], instrument=1))
    rates: Rows = np.zeros((2, 1), RATES)
    rates["brokerage"], rates["stt_sell"] = 300_000, 250_000
    given = terms(sizing(7, 11), rates=rates, interval_s=interval, touch=touch, squares=squares_at(OPEN + square * MINUTE), capital=20_000)
    made = run(bars, *(dict(enumerate(each)) for each in wishes), given=given)
    spent = made.fills["quantity"] * made.fills["price"]
    assert made.account.cash == 200_000_000 - spent.sum() - made.fills["charges"].sum()
    for k in (0, 1):
        own = made.fills[made.fills["instrument"] == k]
        assert own["quantity"].sum() == made.positions[k]["quantity"]
        for fill in own:
            bar = bars[(bars["time_ns"] == fill["time_ns"]) & (bars["instrument"] == k)][0]
            assert bar["low"] - 1e-9 <= fill["price"] / 10_000 <= bar["high"] + 1e-9
    last = [bars[bars["instrument"] == k][-1]["close"] for k in (0, 1)]
    held = sum(int(made.positions[k]["quantity"]) * round(last[k] * 10_000) for k in (0, 1))
    assert made.equity[-1] == made.account.cash + held


@pytest.mark.skipif(is_disabled(), reason="too slow as plain Python")
@pytest.mark.parametrize("chunk", [7, 1000])
def test_where_it_pauses_makes_no_difference(chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replaying, "CHUNK", chunk)
    rng = np.random.default_rng(5)
    closes = np.round(1000 + np.cumsum(rng.standard_normal(3000)), 1)
    bars = minutes(*((c, c + 1.0, c - 1.0, c) for c in closes.tolist()))
    params = script({i: want(float(rng.integers(-1, 2)), stop=float(closes[i]) - 3.0) for i in range(0, 3000, 7)}, bars=3000)
    whole = replay(scripted, np.zeros((1, 1)), params, bars, terms())
    assert_same(whole, replay(scripted, np.zeros((1, 1)), params, bars, terms(), on_progress=lambda done: None))
    assert len(whole.fills) > 200


def test_every_refusal_has_the_name_of_its_rule() -> None:
    assert set(LIMITS.names or ()) <= set(replaying.REFUSALS.values())


def test_a_size_by_kelly_is_by_risk_until_enough_trades_were_closed_and_none_without_an_edge() -> None:
    rows = sizing(0)
    rows["mode"], rows["fraction"], rows["max_position_pct"] = KELLY, 0.5, 1.0
    # Up for two bars, down for two: bought on the first of each pair, sold on the second.
    up = [(100.0, 101.0, 99.0, 100.0), (100.0, 101.0, 99.0, 100.0), (101.0, 102.0, 100.0, 101.0), (100.0, 101.0, 99.0, 100.0)]
    down = [(100.0, 101.0, 99.0, 100.0), (100.0, 101.0, 99.0, 100.0), (99.0, 100.0, 98.0, 99.0), (100.0, 101.0, 99.0, 100.0)]
    for pair, has_edge in ((up, True), (down, False)):
        bars = minutes(*(pair * 33))
        wishes = {4 * trip: want(1.0) for trip in range(33)} | {4 * trip + 1: want(0.0) for trip in range(33)}
        params, given = script(wishes, bars=132), terms(rows, capital=1_000_000)
        made = replay(scripted, np.zeros((1, 1)), params, bars, given, plain=True)
        assert_same(made, replay(scripted, np.zeros((1, 1)), params, bars, given))
        bought = [int(fill.quantity) for fill in made.fills if fill.quantity > 0]  # type: ignore[attr-defined]
        assert set(bought) <= {99, 100}, "one percent of equity, as long as Kelly says nothing less"
        assert len(bought) == (33 if has_edge else 30)
        assert (made.unsized > 0) is not has_edge


def test_kelly_looks_at_the_closed_trades_of_all_instruments() -> None:
    legs = np.zeros(2, LEG)
    legs["tally"]["wins"], legs["tally"]["losses"] = (10, 8), (5, 7)
    legs["tally"]["won"], legs["tally"]["lost"] = (1_000, 800), (500, 700)
    assert bet_of.plain(legs, 0.5) == pytest.approx(10.0)

"""Replays worked by hand where something stands between a wish and its price: slippage, volume, latency, bands, slices, triggers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core import replay as replaying
from engine.core.compiled import compiled
from engine.core.costs import RATES, order_charges
from engine.core.friction import Friction
from engine.core.legs import SQUARE
from engine.core.records import BAR, REASONS, Rows
from engine.core.replay import Outcome, Terms, replay
from engine.core.sizing import FIXED, SIZING
from engine.core.ticks import PRINT, bars_of_ticks
from engine.core.walk import walk

NAN = math.nan
MINUTE = 60_000_000_000
DAY = 1440 * MINUTE
OPEN = (9 * 60 + 15 - 330) * MINUTE
"""09:15 IST of the first day, in UTC."""
WIDTH = 6

Fill = tuple[int, int, float, str]


@compiled("void(f8[:], f8[:], BAR, INTENT)")
def scripted(state, params, bar, intent):  # type: ignore[no-untyped-def]
    """Want what the script says: six numbers a bar."""
    at = int(state[0]) * 6
    state[0] += 1.0
    intent.target = params[at]
    intent.limit = params[at + 1]
    intent.stop = params[at + 2]
    intent.profit = params[at + 3]
    intent.trail = params[at + 4]
    intent.trigger = params[at + 5]


def want(target: float = NAN, *, limit: float = NAN, stop: float = NAN, profit: float = NAN, trail: float = NAN, trigger: float = NAN):  # type: ignore[no-untyped-def]
    return target, limit, stop, profit, trail, trigger


def minutes(*bars: tuple[float, ...], day: int = 0) -> Rows:
    """Make minutes of (open, high, low, close[, volume])."""
    rows: Rows = np.zeros(len(bars), BAR)
    at = np.arange(len(bars))
    rows["time_ns"], rows["session_minute"] = day * DAY + OPEN + at * MINUTE, at
    for name, column in zip(
        ("open", "high", "low", "close", "volume"), zip(*((*bar, 1000.0)[:5] for bar in bars), strict=True), strict=True
    ):
        rows[name] = column
    return rows


def run(bars: Rows, wishes: dict[int, tuple[float, ...]], **given: Any) -> Outcome:
    """Replay a script over one instrument: plain and compiled, by both loops, and see that they agree."""
    params = np.full((len(bars), WIDTH), NAN)
    for at, wish in wishes.items():
        params[at] = wish
    sizing: Rows = np.zeros(1, SIZING)
    sizing[0] = (FIXED, True, given.pop("size", 10), 0.0, 0.0, 1, 1, 0, 0, 0, 0.0, 0.0, np.nan)
    terms = Terms(sizing=sizing, ticks=np.array([0.05]), capital_units=10_000_000_000, **given)
    made = [replay(scripted, np.zeros((1, 1)), params.ravel(), bars, terms, plain=plain) for plain in (True, False)]
    before, replaying.walk_one = replaying.walk_one, walk
    try:
        made.append(replay(scripted, np.zeros((1, 1)), params.ravel(), bars, terms, plain=True))
    finally:
        replaying.walk_one = before
    for other in made[1:]:
        assert other.fills.tolist() == made[0].fills.tolist()
        assert other.equity.tolist() == made[0].equity.tolist()
        assert other.denied == made[0].denied
    return made[0]


def fills_of(made: Outcome) -> list[Fill]:
    """Return (minute, signed quantity, price in rupees, reason) of each fill."""
    rows = made.fills.tolist()
    return [((time_ns - OPEN) // MINUTE, quantity, price / 10_000, REASONS[reason]) for time_ns, _, quantity, price, _, reason in rows]


FLAT = (100.0, 101.0, 99.0, 100.0)


def test_market_orders_and_stops_slip_and_targets_do_not() -> None:
    bars = minutes(FLAT, FLAT, (100.0, 100.0, 96.0, 97.0), FLAT, (100.0, 104.0, 100.0, 103.0))
    wishes = {0: want(1.0, stop=97.0, profit=103.0), 2: want(1.0, stop=97.0, profit=103.0)}
    made = run(bars, wishes, friction=Friction(slippage_bps=10.0, half_spread_bps=10.0, slippage_ticks=1))
    assert fills_of(made) == [(1, 10, 100.25, "entry"), (2, -10, 96.75, "stop"), (3, 10, 100.25, "entry"), (4, -10, 103.0, "target")]


def test_a_thin_bar_fills_a_part_and_the_next_bars_the_rest_with_protection_for_what_is_held() -> None:
    bars = minutes(FLAT, (100.0, 101.0, 99.0, 100.0, 40.0), (102.0, 103.0, 101.0, 102.0, 50.0), (103.0, 103.0, 97.0, 98.0, 60.0), FLAT)
    made = run(bars, {0: want(1.0, stop=98.0)}, friction=Friction(participation=0.1))
    # 4 of the first bar, 5 of the second, 1 at the third's open and 5 of its stop; the rest of the stop at the next open
    assert fills_of(made) == [
        (1, 4, 100.0, "entry"),
        (2, 5, 102.0, "entry"),
        (3, 1, 103.0, "entry"),
        (3, -5, 98.0, "stop"),
        (4, -5, 100.0, "stop"),
    ]


def test_charges_are_those_of_the_whole_order_and_fills_carry_the_increments() -> None:
    rates: Rows = np.zeros((1, 1), RATES)
    rates[0, 0] = (300_000, 200_000, 0, 0, 250_000, 30_700, 1_000, 0, 30_000, 0, 180_000_000, 0)
    bars = minutes(FLAT, (100.0, 101.0, 99.0, 100.0, 40.0), (102.0, 103.0, 101.0, 102.0, 1000.0))
    made = run(bars, {0: want(1.0)}, friction=Friction(participation=0.1), rates=rates)
    first = order_charges(rates[0, 0], 1, 4, 4 * 1_000_000)
    both = order_charges(rates[0, 0], 1, 10, 4 * 1_000_000 + 6 * 1_020_000)
    assert made.fills["charges"].tolist() == [first, both - first]


def test_an_order_comes_to_the_market_some_bars_late_and_a_repeated_wish_does_not_send_it_again() -> None:
    bars = minutes(*[(100.0 + i, 102.0 + i, 99.0 + i, 101.0 + i) for i in range(6)])
    made = run(bars, {i: want(1.0, stop=90.0) for i in range(6)}, friction=Friction(latency_bars=2))
    assert fills_of(made) == [(3, 10, 103.0, "entry")]
    assert made.orders == 1


def test_protection_that_answers_a_fill_is_there_at_once_whatever_the_latency() -> None:
    bars = minutes(FLAT, FLAT, (100.0, 101.0, 95.0, 96.0), FLAT)
    made = run(bars, {0: want(1.0, stop=98.0)}, friction=Friction(latency_bars=1))
    assert fills_of(made) == [(2, 10, 100.0, "entry"), (2, -10, 98.0, "stop")]


def test_a_stop_order_enters_where_it_is_triggered_and_a_stop_limit_no_worse_than_its_limit() -> None:
    bars = minutes(
        FLAT, (100.0, 102.0, 99.0, 101.0), (101.0, 104.0, 101.0, 104.0), (106.0, 107.0, 105.0, 106.0), (104.0, 105.0, 102.0, 104.0)
    )
    assert fills_of(run(bars, {0: want(1.0, trigger=103.0)})) == [(2, 10, 103.0, "entry")]
    assert fills_of(run(bars, {0: want(1.0, trigger=105.0)})) == [(3, 10, 106.0, "entry")]
    # gapped over both: it rests as a limit and fills when the price comes back
    assert fills_of(run(bars, {0: want(1.0, trigger=105.0, limit=105.0)})) == [(4, 10, 104.0, "entry")]
    # a limit short of its trigger is put on the trigger
    assert fills_of(run(bars, {0: want(-1.0, trigger=99.5, limit=100.0)}, touch=True)) == [(1, -10, 99.5, "entry")]
    assert fills_of(run(bars, {0: want(1.0, trigger=0.0)})) == [(1, 10, 100.0, "entry")]


def test_an_entry_by_stop_is_protected_within_the_same_bar() -> None:
    bars = minutes(FLAT, (100.0, 104.0, 99.0, 103.0), FLAT)
    made = run(bars, {0: want(1.0, trigger=102.0, stop=101.0)})
    assert fills_of(made) == [(1, 10, 102.0, "entry"), (1, -10, 101.0, "stop")]


@pytest.mark.parametrize("trigger", [-1.0, math.inf])
def test_a_trigger_that_makes_no_sense_stops_the_strategy(trigger: float) -> None:
    assert "prices above zero" in run(minutes(FLAT, FLAT), {0: want(1.0, trigger=trigger)}).fault


def test_nobody_sells_at_the_highest_price_of_the_day_and_the_order_rests() -> None:
    locked = (110.0, 110.0, 110.0, 110.0)
    bars = np.concatenate([minutes(FLAT, FLAT), minutes(FLAT, locked, locked, (109.0, 110.0, 108.0, 109.0), day=1)])
    made = run(bars, {2: want(1.0)}, bands=[10.0])
    assert fills_of(made) == [(1440 + 3, 10, 109.0, "entry")]


def test_an_order_above_the_freeze_quantity_is_filled_and_charged_in_slices() -> None:
    rates: Rows = np.zeros((1, 1), RATES)
    rates["brokerage_flat"] = 200_000
    bars = minutes(FLAT, FLAT, FLAT, (100.0, 100.0, 97.0, 98.0))
    made = run(bars, {0: want(1.0, stop=98.5)}, freezes=np.array([4]), rates=rates)
    assert [fill[1] for fill in fills_of(made)] == [4, 4, 2, -4, -4, -2]
    assert made.fills["charges"].tolist() == [200_000] * 6


def test_no_more_than_ten_slices_are_sent_and_none_are_held() -> None:
    bars = minutes(*[FLAT] * 8)
    made = run(bars, {0: want(1.0), 1: want(4.0), 2: want(5.1), 3: want(-4.0), 5: want(0.0)}, freezes=np.array([4]))
    # 5.1 x 10 = 51 are more than 40, and so is the turn from 40 to -40
    assert [fill[1] for fill in fills_of(made)] == [4, 4, 2, 4, 4, 4, 4, 4, 4, 4, 2, *[-4] * 10]
    assert made.denied == {"tick_and_lot": 2}


def test_a_part_of_a_reversal_keeps_the_old_protection_until_the_position_has_turned() -> None:
    thin = (100.0, 101.0, 99.0, 100.0, 60.0)
    bars = minutes(FLAT, FLAT, thin, thin, thin, (100.0, 104.0, 100.0, 103.0), FLAT)
    made = run(bars, {0: want(1.0, stop=98.0), 1: want(-1.0, stop=103.0)}, friction=Friction(participation=0.1))
    # 6, 6 and 6 of the 20; the first part leaves 4 long, which the short's stop at 103 must not close
    parts = [(minute, -6, 100.0, "reversal") for minute in (2, 3, 4)]
    assert fills_of(made)[1:] == [*parts, (5, -2, 100.0, "reversal"), (5, 10, 103.0, "stop")]


def test_a_fill_of_protection_takes_back_what_else_the_strategy_has_working() -> None:
    thin = (100.0, 101.0, 97.0, 98.0, 40.0)
    bars = minutes(FLAT, FLAT, thin, (100.0, 106.0, 100.0, 105.0))
    made = run(bars, {0: want(1.0, stop=98.0), 1: want(0.0, limit=105.0)}, friction=Friction(participation=0.1))
    assert fills_of(made) == [(1, 10, 100.0, "entry"), (2, -4, 98.0, "stop"), (3, -6, 100.0, "stop")]


@pytest.mark.parametrize(
    ("participation", "after"),
    [(0.0, [(3, -10, 98.0, "stop")]), (0.1, [(3, -4, 98.0, "stop"), (4, -6, 100.0, "square_off")])],
)
def test_a_square_off_on_its_way_closes_what_is_held_and_no_more(participation: float, after: list[Fill]) -> None:
    squares = np.array([(OPEN + 3 * MINUTE, 0)], dtype=SQUARE)
    bars = minutes(FLAT, FLAT, FLAT, (100.0, 100.0, 97.0, 98.0, 40.0), FLAT, FLAT)
    made = run(bars, {0: want(1.0, stop=98.0)}, friction=Friction(participation=participation, latency_bars=1), squares=squares)
    assert fills_of(made)[1:] == after


def test_a_modified_order_keeps_what_has_filled_of_it() -> None:
    rates: Rows = np.zeros((1, 1), RATES)
    rates["brokerage_flat"] = 200_000
    thin = (102.0, 104.0, 101.0, 102.0, 40.0)
    bars = minutes(FLAT, FLAT, thin, (101.0, 102.5, 100.0, 101.0))
    made = run(bars, {0: want(1.0, profit=103.0), 2: want(profit=102.0)}, friction=Friction(participation=0.1), rates=rates)
    assert fills_of(made) == [(1, 10, 100.0, "entry"), (2, -4, 103.0, "target"), (3, -6, 102.0, "target")]
    assert made.fills["charges"].tolist() == [200_000, 200_000, 0]


def test_a_stop_that_is_partly_filled_is_not_called_back_by_another_price() -> None:
    thin = (100.0, 100.0, 97.0, 98.0, 40.0)
    bars = minutes(FLAT, FLAT, thin, (99.0, 99.5, 98.5, 99.0))
    made = run(bars, {0: want(1.0, stop=98.0), 2: want(stop=90.0)}, friction=Friction(participation=0.1))
    assert fills_of(made) == [(1, 10, 100.0, "entry"), (2, -4, 98.0, "stop"), (3, -6, 99.0, "stop")]


def test_ticks_are_bars_of_one_price_and_a_decision_fills_at_the_first_tick_after_its_window() -> None:
    prints: Rows = np.zeros(6, PRINT)
    prints["time_ns"] = OPEN + np.array([5, 30, 59, 61, 100, 125]) * 1_000_000_000
    prints["price"] = [100.0, 101.0, 102.0, 103.0, 99.0, 98.0]
    made = run(bars_of_ticks(prints), {0: want(1.0, stop=100.0)}, base_s=0, interval_s=60)
    assert [(row[0] - OPEN, row[2], row[3] / 10_000) for row in made.fills.tolist()] == [
        (61 * 10**9, 10, 103.0),
        (100 * 10**9, -10, 99.0),
    ]
    assert made.decisions == 2


@settings(deadline=None, max_examples=25, derandomize=True)
@given(
    seed=st.integers(0, 1000),
    friction=st.builds(
        Friction,
        slippage_bps=st.sampled_from([0.0, 7.0]),
        slippage_ticks=st.integers(0, 2),
        participation=st.sampled_from([0.0, 0.05]),
        latency_bars=st.integers(0, 2),
    ),
    freeze=st.sampled_from([0, 3]),
    band=st.sampled_from([0.0, 1.0]),
)
def test_whatever_is_wanted_plain_and_compiled_agree_and_no_money_is_lost(seed: int, friction: Friction, freeze: int, band: float) -> None:
    rng = np.random.default_rng(seed)
    path = np.round(np.round(100.0 * np.exp(np.cumsum(rng.standard_normal((120, 5)) * 0.003)).reshape(120, 5) / 0.05) * 0.05, 2)
    volumes = rng.integers(0, 400, 120)
    lines = [(part[0], part.max(), part.min(), part[-1], volume) for part, volume in zip(path, volumes, strict=True)]
    bars = np.concatenate([minutes(*lines[:60]), minutes(*lines[60:], day=1)])
    wishes = {}
    for at in range(len(bars)):
        close, u = bars["close"][at], rng.random(7)
        prices = [float(close * (0.99 + 0.02 * x)) if y < 0.3 else NAN for x, y in zip(u[:4], rng.random(4), strict=True)]
        target = float(rng.integers(-2, 3)) if u[4] < 0.3 else NAN
        wishes[at] = (target, prices[0], prices[1], prices[2], 1.0 if u[5] < 0.1 else NAN, prices[3])
    made = run(bars, wishes, friction=friction, freezes=np.array([freeze]), bands=[band])
    paid = -int((made.fills["quantity"] * made.fills["price"]).sum())
    held = made.positions[0]
    assert made.account.cash == 10_000_000_000 + paid
    assert made.account.equity == made.account.cash + held.quantity * round(float(bars["close"][-1]) * 10_000)
    assert made.fills["quantity"].sum() == held.quantity
    spent = {
        time_ns: abs(made.fills["quantity"][made.fills["time_ns"] == time_ns]).sum() for time_ns in set(made.fills["time_ns"].tolist())
    }
    if friction.participation:
        assert all(total <= int(0.05 * bars["volume"][bars["time_ns"] == time_ns][0] + 1e-9) for time_ns, total in spent.items())

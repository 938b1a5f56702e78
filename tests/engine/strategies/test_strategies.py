"""What each template wants, worked by hand on a few bars; compiled and uncompiled they want the same to the last bit."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import pytest

from engine.core.records import BAR, INTENT, Rows
from engine.core.registry import TEMPLATES
from engine.indicators import bollinger, rsi, supertrend

Drive = Callable[..., list[dict[str, float]]]


def bars_of(closes: Sequence[float], first_minute: int = 0, day: int = 0) -> Rows:
    """Make minute bars from 09:15 IST on whose high and low lie one rupee around open and close."""
    rows: Rows = np.zeros(len(closes), BAR)
    minutes = np.arange(len(closes)) + first_minute
    rows["session_minute"] = minutes
    rows["time_ns"] = ((day * 1440 + 9 * 60 + 15 - 330) + minutes) * 60_000_000_000
    rows["close"] = closes
    rows["open"] = [closes[0], *closes[:-1]]
    rows["high"] = np.maximum(rows["open"], rows["close"]) + 1.0
    rows["low"] = np.minimum(rows["open"], rows["close"]) - 1.0
    rows["volume"] = 100.0
    return rows


def walk_of(count: int) -> Rows:
    steps = np.random.default_rng(3).standard_normal(count) * 1.5
    rows = bars_of(np.round(1000.0 + np.cumsum(steps), 2).tolist())
    rows["session_minute"] %= 375
    return rows


FIELDS = len(INTENT.names or ())
SINGLE = [name for name, template in TEMPLATES.items() if not template.is_universe]
UNIVERSE = [name for name, template in TEMPLATES.items() if template.is_universe]


@pytest.mark.parametrize("name", SINGLE)
def test_machine_code_wants_the_same_to_the_last_bit(name: str) -> None:
    template = TEMPLATES.get(name)
    on_bar = template.on_bar
    params = template.new_params(template.parse({}))
    plain, fast = template.new_state(), template.new_state()
    compiled = on_bar.compile()  # type: ignore[attr-defined]
    for bar in walk_of(700):
        a, b = np.full(len(INTENT.names or ()), math.nan).view(INTENT), np.full(len(INTENT.names or ()), math.nan).view(INTENT)
        on_bar.py_func(plain, params, bar, a[0])
        compiled(fast, params, bar, b[0])
        assert a.tobytes() == b.tobytes()
    np.testing.assert_array_equal(plain, fast)


@pytest.mark.parametrize("name", SINGLE)
def test_every_template_finds_something_to_do_on_a_lively_market(name: str, drive: Drive) -> None:
    targets = [wanted["target"] for wanted in drive(name, walk_of(2000)) if "target" in wanted]
    assert {1.0, -1.0} <= set(targets)


def test_ema_crossover_decides_on_a_change_of_sides_after_the_warm_up(drive: Drive) -> None:
    closes = [100.0] * 4 + [110.0] * 3 + [90.0] * 4 + [120.0] * 3
    early = drive("ema_crossover", bars_of(closes), {"fast_ema": 2, "slow_ema": 5, "warmup": 1, "stop": 0.01, "target": 0.02})
    assert [(i, wanted["target"]) for i, wanted in enumerate(early) if wanted] == [(4, 1.0), (7, -1.0), (11, 1.0)]
    assert early[4] == {"target": 1.0, "stop": 110.0 * 0.99, "profit": 110.0 * 1.02}
    assert early[7] == {"target": -1.0, "stop": 90.0 * 1.01, "profit": 90.0 * 0.98}
    late = drive("ema_crossover", bars_of(closes), {"fast_ema": 2, "slow_ema": 5})
    assert [i for i, wanted in enumerate(late) if wanted] == [7, 11]
    assert late[7] == {"target": -1.0}


def test_ema_crossover_counts_equal_averages_as_below(drive: Drive) -> None:
    wanted = drive("ema_crossover", bars_of([100.0] * 20), {"fast_ema": 2, "slow_ema": 5, "warmup": 1})
    assert wanted == [{}] * 20


def test_rsi_buys_out_of_oversold_and_sells_out_of_overbought(drive: Drive) -> None:
    closes = [100.0, 98.0, 96.0, 94.0, 97.0, 99.0, 104.0, 108.0, 101.0]
    state = np.zeros(1, rsi.STATE)[0]
    index = [rsi.update(state, close, 3.0) for close in closes]
    assert index[3] == 0.0
    assert index[4] > 30.0
    assert index[7] > 70.0 > index[8]
    wanted = drive("rsi", bars_of(closes), {"period": 3, "stop": 0.05, "target": 0.1})
    assert wanted[4] == {"target": 1.0, "stop": 97.0 * 0.95, "profit": 97.0 * 1.1}
    assert wanted[8] == {"target": -1.0, "stop": 101.0 * 1.05, "profit": 101.0 * 0.9}
    assert [i for i, each in enumerate(wanted) if each] == [4, 8]


def test_rsi_makes_no_decision_on_its_first_number(drive: Drive) -> None:
    assert drive("rsi", bars_of([100.0, 101.0, 102.0, 103.0]), {"period": 3}) == [{}] * 4


def test_bollinger_reversion_enters_beyond_a_band_and_leaves_at_the_middle(drive: Drive) -> None:
    closes = [100.0, 101.0, 100.0, 101.0, 95.0, 96.0, 103.0, 103.0, 103.0, 112.0, 96.0]
    state = np.zeros(1, bollinger.STATE)[0]
    rows = [(bollinger.update(state, close, 4.0, 1.5), float(state.lower), float(state.upper)) for close in closes]
    assert closes[4] < rows[4][1]
    assert closes[5] < rows[5][0]
    assert closes[6] > rows[6][0]
    wanted = drive("bollinger_reversion", bars_of(closes), {"period": 4, "width": 1.5, "stop": 0.02})
    assert wanted[4] == {"target": 1.0, "stop": 95.0 * 0.98}
    assert wanted[5] == {}
    assert wanted[6]["target"] == 0.0
    assert closes[9] > rows[9][2]
    assert wanted[9] == {"target": -1.0, "stop": 112.0 * 1.02}
    assert wanted[10]["target"] == 0.0


def test_supertrend_turns_with_the_trend_and_draws_the_stop_after_the_line(drive: Drive) -> None:
    bars = bars_of([100.0, 101.0, 102.0, 104.0, 96.0, 95.0, 103.0])
    state = np.zeros(1, supertrend.STATE)[0]
    lines, directions = [], []
    for bar in bars:
        lines.append(supertrend.update(state, bar.high, bar.low, bar.close, 2.0, 1.0))
        directions.append(float(state.direction))
    wanted = drive("supertrend", bars, {"period": 2, "multiplier": 1.0})
    assert directions == [0.0, 0.0, 1.0, 1.0, -1.0, -1.0, 1.0]
    assert wanted[:3] == [{}, {}, {}]
    assert wanted[3] == {"stop": lines[3]}
    assert wanted[4] == {"target": -1.0, "stop": lines[4]}
    assert wanted[5] == {"stop": lines[5]}
    assert wanted[6] == {"target": 1.0, "stop": lines[6]}


RANGE = [100.0, 102.0, 101.0]
"""Closes of the first three minutes: high 103, low 99 with the bars' wicks."""

ORB = {"range_minutes": 3, "exit_minute": 10}


def test_a_breakout_is_traded_once_a_side_with_the_stop_at_the_other_end(drive: Drive) -> None:
    wanted = drive("opening_range_breakout", bars_of([*RANGE, 102.5, 104.0, 105.0, 98.0, 97.0, 106.0]), {**ORB, "reward": 2.0})
    assert wanted[4] == {"target": 1.0, "stop": 99.0, "profit": 104.0 + 2.0 * 4.0}
    assert wanted[6] == {"target": -1.0, "stop": 103.0, "profit": 98.0 - 2.0 * 4.0}
    assert [i for i, each in enumerate(wanted) if each] == [4, 6]


def test_a_breakout_is_closed_at_its_minute_and_not_entered_after_it(drive: Drive) -> None:
    wanted = drive("opening_range_breakout", bars_of([*RANGE, 104.0, *[104.0] * 7, 90.0]), ORB)
    assert wanted[3] == {"target": 1.0, "stop": 99.0}
    assert wanted[10] == {"target": 0.0}
    assert wanted[11] == {}
    idle = drive("opening_range_breakout", bars_of([*RANGE, *[101.0] * 9, 110.0]), ORB)
    assert idle == [{}] * 13


def test_each_day_has_its_own_range(drive: Drive) -> None:
    first, second = bars_of([*RANGE, 104.0]), bars_of([200.0, 201.0, 200.0, 202.5, 190.0], day=1)
    wanted = drive("opening_range_breakout", np.concatenate([first, second]), {**ORB, "exit_minute": 0})
    assert wanted[3] == {"target": 1.0, "stop": 99.0}
    assert wanted[7] == {"target": 1.0, "stop": 199.0}
    assert wanted[8]["target"] == -1.0


def test_a_day_that_begins_after_its_range_is_left_alone(drive: Drive) -> None:
    assert drive("opening_range_breakout", bars_of([100.0, 120.0, 80.0], first_minute=5), ORB) == [{}] * 3

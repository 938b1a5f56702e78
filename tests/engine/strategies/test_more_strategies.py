"""What the further templates want, worked by hand on a few bars."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import pytest

from engine.core.records import BAR, INTENT, Rows
from engine.core.registry import TEMPLATES

Drive = Callable[..., list[dict[str, float]]]
DriveAll = Callable[..., list[list[dict[str, float]]]]


def bars_of(closes: Sequence[float], reach: float = 0.0, volume: float = 100.0, minute: int = 0) -> Rows:
    """Make minutes from 09:15 IST on that open at the last close; high and low lie `reach` beyond."""
    rows: Rows = np.zeros(len(closes), BAR)
    at = np.arange(len(closes)) + minute
    rows["session_minute"], rows["time_ns"] = at, (9 * 60 + 15 - 330 + at) * 60_000_000_000
    rows["close"], rows["open"] = closes, [closes[0], *closes[:-1]]
    rows["high"] = np.maximum(rows["open"], rows["close"]) + reach
    rows["low"] = np.minimum(rows["open"], rows["close"]) - reach
    rows["volume"] = volume
    return rows


def targets(wanted: Sequence[dict[str, float]]) -> list[tuple[int, float]]:
    return [(at, each["target"]) for at, each in enumerate(wanted) if "target" in each]


def test_sma_crossover_decides_on_a_change_after_the_first_side(drive: Drive) -> None:
    closes = [10.0, 12.0, 14.0, 13.0, 9.0, 8.0, 8.0, 11.0, 14.0]
    # Means of two and of three: sides known from the third bar (13 over 12); below at 11 < 12, above again at 9.5 > 9.
    wanted = drive("sma_crossover", bars_of(closes), {"fast": 2, "slow": 3, "stop": 0.1, "target": 0.2})
    assert targets(wanted) == [(4, -1.0), (7, 1.0)]
    assert wanted[4] == {"target": -1.0, "stop": 9.0 * 1.1, "profit": 9.0 * 0.8}
    assert wanted[7] == {"target": 1.0, "stop": 11.0 * 0.9, "profit": 11.0 * 1.2}


def test_sma_crossover_counts_equal_averages_as_below(drive: Drive) -> None:
    wanted = drive("sma_crossover", bars_of([10.0, 11.0, 12.0, 12.0, 12.0, 12.0]), {"fast": 2, "slow": 3})
    assert targets(wanted) == [(4, -1.0)]


def test_macd_follows_the_sign_of_the_histogram_after_the_warm_up(drive: Drive) -> None:
    closes = [100.0, 101.0, 102.0, 103.0, 104.0, 90.0, 80.0, 100.0, 120.0]
    fast = slow = closes[0]
    signal, sides = 0.0, []
    for at, close in enumerate(closes):
        fast = close if at == 0 else 2 / 3 * close + 1 / 3 * fast
        slow = close if at == 0 else 0.5 * close + 0.5 * slow
        signal = fast - slow if at == 0 else 2 / 3 * (fast - slow) + 1 / 3 * signal
        sides.append(1.0 if fast - slow > signal else -1.0)
    assert sides[4:] == [1.0, -1.0, -1.0, 1.0, 1.0]
    wanted = drive("macd", bars_of(closes), {"fast": 2, "slow": 3, "signal": 2, "stop": 0.05, "target": 0.5})
    assert targets(wanted) == [(5, -1.0), (7, 1.0)]
    assert wanted[7] == {"target": 1.0, "stop": 95.0, "profit": 150.0}
    assert targets(drive("macd", bars_of(closes), {"fast": 2, "slow": 3, "signal": 4})) == [(7, 1.0)]


def test_donchian_enters_beyond_the_wide_channel_and_leaves_beyond_the_narrow(drive: Drive) -> None:
    closes = [10.0, 11.0, 10.0, 10.5, 12.0, 12.5, 11.5, 9.0, 8.0, 8.5, 9.5]
    wanted = drive("donchian", bars_of(closes), {"entry": 4, "exit": 2, "range": 2, "stop_ranges": 2.0})
    # Bar 4 closes above the four highs before it (11). Bar 6 closes not below the two lows before it (10.5); bar 7 does, and
    # below the four lows before it (10) as well. Bar 10 closes above the two highs before it (9).
    assert targets(wanted) == [(4, 1.0), (7, -1.0), (10, 0.0)]
    # True ranges: bar 1: 1, 2: 1, mean 1; bar 3: 0.5 -> 0.75; bar 4: 1.5 -> 1.125.
    assert wanted[4] == {"target": 1.0, "stop": pytest.approx(12.0 - 2.0 * 1.125)}
    assert wanted[10] == {"target": 0.0}
    assert "stop" not in drive("donchian", bars_of(closes), {"entry": 4, "exit": 2, "stop_ranges": 0.0})[4]


def test_vwap_reversion_enters_beyond_a_band_and_leaves_at_the_average(drive: Drive) -> None:
    closes = [100.0, 100.0, 100.0, 96.0, 96.0, 101.0, 108.0, 104.0]
    rows = bars_of(closes)
    rows["high"] = rows["low"] = rows["close"]
    # Typical prices are the closes. Bar 3: average 99, deviation 3^0.5: 96 lies below 99 - 1.5 * 1.73. Bar 5: average 98.8.
    wanted = drive("vwap_reversion", rows, {"width": 1.5, "warmup": 2, "exit_minute": 7, "stop": 0.01})
    assert wanted[3] == {"target": 1.0, "stop": 96.0 * 0.99}
    assert targets(wanted) == [(3, 1.0), (5, 0.0), (6, -1.0), (7, 0.0)]
    assert targets(drive("vwap_reversion", rows, {"width": 1.5, "warmup": 5, "exit_minute": 0})) == [(6, -1.0)]


def test_rotation_holds_the_best_risers_and_nothing_that_falls(drive_all: DriveAll) -> None:
    rising, jumping, falling = (
        [100.0, 101.0, 102.0, 103.0, 104.0, 105.0],
        [100.0, 100.0, 100.0, 100.0, 130.0, 90.0],
        [100.0, 99.0, 98.0, 97.0, 96.0, 95.0],
    )
    symbols = [bars_of(closes) for closes in (rising, jumping, falling)]
    wanted = drive_all("momentum_rotation", symbols, {"lookback": 2, "top": 1, "every": 1})
    assert [targets([each[k] for each in wanted]) for k in range(3)] == [[(2, 1.0), (4, 0.0), (5, 1.0)], [(4, 1.0), (5, 0.0)], []]
    two = drive_all("momentum_rotation", symbols, {"lookback": 2, "top": 2, "every": 1})
    assert [targets([each[k] for each in two]) for k in range(3)] == [[(2, 1.0)], [(4, 1.0), (5, 0.0)], []]
    seldom = drive_all("momentum_rotation", symbols, {"lookback": 2, "top": 1, "every": 3})
    assert [at for at, each in enumerate(seldom) if any(each)] == [2], "the jump lies between two looks"


def test_rotation_takes_the_first_of_equals_and_leaves_out_what_has_not_traded(drive_all: DriveAll) -> None:
    same = bars_of([100.0, 101.0, 102.0])
    unseen = same.copy()
    unseen["close"] = math.nan
    wanted = drive_all("momentum_rotation", [unseen, same, same], {"lookback": 2, "top": 1, "every": 1})
    assert wanted[2] == [{}, {"target": 1.0}, {}]


def test_pairs_sell_the_dear_one_and_leave_when_level(drive_all: DriveAll) -> None:
    second = [100.0] * 8
    first = [100.0, 100.0, 100.0, 100.0, 110.0, 110.0, 100.0, 60.0]
    # Of five spreads one lies ln 1.1 out: z = (d - d/5) / (d * sqrt(4)/5) = 2. Then two: z = 1.22; then at the mean's lower side: -0.82.
    wanted = drive_all("pairs_spread", [bars_of(first), bars_of(second)], {"lookback": 5, "entry": 1.9, "exit": 0.9})
    assert wanted[4] == [{"target": -1.0}, {"target": 1.0}]
    assert wanted[5] == [{}, {}]
    assert wanted[6] == [{"target": 0.0}, {"target": -0.0}]
    assert wanted[7] == [{"target": 1.0}, {"target": -1.0}]


def test_pairs_wait_for_two_symbols_that_have_traded(drive_all: DriveAll) -> None:
    one = bars_of([100.0, 101.0, 99.0, 120.0, 100.0, 150.0])
    assert not any(any(each) for each in drive_all("pairs_spread", [one], {"lookback": 5}))
    unseen = one.copy()
    unseen["close"] = math.nan
    assert not any(any(each) for each in drive_all("pairs_spread", [one, unseen], {"lookback": 5}))


@pytest.mark.parametrize("name", [name for name, template in TEMPLATES.items() if template.is_universe])
def test_machine_code_wants_the_same_to_the_last_bit_of_all_symbols(name: str) -> None:
    template = TEMPLATES.get(name)
    params = template.new_params(template.parse({"lookback": 20}))
    plain, fast = np.tile(template.new_state(), 3), np.tile(template.new_state(), 3)
    compiled = template.on_bar.compile()  # type: ignore[attr-defined]
    rng, wanted = np.random.default_rng(3), set()
    closes = 1000.0 * np.exp(np.cumsum(rng.standard_normal((600, 3)) * 0.002, axis=0))
    for at, close in enumerate(closes):
        bars = bars_of([1.0] * 3)
        bars["close"], bars["time_ns"] = close if at > 5 else [*close[:2], math.nan], at
        one, other = (np.full(3 * len(INTENT.names or ()), math.nan).view(INTENT) for _ in range(2))
        template.on_bar.py_func(plain, params, bars, one)
        compiled(fast, params, bars, other)
        assert one.tobytes() == other.tobytes()
        wanted |= set(one["target"][~np.isnan(one["target"])].tolist())
    np.testing.assert_array_equal(plain, fast)
    assert len(wanted) >= 2

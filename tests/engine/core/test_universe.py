"""What a strategy that looks at all symbols at once is shown, and that it trades under the same law, compiled or not."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from engine.core.compiled import compiled
from engine.core.decision import BAD_INTENT, UNSIZED
from engine.core.records import BAR, Rows, fields
from engine.core.registry import Template
from engine.core.replay import FAULTS, Outcome, Replay, Terms, replay
from engine.core.sizing import SIZING
from engine.core.universe import unseen

MINUTE = 60_000_000_000
OPEN = (9 * 60 + 15 - 330) * MINUTE
STATE = fields("dice")


@compiled("void(f8[:], f8[:], BAR[:], INTENT[:])")
def throw_dice(state, params, bars, intents):  # type: ignore[no-untyped-def]
    """Want anything at all of any symbol: either side, limits, stops and trails."""
    symbols = state.view(STATE)
    for k in range(len(bars)):
        dice = symbols[k].dice if symbols[k].dice != 0.0 else 977.0 + 31.0 * k
        for i in range(4):
            dice = (dice * 16807.0) % 2147483647.0
            u = dice / 2147483647.0
            if i == 0 and u < 0.3:
                intents[k].target = math.floor(u / 0.3 * 5.0) - 2.0
            elif i == 1 and u < 0.3:
                intents[k].limit = bars[k].close * (0.995 + 0.01 * u / 0.3)
            elif i == 2 and u < 0.4:
                intents[k].stop = bars[k].close * (0.99 + 0.02 * u / 0.4)
            elif i == 3 and u < 0.15:
                intents[k].trail = 0.5 + u * 20.0
        symbols[k].dice = dice


DICE = Template("dice", "Dice", (), STATE, fields(), throw_dice, is_universe=True)


def bar(symbol: int, minute: int, close: float, volume: float = 5.0) -> tuple[Any, ...]:
    return (OPEN + minute * MINUTE, minute, symbol, close, close + 1.0, close - 1.0, close, volume, 0.0)


def rows_of(*bars: tuple[Any, ...]) -> Rows:
    return np.array(sorted(bars, key=lambda row: (row[0], row[2])), dtype=BAR)


def terms_of(count: int, interval_s: int = 60, **more: Any) -> Terms:
    sizing = np.zeros(count, SIZING)
    sizing[:] = (0, 1, 3, 0.0, 0.0, 1, 1, 0, 0, 0, 0.0, 0.0, np.nan)
    return Terms(more.pop("sizing", sizing), np.full(count, 0.05), 10**10, interval_s=interval_s, **more)


def watch(bars: Rows, count: int, interval_s: int = 60, want: Any = None, **more: Any) -> tuple[list[list[tuple[Any, ...]]], Outcome]:
    """Replay and write down what was shown at each decision: minute, close, volume of each symbol."""
    shown: list[list[tuple[Any, ...]]] = []

    def on_bars(state: Any, params: Any, rows: Any, intents: Any) -> None:
        shown.append([(int(row["session_minute"]), float(row["close"]), float(row["volume"])) for row in rows])
        assert rows["instrument"].tolist() == list(range(count))
        if want:
            want(len(shown), rows, intents)

    on_bars.py_func = on_bars  # type: ignore[attr-defined]
    going = Replay(
        on_bars, np.zeros((count, 1)), np.zeros(1), bars, terms_of(count, interval_s, **more), is_universe=True, plain=True  # type: ignore[arg-type]
    )  # fmt: skip
    going.walk_to(len(bars))
    return shown, going.outcome()


def test_all_symbols_are_shown_at_once_and_what_did_not_trade_shows_its_last_close() -> None:
    bars = rows_of(bar(0, 0, 100.0), bar(1, 0, 50.0), bar(0, 1, 101.0), bar(1, 2, 52.0), bar(2, 3, 7.0), bar(0, 3, 99.0))
    shown, _ = watch(bars, 3)
    assert [[each[:2] for each in moment] for moment in shown[1:3]] == [
        [(1, 101.0), (1, 50.0), (1, pytest.approx(math.nan, nan_ok=True))],
        [(2, 101.0), (2, 52.0), (2, pytest.approx(math.nan, nan_ok=True))],
    ]
    assert shown[3] == [(3, 99.0, 5.0), (3, 52.0, 0.0), (3, 7.0, 5.0)]
    assert [[each[2] for each in moment] for moment in shown] == [[5.0, 5.0, 0.0], [5.0, 0.0, 0.0], [0.0, 5.0, 0.0], [5.0, 0.0, 5.0]]


def test_larger_bars_are_shown_when_the_window_ends() -> None:
    bars = rows_of(*(bar(0, at, 100.0 + at) for at in range(7)), *(bar(1, at, 50.0 + at) for at in (0, 1, 5, 6)))
    shown, _ = watch(bars, 2, 180)
    assert shown == [[(0, 102.0, 15.0), (0, 51.0, 10.0)], [(3, 105.0, 15.0), (3, 55.0, 5.0)]]


def test_what_is_wanted_of_a_symbol_that_has_not_traded_is_not_acted_on() -> None:
    def want(number: int, rows: Any, intents: Any) -> None:
        if number == 1:
            intents["target"] = 1.0

    bars = rows_of(bar(0, 0, 100.0), bar(0, 1, 101.0), bar(1, 1, 50.0), bar(0, 2, 99.0), bar(1, 2, 51.0))
    _, outcome = watch(bars, 2, want=want)
    assert [(int(f.instrument), int(f.quantity), int(f.time_ns)) for f in outcome.fills] == [(0, 3, OPEN + MINUTE)]
    assert (outcome.decisions, outcome.signals) == (3, 1)


def test_a_wish_that_cannot_be_ends_it_for_all_symbols() -> None:
    def want(number: int, rows: Any, intents: Any) -> None:
        if number == 2:
            intents[0]["target"], intents[1]["target"] = math.inf, 1.0

    bars = rows_of(*(bar(k, at, 100.0) for k in (0, 1) for at in range(4)))
    shown, outcome = watch(bars, 2, want=want)
    assert (outcome.fault, outcome.fault_ns, len(outcome.fills), len(shown)) == (FAULTS[BAD_INTENT], OPEN + MINUTE, 0, 2)


def test_a_bar_that_had_begun_before_the_data_is_not_shown() -> None:
    shown, _ = watch(rows_of(*(bar(0, at, 100.0 + at) for at in range(2, 7))), 1, 180)
    assert shown == [[(3, 105.0, 15.0)]]


def test_positions_are_squared_off_at_their_time() -> None:
    def want(number: int, rows: Any, intents: Any) -> None:
        if number == 1:
            intents["target"] = 1.0

    bars = rows_of(*(bar(k, at, 100.0) for k in (0, 1) for at in range(8)))
    squares = np.array([(OPEN + 5 * MINUTE, 0)], dtype=terms_of(1).squares.dtype)
    _, outcome = watch(bars, 2, want=want, squares=squares)
    assert [(int(f.quantity), (int(f.time_ns) - OPEN) // MINUTE) for f in outcome.fills] == [(3, 1), (3, 1), (-3, 5), (-3, 5)]


@pytest.mark.parametrize("is_bad", [False, True])
def test_a_wish_that_waits_for_a_cancel_may_come_to_nothing(is_bad: bool) -> None:
    def want(number: int, rows: Any, intents: Any) -> None:
        if number == 1:
            intents["target"], intents["limit"], intents["stop"] = 1.0, 50.0, 40.0
        elif number == 2:
            intents[0]["target"], intents[0]["limit"] = 1.0, 60.0
            intents[1]["target"] = math.inf if is_bad else math.nan

    sizing = np.zeros(2, SIZING)
    sizing[:] = (1, 1, 0, 1.0, 0.0, 1, 1, 0, 0, 0, 0.0, 0.0, np.nan)
    bars = rows_of(*(bar(k, at, 100.0) for k in (0, 1) for at in range(5)))
    shown, outcome = watch(bars, 2, want=want, sizing=sizing)
    assert outcome.fault == FAULTS[BAD_INTENT if is_bad else UNSIZED]
    assert (len(shown), len(outcome.fills)) == (2, 0)


def market(seed: int, count: int, hole: float) -> Rows:
    rng = np.random.default_rng(seed)
    closes = np.round(np.round(1000.0 * np.exp(np.cumsum(rng.standard_normal((750, count)) * 0.002, axis=0)) / 0.05) * 0.05, 2)
    made = [bar(k, at, closes[at, k]) for at in range(375) for k in range(count) if rng.random() >= hole]
    made += [
        (time + 1440 * MINUTE, minute, k, *([closes[375 + minute, k]] * 4), 9.0, 0.0)
        for time, minute, k, *_ in made
        if rng.random() >= hole
    ]
    return rows_of(*made)


@pytest.mark.parametrize(("seed", "hole", "interval_s"), [(1, 0.0, 60), (2, 0.4, 60), (3, 0.4, 300), (4, 0.3, 3600)])
def test_compiled_and_plain_trade_alike(seed: int, hole: float, interval_s: int) -> None:
    bars, terms = market(seed, 3, hole), terms_of(3, interval_s)
    states = np.repeat(DICE.new_state()[None], 3, axis=0)
    made, plain = (replay(throw_dice, states, np.zeros(1), bars, terms, is_universe=True, plain=is_plain) for is_plain in (False, True))
    np.testing.assert_array_equal(made.fills, plain.fills)
    np.testing.assert_array_equal(made.equity, plain.equity)
    np.testing.assert_array_equal(made.states, plain.states)
    assert len(made.fills) > 5
    assert made.fault == ""


def test_bars_out_of_order_are_refused_and_fills_find_room() -> None:
    bars = market(1, 2, 0.0)
    with pytest.raises(Exception, match="in order of time"):
        watch(bars[::-1], 2)
    swapped = bars.copy()
    swapped[[10, 11]] = bars[[11, 10]]
    with pytest.raises(Exception, match="in order of time"):
        watch(swapped, 2)

    later_first = np.concatenate([bars[2:4], bars[:2], bars[4:]])
    with pytest.raises(Exception, match="in order of time"):
        watch(later_first, 2)

    def turn(number: int, rows: Any, intents: Any) -> None:
        intents["target"] = 1.0 if number % 2 else -1.0

    _, outcome = watch(bars, 2, want=turn)
    assert len(outcome.fills) == 2 * (750 - 1)


def test_nothing_is_shown_of_those_that_have_not_traded() -> None:
    rows = unseen(2)
    assert rows["instrument"].tolist() == [0, 1]
    assert np.isnan(rows["close"]).all()

"""What was written down beforehand is wanted on its bars, and a replay can go back; how long a position stays is told truly."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from engine.core.quiet import FARTHEST, quiet_until
from engine.core.records import BAR, INTENT, Rows
from engine.core.replay import Replay, Terms
from engine.core.script import FIRST, NEXT, SEEN, Script, on_bar
from engine.core.sizing import SIZING

MINUTE = 60_000_000_000
OPEN = (9 * 60 + 15 - 330) * MINUTE
NAN = math.nan


def wish(target: float = NAN, stop: float = NAN, trail: float = NAN) -> tuple[float, ...]:
    return (target, NAN, stop, NAN, trail, NAN)


def bars_of(*closes: float) -> Rows:
    rows: Rows = np.zeros(len(closes), BAR)
    rows["session_minute"] = np.arange(len(closes))
    rows["time_ns"] = OPEN + rows["session_minute"] * np.int64(MINUTE)
    for name in ("open", "high", "low", "close"):
        rows[name] = closes
    return rows


def replay_of(script: Script, bars: Rows, **more: Any) -> Replay:
    sizing = np.zeros(len(script.states), SIZING)
    sizing[:] = (0, 1, 3, 0.0, 0.0, 1, 1, 0, 0, 0, 0.0, 0.0, np.nan)
    return Replay(on_bar, script.states, np.zeros(1), bars, Terms(sizing, np.full(len(sizing), 0.05), 10**10, **more))


def wanted(script: Script, count: int, instrument: int = 0) -> list[tuple[int, float]]:
    made = []
    for number in range(count):
        intent = np.full(len(INTENT.names or ()), NAN).view(INTENT)[0]
        on_bar(script.states[instrument], np.zeros(1), bars_of(1.0)[0], intent)
        if not math.isnan(intent.target):
            made.append((number, float(intent.target)))
    return made


def test_a_wish_is_wanted_on_its_bar_and_once() -> None:
    script = Script(2)
    for number in (0, 3, 4):
        script.write(1, number, wish(float(number) + 1.0))
    assert wanted(script, 6, 1) == [(0, 1.0), (3, 4.0), (4, 5.0)]
    assert wanted(script, 6, 0) == []


def test_all_fields_of_a_wish_arrive() -> None:
    script, intent = Script(1), np.zeros(1, INTENT)
    script.write(0, 0, (1.0, 2.0, 3.0, 4.0, 5.0, 6.0))
    on_bar(script.states[0], np.zeros(1), bars_of(1.0)[0], intent[0])
    assert intent[0].item() == (1.0, 2.0, 3.0, 4.0, 5.0, 6.0)


def test_there_is_room_for_many_wishes_and_it_is_made_again() -> None:
    script = Script(1)
    for number in range(100):
        script.write(0, number, wish(1.0))
    assert len(wanted(script, 99)) == 99
    script.tidy()
    assert script.states[0, NEXT] > FIRST, "one is still to be wanted"
    assert wanted(script, 1) == [(0, 1.0)]
    script.tidy()
    assert (script.states[0, SEEN], script.states[0, NEXT]) == (100.0, FIRST)
    script.write(0, 101, wish(-1.0))
    assert wanted(script, 3) == [(1, -1.0)]


def test_going_back_keeps_what_was_written() -> None:
    script = Script(1)
    script.write(0, 1, wish(1.0))
    kept = script.keep()
    assert wanted(script, 3) == [(1, 1.0)]
    script.go_back(kept)
    script.write(0, 2, wish(2.0))
    assert wanted(script, 3) == [(1, 1.0), (2, 2.0)]


def test_a_replay_goes_back_to_where_it_was() -> None:
    script = Script(1)
    script.write(0, 0, wish(1.0, stop=95.0))
    bars = bars_of(100.0, 101.0, 99.0, 94.0, 90.0, 91.0)
    straight = replay_of(script, bars)
    straight.walk_to(len(bars))
    going = replay_of(script, bars)
    going.walk_to(2)
    kept = going.keep()
    before = [(going.book.legs[0].item(), going.book.run[0].item(), going.book.orders.tolist())]
    going.walk_to(5)
    assert len(going.outcome().fills) == 2
    going.go_back(kept)
    assert going.done == 2
    assert repr(before) == repr([(going.book.legs[0].item(), going.book.run[0].item(), going.book.orders.tolist())])
    going.walk_to(99)
    assert going.outcome().fills.tolist() == straight.outcome().fills.tolist()
    assert going.outcome().equity.tolist() == straight.outcome().equity.tolist()


def test_a_walk_ends_where_a_step_of_time_ends() -> None:
    bars = np.repeat(bars_of(100.0, 101.0, 102.0), 2)
    bars["instrument"] = [0, 1] * 3
    going = replay_of(Script(2), bars)
    going.walk_to(1)
    assert going.done == 2


def quiet(script: Script, bars: Rows, walked: int, **more: Any) -> int:
    going = replay_of(script, bars, **more)
    going.walk_to(walked)
    return int(quiet_until(going.book.run, going.book.legs, 0, going.book.bars, walked))


def test_nothing_happens_to_who_wants_and_holds_nothing() -> None:
    assert quiet(Script(1), bars_of(*[100.0] * 6), 2) == 6


def test_an_order_at_market_fills_in_the_next_bar_and_a_stop_where_it_is_reached() -> None:
    script = Script(1)
    script.write(0, 1, wish(1.0, stop=95.0))
    bars = bars_of(100.0, 101.0, 99.0, 98.0, 94.0, 90.0)
    assert quiet(script, bars, 2) == 2
    assert quiet(script, bars, 3) == 4
    assert quiet(script, bars, 5) == 6


def test_a_trailing_stop_and_a_square_off_are_looked_at_every_bar() -> None:
    trailing, held = Script(1), Script(1)
    trailing.write(0, 0, wish(1.0, trail=50.0))
    held.write(0, 0, wish(1.0))
    bars = bars_of(*[100.0] * 8)
    assert quiet(trailing, bars, 3) == 3
    assert quiet(held, bars, 3) == 8
    squares = np.array([(OPEN + 5 * MINUTE, 0)], dtype=replay_of(held, bars).book.terms.squares.dtype)
    assert quiet(held, bars, 3, squares=squares) == 4


def test_it_does_not_look_too_far() -> None:
    script = Script(1)
    script.write(0, 0, wish(1.0, stop=50.0))
    assert quiet(script, bars_of(*[100.0] * (FARTHEST + 10)), 2) == FARTHEST + 2


@pytest.mark.parametrize("is_waiting", [0, 1])
def test_a_wish_that_waits_for_a_cancel_may_become_an_order_at_any_time(is_waiting: int) -> None:
    going = replay_of(Script(1), bars_of(*[100.0] * 5))
    going.book.legs[0].is_waiting = is_waiting
    assert quiet_until(going.book.run, going.book.legs, 0, going.book.bars, 2) == (2 if is_waiting else 5)

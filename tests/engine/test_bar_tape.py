"""Closed minutes in memory: the newest stay, each once, and history is believed before ticks."""

from __future__ import annotations

import numpy as np

from engine.bar_tape import A_DAY, FEW, BarTape
from engine.core.records import BAR, Rows


def minutes(slot: int, *starts: int, close: float = 1.0) -> Rows:
    """Make bars of an instrument that start at these times."""
    rows: Rows = np.zeros(len(starts), dtype=BAR)
    rows["instrument"], rows["time_ns"], rows["close"] = slot, starts, close
    return rows


def told(tape: BarTape, slot: int) -> list[tuple[int, float]]:
    """List time and close of what is kept of an instrument."""
    return [(int(row["time_ns"]), float(row["close"])) for row in tape.of(slot)]


def test_the_newest_of_all_instruments_take_the_place_of_the_oldest() -> None:
    tape = BarTape(5)
    for start in range(1, 5):
        tape.add(np.concatenate([minutes(0, start), minutes(1, start)]))
    assert told(tape, 0) == [(3, 1.0), (4, 1.0)]
    assert told(tape, 1) == [(2, 1.0), (3, 1.0), (4, 1.0)]
    assert told(tape, 2) == []


def test_more_at_once_than_there_is_room_for_leaves_the_newest() -> None:
    tape = BarTape(3)
    tape.add(minutes(0, *range(8)))
    assert [time for time, _ in told(tape, 0)] == [5, 6, 7]


def test_history_is_believed_before_ticks_and_nothing_is_there_twice() -> None:
    tape = BarTape(10)
    tape.add(minutes(0, 3, 5))
    tape.add(minutes(1, 3))
    for _ in range(4):
        tape.fill_in(0, minutes(7, 1, 2, 3, close=2.0))
    assert told(tape, 0) == [(1, 2.0), (2, 2.0), (3, 2.0), (5, 1.0)]
    assert told(tape, 1) == [(3, 1.0)], "another instrument's minute of that time is its own"
    assert told(tape, 7) == []


def test_what_is_handed_out_is_the_caller_s_own() -> None:
    tape = BarTape(4)
    tape.add(minutes(0, 1))
    tape.of(0)["close"] = 9.0
    assert told(tape, 0) == [(1, 1.0)]


def test_room_grows_with_what_is_watched_and_keeps_what_is_there() -> None:
    tape = BarTape(3 * FEW)
    tape.add(minutes(0, *range(FEW + 3)))
    tape.make_room(FEW // A_DAY + 1)
    assert len(tape._rows) == 2 * FEW
    assert [time for time, _ in told(tape, 0)] == list(range(3, FEW + 3))
    tape.add(minutes(0, FEW + 3))
    assert [time for time, _ in told(tape, 0)] == list(range(3, FEW + 4)), "nothing went for what came"
    tape.make_room(1_000_000)
    assert len(tape._rows) == 3 * FEW, "never more than is kept at most"
    tape.make_room(1)
    assert len(told(tape, 0)) == FEW + 1


def test_room_is_touched_when_it_is_made() -> None:
    tape = BarTape()
    assert len(tape._rows) == 0
    tape.make_room(100)
    assert len(tape._rows) == 100 * A_DAY
    assert (tape._rows["instrument"] == -1).all(), "so that the day takes no more memory than the start"

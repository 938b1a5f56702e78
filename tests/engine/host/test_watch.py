"""How long a strategy's code takes is looked at; what runs in our own process can only be paused."""

from __future__ import annotations

import pytest

from engine.clock import ManualClock
from engine.executor.watch import LOGGED_LINES, Watch
from engine.host.answers import Answer


class Told:
    def __init__(self) -> None:
        self.clock = ManualClock(1)
        self.watch = Watch("mine", self.clock)
        self.slow: list[str] = []
        self.paused: list[str] = []
        self.watch.warn, self.watch.pause = self.slow.append, self.paused.append

    def take(self, seconds: float) -> str:
        def code() -> str:
            self.clock.advance(seconds)
            return "answer"

        return self.watch.timed("on_bar of TCS", code)


def test_a_quarter_of_a_second_is_told_once_a_minute() -> None:
    told = Told()
    assert told.take(0.25) == "answer"
    assert told.slow == []
    told.take(0.3)
    told.take(0.4)
    assert told.slow == ["mine is slow: on_bar of TCS took 300 ms, expected at most 250 ms; make it faster."]
    told.clock.advance(60)
    told.take(1.0)
    assert len(told.slow) == 2
    assert told.paused == []


def test_over_two_seconds_is_paused_whatever_it_answered_or_raised() -> None:
    told = Told()
    told.take(2.0)
    assert told.paused == []
    told.take(3.0)
    assert told.paused[0].startswith("mine was paused: on_bar of TCS took 3.0 s, at most 2 s is allowed")

    def fails() -> None:
        told.clock.advance(30)
        raise KeyError("x")

    with pytest.raises(KeyError):
        told.watch.timed("on_bar of TCS", fails)
    assert len(told.paused) == 2


def test_a_process_tells_its_own_time_and_what_was_printed(caplog: pytest.LogCaptureFixture) -> None:
    told = Told()
    told.watch.heard(Answer(took_ms=251.0, said="a\nb\n"), "on_bar of TCS")
    assert len(told.slow) == 1
    with caplog.at_level("INFO", "engine.executor.watch"):
        told.watch.heard(Answer(said="x\n" * 500, lost=7), "on_bar of TCS")
    said = [record.getMessage() for record in caplog.records]
    assert said == ["mine says: x"] * LOGGED_LINES + ["mine says more: 500 lines in all, 7 characters lost"]

"""Levels and moves, held against the plain way: every alert looked at on every tick."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.alerts.levels import PriceLevels
from engine.alerts.moves import BUCKETS, Moves
from engine.alerts.storm import Storm
from engine.core.alerts import Alert, parse_alert
from engine.core.model import Exchange, Instrument
from engine.view import QuoteBoard

SECOND = 10**9
TICKS = st.lists(st.tuples(st.integers(0, 3), st.integers(1, 40)), max_size=60)


def board_of(count: int = 4) -> QuoteBoard:
    board = QuoteBoard(2)
    for number in range(count):
        board.add(Instrument(Exchange.NSE, f"S{number}", number))
    return board


def an_alert(number: int, **given: Any) -> Alert:
    return parse_alert(f"a{number}", {"kind": "price", "key": "NSE:S0"} | given)


@settings(max_examples=300, deadline=None)
@given(
    ticks=TICKS,
    wanted=st.lists(st.tuples(st.integers(0, 3), st.sampled_from(["above", "below"]), st.integers(1, 40), st.integers(0, 5)), max_size=12),
)
def test_levels_say_what_looking_at_each_alert_says(ticks: list[tuple[int, int]], wanted: list[tuple[int, str, int, int]]) -> None:
    board = board_of()
    levels, ready = PriceLevels(board), {}
    alerts = {f"a{n}": (slot, an_alert(n, side=side, value=value, hysteresis=back)) for n, (slot, side, value, back) in enumerate(wanted)}
    for alert_id, (slot, alert) in alerts.items():
        levels.put(alert, slot)
        ready[alert_id] = False
    for slot, price in ticks:
        board.last_price[slot] = price
        said = set(levels.take(np.array([slot])))
        expected = set()
        for alert_id, (place, alert) in alerts.items():
            if place == slot and ready[alert_id] and alert.is_far(price):
                ready[alert_id] = False
                expected.add((alert_id, float(price), True))
            elif place == slot and not ready[alert_id] and alert.is_near(price):
                ready[alert_id] = True
                expected.add((alert_id, float(price), False))
        assert said == expected


def test_a_board_that_grows_takes_its_levels_along() -> None:
    board = board_of(1)
    levels = PriceLevels(board)
    levels.put(an_alert(0, value=10.0), 0)
    for number in range(1, 9):
        board.add(Instrument(Exchange.NSE, f"S{number}", number))
    board.last_price[[0, 8]] = 9.0, 9.0
    assert list(levels.take(np.array([0, 8]))) == [("a0", 9.0, False)]
    levels.put(an_alert(1, value=10.0), 8)
    assert list(levels.take(np.array([8]))) == [("a1", 9.0, False)]
    levels.remove("a0")
    levels.remove("a0")
    assert len(levels) == 1


def test_no_price_crosses_nothing() -> None:
    levels = PriceLevels(board_of())
    levels.put(an_alert(0, side="below", value=5.0), 0)
    assert list(levels.take(np.array([0, 1]))) == []


@settings(max_examples=200, deadline=None)
@given(
    ticks=st.lists(st.tuples(st.integers(0, 40), st.integers(90, 115)), max_size=60),
    side=st.sampled_from(["above", "below"]),
    pct=st.integers(2, 15),
)
def test_moves_say_what_looking_back_says(ticks: list[tuple[int, int]], side: str, pct: int) -> None:
    seconds, board = BUCKETS, board_of()
    moves = Moves(board)
    alert = an_alert(0, kind="change", side=side, value=pct, seconds=seconds)
    moves.put(alert, 0)
    now_s = 0
    seen: list[tuple[int, int]] = []
    for step_s, price in ticks:
        before = now_s
        now_s += step_s
        board.last_price[0] = price
        said = [each[1] for each in moves.take(now_s * SECOND)]
        if seen and now_s - before <= seconds:
            seen += [(at, seen[-1][1]) for at in range(before + 1, now_s + 1)]  # the price that stood
        elif now_s - before > seconds:
            seen = []
        seen.append((now_s, price))
        window = [alert.sign * past for at, past in seen if at > now_s - seconds]
        start = alert.sign * min(window)
        told = alert.sign * price >= alert.sign * start * (1 + alert.sign * pct / 100) - 1e-6
        assert bool(said) == told, (now_s, price, start)
        if told:
            seen = [(now_s, price)]


def test_moves_come_and_go() -> None:
    board = board_of()
    moves = Moves(board)
    for number in range(3):
        moves.put(an_alert(number, kind="change", value=1.0, seconds=60), number)
    moves.remove("a1")
    moves.remove("a1")
    board.last_price[:3] = 100.0, 100.0, math.nan
    assert list(moves.take(SECOND)) == []
    board.last_price[0] = 101.0
    assert [each[0] for each in moves.take(2 * SECOND)] == ["a0"]
    assert len(moves) == 2


def test_a_storm_is_let_through_again_after_its_while() -> None:
    storm = Storm(2, 10.0)
    assert [storm.admits(SECOND * at, f"m{at}") for at in (1, 2, 3, 4)] == [True, True, False, False]
    assert storm.summary(5 * SECOND) is None
    assert storm.summary(11 * SECOND) == (2, "m4")
    assert storm.summary(30 * SECOND) is None
    assert storm.admits(30 * SECOND, "m30")

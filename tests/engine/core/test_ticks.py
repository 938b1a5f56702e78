"""Ticks as bars of one price: their times, their volumes, and the minute of their session."""

from __future__ import annotations

import math

import numpy as np

from engine.core.records import BAR, TICK, Rows
from engine.core.ticks import PRINT, bars_of_ticks, is_ticks

OPEN_S = 1_704_080_700
"""09:15 IST on 1 January 2024."""
DAY_S = 86_400


def ticks(*rows: tuple[int, float, int]) -> Rows:
    made: Rows = np.zeros(len(rows), TICK)
    for row, (second, price, volume) in zip(made, rows, strict=True):
        row.exchange_time, row.last_price, row.volume, row.last_quantity, row.oi = OPEN_S + second, price, volume, 7, 3
    return made


def test_ticks_of_one_second_stay_in_their_order_and_volumes_are_what_was_added_on_the_day() -> None:
    made = bars_of_ticks(
        ticks((0, 100.0, 500), (0, 100.5, 510), (0, 101.0, 510), (61, 99.0, 530), (DAY_S, 98.0, 20), (DAY_S + 5, 98.5, 25))
    )
    assert (made["time_ns"] - OPEN_S * 10**9).tolist() == [0, 1, 2, 61 * 10**9, DAY_S * 10**9, (DAY_S + 5) * 10**9]
    assert made["volume"].tolist() == [0.0, 10.0, 0.0, 20.0, 0.0, 5.0]
    assert made["session_minute"].tolist() == [0, 0, 0, 1, 0, 0]
    for name in ("open", "high", "low", "close"):
        assert made[name].tolist() == [100.0, 100.5, 101.0, 99.0, 98.0, 98.5]
    assert made["oi"].tolist() == [3.0] * 6


def test_a_feed_without_volumes_tells_by_its_last_quantities_and_without_prices_nothing() -> None:
    made = bars_of_ticks(ticks((0, 100.0, 0), (1, 0.0, 0), (2, math.nan, 0), (3, 101.0, 0)))
    assert made["close"].tolist() == [100.0, 101.0]
    assert made["volume"].tolist() == [7.0, 7.0]


def test_the_time_of_the_trade_stands_in_for_that_of_the_exchange() -> None:
    rows = ticks((0, 100.0, 1))
    rows["exchange_time"], rows["last_trade_time"] = 0, OPEN_S + 9
    assert bars_of_ticks(rows)["time_ns"].tolist() == [(OPEN_S + 9) * 10**9]


def test_prints_have_their_own_volumes_and_a_calendar_may_tell_the_open() -> None:
    rows: Rows = np.zeros(2, PRINT)
    rows["time_ns"], rows["price"], rows["volume"] = [OPEN_S * 10**9, (OPEN_S + 90) * 10**9 + 5], [10.0, 11.0], [3.0, 4.0]
    made = bars_of_ticks(rows, {(OPEN_S + 19_800) // DAY_S: (OPEN_S - 600) * 10**9})
    assert made["volume"].tolist() == [3.0, 4.0]
    assert made["session_minute"].tolist() == [10, 11]
    assert is_ticks(rows)
    assert is_ticks(ticks())
    assert not is_ticks(np.zeros(0, BAR))

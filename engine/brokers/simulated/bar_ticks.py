"""How bars look as ticks to the screen: four a bar, a whole block of bars at once, the day's figures included.

The ticks are those of `core.bars.ticks_of`, made for many bars together because a replay at full speed cannot afford a call a bar.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.clock import IST_OFFSET_NS
from engine.core.records import TICK, Rows, record

DAY_NS = 86_400 * 1_000_000_000
TICKS_A_BAR = 4

FIGURES = record(
    ("open", "f8"),  # of the day
    ("high", "f8"),  # of the day before this bar
    ("low", "f8"),
    ("previous_close", "f8"),  # of the day before
    ("volume", "i8"),  # of the day before this bar
    ("turnover", "f8"),
)
"""What the day had brought when a bar began."""


def day_figures(bars: Rows) -> Rows:
    """Return one FIGURES row for each of one instrument's BAR rows, given in order of time."""
    made = np.zeros(len(bars), dtype=FIGURES)
    days = (bars["time_ns"] + IST_OFFSET_NS) // DAY_NS
    firsts = np.flatnonzero(np.diff(days, prepend=days[:1] - 1))
    volume = bars["volume"].astype(np.int64)
    turnover = volume * (bars["high"] + bars["low"] + bars["close"]) / 3
    for first, end in zip(firsts, [*firsts[1:], len(bars)], strict=True):
        day, of_day = made[first:end], slice(first, end)
        day["open"] = day["high"][0] = day["low"][0] = bars["open"][first]
        np.maximum.accumulate(np.maximum(bars["high"][of_day], bars["open"][first])[:-1], out=day["high"][1:])
        np.minimum.accumulate(np.minimum(bars["low"][of_day], bars["open"][first])[:-1], out=day["low"][1:])
        day["previous_close"] = bars["close"][first - 1] if first else 0.0
        day["volume"][1:] = np.cumsum(volume[of_day])[:-1]
        day["turnover"][1:] = np.cumsum(turnover[of_day])[:-1]
    return made


def ticks_of_bars(bars: Rows, figures: Rows, tokens: NDArray[np.int64], modes: NDArray[np.int8], interval_s: int) -> Rows:
    """Make four TICK rows of each BAR row: open, the two turning points, close; bar after bar.

    `figures`, `tokens` and `modes` have one row a bar. A falling bar has its high first, any other its low.
    """
    count = len(bars)
    is_falling = bars["close"] < bars["open"]
    prices = np.empty((count, TICKS_A_BAR))
    prices[:, 0] = bars["open"]
    prices[:, 1] = np.where(is_falling, bars["high"], bars["low"])
    prices[:, 2] = np.where(is_falling, bars["low"], bars["high"])
    prices[:, 3] = bars["close"]
    volume = bars["volume"].astype(np.int64)
    so_far = volume[:, None] * np.arange(1, TICKS_A_BAR + 1) // TICKS_A_BAR
    ticks = np.zeros((count, TICKS_A_BAR), dtype=TICK)
    ticks["instrument_token"] = tokens[:, None]
    ticks["mode"] = modes[:, None]
    ticks["last_price"] = prices
    ticks["last_quantity"] = np.diff(so_far, axis=1, prepend=0)
    ticks["exchange_time"] = (bars["time_ns"] // 1_000_000_000)[:, None] + np.arange(TICKS_A_BAR) * interval_s // TICKS_A_BAR
    ticks["last_trade_time"] = ticks["exchange_time"]
    ticks["oi"] = np.nan_to_num(bars["oi"])[:, None]
    set_day_figures(ticks, figures)
    return ticks.reshape(-1)


def set_day_figures(ticks: Rows, figures: Rows) -> None:
    """Fill in what the day had brought: volume, average, open, high and low, and the close of the day before.

    `ticks` has shape (bars, ticks a bar), with prices and last quantities set; `figures` one row a bar.
    """
    sent = np.cumsum(ticks["last_quantity"], axis=1)
    turnover = figures["turnover"][:, None] + np.cumsum(ticks["last_quantity"] * ticks["last_price"], axis=1)
    ticks["volume"] = figures["volume"][:, None] + sent
    ticks["average_price"] = turnover / np.maximum(ticks["volume"], 1)
    ticks["open"] = figures["open"][:, None]
    ticks["high"] = np.maximum(np.maximum.accumulate(ticks["last_price"], axis=1), figures["high"][:, None])
    ticks["low"] = np.minimum(np.minimum.accumulate(ticks["last_price"], axis=1), figures["low"][:, None])
    ticks["close"] = figures["previous_close"][:, None]

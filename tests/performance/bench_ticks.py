"""How many ticks a second go through quote board, bars and strategies for 3,000 instruments, beside a plain loop over the same ticks.

The feed's decoding is left out: a frame is what `MarketDataHandler.on_ticks` is given. Every instrument runs an EMA crossover on
one-minute bars. The control is the usual way: one dict a tick, one handler call a tick, a Python object a bar, no depth.
"""

from __future__ import annotations

import statistics
import sys
import time
from typing import Any

import numpy as np

from engine.clock import ManualClock
from engine.core.bars import SECOND_NS
from engine.core.compiled import compile_all
from engine.core.model import Exchange, Instrument
from engine.core.records import MODE_FULL, TICK, Rows
from engine.core.registry import TEMPLATES
from engine.executor.config import parse_strategy
from engine.executor.leg import Leg
from engine.market_data import MarketDataHandler
from engine.view import QuoteBoard

INSTRUMENTS = 3_000
FRAME = 500
SECONDS = 180
CONTROL_SECONDS = 6
TARGET = 500_000
OPEN_S = 1_761_709_500  # 2025-10-29 09:15 IST


def second_of_ticks(second: int, prices: Rows, volumes: Rows) -> Rows:
    """One full-mode tick for every instrument."""
    ticks = np.zeros(INSTRUMENTS, dtype=TICK)
    ticks["instrument_token"] = 256 * np.arange(INSTRUMENTS) + 1
    ticks["mode"] = MODE_FULL
    ticks["last_price"], ticks["volume"], ticks["last_quantity"] = prices, volumes, 5
    ticks["exchange_time"] = ticks["last_trade_time"] = OPEN_S + second
    ticks["depth"]["price"] = prices[:, None, None]
    ticks["depth"]["quantity"] = 100
    return ticks


def stream() -> list[Rows]:
    """Make the whole session's frames beforehand, a second's ticks in frames of FRAME."""
    random = np.random.default_rng(1)
    prices = np.round(random.uniform(50, 5_000, INSTRUMENTS) / 0.05) * 0.05
    frames = []
    for second in range(SECONDS):
        prices = np.maximum(1.0, np.round((prices + random.normal(0, 0.3, INSTRUMENTS)) / 0.05) * 0.05)
        whole = second_of_ticks(second, prices, np.full(INSTRUMENTS, 5 * (second + 1)))
        frames.extend(whole[at : at + FRAME] for at in range(0, INSTRUMENTS, FRAME))
    return frames


class Strategies:
    """An EMA crossover on every instrument, decided on each closed minute as a running strategy does."""

    def __init__(self, handler: MarketDataHandler) -> None:
        names = [f"S{number}" for number in range(INSTRUMENTS)]
        config = parse_strategy({"name": "bench", "strategy_type": "ema_crossover", "symbols": names, "sizing": "fixed:1"})
        instruments = [Instrument(Exchange.NSE, name, 256 * number + 1) for number, name in enumerate(names)]
        self.legs = [Leg(config, i, slot) for i, slot in zip(instruments, handler.subscribe(instruments), strict=True)]
        self.decisions = 0
        handler.bars_closed.connect(self.on_bars)

    def on_bars(self, interval_s: int, rows: Rows) -> None:
        for row in rows:
            self.legs[row["instrument"]].decide(row)
        self.decisions += len(rows)


def ours(frames: list[Rows]) -> tuple[float, list[float], int]:
    """Run all frames; returns seconds, the time of each frame and the count of decisions."""
    clock = ManualClock(OPEN_S * SECOND_NS)
    handler = MarketDataHandler(QuoteBoard(INSTRUMENTS), clock, max_jump_pct=20.0)
    strategies = Strategies(handler)
    taken = []
    began = time.perf_counter()
    for number, frame in enumerate(frames):
        at = time.perf_counter()
        now_ns = (OPEN_S + number * FRAME // INSTRUMENTS) * SECOND_NS
        clock.set(now_ns)
        handler.on_time(now_ns)
        handler.on_ticks(frame)
        taken.append(time.perf_counter() - at)
    return time.perf_counter() - began, taken, strategies.decisions


class PlainBar:
    """A bar as an object."""

    def __init__(self, minute: int, price: float) -> None:
        self.minute, self.open, self.high, self.low, self.close = minute, price, price, price, price


def control(frames: list[Rows]) -> float:
    """Run the first frames one dict a tick, as a feed's callbacks hand them out; returns seconds."""
    plain: list[dict[str, Any]] = [
        {
            "instrument_token": int(row["instrument_token"]),
            "last_price": float(row["last_price"]),
            "exchange_time": int(row["exchange_time"]),
        }
        for frame in frames
        for row in frame
    ]
    quotes: dict[int, dict[str, Any]] = {}
    bars: dict[int, PlainBar] = {}
    closed: list[PlainBar] = []

    def on_tick(tick: dict[str, Any]) -> None:
        token, price, minute = tick["instrument_token"], tick["last_price"], tick["exchange_time"] // 60
        quotes[token] = {**quotes.get(token, {}), **tick}
        bar = bars.get(token)
        if bar is None or bar.minute != minute:
            if bar is not None:
                closed.append(bar)
            bars[token] = PlainBar(minute, price)
        else:
            bar.high, bar.low, bar.close = max(bar.high, price), min(bar.low, price), price

    began = time.perf_counter()
    for tick in plain:
        on_tick(tick)
    return time.perf_counter() - began


def main() -> int:
    """Print ticks a second of both and their ratio; the exit code says whether the target was reached."""
    TEMPLATES.load()
    compile_all()
    frames = stream()
    ours(frames[:20])
    runs = [ours(frames) for _ in range(3)]
    seconds, taken, decisions = sorted(runs, key=lambda run: run[0])[1]
    rate = len(frames) * FRAME / seconds
    few = frames[: CONTROL_SECONDS * INSTRUMENTS // FRAME]
    control_rate = len(few) * FRAME / statistics.median(control(few) for _ in range(3))
    micros = sorted(1e6 * t for t in taken)
    p50, p99 = micros[len(micros) // 2], micros[int(len(micros) * 0.99)]
    print(f"board + bars + strategies, {INSTRUMENTS:,} instruments: {rate:,.0f} ticks/s, {decisions:,} decisions")
    print(f"  frame of {FRAME}: p50 {p50:.0f} us, p99 {p99:.0f} us, worst {micros[-1]:.0f} us")
    print(f"control, one dict and one call a tick, no depth, no strategy: {control_rate:,.0f} ticks/s")
    print(f"ratio: {rate / control_rate:.1f} times; target {TARGET:,} ticks/s: {'reached' if rate >= TARGET else 'MISSED'}")
    return 0 if rate >= TARGET else 1


if __name__ == "__main__":
    sys.exit(main())

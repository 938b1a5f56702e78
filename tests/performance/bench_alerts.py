"""What thousands of alerts cost a frame of ticks: 3,000 instruments, frames of 500, with 0, 5,000 and 20,000 price alerts, and 500 moves.

Prices wander; some alerts are crossed and told. The control does it the usual way: for each tick, each alert of its instrument is
compared. The ratio is the time of one frame, ours without alerts, with alerts, and the control, all in one run.
"""

from __future__ import annotations

import statistics
import sys
import time

import numpy as np
from numpy.typing import NDArray

from engine.alerts.levels import PriceLevels
from engine.alerts.moves import Moves
from engine.clock import ManualClock
from engine.core.alerts import Alert, parse_alert
from engine.core.bars import SECOND_NS
from engine.core.compiled import compile_all
from engine.core.model import Exchange, Instrument
from engine.core.records import MODE_FULL, TICK, Rows
from engine.market_data import MarketDataHandler
from engine.view import QuoteBoard

INSTRUMENTS, FRAME, SECONDS = 3_000, 500, 60
OPEN_S = 1_761_709_500  # 2025-10-29 09:15 IST
TARGET = 0.5
"""Alerts may cost at most this part of what the frame costs without them."""


def frames() -> list[Rows]:
    """Make a minute of ticks, a tick a second for every instrument."""
    random = np.random.default_rng(1)
    prices, made = np.round(random.uniform(100, 5_000, INSTRUMENTS), 1), []
    for second in range(SECONDS):
        prices = np.maximum(1.0, np.round(prices * (1 + random.normal(0, 2e-4, INSTRUMENTS)), 1))
        ticks = np.zeros(INSTRUMENTS, dtype=TICK)
        ticks["instrument_token"], ticks["mode"] = 256 * np.arange(INSTRUMENTS) + 1, MODE_FULL
        ticks["last_price"], ticks["volume"], ticks["last_quantity"] = prices, 5 * (second + 1), 5
        ticks["exchange_time"] = ticks["last_trade_time"] = OPEN_S + second
        ticks["depth"]["price"], ticks["depth"]["quantity"] = prices[:, None, None], 100
        made += [ticks[at : at + FRAME] for at in range(0, INSTRUMENTS, FRAME)]
    return made


def alerts(count: int, first: Rows) -> list[Alert]:
    """Spread price alerts over all instruments, from a tenth of a percent to five percent away."""
    random = np.random.default_rng(2)
    made = []
    for number in range(count):
        price, away = float(first[number % INSTRUMENTS]), float(random.uniform(0.001, 0.05))
        side = "above" if number % 2 else "below"
        value = price * (1 + away if number % 2 else 1 - away)
        made.append(parse_alert(f"a{number}", {"key": f"NSE:S{number % INSTRUMENTS}", "side": side, "value": value, "kind": "price"}))
    return made


class Run:
    """A market data handler with alerts on it, one way or the other."""

    def __init__(self, given: list[Alert], moves: int, *, is_control: bool = False) -> None:
        self.clock = ManualClock(OPEN_S * SECOND_NS)
        self.handler = MarketDataHandler(QuoteBoard(INSTRUMENTS), self.clock, max_jump_pct=20.0)
        self.handler.subscribe([Instrument(Exchange.NSE, f"S{number}", 256 * number + 1) for number in range(INSTRUMENTS)])
        self.board = self.handler.board if hasattr(self.handler, "board") else self.handler._board
        self.levels, self.moves, self.told = PriceLevels(self.board), Moves(self.board), 0
        self.by_slot: dict[int, list[tuple[int, float]]] = {}
        for number, alert in enumerate(given):
            if is_control:
                self.by_slot.setdefault(number % INSTRUMENTS, []).append((alert.sign, alert.value))
            else:
                self.levels.put(alert, number % INSTRUMENTS)
        for number in range(moves):
            move = parse_alert(f"m{number}", {"key": f"NSE:S{number}", "kind": "change", "value": 1.0, "seconds": 60})
            self.moves.put(move, number)
        self.handler.ticks_received.connect(self.on_control if is_control else self.on_ticks)

    def on_ticks(self, slots: NDArray[np.int64]) -> None:
        """Look as the alert engine does."""
        self.told += sum(1 for _, _, crossed in self.levels.take(slots) if crossed)
        if len(self.moves):
            self.told += sum(1 for _ in self.moves.take(self.clock.now_ns()))

    def on_control(self, slots: NDArray[np.int64]) -> None:
        """Compare each alert of each instrument that ticked."""
        prices = self.board.last_price
        for slot in slots:
            price = prices[slot]
            for sign, value in self.by_slot.get(int(slot), ()):
                if sign * (price - value) >= 0.0:
                    self.told += 1

    def play(self, ticks: list[Rows]) -> float:
        """Run all frames and return the median of a frame in microseconds."""
        taken = []
        for number, frame in enumerate(ticks):
            now_ns = (OPEN_S + number * FRAME // INSTRUMENTS) * SECOND_NS
            self.clock.set(now_ns)
            began = time.perf_counter()
            self.handler.on_ticks(frame)
            taken.append(1e6 * (time.perf_counter() - began))
        return statistics.median(taken)


def main() -> int:
    """Print what a frame costs each way; the exit code says whether the target was met."""
    compile_all()
    ticks = frames()
    first = np.concatenate([frame["last_price"] for frame in ticks[: INSTRUMENTS // FRAME]])
    Run([], 0).play(ticks)

    def cost(count: int, moves: int = 0, *, is_control: bool = False) -> float:
        return min(Run(alerts(count, first), moves, is_control=is_control).play(ticks) for _ in range(5))

    bare = cost(0)
    print(f"frame of {FRAME}, {INSTRUMENTS:,} instruments, no alerts: {bare:.0f} us")
    worst = 0.0
    for count, moves in ((5_000, 0), (20_000, 0), (5_000, 500)):
        ours = cost(count, moves)
        worst = max(worst, (ours - bare) / bare)
        print(f"  {count:,} price alerts, {moves} moves: {ours:.0f} us, {ours - bare:+.0f} us, ratio {ours / bare:.2f}")
    control = cost(5_000, is_control=True)
    print(f"control, each alert compared, 5,000 price alerts: {control:.0f} us, {control - bare:+.0f} us, ratio {control / bare:.2f}")
    print(f"worst {100 * worst:.0f}% of a frame; target {100 * TARGET:.0f}%: {'reached' if worst <= TARGET else 'MISSED'}")
    return 0 if worst <= TARGET else 1


if __name__ == "__main__":
    sys.exit(main())

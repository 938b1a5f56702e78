"""A day's feed in small: 3,000 instruments in full mode, five ticks a second each, from an exchange in a process of its own.

    python tests/performance/bench_feed.py [SECONDS]        130 unless said: two whole minutes

Headless: the feed, the quote board and the minute bars on plain asyncio. Afterwards every whole minute of every instrument is held
against the exchange's own candles: a tick that was lost would be missing from a volume. Beside it the lag of the loop, and memory.
The control is the official parser's speed in the same run: what of a core it would need to decode as much.
"""

from __future__ import annotations

import asyncio
import gc
import http.client
import json
import struct
import sys
import time
from datetime import datetime
from typing import Any
from urllib.parse import quote

import numpy as np
import psutil
from kiteconnect import KiteTicker

from engine.brokers.zerodha import codec
from engine.brokers.zerodha.stream import KiteFeed
from engine.clock import IST, SystemClock
from engine.core.bars import SECOND_NS
from engine.core.compiled import compile_all
from engine.core.model import Exchange, Instrument, InstrumentKind
from engine.core.records import Rows
from engine.market_data import MarketDataHandler
from engine.view import QuoteBoard
from tests.kite_exchange.process import RunningExchange, start_exchange

INSTRUMENTS = 3_000
TICKS_PER_S = 5.0
WAVES = 10
GRACE_NS = SECOND_NS
SAMPLE_S = 0.005
LAG_TARGET_S = 0.020
GROWTH_TARGET_MB = 8.0


class MarketClock(SystemClock):
    """The machine's clock, set to the exchange's time of day."""

    def __init__(self, market_ns: int) -> None:
        self._ahead_ns = market_ns - time.time_ns()

    def now_ns(self) -> int:
        """Return the exchange's time."""
        return time.time_ns() + self._ahead_ns


class Terminal:
    """What of a terminal hears the market."""

    def __init__(self, exchange: RunningExchange) -> None:
        self.clock = MarketClock(exchange.control("now")["time_ns"])
        self.board = QuoteBoard(INSTRUMENTS)
        self.handler = MarketDataHandler(self.board, self.clock, max_jump_pct=0.0)
        self.bars: list[Rows] = []
        self.links: list[tuple[str, str]] = []
        self.lags: list[float] = []
        self.busy_s = 0.0
        token = exchange.login()
        self.feed = KiteFeed(
            exchange.ws_root,
            exchange.api_key,
            lambda: token,
            self.clock,
            on_frame=self.on_frame,
            on_update=lambda update: None,
            on_link=lambda state, reason: self.links.append((state.value, reason)),
            on_message=print,
        )
        self.headers = {"X-Kite-Version": "3", "Authorization": f"token {exchange.api_key}:{token}"}
        self.handler.bars_closed.connect(lambda interval_s, rows: self.bars.append(rows.copy()))

    def on_frame(self, rows: Rows) -> None:
        """Put a frame on the board and into the bars."""
        began = time.perf_counter()
        self.handler.on_ticks(rows)
        self.busy_s += time.perf_counter() - began

    async def tell_time(self) -> None:
        """Close minutes when their last trades are there."""
        while True:
            self.handler.on_time(self.clock.now_ns() - GRACE_NS)
            await asyncio.sleep(0.25)

    async def measure_lag(self) -> None:
        """Measure how much later than wanted the loop wakes who sleeps."""
        while True:
            began = time.perf_counter()
            await asyncio.sleep(SAMPLE_S)
            self.lags.append(time.perf_counter() - began - SAMPLE_S)


def instruments_of(exchange: RunningExchange) -> list[Instrument]:
    """Return as many of the exchange's instruments as a socket carries, as ours."""
    kinds, exchanges = {one.value: one for one in InstrumentKind}, {one.value: one for one in Exchange}
    found = []
    for row in exchange.control("listings"):
        name, _, symbol = row["key"].partition(":")
        if name in exchanges:
            kind = InstrumentKind.INDEX if row["segment"] == "INDICES" else kinds[row["kind"]]
            found.append(Instrument(exchanges[name], symbol, row["token"], kind=kind))
    return found[:INSTRUMENTS]


def candles(exchange: RunningExchange, headers: dict[str, str], tokens: list[int]) -> dict[int, list[list[Any]]]:
    """Ask the exchange for the minutes of every instrument."""
    day = datetime.fromtimestamp(exchange.control("now")["time_ns"] / 1e9, IST).date()
    span = f"from={quote(f'{day} 00:00:00')}&to={quote(f'{day} 23:59:59')}"
    line = http.client.HTTPConnection(exchange.root.removeprefix("http://"))
    found = {}
    for token in tokens:
        line.request("GET", f"/instruments/historical/{token}/minute?{span}", headers=headers)
        found[token] = json.loads(line.getresponse().read())["data"]["candles"]
    line.close()
    return found


def compare(terminal: Terminal, exchange: RunningExchange) -> tuple[int, int, int]:
    """Hold each whole minute against the exchange's candle; returns minutes compared, minutes that differ, volume that is missing."""
    instruments = terminal.board.instruments
    truth = candles(exchange, terminal.headers, [one.token for one in instruments])
    compared = differing = missing = 0
    rows = np.concatenate(terminal.bars) if terminal.bars else np.zeros(0)
    minutes = [{int(datetime.fromisoformat(row[0]).timestamp()) * SECOND_NS: row[1:6] for row in truth[one.token]} for one in instruments]
    for bar in rows:
        told = [float(value) for value in minutes[bar.instrument][int(bar.time_ns)]]
        if instruments[bar.instrument].kind is InstrumentKind.INDEX:
            told[4] = 0.0  # what an index does trades nothing
        compared += 1
        differing += told != [float(bar[name]) for name in ("open", "high", "low", "close", "volume")]
        missing += int(told[4] - bar.volume)
    return compared, differing, missing


def official_share(ticks_per_s: float) -> float:
    """Return what share of a core the official parser needs for so many full packets a second."""
    parse = KiteTicker("key", "token")._parse_binary
    frame = struct.pack(">H", 300) + 300 * (struct.pack(">HI", 184, 257) + bytes(180))
    began = time.perf_counter()
    for _ in range(10):
        parse(frame)
    return (time.perf_counter() - began) / 3_000 * ticks_per_s


async def run(exchange: RunningExchange, seconds: float) -> int:
    """Let the feed run and print how it went; returns 0 when all was reached."""
    terminal = Terminal(exchange)
    instruments = instruments_of(exchange)
    terminal.handler.subscribe(instruments)
    await terminal.feed.open()
    await terminal.feed.subscribe([one.token for one in instruments])
    await asyncio.sleep(5)  # what is allocated once is there
    gc.collect()
    process = psutil.Process()
    rss, cpu_s, packets, began = (
        [process.memory_info().rss],
        sum(process.cpu_times()[:2]),
        terminal.feed.counts.packets,
        time.perf_counter(),
    )
    watch = [asyncio.ensure_future(coroutine) for coroutine in (terminal.tell_time(), terminal.measure_lag())]
    for _ in range(max(1, round(seconds / 10))):
        await asyncio.sleep(min(10.0, seconds))
        rss.append(process.memory_info().rss)
    took_s = time.perf_counter() - began
    cpu_s, packets = sum(process.cpu_times()[:2]) - cpu_s, terminal.feed.counts.packets - packets
    await asyncio.to_thread(exchange.control, "set_scale", scale=0)
    drained = await asyncio.to_thread(exchange.control, "drain")
    (socket,) = await asyncio.to_thread(exchange.control, "sockets")
    for task in watch:
        task.cancel()
    await asyncio.gather(*watch, return_exceptions=True)
    compared, differing, missing = compare(terminal, exchange)
    lost = socket["packets"] - terminal.feed.counts.packets + socket["dropped"]
    await terminal.feed.close()
    p50, p99, worst = (float(np.percentile(terminal.lags, at)) for at in (50, 99, 100))
    growth_mb = (np.median(rss[-3:]) - np.median(rss[1:4])) / 2**20 if len(rss) > 6 else (rss[-1] - rss[0]) / 2**20
    print(f"{packets:,} ticks in {took_s:.0f} s ({packets / took_s:,.0f}/s), {terminal.feed.counts.frames:,} frames, drained: {drained}")
    print(f"  lost on the way: {lost}; minutes of bars {compared:,}, differing from the exchange's {differing}, volume missing {missing}")
    print(f"  loop lag p50 {1e3 * p50:.2f} ms, p99 {1e3 * p99:.2f} ms, worst {1e3 * worst:.1f} ms ({len(terminal.lags):,} samples)")
    print(f"  memory {rss[0] / 2**20:.1f} MB to {rss[-1] / 2**20:.1f} MB, growth {growth_mb:+.1f} MB; {cpu_s / took_s:.0%} of a core")
    print(f"  board and bars {1e6 * terminal.busy_s / terminal.feed.counts.packets:.2f} us a tick; links {terminal.links}")
    print(f"control: the official parser would need {official_share(packets / took_s):.0%} of a core for the parsing alone")
    is_good = not lost and not differing and compared > 0 and p99 < LAG_TARGET_S and growth_mb < GROWTH_TARGET_MB
    print(f"no tick lost, lag p99 under {1e3 * LAG_TARGET_S:.0f} ms, memory flat: {'reached' if is_good else 'MISSED'}")
    return 0 if is_good else 1


def main() -> int:
    """Run it for the seconds of the command line; at least one whole minute is needed to compare bars."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 130.0
    compile_all()
    codec.prepare()
    options = {"instruments": INSTRUMENTS + 50, "market": "walk", "ticks_per_second": TICKS_PER_S, "waves": WAVES, "rate_limits": False}
    with start_exchange(**options) as exchange:
        return asyncio.run(run(exchange, seconds))


if __name__ == "__main__":
    sys.exit(main())

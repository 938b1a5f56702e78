"""A longer day of live trading at the Kite exchange, in processes of their own: the books of terminal and exchange afterwards.

    python tests/performance/bench_kite_day.py [MINUTES [SCALE [TICKS_PER_S]]]        30, 20 and 0.1 unless said: 90 s

3,000 instruments in full mode, an EMA crossover live on ten of them, prices pushed up and down a minute each, and the feed cut every
five minutes. It fails when an order, a fill, a position or a paisa differs.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil

from engine.core.model import Exchange
from tests.end_to_end.kite_market import compare, crossover, shares, still, sway
from tests.end_to_end.kite_terminal import KiteTerminal, Running
from tests.kite_exchange.process import RunningExchange, start_exchange

WATCHED, TRADED = 3_000, 10
CUT_EVERY = 5


def trade(exchange: RunningExchange, terminal: KiteTerminal, minutes: int) -> dict[str, Any]:
    """Trade so many minutes of the exchange; returns what both books say, and what it took."""
    keys = shares(exchange, TRADED)
    with terminal.running("--headless", "--api") as running:
        running.client().create(crossover(keys))
    with terminal.running("--headless", "--live", "--api") as running:
        client = running.client()
        running.until("the strategy", lambda: client.strategy("day").state == "RUNNING")
        process = psutil.Process(running.process.pid)
        before_mb, spent_s, began_s = process.memory_info().rss / 1e6, sum(process.cpu_times()[:2]), time.monotonic()
        for minute in range(0, minutes, CUT_EVERY):
            _some_minutes(exchange, running, keys, min(CUT_EVERY, minutes - minute))
        took_s = time.monotonic() - began_s
        cost = {"cores": (sum(process.cpu_times()[:2]) - spent_s) / took_s, "grown_mb": process.memory_info().rss / 1e6 - before_mb}
        client.stop("day")
        still(exchange, running, client)
        return compare(exchange, terminal, client) | cost | {"took_s": took_s}


def _some_minutes(exchange: RunningExchange, running: Running, keys: list[str], minutes: int) -> None:
    sway(exchange, keys, minutes, running)
    exchange.control("close_sockets", abruptly=True)


def main() -> None:
    """Trade, and print the figures."""
    minutes, scale, ticks = (float(word) for word in (sys.argv[1:] + ["30", "20", "0.1"][len(sys.argv) - 1 :]))
    market = {"market": "walk", "ticks_per_second": ticks, "waves": 10, "instruments": WATCHED + 20, "scale": scale, "rate_limits": False}
    with tempfile.TemporaryDirectory() as folder, start_exchange(**market) as exchange:
        terminal = KiteTerminal(exchange, Path(folder) / "data", Path(folder) / "ring.json", scale)
        listed = [row["key"] for row in exchange.control("listings")]
        terminal.settle(watch=[key for key in listed if key.partition(":")[0] in set(Exchange)][:WATCHED], api_key=exchange.api_key)
        terminal.type({"API secret": exchange.api_secret}, "login")
        for name, value in trade(exchange, terminal, int(minutes)).items():
            print(f"{name:28} {value if isinstance(value, str) else round(value, 2)}")


if __name__ == "__main__":
    main()

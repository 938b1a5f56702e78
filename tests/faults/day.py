"""A whole day of live trading at the Kite exchange in which something goes wrong every minute: nothing is lost, nothing grows.

    python -m tests.faults.day [--hours 8] [--scale 20] [--seed 1] [--instruments 300] [--apart 60] [--begin "2026-11-23 09:00:00"]

Exchange and terminal are processes of their own, both by a clock that runs `scale` times as fast. Every quarter of an hour the faults
rest until the terminal has caught up; then its books are held against the exchange's ledger, and its memory, files, threads and tasks are
counted. It ends with one line of what was lost and one of what has grown; the exit code says whether both are as they should be.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import psutil

from engine.core.model import Exchange
from engine.kept_limits import KeptLimits
from engine.risk_limits import retail_limits
from engine.store import Store
from terminal.api.client import Client
from tests.end_to_end.kite_market import crossover, shares
from tests.end_to_end.kite_terminal import KiteTerminal, Running
from tests.faults.books import breaches
from tests.kite_exchange.process import RunningExchange, start_exchange

MINUTE_NS = 60 * 10**9
HOUR_S = 3_600.0
LOOK_EVERY = 15
"""So many minutes of the exchange lie between two comparisons."""

CATCH_UP_S = 900.0
"""So long, by the exchange's clock, the terminal may take to catch up when the faults rest."""

MB_PER_HOUR = 1.0
TRADED = 10
CAPITAL_UNITS = 1_000_000 * 10_000
BUDGETS = {
    "broker_rejects", "cash", "entries_without_exit", "first_session_lots", "loss_streak", "max_daily_loss", "max_drawdown",
    "messages_a_day", "profit_giveback", "strategy_loss", "strategy_orders", "unusual_order",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Look:
    """What the terminal's process had at one time."""

    hour: float
    memory_mb: float
    """Its own: without what lies in files as well (code, libraries), which the system takes out of memory and back as it likes."""
    files: int
    threads: int
    tasks: int
    resident_mb: float = 0.0
    """All of it that is in memory."""


@dataclass
class Day:
    """The day, and what came of it."""

    exchange: RunningExchange
    terminal: KiteTerminal
    running: Running
    client: Client
    random: Random
    keys: list[str]
    faults: Counter[str] = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)
    looks: list[Look] = field(default_factory=list)
    orders: int = 0

    def now_ns(self) -> int:
        """Return the exchange's time."""
        return int(self.exchange.control("now")["time_ns"])

    def trade(self, until_ns: int, apart_s: float) -> None:
        """Let things go wrong until that time of the exchange, `apart_s` of its seconds apart; look at the books now and then."""
        start = {key: float(self.exchange.control("quote", symbol=key)["last_price"]) for key in self.keys}
        turn, began_ns = 0, self.now_ns()
        look_ns, next_ns = began_ns + LOOK_EVERY * MINUTE_NS, began_ns
        while (now_ns := self.now_ns()) < until_ns:
            if now_ns >= next_ns:
                next_ns += round(apart_s * 1e9)
                turn += 1
                self._sway(start, turn)
                self._go_wrong()
            if now_ns >= look_ns:
                look_ns += LOOK_EVERY * MINUTE_NS
                self.look(began_ns)
            self._alive(0.02)
        self.look(began_ns)

    def look(self, began_ns: int) -> None:
        """Let the faults rest until the books agree, and write down what the process has."""
        self._mend()
        until_ns = self.now_ns() + round(CATCH_UP_S * 1e9)
        while (found := breaches(self.exchange, self.terminal, self.client)) and self.now_ns() < until_ns:
            self._alive(0.25)
        self.broken += found
        process = psutil.Process(self.running.process.pid)
        memory = process.memory_info()
        self.looks.append(
            Look(
                hour=(self.now_ns() - began_ns) / 1e9 / HOUR_S,
                memory_mb=(memory.rss - getattr(memory, "shared", 0)) / 1e6,
                files=process.num_fds(),
                threads=process.num_threads(),
                tasks=self.client.health().tasks,
                resident_mb=memory.rss / 1e6,
            )
        )
        self.orders = len(self.exchange.control("orders"))
        last = self.looks[-1]
        print(
            f"hour {last.hour:4.1f}: {last.memory_mb:6.1f} MB of its own, {last.resident_mb:6.1f} MB in all, "
            f"{last.files} files, {last.threads} threads, {last.tasks} tasks, "
            f"{self.orders} orders, {sum(self.faults.values())} faults, {len(found)} breaches",
            flush=True,
        )
        for breach in found:
            print("   ", breach, flush=True)

    def _alive(self, seconds: float) -> None:
        """Let real time pass; that the terminal ended meanwhile is a failure."""
        time.sleep(seconds)
        assert self.running.process.poll() is None, self.terminal.said()[-3000:]

    def _sway(self, start: dict[str, float], turn: int) -> None:
        """Push each share up or down against its neighbour, so that the strategy trades."""
        signs = [1 if (turn + place) % 2 else -1 for place in range(len(self.keys))]
        prices = {key: round(start[key] * (1 + 0.01 * sign), 0) for key, sign in zip(self.keys, signs, strict=True)}
        self.exchange.control("set_prices", prices=prices)

    def _go_wrong(self) -> None:
        """Let one thing go wrong, of the line, of an answer, or of what is told."""
        what = self.random.choice(list(FAULTS))
        FAULTS[what](self.exchange, self.random)
        self.faults[what] += 1

    def _mend(self) -> None:
        self.exchange.control("clear_faults")
        self.exchange.control("appear_late", seconds=0)
        self.exchange.control("release_updates", shuffle=True)


def _answer(**fault: Any) -> Callable[[RunningExchange, Random], Any]:
    return lambda exchange, random: exchange.control("fault", **{"kind": "order", "count": random.randint(1, 3)} | fault)


FAULTS: dict[str, Callable[[RunningExchange, Random], Any]] = {
    "sockets closed": lambda exchange, random: exchange.control("close_sockets", abruptly=True),
    "sockets reset": lambda exchange, random: exchange.control("close_sockets", reset=True),
    "sockets half open": lambda exchange, random: exchange.control("go_silent"),
    "a frame cut": lambda exchange, random: exchange.control("cut_frame", at=random.randint(1, 60)),
    "calls cut": lambda exchange, random: exchange.control("cut_connections", reset=random.random() < 0.5),
    "updates lost": lambda exchange, random: exchange.control("updates", drop=random.random()),
    "updates doubled": lambda exchange, random: exchange.control("updates", duplicate=random.random()),
    "updates held": lambda exchange, random: exchange.control("updates", hold=0.8),
    "updates released": lambda exchange, random: exchange.control("release_updates", shuffle=True),
    "appears late": lambda exchange, random: exchange.control("appear_late", seconds=random.randint(1, 100)),
    "lost before": _answer(how="drop", when="before"),
    "lost after": _answer(how="drop", when="after"),
    "never answered": _answer(how="silence", when="after"),
    "cut answer": _answer(how="cut", at=100),
    "server error": _answer(how="error", when="after", status=503),
    "a page": _answer(how="html", when="after", status=502),
    "garbage": _answer(how="body", when="after", status=200, text="{"),
    "sent elsewhere": _answer(how="redirect", when="before", status=307),
    "too fast": _answer(how="error", status=429, error_type="NetworkException", message="Too many requests"),
    "slow": _answer(how="delay", when="after", seconds=2.0),
    "books unreadable": _answer(how="error", status=503, kind="*", path="/portfolio/*"),
    "orders unreadable": _answer(how="html", status=502, kind="*", method="GET", path="/orders*"),
}
"""Of each kind one thing: the line, the news, the answers."""


def _lift_budgets(terminal: KiteTerminal) -> None:
    """Keep the limits that judge an order, and none that end a day of trading: it is to go on whatever it loses."""
    store = Store.open(terminal.home / "shikra.db")
    store.write(*KeptLimits.rows({name: limit for name, limit in retail_limits(CAPITAL_UNITS).items() if name not in BUDGETS}))
    store.close()


@contextmanager
def a_day(folder: Path, *, scale: float, seed: int, instruments: int, begin: str) -> Iterator[Day]:
    """Run an exchange and a terminal that trades an EMA crossover live on ten shares there, until the block ends."""
    market = {"market": "walk", "ticks_per_second": 0.2, "waves": 10, "instruments": instruments + 20, "seed": seed, "funds": 1e9}
    with start_exchange(rate_limits=False, scale=scale, now=begin, hours=True, **market) as exchange:
        terminal = KiteTerminal(exchange, folder / "data", folder / "ring.json", scale)
        listed = [row["key"] for row in exchange.control("listings")]
        watch = [key for key in listed if key.partition(":")[0] in set(Exchange)][:instruments]
        terminal.settle(watch=watch, api_key=exchange.api_key, log_level="warning")
        terminal.type({"API secret": exchange.api_secret}, "login")
        keys = shares(exchange, TRADED)
        with terminal.running("--headless", "--api") as running:
            running.client().create(crossover(keys))
        _lift_budgets(terminal)
        with terminal.running("--headless", "--live", "--api") as running:
            client = running.client()
            running.until("the strategy", lambda: client.strategy("day").state == "RUNNING")
            yield Day(exchange, terminal, running, client, Random(seed), keys)


def slope(looks: list[Look], after_hour: float = 1.0) -> float:
    """Return how much the memory grew in an hour, in MB, by least squares over the looks after the first hour; 0 for fewer than two."""
    later = [look for look in looks if look.hour >= after_hour]
    if len(later) < 2:
        return 0.0
    mean_hour = sum(look.hour for look in later) / len(later)
    mean_mb = sum(look.memory_mb for look in later) / len(later)
    spread = sum((look.hour - mean_hour) ** 2 for look in later)
    return sum((look.hour - mean_hour) * (look.memory_mb - mean_mb) for look in later) / spread


def main() -> int:
    """Trade the day and say what came of it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--hours", type=float, default=8.0)
    parser.add_argument("--scale", type=float, default=20.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--instruments", type=int, default=300)
    parser.add_argument("--apart", type=float, default=60.0, help="exchange seconds between two faults")
    parser.add_argument("--begin", default="2026-11-23 09:00:00", help="when, in India; the market opens at 09:15")
    given = parser.parse_args()
    print(f"seed {given.seed}", flush=True)
    with (
        tempfile.TemporaryDirectory() as folder,
        a_day(Path(folder), scale=given.scale, seed=given.seed, instruments=given.instruments, begin=given.begin) as day,
    ):
        day.trade(day.now_ns() + round(given.hours * HOUR_S * 1e9), given.apart)
        grown = slope(day.looks)
        first = next((look for look in day.looks if look.hour >= 1.0), day.looks[0])
        last = day.looks[-1]
    print(f"{sum(day.faults.values())} faults of {len(day.faults)} kinds, {day.orders} orders, {len(day.broken)} breaches")
    print(
        f"memory {grown:+.2f} MB an hour after the first; files {first.files} to {last.files}, threads {first.threads} to {last.threads}, "
        f"tasks {first.tasks} to {last.tasks}"
    )
    flat = last.files - first.files <= 4 and last.threads - first.threads <= 2 and last.tasks - first.tasks <= 8
    return 0 if not day.broken and grown < MB_PER_HOUR and flat else 1


if __name__ == "__main__":
    sys.exit(main())

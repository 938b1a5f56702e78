"""How long from a tick to the order in the journal's hands, through bars, strategy, sizing, every risk rule and the order manager.

Each frame closes a minute of one share and makes a strategy reverse; twenty other shares tick in the same frame. Beside it, from the
same run: what the journal's commit costs, and as control a bare SQLite commit of one row to the same disk.
"""

from __future__ import annotations

import asyncio
import sqlite3
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from engine.brokers.base import Broker, Capabilities, Profile
from engine.clock import ManualClock
from engine.compiling import compile_for_trading
from engine.core.bars import MINUTE_NS, SECOND_NS
from engine.core.compiled import compiled
from engine.core.model import (
    BrokerFill,
    Exchange,
    Instrument,
    Order,
    OrderChange,
    OrderRequest,
    OrderStatus,
    OrderUpdate,
    Position,
    Quote,
    to_units,
)
from engine.core.records import MODE_FULL, TICK, Row, Rows, fields
from engine.core.registry import TEMPLATES, Template
from engine.executor.executor import StrategyExecutor
from engine.risk_limits import retail_limits
from engine.session import TradingSession
from engine.store import Store
from engine.tariffs import Tariff

ORDERS = 2_000
WARM_UP = 200
OTHERS = 20
OPEN_NS = 1_761_709_500 * SECOND_NS  # 2025-10-29 09:15 IST
CAPITAL = 10_000_000.0
BUDGETS = {"strategy_orders": 1e6, "messages_a_day": 1e6, "strategy_loss": 100.0}
"""What a day may hold is asked for as ever, but never used up here."""

GOAL_P50_US, GOAL_P99_US = 150.0, 1_000.0


@compiled("void(f8[:], f8[:], BAR, INTENT)")
def reverse_each_bar(state: Any, params: Any, bar: Row, intent: Row) -> None:
    """Want the other side after each bar."""
    state[0] = -1.0 if state[0] > 0.0 else 1.0
    intent.target = state[0]


class InstantBroker(Broker):
    """A broker that takes each order at once and fills it at its last price."""

    name = "instant"
    capabilities = Capabilities()

    def __init__(self, instruments: Sequence[Instrument]) -> None:
        super().__init__()
        self.clock = ManualClock(OPEN_NS)
        self.known = instruments
        self.placed: list[float] = []

    async def connect(self) -> Profile:
        return Profile("BENCH", "Bench", self.name)

    async def place(self, order: Order) -> str:
        self.placed.append(time.perf_counter())
        number = str(len(self.placed))
        fill = BrokerFill(number, order.quantity, order.request.reference_price or 100.0, self.clock.now_ns())
        self.sink.on_order_update(OrderUpdate(number, order.id, OrderStatus.FILLED, order.quantity, (fill,)))
        return number

    async def instruments(self) -> Sequence[Instrument]:
        return self.known

    async def orders(self) -> Sequence[OrderUpdate]:
        return []

    async def positions(self) -> Sequence[Position]:
        return []

    async def quote(self, instruments: Sequence[Instrument]) -> Sequence[Quote]:
        return []

    async def history(self, instrument: Instrument, interval_s: int, start_ns: int, end_ns: int) -> Rows:
        raise NotImplementedError

    async def modify(self, order: Order, change: OrderChange) -> None: ...
    async def cancel(self, order: Order) -> None: ...
    async def start_market(self) -> None: ...
    async def wait_until_done(self) -> None: ...
    async def close(self) -> None: ...
    async def subscribe(self, instruments: Sequence[Instrument]) -> None: ...
    async def unsubscribe(self, instruments: Sequence[Instrument]) -> None: ...


class Watch:
    """Notes when an order was asked for, when its rows were handed to the journal, and when they were on the disk."""

    def __init__(self, session: TradingSession, store: Store) -> None:
        self.asked: list[float] = []
        self.handed: list[float] = []
        self.safe: list[float] = []
        self._submit, self._commit = session.submit, store.commit
        session.submit = self.submit  # type: ignore[method-assign]  # to stand at the door, not to change what is behind it
        store.commit = self.commit  # type: ignore[method-assign]

    def submit(self, request: OrderRequest, **more: Any) -> Order:
        self.asked.append(time.perf_counter())
        return self._submit(request, **more)

    def commit(self, *rows: Any) -> Any:
        self.handed.append(time.perf_counter())
        done = self._commit(*rows)
        done.add_done_callback(lambda _: self.safe.append(time.perf_counter()))
        return done


def frame_of(number: int, tokens: Rows) -> Rows:
    """One tick for each instrument, in the minute of that number."""
    ticks = np.zeros(len(tokens), dtype=TICK)
    ticks["instrument_token"], ticks["mode"], ticks["last_price"] = tokens, MODE_FULL, 100.0 + number % 7 * 0.05
    ticks["volume"], ticks["last_quantity"] = 10 * (number + 1), 10
    ticks["exchange_time"] = ticks["last_trade_time"] = OPEN_NS // SECOND_NS + 60 * number
    ticks["depth"]["price"], ticks["depth"]["quantity"] = 100.0, 1_000
    return ticks


async def run(folder: Path) -> tuple[list[float], ...]:
    """Trade; returns microseconds from tick to journal, from the request to the journal, of the commit, and from the disk to the broker."""
    instruments = [Instrument(Exchange.NSE, f"S{number}", 256 * number + 1) for number in range(OTHERS + 1)]
    broker, store = InstantBroker(instruments), Store.open(folder / "shikra.db")
    limits = retail_limits(to_units(CAPITAL)) | BUDGETS
    session = TradingSession(broker, store, limits=limits, capital_units=to_units(CAPITAL), tariff=Tariff.load())
    await session.open()
    config = {"name": "bench", "strategy_type": "reverse_each_bar", "symbols": ["S0"], "sizing": "fixed:1", "product": "NRML"}
    executor = StrategyExecutor(session=session, strategy_config=config, risk_config={"capital": CAPITAL, "max_positions": 3})
    await executor.begin()
    await session.subscribe(instruments)
    tokens, watch, began = np.array([i.token for i in instruments]), Watch(session, store), []
    for number in range(WARM_UP + ORDERS + 1):
        ticks = frame_of(number, tokens)
        broker.clock.set(OPEN_NS + number * MINUTE_NS)
        began.append(time.perf_counter())
        session.on_ticks(ticks)
        await session.settle()
    asked, handed, safe = watch.asked[:], watch.handed[:], watch.safe[:]
    await executor.end()
    await session.close()
    store.close()
    began = began[1:]
    if not len(began) == len(asked) == len(handed) == len(broker.placed):
        raise RuntimeError(f"Expected an order a frame, was {len(began)}, {len(handed)}, {len(broker.placed)}.")
    pairs = ((began, handed), (asked, handed), (handed, safe), (safe, broker.placed))
    return tuple([1e6 * (b - a) for a, b in zip(one, other, strict=True)][WARM_UP:] for one, other in pairs)


def bare_commits(folder: Path) -> list[float]:
    """Commit one row at a time to the same disk, durably; returns microseconds each."""
    connection = sqlite3.connect(folder / "control.db", isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("CREATE TABLE rows (number INTEGER PRIMARY KEY, text TEXT)")
    taken = []
    for number in range(ORDERS):
        began = time.perf_counter()
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("INSERT INTO rows VALUES (?, ?)", (number, "x" * 400))
        connection.execute("COMMIT")
        taken.append(1e6 * (time.perf_counter() - began))
    connection.close()
    return taken


def quantiles(values: list[float]) -> tuple[float, float]:
    """Return p50 and p99."""
    ordered = sorted(values)
    return ordered[len(ordered) // 2], ordered[int(len(ordered) * 0.99)]


def main() -> int:
    """Print the figures; the exit code says whether the goals were reached."""
    TEMPLATES.load()
    TEMPLATES.add("reverse_each_bar", Template("reverse_each_bar", "Reverse", (), fields("side"), fields(), reverse_each_bar))
    compile_for_trading()
    with tempfile.TemporaryDirectory() as place:
        to_journal, passing, committing, to_broker = asyncio.run(run(Path(place)))
        control = bare_commits(Path(place))
    p50, p99 = quantiles(to_journal)
    commit50, commit99 = quantiles(committing)
    control50, control99 = quantiles(control)
    broker50, broker99 = quantiles(to_broker)
    print(f"tick ({OTHERS + 1} a frame) to order handed to the journal: p50 {p50:.0f} us, p99 {p99:.0f} us, {ORDERS:,} orders")
    passing50, passing99 = quantiles(passing)
    print(f"of it from the request, all controls on: p50 {passing50:.0f} us, p99 {passing99:.0f} us (goal p50 {GOAL_P50_US:.0f} us)")
    print(f"commit of INTENT, SENT and the order: p50 {commit50:.0f} us, p99 {commit99:.0f} us; then to the broker: p50 {broker50:.0f} us, "
          f"p99 {broker99:.0f} us")  # fmt: skip
    print(f"control, a bare SQLite commit of one row, synchronous FULL: p50 {control50:.0f} us, p99 {control99:.0f} us")
    print(f"ratios to the control, p50: path {p50 / control50:.2f}, commit {commit50 / control50:.2f}")
    reached = p50 <= GOAL_P50_US and p99 <= GOAL_P99_US
    print(f"goal p50 {GOAL_P50_US:.0f} us, p99 {GOAL_P99_US:.0f} us: {'reached' if reached else 'MISSED'}")
    return 0 if reached else 1


if __name__ == "__main__":
    sys.exit(main())

"""How long after the press the kill switch holds, and how long until every cancel has been handed to the broker, on a busy terminal.

Busy: 3,000 instruments tick ten times a second, orders are sent and rest all the while. The press comes from another thread, as a key
comes from the window system: what is waited for is the loop. The control is how late a call of no work comes in the same run.
"""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from engine.core.model import Instrument, Order, OrderRequest, OrderStatus, OrderType, OrderUpdate, Side, TradingState
from engine.session import TradingSession
from engine.store import Store
from tests.performance.bench_order_path import Exchange, InstantBroker, frame_of

INSTRUMENTS = 3_000
RESTING = 100
ROUNDS = 12
BOUND_MS = 50.0


class RestingBroker(InstantBroker):
    """Lets every order rest, and cancels when it is asked to."""

    def __init__(self, instruments: Sequence[Instrument]) -> None:
        super().__init__(list(instruments))
        self.cancelled: list[float] = []

    async def place(self, order: Order) -> str:
        self.placed.append(time.perf_counter())
        number = str(len(self.placed))
        self.sink.on_order_update(OrderUpdate(number, order.id, OrderStatus.OPEN, 0))
        return number

    async def cancel(self, order: Order) -> None:
        self.cancelled.append(time.perf_counter())
        self.sink.on_order_update(OrderUpdate(order.broker_order_id, order.id, OrderStatus.CANCELLED, 0))


async def press(loop: asyncio.AbstractEventLoop, session: TradingSession | None) -> tuple[float, float]:
    """Press from another thread, or do nothing; returns when it was pressed, and when it had taken effect."""
    done: asyncio.Future[float] = loop.create_future()

    def act() -> None:
        if session is not None:
            session.risk.trading_state_changed.connect(lambda state: times.append(time.perf_counter()))
            session.kill("bench")
        times.append(time.perf_counter())
        done.set_result(times[0])

    times: list[float] = []
    pressed: list[float] = []

    def thread() -> None:
        pressed.append(time.perf_counter())
        loop.call_soon_threadsafe(act)

    await asyncio.to_thread(thread)
    return pressed[0], await done


async def one(folder: Path, instruments: list[Instrument], *, is_control: bool) -> tuple[float, float, int]:
    """Return milliseconds to the latch and to the last cancel, and orders sent after the latch."""
    broker, store = RestingBroker(instruments), Store.open(folder / "shikra.db")
    session = TradingSession(broker, store, limits={}, capital_units=10**13, tariff=None)
    await session.open()
    await session.subscribe(instruments)
    tokens = np.array([instrument.token for instrument in instruments])
    for number in range(RESTING):
        session.submit(OrderRequest(instruments[number], Side.BUY, 1, OrderType.LIMIT, price=90.0, reference_price=100.0))
    await session.settle()
    is_over = False

    async def load() -> None:
        number = 0
        while not is_over:
            session.on_ticks(frame_of(number, tokens))
            session.submit(OrderRequest(instruments[number % INSTRUMENTS], Side.BUY, 1, OrderType.LIMIT, price=90.0, reference_price=100.0))
            number += 1
            await asyncio.sleep(0.1 - time.perf_counter() % 0.1)

    busy = asyncio.get_running_loop().create_task(load())
    await asyncio.sleep(0.05 + 0.1 * np.random.default_rng().random())
    pressed, latched = await press(asyncio.get_running_loop(), None if is_control else session)
    if not is_control:
        async with asyncio.timeout(20):
            while session.orders.working():  # noqa: ASYNC110  # nobody tells when the last one went
                await asyncio.sleep(0.001)
    late = sum(moment > latched for moment in broker.placed) if not is_control else 0
    is_over = True
    await busy
    assert is_control or session.risk.state is TradingState.HALTED
    last = max(broker.cancelled, default=pressed)
    await session.close()
    store.close()
    return 1e3 * (latched - pressed), 1e3 * (last - pressed), late


def main() -> None:
    """Measure and print."""
    instruments = [Instrument(Exchange.NSE, f"S{number}", 256 * number + 1) for number in range(INSTRUMENTS)]
    rows: dict[bool, list[tuple[float, float, int]]] = {False: [], True: []}
    for _ in range(ROUNDS):
        for is_control in (True, False):
            with tempfile.TemporaryDirectory() as folder:
                rows[is_control].append(asyncio.run(one(Path(folder), instruments, is_control=is_control)))
    latch, control = sorted(row[0] for row in rows[False]), sorted(row[0] for row in rows[True])
    cancels = sorted(row[1] for row in rows[False])
    print(f"{ROUNDS} presses, {INSTRUMENTS:,} instruments at 10 ticks a second, {RESTING} orders at rest")
    print(f"press to latch     p50 {statistics.median(latch):6.2f} ms   worst {latch[-1]:6.2f} ms   (bound {BOUND_MS:.0f} ms)")
    print(f"control: no work   p50 {statistics.median(control):6.2f} ms   worst {control[-1]:6.2f} ms")
    print(f"press to last cancel handed over   p50 {statistics.median(cancels):6.2f} ms   worst {cancels[-1]:6.2f} ms")
    print(f"orders sent after the latch: {sum(row[2] for row in rows[False])}")


if __name__ == "__main__":
    main()

"""The market goes off for a minute, ten times as fast as ever: prices may be painted late, but no volume, no bar and no order is lost."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import numpy as np

from engine.compiling import compile_for_trading
from engine.core.model import Exchange, Instrument, Order, OrderStatus, to_units
from engine.core.records import MODE_QUOTE, TICK, Rows
from tests.engine.fakes import OPEN_NS, RELIANCE, SECOND_NS
from tests.engine.sessions import SessionBench

SHARES, FRAMES_A_SECOND, SECONDS = 3_000, 10, 60
"""As many instruments as one socket carries, each of them ten times a second."""

LISTED = [RELIANCE, *(Instrument(Exchange.NSE, f"S{n}", 1_000_000 + 256 * n, tick_size=Decimal("0.05")) for n in range(SHARES - 1))]


class Crowd:
    """Frames in which every instrument trades, and what they come to."""

    def __init__(self, start_ns: int) -> None:
        self.random = np.random.default_rng(7)
        self.start_s = start_ns // SECOND_NS
        self.volume = np.zeros(SHARES, dtype=np.int64)
        self.price = np.full(SHARES, 100.0)
        self.high, self.low = self.price.copy(), self.price.copy()
        self.ticks = np.zeros(SHARES, dtype=TICK)
        self.ticks["instrument_token"], self.ticks["mode"] = [one.token for one in LISTED], MODE_QUOTE

    def frame(self, number: int) -> Rows:
        """Make the next frame; `number` of them were made before."""
        ticks = self.ticks
        traded = self.random.integers(1, 50, SHARES)
        self.volume += traded
        self.price = np.round((100.0 + self.random.integers(-20, 21, SHARES) * 0.05) * 20) / 20
        self.high, self.low = np.maximum(self.high, self.price), np.minimum(self.low, self.price)
        ticks["last_price"], ticks["volume"], ticks["last_quantity"] = self.price, self.volume, traded
        ticks["exchange_time"] = ticks["last_trade_time"] = self.start_s + number // FRAMES_A_SECOND
        return ticks


def test_ten_times_as_many_prices_for_a_minute_lose_no_volume_no_bar_and_no_order(loop_run: Callable[[Any], Any]) -> None:
    compile_for_trading()

    async def play() -> None:
        bench = await SessionBench().open()
        session, view, clock = bench.session, bench.view, bench.broker.clock
        assert view is not None
        await session.subscribe(LISTED)
        bars: list[Rows] = []
        session.market_data.bars_closed.connect(lambda interval_s, rows: bars.append(rows.copy()) if interval_s == 60 else None)
        told: dict[str, list[OrderStatus]] = defaultdict(list)
        view.order_changed.connect(lambda order: told[order.id].append(order.status))
        clock.set(OPEN_NS + 60 * SECOND_NS)
        crowd, placed, living = Crowd(clock.now_ns()), list[Order](), session.tasks.living
        before = session.market_data.ticks
        for number in range(SECONDS * FRAMES_A_SECOND):
            session.on_ticks(crowd.frame(number))
            clock.advance(1 / FRAMES_A_SECOND)
            if number % FRAMES_A_SECOND == 0:
                second = number // FRAMES_A_SECOND
                placed.append(bench.submit(side=-1 if second % 2 else 1, quantity=1 + second % 2))
                await bench.settle()
                bench.fill(placed[-1], float(crowd.price[0]))
        assert session.market_data.ticks - before == SECONDS * FRAMES_A_SECOND * SHARES
        assert session.market_data.rejected == Counter()
        session.market_data.on_time(OPEN_NS + 180 * SECOND_NS)
        _same_bars(np.concatenate(bars), crowd, session.board.slot)
        statuses = [OrderStatus.INTENT, OrderStatus.SENT, OrderStatus.ACKED, OrderStatus.OPEN, OrderStatus.FILLED]
        assert [told[order.id] for order in placed] == [statuses] * SECONDS, "each state of each order is told, none is passed over"
        assert len(session.orders.trades) == SECONDS
        held = session.positions.quantity("NSE:RELIANCE", placed[0].request.product, "hand")
        assert held == sum(order.request.signed_quantity for order in placed)
        assert view.last_price("NSE:RELIANCE") == crowd.price[0], "what is painted is the latest"
        await session.settle()
        assert session.tasks.living <= living, "nothing waits in a queue behind it"
        await bench.close()

    loop_run(play())


def _same_bars(rows: Rows, crowd: Crowd, slot_of: Callable[[str], int | None]) -> None:
    minute = rows[rows["time_ns"] == OPEN_NS + 60 * SECOND_NS]
    by_slot = {int(row["instrument"]): row for row in minute}
    slots = [slot_of(one.key) for one in LISTED]
    assert sorted(by_slot) == sorted(slot for slot in slots if slot is not None), "each instrument has its bar, once"
    made = np.array([by_slot[slot] for slot in slots if slot is not None])
    assert np.array_equal(made["volume"].astype(np.int64), crowd.volume)
    assert np.array_equal(made["high"], crowd.high)
    assert np.array_equal(made["low"], crowd.low)
    assert [to_units(float(price)) for price in made["close"]] == [to_units(float(price)) for price in crowd.price]

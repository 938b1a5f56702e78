"""One share of the generated market while it trades: who offers what, who takes it, and how its day looks so far."""

from __future__ import annotations

import math
from random import Random

import numpy as np

from engine.brokers.simulated.generated_prices import Day
from engine.brokers.simulated.order_book import Levels, OrderBook
from engine.brokers.simulated.quote_feed import to_quote
from engine.core.bars import MINUTE_NS, SECOND_NS
from engine.core.grid import to_tick
from engine.core.model import UNITS, Instrument, InstrumentKind, Quote, Side
from engine.core.records import BAR, MODE_FULL, MODE_INDEX, TICK, Row, Rows

LEVELS = 8
"""Prices on each side at which the market's own liquidity waits."""
_SPREAD = 1e-4
"""Spread of a liquid share as a part of its price; never less than a tick."""
_TRADES_A_SECOND = 1.2
_RENEWAL = 0.3
"""Chance that quantities are renewed in a step in which the price stays."""


class GeneratedShare:
    """What is known of one instrument's day, and the habits of those who trade it."""

    def __init__(self, instrument: Instrument, day: Day, now_ns: int) -> None:
        """Begin in the midst of a day: what came before is the day's path."""
        self.instrument = instrument
        self.day = day
        self.is_index = instrument.kind is InstrumentKind.INDEX
        self._step = max(1, round(float(instrument.tick_size) * UNITS))
        self._shown_bid = 0
        bars = day.bars()
        past = bars[bars["time_ns"] + MINUTE_NS <= now_ns]
        self.open = float(day.points[0])
        self.last = float(past["close"][-1]) if len(past) else self.open
        self.high = float(past["high"].max(initial=self.open))
        self.low = float(past["low"].min(initial=self.open))
        self.volume = int(past["volume"].sum())
        self.turnover = float(np.sum(past["close"] * past["volume"]))
        self.last_quantity = 0
        self.last_trade_s = 0
        self._usual = max(instrument.lot_size, int(day.volumes.mean() / 4))
        self._minutes: list[tuple[int, float, float, float, float, int]] = []

    def levels(self, now_ns: int, random: Random) -> tuple[Levels, Levels] | None:
        """Return what the market offers now, (price in units, quantity) best first; None when it leaves all as it is."""
        fair = self.day.price(now_ns) * UNITS
        ticks = max(1, round(fair * _SPREAD / self._step))
        bid = max(LEVELS, math.floor(fair / self._step - ticks / 2 + 0.5)) * self._step
        if bid == self._shown_bid and random.random() > _RENEWAL:
            return None
        self._shown_bid = bid
        ask = bid + ticks * self._step
        bids = [(bid - i * self._step, self._quantity(i, random)) for i in range(LEVELS) if bid - i * self._step > 0]
        return bids, [(ask + i * self._step, self._quantity(i, random)) for i in range(LEVELS)]

    def takers(self, now_ns: int, step_s: float, random: Random) -> list[tuple[Side, int]]:
        """Return who wants to trade at market in a step: (side, quantity); more of them at the open and before the close."""
        minute = min(max(0, (now_ns - self.day.open_ns) // MINUTE_NS), len(self.day.volumes) - 1)
        mean = _TRADES_A_SECOND * step_s
        count = int(mean) + (random.random() < mean % 1)
        volume = float(self.day.volumes[minute]) * step_s / 60
        leaning = 0.25 if self.day.price(now_ns) > self.last else -0.25
        return [
            (Side.BUY if random.random() < 0.5 + leaning else Side.SELL, self._lots(volume / mean * random.expovariate(1)))
            for _ in range(count)
        ]

    def trade(self, price: float, quantity: int, now_ns: int) -> None:
        """Take note of a trade."""
        self.last, self.last_quantity, self.last_trade_s = price, quantity, now_ns // SECOND_NS
        self.high, self.low = max(self.high, price), min(self.low, price)
        self.volume += quantity
        self.turnover += price * quantity
        minute = (now_ns - self.day.open_ns) // MINUTE_NS
        if self._minutes and self._minutes[-1][0] == minute:
            _, open_, high, low, _, volume = self._minutes[-1]
            self._minutes[-1] = (minute, open_, max(high, price), min(low, price), price, volume + quantity)
        else:
            self._minutes.append((minute, price, price, price, price, quantity))

    def move_index(self, now_ns: int) -> bool:
        """Let an index follow its path; tells whether it moved."""
        price = to_tick(self.day.price(now_ns), float(self.instrument.tick_size))
        if price == self.last and self.last_trade_s:
            return False
        self.trade(price, 0, now_ns)
        return True

    def bars(self) -> Rows:
        """Return the day's minute bars: the path's until this share was watched, from then on those of its trades."""
        bars = self.day.bars()
        if not self._minutes:
            return bars
        live: Rows = np.zeros(len(self._minutes), dtype=BAR)
        for row, (minute, open_, high, low, close, volume) in zip(live, self._minutes, strict=True):
            row.time_ns = self.day.open_ns + minute * MINUTE_NS
            row.session_minute = minute
            row.open, row.high, row.low, row.close, row.volume = open_, high, low, close, volume
        return np.concatenate([bars[bars["session_minute"] < live["session_minute"][0]], live])

    def write(self, tick: Row, book: OrderBook, now_ns: int) -> None:
        """Fill in a TICK row, with five levels of depth."""
        tick.instrument_token = self.instrument.token
        tick.mode = MODE_INDEX if self.is_index else MODE_FULL
        tick.last_price, tick.last_quantity = self.last, self.last_quantity
        tick.open, tick.high, tick.low, tick.close = self.open, self.high, self.low, self.day.previous_close
        tick.volume = self.volume
        tick.average_price = self.turnover / self.volume if self.volume else 0.0
        tick.exchange_time, tick.last_trade_time = now_ns // SECOND_NS, self.last_trade_s
        for number, side in enumerate((Side.BUY, Side.SELL)):
            depth = [(quantity, price / UNITS, orders) for price, quantity, orders in book.depth(side)]
            tick.depth[number, : len(depth)] = depth
        tick.buy_quantity, tick.sell_quantity = tick.depth["quantity"].sum(axis=1)

    def quote(self, book: OrderBook, now_ns: int) -> Quote:
        """Return the latest as a record."""
        tick = np.zeros(1, dtype=TICK)[0]
        self.write(tick, book, now_ns)
        return to_quote(self.instrument, tick)

    def _quantity(self, level: int, random: Random) -> int:
        return self._lots(self._usual * (0.4 + random.random()) * (1 + 0.3 * level))

    def _lots(self, quantity: float) -> int:
        lot = self.instrument.lot_size
        return max(1, round(quantity / lot)) * lot

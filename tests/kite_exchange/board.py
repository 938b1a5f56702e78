"""What the market shows: one array a column, one row an instrument; prices in units of 1/10,000 rupee.

The five levels are the market's own depth around the last price. An order of the account takes from them but leaves no print on the tape.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tests.kite_exchange.catalogue import Listing

Ints = NDArray[np.int64]
LEVELS = 5


class Board:
    """The state of every instrument's market."""

    def __init__(self, listings: Sequence[Listing], spread_ticks: int, depth_quantity: int, start_s: int = 0) -> None:
        count = len(listings)
        self.token = np.array([one.token for one in listings], np.int64)
        self.tick = np.array([one.tick for one in listings], np.int64)
        self.is_index = np.array([one.is_index for one in listings])
        has_oi = np.array([one.kind != "EQ" for one in listings])
        self.spread_ticks = spread_ticks
        self.depth_quantity = depth_quantity
        self.close = np.array([one.price for one in listings], np.int64)  # of the day before
        self.last = self.close.copy()
        self.open, self.high, self.low = np.zeros((3, count), np.int64)
        self.volume, self.last_quantity, self.trade_time, self.exchange_time = np.zeros((4, count), np.int64)
        self.exchange_time[:] = start_s
        self.turnover = np.zeros(count)  # units x quantity, for the day's average
        self.oi = np.where(has_oi, 1_000_000, 0).astype(np.int64)
        self.oi_high, self.oi_low = self.oi.copy(), self.oi.copy()
        self.depth_price = np.zeros((count, 2, LEVELS), np.int64)  # 0 = buy, 1 = sell
        self.depth_quantities = np.zeros((count, 2, LEVELS), np.int64)
        self.depth_orders = np.zeros((count, 2, LEVELS), np.int64)
        self.lower, self.upper = self._bands()
        self.quote_around(np.arange(count))

    def _bands(self) -> tuple[Ints, Ints]:
        band = self.close // 10
        return (self.close - band) // self.tick * self.tick, -(-(self.close + band) // self.tick) * self.tick

    def start_from(self, row: int, price: int) -> None:
        """Let an instrument's story begin at a price: its close of the day before, and its last."""
        self.close[row] = self.last[row] = price
        self.lower, self.upper = self._bands()
        self.quote_around(np.array([row]))

    def start_day(self) -> None:
        """Begin a new day: yesterday's last price is the close, the bands are cut anew, nothing has traded."""
        self.close = self.last.copy()
        self.lower, self.upper = self._bands()
        for column in (self.open, self.high, self.low, self.volume, self.last_quantity, self.turnover):
            column[:] = 0
        self.quote_around(np.arange(len(self.last)))

    def quote_around(self, rows: Ints) -> None:
        """Offer the usual quantity at five levels on each side of the last price; the spread lies below and above it."""
        tick = self.tick[rows]
        ask = self.last[rows] + tick * ((self.spread_ticks + 1) // 2)
        bid = self.last[rows] - tick * (self.spread_ticks // 2)
        steps = np.arange(LEVELS)
        self.depth_price[rows, 0] = np.maximum(bid[:, None] - tick[:, None] * steps, 0)
        self.depth_price[rows, 1] = ask[:, None] + tick[:, None] * steps
        tradable = ~self.is_index[rows][:, None]
        self.depth_quantities[rows, 0] = np.where(tradable & (self.depth_price[rows, 0] > 0), self.depth_quantity, 0)
        self.depth_quantities[rows, 1] = np.where(tradable, self.depth_quantity, 0)
        self.depth_orders[rows] = np.where(self.depth_quantities[rows] > 0, 1 + steps, 0)

    def trade(self, rows: Ints, prices: Ints, quantities: Ints, now_s: int) -> None:
        """Print one trade in each of these rows (no row twice) and quote around its price."""
        self.last[rows] = prices
        fresh = rows[self.open[rows] == 0]
        for column in (self.open, self.high, self.low):
            column[fresh] = self.last[fresh]
        self.high[rows] = np.maximum(self.high[rows], prices)
        self.low[rows] = np.minimum(self.low[rows], prices)
        quantities = np.where(self.is_index[rows], 0, quantities)
        self.volume[rows] += quantities
        self.turnover[rows] += prices.astype(float) * quantities
        self.last_quantity[rows] = quantities
        self.trade_time[rows] = self.exchange_time[rows] = now_s
        self.quote_around(rows)

    def average(self, rows: Ints) -> Ints:
        """Return the day's average price; the last price before the first trade."""
        volume = self.volume[rows]
        return np.where(volume > 0, self.turnover[rows] / np.maximum(volume, 1), self.last[rows]).astype(np.int64)

    def set_depth(self, row: int, buy: Sequence[Sequence[int]], sell: Sequence[Sequence[int]]) -> None:
        """Show exactly these levels (price, quantity, orders) until the next trade; fewer than five leave the rest empty."""
        self.depth_price[row] = self.depth_quantities[row] = self.depth_orders[row] = 0
        for side, levels in enumerate((buy, sell)):
            for level, (price, quantity, orders) in enumerate(levels[:LEVELS]):
                self.depth_price[row, side, level] = price
                self.depth_quantities[row, side, level] = quantity
                self.depth_orders[row, side, level] = orders

"""Quick moves: an instrument that rises or falls by so many percent within a time, counted from the extreme of that time.

The past is kept in a few buckets per alert; all alerts are looked at in one go, whatever number of prices has changed.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from engine.core.alerts import CLOSE_TO, Alert
from engine.view import QuoteBoard

BUCKETS = 30
"""The time of an alert is known to this part of it."""


class Moves:
    """All alerts of change that watch."""

    def __init__(self, board: QuoteBoard) -> None:
        self._board = board
        self._alerts: list[Alert] = []
        self._slots = np.zeros(0, dtype=np.int64)
        self._signs = np.zeros(0)
        self._factors = np.zeros(0)
        self._bucket_ns = np.zeros(0, dtype=np.int64)
        self._numbers = np.zeros(0, dtype=np.int64)
        self._turn_ns = 0
        """When the next bucket of any alert begins."""
        self._last = np.zeros(0)
        self._lowest = np.zeros(0)
        """Lowest signed price of the whole time: of a fall, prices are negative, so that the highest is the lowest."""
        self._now = np.zeros(0)
        """The same, of the bucket that is being filled."""
        self._past = np.zeros((0, BUCKETS))
        """The same, of each bucket that is full."""

    def __len__(self) -> int:
        """Count the alerts."""
        return len(self._alerts)

    def put(self, alert: Alert, slot: int) -> None:
        """Watch for an alert from now on."""
        self.remove(alert.id)
        self._alerts.append(alert)
        self._slots = np.append(self._slots, slot)
        self._signs = np.append(self._signs, float(alert.sign))
        self._factors = np.append(self._factors, 1.0 + alert.sign * alert.value / 100.0)
        self._bucket_ns = np.append(self._bucket_ns, max(1, alert.seconds * 1_000_000_000 // BUCKETS))
        self._numbers = np.append(self._numbers, -BUCKETS - 1)
        for name in ("_last", "_lowest", "_now"):
            setattr(self, name, np.append(getattr(self, name), np.inf))
        self._past = np.vstack([self._past, np.full(BUCKETS, np.inf)])
        self._turn_ns = 0

    def remove(self, alert_id: str) -> None:
        """Watch for an alert no more."""
        at = next((number for number, alert in enumerate(self._alerts) if alert.id == alert_id), None)
        if at is None:
            return
        del self._alerts[at]
        for name in ("_slots", "_signs", "_factors", "_bucket_ns", "_numbers", "_last", "_lowest", "_now"):
            setattr(self, name, np.delete(getattr(self, name), at))
        self._past = np.delete(self._past, at, axis=0)

    def take(self, now_ns: int) -> Iterator[tuple[str, float, float]]:
        """Look at all prices; gives id, price and the percent it has moved. What was told counts from there again."""
        if not self._alerts:
            return
        prices = self._board.last_price[self._slots]
        signed = np.where(prices > 0.0, self._signs * prices, np.inf)
        if now_ns >= self._turn_ns:
            self._turn(now_ns, signed)
        self._last = signed
        np.minimum(self._now, signed, out=self._now)
        np.minimum(self._lowest, signed, out=self._lowest)
        moved = signed >= self._lowest * self._factors - CLOSE_TO
        if not moved.any():
            return
        for place in np.flatnonzero(moved & np.isfinite(signed)).tolist():
            price, start = float(prices[place]), float(abs(self._lowest[place]))
            self._past[place] = np.inf
            self._now[place] = self._lowest[place] = signed[place]
            yield self._alerts[place].id, price, 100.0 * (price - start) / start

    def _turn(self, now_ns: int, signed: NDArray[np.float64]) -> None:
        """Begin new buckets where their time has come, each with the price that stood; after a silence longer than its time, anew."""
        numbers = now_ns // self._bucket_ns
        for place in np.flatnonzero(numbers > self._numbers).tolist():
            last, fresh = int(self._numbers[place]), int(numbers[place])
            stood, past = (signed[place] if fresh - last > BUCKETS else self._last[place]), self._past[place]
            past[last % BUCKETS] = self._now[place]
            for number in range(max(last, fresh - BUCKETS) + 1, fresh):
                past[number % BUCKETS] = stood
            past[fresh % BUCKETS] = np.inf
            self._now[place] = stood
            self._lowest[place] = min(past.min(), stood)
        self._numbers = np.maximum(numbers, self._numbers)
        self._turn_ns = int(((self._numbers + 1) * self._bucket_ns).min())

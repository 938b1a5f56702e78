"""Price levels that wait for a crossing: thousands of them cost one comparison for each price that changed.

Of all that wait in one instrument only the nearest above and the nearest below are compared with its price; the rest is looked at when
one of these two is touched.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.core.alerts import CLOSE_TO, Alert
from engine.view import QuoteBoard


@dataclass(slots=True)
class _Wait:
    """What one alert waits for next: the far side when it is ready, the near side when it is not."""

    alert: Alert
    is_ready: bool

    @property
    def threshold(self) -> tuple[float, bool]:
        """The price that would change something, and whether it lies above."""
        alert = self.alert
        if self.is_ready:
            return alert.value - alert.sign * CLOSE_TO, alert.sign > 0
        back = max(alert.hysteresis, CLOSE_TO)
        return float(np.nextafter(alert.value - alert.sign * back, -alert.sign * np.inf)), alert.sign < 0

    def look(self, price: float) -> bool | None:
        """Take a price: True = it has crossed, False = it is ready now, None = nothing changed."""
        if self.is_ready and self.alert.is_far(price):
            self.is_ready = False
            return True
        if not self.is_ready and self.alert.is_near(price):
            self.is_ready = True
            return False
        return None


class PriceLevels:
    """All price alerts that watch, by the board's slot."""

    def __init__(self, board: QuoteBoard) -> None:
        self._board = board
        self._waits: dict[int, dict[str, _Wait]] = {}
        self._slots: dict[str, int] = {}
        self._above = np.full(0, np.inf)
        self._below = np.full(0, -np.inf)

    def __len__(self) -> int:
        """Count the alerts."""
        return len(self._slots)

    def put(self, alert: Alert, slot: int) -> None:
        """Watch for an alert, or watch for it anew."""
        self.remove(alert.id)
        self._slots[alert.id] = slot
        self._waits.setdefault(slot, {})[alert.id] = _Wait(alert, alert.is_ready)
        self._bound(slot)

    def remove(self, alert_id: str) -> None:
        """Watch for an alert no more."""
        slot = self._slots.pop(alert_id, None)
        if slot is not None:
            del self._waits[slot][alert_id]
            self._bound(slot)

    def take(self, slots: NDArray[np.int64]) -> Iterator[tuple[str, float, bool]]:
        """Look at the prices that changed; gives id, price and whether it crossed (else it is ready for the next crossing)."""
        if not self._slots:
            return
        if len(self._above) < len(self._board.last_price):
            self._grow()
        prices = self._board.last_price[slots]
        touched = (prices >= self._above[slots]) | (prices <= self._below[slots])
        touched &= prices > 0.0
        if not touched.any():
            return
        for slot, price in zip(slots[touched].tolist(), prices[touched].tolist(), strict=True):
            for alert_id, wait in list(self._waits.get(slot, {}).items()):
                said = wait.look(price)
                if said is not None:
                    yield alert_id, price, said
            self._bound(slot)

    def _grow(self) -> None:
        count = len(self._board.last_price) - len(self._above)
        self._above = np.concatenate([self._above, np.full(count, np.inf)])
        self._below = np.concatenate([self._below, np.full(count, -np.inf)])

    def _bound(self, slot: int) -> None:
        """Find the nearest level above and below anew."""
        if slot >= len(self._above):
            self._grow()
        above, below = np.inf, -np.inf
        for wait in self._waits.get(slot, {}).values():
            price, is_above = wait.threshold
            if is_above:
                above = min(above, price)
            else:
                below = max(below, price)
        self._above[slot], self._below[slot] = above, below

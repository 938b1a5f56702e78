"""What may befall an order update on its way: lost, doubled, held back, let go in another order. Seeded."""

from __future__ import annotations

import random
from typing import Any

Update = dict[str, Any]


class UpdateFaults:
    """Probabilities of what happens to each update; nothing happens until a test says so."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self.drop = 0.0
        self.duplicate = 0.0
        self.hold = 0.0  # 1 = every update waits for `release`
        self.held: list[Update] = []
        self.lost = 0

    def through(self, update: Update) -> list[Update]:
        """Return what is really sent of an update, now."""
        if self._random.random() < self.drop:
            self.lost += 1
            return []
        copies = [update] * (2 if self._random.random() < self.duplicate else 1)
        if self._random.random() < self.hold:
            self.held += copies
            return []
        return copies

    def release(self, is_shuffled: bool) -> list[Update]:
        """Return what was held back, in order or shuffled."""
        held, self.held = self.held, []
        if is_shuffled:
            self._random.shuffle(held)
        return held

"""How fast a market's time goes against the wall's; at full speed it only lets others have a turn now and then."""

from __future__ import annotations

import asyncio
import math

from engine.clock import Clock

STEPS_A_TURN = 64
"""Steps at full speed before the event loop gets a turn, so that a window stays alive."""
_CATCH_UP_NS = 1_000_000_000
"""Time lost elsewhere that is made up for; a laptop that slept does not run after its time."""


class Pace:
    """Waits between the steps of a market."""

    def __init__(self, wall: Clock, speed: float) -> None:
        """`speed`: market seconds in a second of the wall; math.inf never waits."""
        self._wall = wall
        self._speed = speed
        self._due_ns = 0
        self._steps = 0

    @property
    def is_full_speed(self) -> bool:
        """Tell whether nothing waits for the wall."""
        return math.isinf(self._speed)

    async def wait(self, market_s: float) -> None:
        """Wait until that much market time has passed since the end of the wait before."""
        if self.is_full_speed:
            self._steps += 1
            if self._steps % STEPS_A_TURN == 0:
                await asyncio.sleep(0)
            return
        now_ns = self._wall.monotonic_ns()
        self._due_ns = max(self._due_ns + round(market_s / self._speed * 1e9), now_ns - _CATCH_UP_NS)
        await self._wall.sleep(max(0.0, (self._due_ns - now_ns) / 1e9))

    def begin(self) -> None:
        """Count from now."""
        self._due_ns = self._wall.monotonic_ns()

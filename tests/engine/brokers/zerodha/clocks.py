"""A clock that jumps to whatever it is asked to wait for."""

from __future__ import annotations

import asyncio

from engine.clock import ManualClock


class JumpingClock(ManualClock):
    """Waiting costs nothing."""

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(0)
        self.advance(max(seconds, 0.0))

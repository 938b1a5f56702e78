"""Looks every other second whether this terminal is still the only one of its account on a server; while it is not, trading stands still.

The lease goes with its connection, and whoever starts then may take it: two that trade at once are worse than one that waits.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from engine.clock import Clock
from engine.core.errors import UserError
from engine.store.lease import Lease
from engine.store.rows import StoreFailed

LEASE = "lease"
"""Cause of a stop by a lease that is not held."""

LOOK_S = 2.0


class LeaseWatch:
    """Looks after the lease of one run."""

    def __init__(self, lease: Lease, run_id: str, halt: Callable[[str, str], None], clear: Callable[[str], None], clock: Clock) -> None:
        """`halt(reason, cause)` lets only cancels and the trader's own exits pass, `clear(cause)` takes that back."""
        self._lease, self._run_id, self._clock = lease, run_id, clock
        self._halt, self._clear = halt, clear

    async def watch(self) -> None:
        """Look for ever."""
        while True:
            await self._clock.sleep(LOOK_S)
            await self.look()

    async def look(self) -> None:
        """Look once, taking back a lease that was lost if nobody else has traded meanwhile."""
        try:
            await asyncio.to_thread(self._lease.renew, self._run_id)
        except (UserError, StoreFailed) as failure:
            self._halt(str(failure).rstrip("."), LEASE)
        else:
            self._clear(LEASE)

"""What a terminal does about a lease: it stands still without one, for as long as that lasts."""

from __future__ import annotations

from typing import Any

import pytest

from engine.clock import ManualClock
from engine.core.errors import UserError
from engine.safety.lease_watch import LeaseWatch
from engine.store.rows import StoreFailed


class FakeLease:
    """Fails as it is told."""

    def __init__(self) -> None:
        self.failure: Exception | None = None
        self.asked: list[str] = []

    def renew(self, run_id: str) -> None:
        self.asked.append(run_id)
        if self.failure is not None:
            raise self.failure


@pytest.mark.parametrize("failure", [UserError("Another one has it."), StoreFailed("The server is away.")])
def test_without_it_trading_stands_still_for_as_long_as_that_lasts(loop_run: Any, failure: Exception) -> None:
    lease, done = FakeLease(), []

    async def whole() -> None:
        watch = LeaseWatch(
            lease,  # type: ignore[arg-type]
            "ours",
            lambda reason, cause: done.append((cause, reason)),
            lambda cause: done.append((cause, "")),
            ManualClock(0),
        )
        await watch.look()
        lease.failure = failure
        await watch.look()
        lease.failure = None
        await watch.look()

    loop_run(whole())
    assert lease.asked == ["ours"] * 3
    assert done == [("lease", ""), ("lease", str(failure).rstrip(".")), ("lease", "")]

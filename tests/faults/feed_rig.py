"""The Kite-protocol exchange and a feed in one process, over real sockets, both by a time that only the test moves."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from random import Random
from typing import Any

from engine.brokers.zerodha.stream import KiteFeed
from engine.clock import ManualClock
from engine.core.errors import AuthenticationError
from engine.core.model import LinkState
from engine.core.records import Rows
from tests.kite_exchange import control, control_faults, control_market  # noqa: F401  # the last two register their commands
from tests.kite_exchange.options import Options
from tests.kite_exchange.server import Server
from tests.kite_exchange.stream import MODES

STEP_S = 0.25


class FeedRig:
    """A feed on an exchange, and all that it said."""

    def __init__(self, server: Server, seed: int) -> None:
        self.server = server
        self.clock = ManualClock(server.exchange.clock.now_ns)
        self.token: str | None = server.exchange.sessions.open().token
        self.tokens: list[int] = server.exchange.board.token.tolist()
        """Every instrument of the exchange."""
        self.frames: list[Rows] = []
        self.updates: list[dict[str, Any]] = []
        self.links: list[tuple[LinkState, str]] = []
        self.notes: list[str] = []
        self.gaps: list[tuple[tuple[int, ...], int, int]] = []
        self.failures: list[BaseException] = []
        self.on_frame: Callable[[Rows], None] = self.frames.append
        self.feed = KiteFeed(
            f"ws://127.0.0.1:{server.port}",
            server.options.api_key,
            self._access_token,
            self.clock,
            on_frame=lambda rows: self.on_frame(rows),
            on_update=lambda update: self.updates.append(dict(update)),
            on_link=lambda state, reason: self.links.append((state, reason)),
            on_message=self.notes.append,
            on_gap=lambda *gap: self.gaps.append(gap),
            on_failure=lambda name, error: self.failures.append(error),
            random=Random(seed),
        )

    def carried(self) -> dict[int, str]:
        """Return what the exchange sends on sockets that still work, by token."""
        found: dict[int, str] = {}
        for one in self.server.hub.subscribers:
            if not (one.is_silent or one.transport.is_closing()):
                found |= {self.tokens[row]: MODES[one.modes[row] - 1] for row in one.modes.nonzero()[0].tolist()}
        return found

    @property
    def is_whole(self) -> bool:
        """Tell whether the feed is live and the exchange sends all that is wanted, as it is wanted."""
        return self.feed.state is LinkState.LIVE and self.carried() == self.feed.subscribed

    async def command(self, name: str, **arguments: Any) -> Any:
        """Run a control command of the exchange."""
        result = control.COMMANDS[name](self.server, **arguments)
        return await result if inspect.isawaitable(result) else result

    async def pass_time(self, seconds: float, step_s: float = STEP_S) -> None:
        """Let time pass for both, a step at once, with all that follows from it."""
        for _ in range(round(seconds / step_s)):
            self.clock.advance(step_s)
            await self.server.advance(step_s)
            await self.turn()

    async def turn(self, times: int = 40) -> None:
        """Let the loop turn: what is on its way over loopback arrives."""
        for _ in range(times):
            await asyncio.sleep(0)

    async def until_whole(self, within_s: float) -> float:
        """Let time pass until everything is as it was; returns how long that took, in seconds of the clock."""
        began_ns = self.clock.now_ns()
        while not self.is_whole:
            elapsed_s = (self.clock.now_ns() - began_ns) / 1e9
            assert elapsed_s < within_s, f"not whole after {elapsed_s:g} s: {self.feed.state}, {self.feed.reason}"
            await self.pass_time(STEP_S)
            await self.turn(160)
        return (self.clock.now_ns() - began_ns) / 1e9

    def _access_token(self) -> str:
        if self.token is None:
            raise AuthenticationError("Nobody is logged in; log in first.")
        return self.token


@asynccontextmanager
async def feed_rig(seed: int = 1, **options: Any) -> AsyncIterator[FeedRig]:
    """Run an exchange that stands still and make a feed on it; afterwards both are gone and nothing has failed."""
    server = Server(Options(scale=0, **options))
    await server.open()
    rig = FeedRig(server, seed)
    try:
        yield rig
    finally:
        await rig.feed.close()
        await server.close()
    assert rig.failures == []

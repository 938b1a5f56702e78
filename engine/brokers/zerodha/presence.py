"""Whether Zerodha can be heard and will listen: its feed up or down, its session alive or dead, and how both come back.

A dead session is told once and nothing storms the broker; a new one, logged in here or from another console, is taken up by itself.
"""

from __future__ import annotations

import asyncio
import logging

from engine.brokers.base import BrokerSink, Profile
from engine.brokers.zerodha.access import Access
from engine.brokers.zerodha.limiter import Call
from engine.brokers.zerodha.order_watch import OrderWatch
from engine.brokers.zerodha.rest import KiteRest
from engine.brokers.zerodha.secrets import Token
from engine.brokers.zerodha.stream import KiteFeed
from engine.clock import Clock
from engine.core.errors import AuthenticationError, BrokerError
from engine.core.model import LinkState
from engine.tasks import Tasks

log = logging.getLogger(__name__)

STEP_S = 0.25
"""How often the time is told and the order list thought of."""

GRACE_NS = 1_000_000_000
"""A minute's last trades come up to a second late: its bar is closed when they are there."""

LOOK_FOR_LOGIN_NS = 5_000_000_000

NO_DATA = "this API key has no live data; subscribe to Kite Connect's paid plan for quotes. Orders are looked up by REST"


class Presence:
    """The life of one session with the broker."""

    def __init__(self, rest: KiteRest, access: Access, feed: KiteFeed, watch: OrderWatch, clock: Clock, tasks: Tasks) -> None:
        self.is_dead = False
        """The session is over, and a new one is waited for."""
        self._rest, self._access, self._feed, self._watch = rest, access, feed, watch
        self._clock, self._tasks = clock, tasks
        self._sink: BrokerSink | None = None
        self._is_letting_go = False
        self._user_id = ""
        self._looked_ns = 0
        self._last_trouble = ""

    async def begin(self, sink: BrokerSink) -> Profile:
        """Take up the session, open the feed, and keep both from now on; raises AuthenticationError or another BrokerError."""
        self.is_dead = False
        await asyncio.to_thread(self._rest.open)
        await asyncio.to_thread(self._access.restore)
        try:
            self._access.require_alive()
            profile = await self._profile()
        except AuthenticationError:
            # Whoever logs in next is not to be handed the dead session of the keyring again.
            await asyncio.to_thread(self._access.drop)
            raise
        self._sink = sink
        self._user_id = profile.user_id
        await self._open_feed()
        self._tasks.spawn(self._run(), "zerodha", service=True)
        return profile

    async def end(self) -> None:
        """Close feed and REST; subscriptions are forgotten with the broker."""
        self._sink = None
        await self._tasks.close()
        await self._feed.close()
        await asyncio.to_thread(self._rest.close)

    def on_feed(self, state: LinkState, reason: str) -> None:
        """Take a change of the feed."""
        self._watch.is_deaf = state is not LinkState.LIVE
        if self._sink is None or self.is_dead:
            return
        if state is LinkState.RELOGIN:
            # Refused: by a dead session, or because the plan has no data. The session itself is asked which of the two.
            self._tasks.spawn(self._verify(), "verify the session", service=True)
            return
        if state is LinkState.LIVE:
            self._watch.nudge()
        self._sink.on_link(state, reason)

    def on_dead_token(self, reason: str) -> None:
        """Take note that the session is over: tell it once, and wait for a new one."""
        if self.is_dead or self._sink is None:
            return
        self.is_dead = True
        self._looked_ns = self._clock.monotonic_ns()
        self._sink.on_link(LinkState.RELOGIN, reason)
        self._is_letting_go = True
        self._tasks.spawn(self._let_go(self._access.token), "let the dead session go", service=True)

    async def _let_go(self, dead: Token | None) -> None:
        """Close the feed and forget the session, unless somebody has logged in again meanwhile."""
        try:
            await self._feed.close()
            if self._access.token is dead:
                await asyncio.to_thread(self._access.drop)
        finally:
            self._is_letting_go = False

    async def _profile(self) -> Profile:
        said = await self._rest.read(Call.OTHER, "profile")
        return Profile(str(said.get("user_id") or ""), str(said.get("user_name") or ""), "zerodha")

    async def _open_feed(self) -> None:
        """Open the feed; without live data the link stands all the same, with a word about it."""
        try:
            await self._feed.open()
        except AuthenticationError:
            if self._sink is not None and not self.is_dead:
                self._sink.on_link(LinkState.LIVE, NO_DATA)

    async def _verify(self) -> None:
        try:
            await self._profile()
        except BrokerError as error:
            self._trouble(f"the session could not be verified: {error}")  # a dead one was told by the call itself
            return
        if self._sink is not None and not self.is_dead:
            self._sink.on_link(LinkState.LIVE, NO_DATA)

    async def _run(self) -> None:
        """Tell the time, read the order list when it is due, and look for a new session while there is none."""
        while True:
            if self._sink is not None:
                self._sink.on_time(self._clock.now_ns() - GRACE_NS)
            if self.is_dead and not self._is_letting_go:
                await self._look_for_login()
            elif not self.is_dead and not self._is_over() and self._watch.is_due:
                self._tasks.spawn(self._look(), "read the order list", service=True)
            await self._clock.sleep(STEP_S)

    def _is_over(self) -> bool:
        """Tell whether the session has come to its known end."""
        try:
            self._access.require_alive()
        except AuthenticationError as error:
            self.on_dead_token(str(error))
            return True
        return False

    async def _look(self) -> None:
        try:
            await self._watch.look()
            self._last_trouble = ""
        except BrokerError as error:
            self._trouble(f"the order list could not be read: {error}")

    async def _look_for_login(self) -> None:
        """Take up a session that was begun meanwhile, here or by another program through the keyring."""
        if self._access.token is None:
            if self._clock.monotonic_ns() - self._looked_ns < LOOK_FOR_LOGIN_NS:
                return
            self._looked_ns = self._clock.monotonic_ns()
            if not await asyncio.to_thread(self._access.restore):
                return
        try:
            profile = await self._profile()
        except AuthenticationError:
            await asyncio.to_thread(self._access.drop)
            return
        except BrokerError as error:
            self._trouble(f"the new session could not be verified: {error}")
            return
        if profile.user_id != self._user_id:
            await asyncio.to_thread(self._access.drop)
            self._trouble(f"expected a session of {self._user_id}, was one of {profile.user_id}; log in as {self._user_id}")
            return
        self.is_dead = False
        await self._open_feed()

    def _trouble(self, text: str) -> None:
        """Say what is wrong, once as long as it stays the same."""
        if text != self._last_trouble:
            self._last_trouble = text
            log.info("%s", text)

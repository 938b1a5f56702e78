"""The feed: live quotes and order updates of Zerodha, over up to three sockets that keep themselves up.

Frames are decoded here and handed on one by one, on the loop; nothing is queued. The feed never decides what a silence means for
trading: it says that it is down, and since when nothing was heard of what.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any

from engine.brokers.zerodha import codec
from engine.brokers.zerodha.backoff import Backoff
from engine.brokers.zerodha.link import SECOND_NS, Link
from engine.brokers.zerodha.messages import check_mode, decode_text
from engine.brokers.zerodha.shards import SOCKETS, Shards
from engine.brokers.zerodha.wire import address_of
from engine.clock import Clock
from engine.core.errors import AuthenticationError
from engine.core.model import LinkState
from engine.core.records import Rows
from engine.tasks import Tasks

_LOOK_S = 1.0
"""How often the watch looks when no connection's patience ends sooner."""

_BREATH_S = 0.05
"""What the loop is given to read what came while it was away."""


@dataclass(slots=True)
class FeedCounts:
    """What came over the feed so far."""

    frames: int = 0
    """Binary frames with quotes; heartbeats are not counted."""
    packets: int = 0
    damaged_packets: int = 0
    updates: int = 0
    """Order updates."""
    damaged_texts: int = 0


class KiteFeed:
    """Quotes and order updates, by callback on the loop that opened it.

    A callback that raises is reported to `on_failure` and costs the connection, which is dialled again like any that was lost.
    """

    def __init__(
        self,
        root: str,
        api_key: str,
        access_token: Callable[[], str],
        clock: Clock,
        *,
        on_frame: Callable[[Rows], None],
        on_update: Callable[[Mapping[str, Any]], None],
        on_link: Callable[[LinkState, str], None],
        on_message: Callable[[str], None],
        on_gap: Callable[[tuple[int, ...], int, int], None] | None = None,
        on_failure: Callable[[str, BaseException], None] | None = None,
        strike: Callable[[str], str] = str,
        random: Random | None = None,
    ) -> None:
        """`access_token()` is asked at every dialling and raises AuthenticationError when there is none.

        `on_frame` takes TICK rows; `on_update` Kite's order as it came, maybe twice; `on_message` what Kite or the feed has to say to
        the trader; `on_gap(tokens, from_ns, to_ns)` what a reconnect missed. `strike` takes out of a text what it may not say.
        `random`: seeded, the waits can be foretold.
        Raises InvalidOption when the root is no websocket address, or would send the token unencrypted over the network.
        """
        address_of(root, api_key, "")
        self.state = LinkState.DISCONNECTED
        self.reason = ""
        self.counts = FeedCounts()
        self._clock = clock
        self._on_frame = on_frame
        self._on_update = on_update
        self._on_link = on_link
        self._on_message = on_message
        self._on_gap = on_gap
        self._strike = strike
        self._tasks = Tasks(on_failure)
        self._shards = Shards()
        self._is_open = False
        chance = random or Random()
        self._links = [
            Link(lambda: address_of(root, api_key, access_token()), clock, self._tasks, Backoff(chance), self) for _ in range(SOCKETS)
        ]

    @property
    def subscribed(self) -> dict[int, str]:
        """Return the mode of every token that is subscribed, on the wire or as soon as there is one."""
        return {token: mode for link in self._links for token, mode in link.wanted.items()}

    async def open(self) -> None:
        """Dial, and keep the feed up from now on; also after a new login. Returns once it is live, or being dialled again.

        Raises AuthenticationError when Zerodha refuses the session.
        """
        if not self._is_open:
            self._is_open = True
            self._tasks.spawn(self._watch(), "feed watch", service=True)
            if not codec.decode_into.is_ready:
                self._tasks.spawn(asyncio.to_thread(codec.prepare), "compile the decoder", service=True)
        # The first socket carries the order updates even when nothing is subscribed.
        links = [link for link in self._links if link is self._links[0] or link.wanted or link.state is LinkState.RELOGIN]
        for link in links:
            link.start()
        for link in links:
            await link.answered.wait()
        if self.state is LinkState.RELOGIN:
            raise AuthenticationError(self.reason)

    async def close(self) -> None:
        """Say good-bye; no task and no socket is left. Subscriptions are kept for the next `open`."""
        self._is_open = False
        await asyncio.gather(*(link.close() for link in self._links))
        await self._tasks.close()

    async def subscribe(self, tokens: Iterable[int], mode: str = "full") -> None:
        """Send ticks of these, too, or in another mode; kept and restored over every reconnect.

        Raises InvalidOption for an unknown mode, or for more instruments than the sockets carry; then nothing is subscribed.
        """
        check_mode(mode)
        for number, share in self._shards.assign(tokens).items():
            link = self._links[number]
            link.wanted.update(dict.fromkeys(share, mode))
            if self._is_open and self.state is not LinkState.RELOGIN:
                link.start()
            await link.tell()

    async def unsubscribe(self, tokens: Iterable[int]) -> None:
        """Send no more ticks of these; one that is not subscribed is passed over."""
        for number, share in self._shards.release(tokens).items():
            for token in share:
                self._links[number].wanted.pop(token, None)
            await self._links[number].tell()

    def hear(self, message: str | bytes) -> bool:
        """Take a frame of a link; returns whether it was sound."""
        return self._hear_text(message) if isinstance(message, str) else self._hear_quotes(message)

    def look(self) -> None:
        """Tell how the feed stands when that changed: as its worst socket does."""
        state, reason = self._standing()
        if (state, reason) != (self.state, self.reason):
            self.state, self.reason = state, reason
            self._on_link(state, reason)

    def on_restored(self, tokens: tuple[int, ...], from_ns: int, to_ns: int) -> None:
        """Pass on what a link missed."""
        if self._on_gap is not None:
            self._on_gap(tokens, from_ns, to_ns)

    def _hear_quotes(self, frame: bytes) -> bool:
        rows, damaged = codec.decode_counted(frame)
        if damaged:
            self._count_damage(damaged)
        if len(rows):
            self.counts.frames += 1
            self.counts.packets += len(rows)
            self._on_frame(rows)
        return not damaged

    def _hear_text(self, text: str) -> bool:
        word = decode_text(self._strike(text))
        if word.kind == "order":
            self.counts.updates += 1
            self._on_update(word.order)
        elif word.kind == "notice":
            self._on_message(word.text)
        elif word.kind == "damage":
            self.counts.damaged_texts += 1
            self._on_message(f"The feed sent {word.text}; it was put aside.")
        return word.kind != "damage"

    def _count_damage(self, damaged: int) -> None:
        """Count damaged packets; the trader is told of the first."""
        if not self.counts.damaged_packets:
            self._on_message("The feed sent a damaged frame; what was sound in it is used, and further ones are only counted.")
        self.counts.damaged_packets += damaged

    def _standing(self) -> tuple[LinkState, str]:
        """Return the worst of the sockets; one that is dialled for the first time does not spoil those that are live."""
        links = [link for link in self._links if link.is_running or link.state is LinkState.RELOGIN]
        for state in (LinkState.RELOGIN, LinkState.DISCONNECTED, LinkState.LIVE, LinkState.CONNECTING):
            for link in links:
                if link.state is state:
                    return state, link.reason
        return LinkState.DISCONNECTED, ""

    async def _watch(self) -> None:
        """Drop connections whose time is over. A loop that was away itself is given time to read before anything is judged."""
        is_late = False
        while True:
            now_ns = self._clock.monotonic_ns()
            soonest_ns = min((link.deadline_ns for link in self._links if link.deadline_ns is not None), default=now_ns + SECOND_NS)
            wait_s = min(max((soonest_ns - now_ns) / SECOND_NS, _BREATH_S), _LOOK_S)
            await self._clock.sleep(wait_s)
            woken_ns = self._clock.monotonic_ns()
            is_late = not is_late and woken_ns > now_ns + (wait_s + _LOOK_S) * SECOND_NS
            for link in self._links:
                if not is_late and link.deadline_ns is not None and link.deadline_ns <= woken_ns:
                    link.give_up()

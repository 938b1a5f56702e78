"""One socket of the feed through its whole life: dial, subscribe, listen, notice when it fell silent, dial again.

What is wanted is kept here and told to Kite by comparing it with what was told on this connection: after every reconnect that is
nothing, so nothing is ever forgotten, and what is unsubscribed while a connection comes up stays unsubscribed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from typing import Protocol

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from engine.brokers.zerodha import wire
from engine.brokers.zerodha.backoff import Backoff
from engine.brokers.zerodha.messages import BATCH, encode_mode, encode_subscribe, encode_unsubscribe
from engine.clock import Clock
from engine.core.errors import AuthenticationError
from engine.core.model import LinkState
from engine.tasks import Tasks

SECOND_NS = 1_000_000_000
SILENCE_S = 5.0
"""Without a frame of any kind for so long a connection is dead; Kite sends a heartbeat every two seconds or so."""

HANDSHAKE_S = 7.0
REFUSED = "Zerodha refused the feed: the session has ended, or the plan has no market data; log in again"
FAULT = "a fault of this terminal interrupted the feed"


DAMAGED = 20
"""Damaged frames on one connection after which it is not trusted any more."""


class Listener(Protocol):
    """Who hears a link: the feed."""

    def hear(self, message: str | bytes) -> bool:
        """Take a frame; returns whether it was sound."""
        ...

    def look(self) -> None:
        """Look at the link's state, which may have changed."""
        ...

    def on_restored(self, tokens: tuple[int, ...], from_ns: int, to_ns: int) -> None:
        """Take note that nothing was heard of these between the two times, by the market's clock."""
        ...


@dataclass(slots=True)
class _Connection:
    """One connection, and what Kite was told on it."""

    socket: ClientConnection
    told: dict[int, str] = field(default_factory=dict)

    async def tell(self, mode: str, tokens: list[int]) -> None:
        """Subscribe and set the mode, or with mode "" unsubscribe."""
        if mode:
            await self.socket.send(encode_subscribe(tokens))
            await self.socket.send(encode_mode(mode, tokens))
            self.told |= dict.fromkeys(tokens, mode)
        else:
            await self.socket.send(encode_unsubscribe(tokens))
            for token in tokens:
                self.told.pop(token, None)


class Link:
    """One socket of the feed."""

    def __init__(self, address: Callable[[], str], clock: Clock, tasks: Tasks, backoff: Backoff, listener: Listener) -> None:
        """`address()` is asked before every dialling, for the token may be a new one; it may raise AuthenticationError."""
        self.state = LinkState.DISCONNECTED
        self.reason = ""
        self.wanted: dict[int, str] = {}
        """Mode of each token this socket is to carry."""
        self.answered = asyncio.Event()
        """Set once dialling came to its first end, good or bad."""
        self.deadline_ns: int | None = None
        """When patience ends, by the monotonic clock; None while nothing is waited for."""
        self._address = address
        self._clock = clock
        self._tasks = tasks
        self._backoff = backoff
        self._listener = listener
        self._connection: _Connection | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._conversation: asyncio.Task[None] | None = None
        self._heard_ns = 0
        self._loss = ""
        self._is_refused = False

    @property
    def is_running(self) -> bool:
        """Tell whether it is connected, or will be without being asked again."""
        return self._keeper is not None and not self._keeper.done()

    def start(self) -> None:
        """Dial, and keep the connection up from now on; does nothing when it is being kept up."""
        if not self.is_running:
            self.answered.clear()
            self._keeper = self._tasks.spawn(self._keep_up(), "feed", service=True)
            self._become(LinkState.CONNECTING)

    async def close(self) -> None:
        """Say good-bye and keep nothing up any more."""
        await _end(self._keeper)
        if self._connection is not None:
            await self._connection.socket.close()
        await _end(self._conversation)
        self.deadline_ns = None
        self.answered.set()
        self._become(LinkState.DISCONNECTED)

    def give_up(self) -> None:
        """Take the connection for dead: its time is over."""
        silent = f"the feed was silent for {SILENCE_S:g} s"
        self._loss = silent if self._connection is not None else f"the feed did not answer for {HANDSHAKE_S:g} s"
        self.deadline_ns = None
        if self._conversation is not None:
            self._conversation.cancel()

    async def tell(self) -> None:
        """Bring what Kite was told in line with what is wanted; without a connection that is done when there is one.

        Several may do so at once: each looks again after what it told, so the last one leaves nothing undone.
        """
        with suppress(ConnectionClosed):
            while (connection := self._connection) is not None:
                mode, tokens = _difference(self.wanted, connection.told)
                if not tokens:
                    return
                await connection.tell(mode, tokens)

    async def _keep_up(self) -> None:
        """Dial again and again, until Kite refuses the session."""
        while True:
            self._loss, self._is_refused = FAULT, False  # what stands unless the conversation says better
            self._conversation = self._tasks.spawn(self._converse(), "feed conversation", service=True)
            await asyncio.wait({self._conversation})
            self.deadline_ns = None
            self.answered.set()
            if self._is_refused:
                self._become(LinkState.RELOGIN, self._loss)
                return
            delay_s = self._backoff.delay_s()
            self._become(LinkState.DISCONNECTED, self._loss + ("" if delay_s < 1 else f"; dialling again in {delay_s:.0f} s"))
            await self._clock.sleep(delay_s)

    async def _converse(self) -> None:
        """Dial once and listen as long as the connection lasts."""
        self._be_patient(HANDSHAKE_S)
        try:
            socket = await wire.dial(self._address())
        except AuthenticationError as error:
            self._loss, self._is_refused = str(error), True
            return
        except wire.LOST as error:
            self._is_refused = wire.is_refusal(error)
            self._loss = REFUSED if self._is_refused else wire.explain(error)
            return
        began_ns = self._clock.monotonic_ns()
        try:
            await self._listen(socket)
        except ConnectionClosed as error:
            self._loss = wire.explain(error)
        finally:
            self._connection = None
            self._backoff.lived((self._clock.monotonic_ns() - began_ns) / SECOND_NS)
            await wire.drop(socket)

    async def _listen(self, socket: ClientConnection) -> None:
        """Restore what was subscribed, then hear every frame; ends when too much of it was damaged."""
        self._be_patient(SILENCE_S)
        self._connection = _Connection(socket)
        await self.tell()
        from_ns, self._heard_ns = self._heard_ns, self._clock.now_ns()
        self._become(LinkState.LIVE)
        if from_ns and self.wanted:
            self._listener.on_restored(tuple(self.wanted), from_ns, self._heard_ns)
        self.answered.set()
        damaged = 0
        while damaged < DAMAGED:
            message = await socket.recv()
            self._be_patient(SILENCE_S)
            self._heard_ns = self._clock.now_ns()
            damaged += not self._listener.hear(message)
        self._loss = f"the feed sent {damaged} damaged frames"

    def _be_patient(self, seconds: float) -> None:
        self.deadline_ns = self._clock.monotonic_ns() + round(seconds * SECOND_NS)

    def _become(self, state: LinkState, reason: str = "") -> None:
        self.state, self.reason = state, reason
        self._listener.look()


def _difference(wanted: Mapping[int, str], told: Mapping[int, str]) -> tuple[str, list[int]]:
    """Return the mode and the tokens of the next message that is due, mode "" to unsubscribe; no tokens when nothing is due."""
    gone = list(islice((token for token in told if token not in wanted), BATCH))
    if gone:
        return "", gone
    for mode in dict.fromkeys(wanted.values()):
        fresh = list(islice((token for token, now in wanted.items() if now == mode and told.get(token) != mode), BATCH))
        if fresh:
            return mode, fresh
    return "", []


async def _end(task: asyncio.Task[None] | None) -> None:
    """Stop a task and wait until it is no more; what it failed of was reported by whoever keeps the tasks."""
    if task is not None:
        task.cancel()
        await asyncio.wait({task})

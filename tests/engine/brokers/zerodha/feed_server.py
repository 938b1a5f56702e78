"""A websocket server that does as it is told, and a feed beside it whose time only the test moves."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from http import HTTPStatus
from random import Random
from typing import Any

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from engine.brokers.zerodha.stream import KiteFeed
from engine.clock import ManualClock
from engine.core.errors import AuthenticationError
from engine.core.model import LinkState
from engine.core.records import Rows

HEARTBEAT = b"\x00"
START_NS = 1_763_955_000_000_000_000


async def until(condition: Callable[[], object]) -> None:
    """Let the loop turn until something is so; fails after ten real seconds."""
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110  # nothing tells when bytes have come through the kernel
            await asyncio.sleep(0)


async def turn(times: int = 60) -> None:
    """Let the loop turn: what is on its way over loopback arrives."""
    for _ in range(times):
        await asyncio.sleep(0)


class FeedServer:
    """The other end: remembers what it was asked and sends what the test wants."""

    def __init__(self) -> None:
        self.sockets: list[ServerConnection] = []
        self.paths: list[str] = []
        self.asked: list[list[dict[str, Any]]] = []
        """Messages by connection, oldest connection first."""
        self.status = HTTPStatus.SWITCHING_PROTOCOLS
        self.port = 0
        self._server: Server | None = None

    async def listen(self) -> None:
        """Open the port, the same one again after `stop`."""
        self._server = await serve(self._serve, "127.0.0.1", self.port, process_request=self._answer, compression=None, ping_interval=None)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Close the port and cut every connection."""
        if self._server is not None:
            for socket in self.sockets:
                socket.transport.abort()
            self._server.close()
            await self._server.wait_closed()
            self._server = None

    def modes(self) -> dict[int, str]:
        """Return what the living connections have subscribed, told from the messages alone."""
        found: dict[int, str] = {}
        for socket, messages in zip(self.sockets, self.asked, strict=True):
            if socket.close_code is None and not socket.transport.is_closing():
                found |= replay(messages)
        return found

    async def send(self, message: str | bytes, number: int = -1) -> None:
        """Send on one connection, the newest unless said."""
        await self.sockets[number].send(message)

    async def beat(self) -> None:
        """Send a heartbeat on every connection that lives."""
        for socket in self.sockets:
            if socket.close_code is None and not socket.transport.is_closing():
                await socket.send(HEARTBEAT)

    def cut(self, number: int = -1) -> None:
        """Cut a connection without a word."""
        self.sockets[number].transport.abort()

    def _answer(self, connection: ServerConnection, request: Request) -> Response | None:
        self.paths.append(request.path)
        if self.status == HTTPStatus.SWITCHING_PROTOCOLS:
            return None
        response = connection.respond(self.status, "")
        if 300 <= self.status < 400:
            response.headers["Location"] = f"ws://127.0.0.1:{self.port}/elsewhere"
        return response

    async def _serve(self, socket: ServerConnection) -> None:
        self.sockets.append(socket)
        messages: list[dict[str, Any]] = []
        self.asked.append(messages)
        with suppress(ConnectionClosed):
            while True:
                messages.append(json.loads(await socket.recv()))


def replay(messages: list[dict[str, Any]]) -> dict[int, str]:
    """Do what Kite does with the messages of one connection."""
    modes: dict[int, str] = {}
    for message in messages:
        if message["a"] == "subscribe":
            modes |= dict.fromkeys(message["v"], "?")
        elif message["a"] == "unsubscribe":
            for token in message["v"]:
                modes.pop(token, None)
        else:
            mode, tokens = message["v"]
            modes |= {token: mode for token in tokens if token in modes}
    return modes


class Rig:
    """A feed, its time, and all that it said."""

    def __init__(self, root: str, seed: int = 1) -> None:
        self.clock = ManualClock(START_NS)
        self.token: str | None = "secret-token"
        self.frames: list[Rows] = []
        self.updates: list[Mapping[str, Any]] = []
        self.links: list[tuple[LinkState, str]] = []
        self.notes: list[str] = []
        self.gaps: list[tuple[tuple[int, ...], int, int]] = []
        self.failures: list[BaseException] = []
        self.on_frame: Callable[[Rows], None] = self.frames.append
        self.feed = KiteFeed(
            root,
            "secret-key",
            self._access_token,
            self.clock,
            on_frame=lambda rows: self.on_frame(rows),
            on_update=self.updates.append,
            on_link=lambda state, reason: self.links.append((state, reason)),
            on_message=self.notes.append,
            on_gap=lambda *gap: self.gaps.append(gap),
            on_failure=lambda name, error: self.failures.append(error),
            random=Random(seed),
        )

    @property
    def is_live(self) -> bool:
        """Tell whether the feed says that it is live."""
        return self.feed.state is LinkState.LIVE

    async def pass_time(self, seconds: float, beat: Callable[[], Any] | None = None) -> None:
        """Let time pass in quarters of a second, each with all that follows from it; `beat` is awaited every second."""
        for step in range(round(4 * seconds)):
            self.clock.advance(0.25)
            if beat is not None and step % 4 == 3:
                await beat()
            await turn()

    def _access_token(self) -> str:
        if self.token is None:
            raise AuthenticationError("Nobody is logged in; log in first.")
        return self.token


@asynccontextmanager
async def rig() -> AsyncIterator[tuple[FeedServer, Rig]]:
    """Run a server and make a feed for it; afterwards both are gone."""
    server = FeedServer()
    await server.listen()
    made = Rig(f"ws://127.0.0.1:{server.port}")
    try:
        yield server, made
    finally:
        await made.feed.close()
        await server.stop()

"""Serves the REST API on this machine alone, in the loop that everything else runs in; a port that is taken is told, never avoided.

Headers and bodies must come in time, connections are few, and nothing says which version answers.
"""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from engine.clock import Clock, SystemClock
from engine.core.errors import UserError
from engine.tasks import Tasks
from terminal.api.app import make_app
from terminal.api.backend import Backend
from terminal.api.gate import Gate
from terminal.api.stream import Streams
from terminal.api.tokens import Tokens

log = logging.getLogger(__name__)

HOST, PORT = "127.0.0.1", 8050
HEADERS_S = 5.0
"""So long the headers of a request may take to arrive."""
IDLE_S = 30
MOST_CONNECTIONS = 64
GRACE_S = 2


class _Timely(H11Protocol):
    """Closes a connection whose request does not come in time, the first one and every further one."""

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._deadline = self.loop.call_later(HEADERS_S, self._close)

    def data_received(self, data: bytes) -> None:
        if self._is_waiting and self._deadline.cancelled():
            self._deadline = self.loop.call_later(HEADERS_S, self._close)
        super().data_received(data)
        if not self._is_waiting:
            self._deadline.cancel()

    def handle_websocket_upgrade(self, event: Any) -> None:
        """Let a listener stay: its request has come, and this protocol hears nothing of it any more."""
        self._deadline.cancel()
        super().handle_websocket_upgrade(event)

    def connection_lost(self, exc: Exception | None) -> None:
        self._deadline.cancel()
        super().connection_lost(exc)

    @property
    def _is_waiting(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    def _close(self) -> None:
        if not self.transport.is_closing():
            self.transport.abort()


class _Server(uvicorn.Server):
    """Leaves the signals to whoever started the terminal."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class ApiServer:
    """The API of one desk, on or off."""

    def __init__(self, backend: Backend, tokens: Tokens, *, port: int = PORT, clock: Clock | None = None) -> None:
        """`port` 0 takes any free one, for tests."""
        self.tokens, self.port = tokens, port
        self._backend, self._clock = backend, clock or SystemClock()
        self._server: _Server | None = None
        self._streams: Streams | None = None
        self._tasks = Tasks()

    @property
    def is_on(self) -> bool:
        """Tell whether it answers."""
        return self._server is not None

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://{HOST}:{self.port}"

    async def start(self) -> None:
        """Answer from now on; raises UserError when another program has the port."""
        if self._server is not None:
            return
        listener = _listen(self.port)
        self.port = int(listener.getsockname()[1])
        self._streams = Streams(self._backend.view, self._clock)
        app = Gate(make_app(self._backend, self.tokens, self._streams, self._clock), self.tokens, self._clock, self.port)
        config = uvicorn.Config(
            app,
            http=_Timely,
            ws="websockets-sansio",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=IDLE_S,
            timeout_graceful_shutdown=GRACE_S,
            limit_concurrency=MOST_CONNECTIONS,
            ws_max_size=64 * 1024,
            h11_max_incomplete_event_size=16 * 1024,
        )
        self._server = _Server(config)
        self._serving = self._tasks.spawn(self._server.serve(sockets=[listener]), "REST API", service=True)
        log.info("the REST API answers at %s", self.url)

    async def stop(self) -> None:
        """Answer no more; what is being answered may end."""
        server, self._server = self._server, None
        if server is None:
            return
        if self._streams is not None:
            self._streams.close()
        server.should_exit = True
        await self._serving
        await self._tasks.close()
        log.info("the REST API is off")


def _listen(port: int) -> socket.socket:
    """Take the port for ourselves alone, on the loopback."""
    # Named TCP, or asyncio leaves Nagle's algorithm on: head and body of an answer then lie 40 ms apart.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if os.name == "nt":
            listener.setsockopt(socket.SOL_SOCKET, getattr(socket, "SO_EXCLUSIVEADDRUSE"), 1)  # noqa: B009  # only Windows has it
        else:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((HOST, port))
        listener.listen(MOST_CONNECTIONS)
    except OSError as error:
        listener.close()
        raise UserError(
            f"Expected port {port} of this machine to be free for the REST API, was taken ({error.strerror}); end what uses it, or choose "
            "another in the settings."
        ) from error
    listener.setblocking(False)
    return listener

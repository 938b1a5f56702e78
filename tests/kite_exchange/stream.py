"""The websocket: who listens to what, and every frame on its way out.

A subscriber's frames leave in the order they were made. One that reads too slowly has its ticks dropped, never its order updates.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
from aiohttp import WSMsgType, web

from tests.kite_exchange.packets import HEARTBEAT, Packer
from tests.kite_exchange.update_faults import UpdateFaults
from tests.kite_exchange.wire import BINARY, PING, PONG, TEXT, encode

if TYPE_CHECKING:
    from tests.kite_exchange.exchange import Exchange

MODES = ("ltp", "quote", "full")
MOST_TOKENS = 3000
EASY = 1_000_000  # bytes in the transport that a client soon has read
BACKLOG = 16_000_000  # bytes in the transport above which ticks are dropped


class Subscriber:
    """One websocket of one client."""

    def __init__(self, number: int, socket: web.WebSocketResponse, transport: asyncio.Transport, token: str, rows: int) -> None:
        self.number = number
        self.socket = socket
        self.transport = transport
        self.token = token
        self.modes = np.zeros(rows, np.int8)  # 0 = not subscribed, else 1 + place in MODES
        self.is_silent = False  # half open: not a byte leaves
        self.is_without_ticks = False
        self.cut_at: int | None = None
        self.sent_ns = 0
        self.frames = self.packets = self.updates = self.dropped = 0
        self.messages: list[Any] = []
        self.pongs = 0
        self.ponged = asyncio.Event()

    def write(self, opcode: int, payload: bytes, now_ns: int) -> None:
        """Send one frame, whole, or cut at the byte a fault asked for and then no more."""
        if self.is_silent or self.transport.is_closing():
            return
        self.sent_ns = now_ns
        frame = encode(opcode, payload)
        if self.cut_at is not None:
            self.transport.write(frame[: self.cut_at])
            self.transport.close()
            return
        self.transport.write(frame)
        self.frames += 1

    def facts(self) -> dict[str, Any]:
        """Return what a test may want to know of it."""
        return {
            "number": self.number,
            "subscribed": {mode: int((self.modes == place).sum()) for place, mode in enumerate(MODES, 1)},
            "frames": self.frames,
            "packets": self.packets,
            "updates": self.updates,
            "dropped": self.dropped,
            "messages": self.messages[-200:],
        }


class Hub:
    """All websockets of the exchange."""

    def __init__(self, exchange: Exchange) -> None:
        self.exchange = exchange
        self.packer = Packer(exchange.board)
        self.subscribers: list[Subscriber] = []
        self._numbered = 0
        self.muted = np.zeros(len(exchange.board.token), bool)  # rows of which no ticks are sent
        self.on_stir: Callable[[], None] = lambda: None  # something came in, or somebody left
        self.update_faults = UpdateFaults(exchange.options.seed)
        exchange.on_ticks = self.send_ticks
        exchange.on_update = self.send_update
        exchange.on_session_end = self.drop_session
        self._beat()

    # Going out.

    def _beat(self) -> None:
        exchange = self.exchange
        now = exchange.clock.now_ns
        for one in self.subscribers:
            if now - one.sent_ns >= exchange.options.heartbeat * 0.99e9:
                one.write(BINARY, HEARTBEAT, now)
        exchange.clock.call_later(exchange.options.heartbeat / 2, self._beat)

    def send_ticks(self, rows: np.ndarray) -> None:
        """Send the rows that moved to whoever listens to them."""
        if self.muted.any():
            rows = rows[~self.muted[rows]]
        for one in self.subscribers:
            if not one.is_without_ticks:
                self._send_rows(one, rows)

    def some(self, number: int) -> list[Subscriber]:
        """Return the websocket with a number; all of them for 0."""
        return [one for one in self.subscribers if number in (0, one.number)]

    def _send_rows(self, one: Subscriber, rows: np.ndarray) -> None:
        if one.transport.get_write_buffer_size() > BACKLOG:
            one.dropped += len(rows)
            return
        modes = one.modes[rows]
        now = self.exchange.clock.now_ns
        for place, mode in enumerate(MODES, 1):
            wanted = rows[modes == place]
            if len(wanted):
                for frame in self.packer.frames(wanted, mode, self.exchange.options.packets_per_frame):
                    one.write(BINARY, frame, now)
                one.packets += len(wanted)

    def send_update(self, update: dict[str, Any]) -> None:
        """Send an order update to every socket, as the faults in force would have it."""
        for each in self.update_faults.through(update):
            text = json.dumps({"type": "order", "data": each}).encode()
            for one in self.subscribers:
                one.write(TEXT, text, self.exchange.clock.now_ns)
                one.updates += 1

    def send_text(self, text: str, to: Iterable[Subscriber] | None = None) -> None:
        """Send any text message."""
        for one in self.subscribers if to is None else to:
            one.write(TEXT, text.encode(), self.exchange.clock.now_ns)

    def send_binary(self, payload: bytes) -> None:
        """Send any bytes as a binary message, right or wrong."""
        for one in self.subscribers:
            one.write(BINARY, payload, self.exchange.clock.now_ns)

    def drop_session(self, token: str) -> None:
        """Close the sockets of a session that has ended; an empty token means all."""
        for one in list(self.subscribers):
            if token in ("", one.token):
                one.transport.close()

    # Coming in.

    async def serve(self, request: web.Request, token: str) -> web.WebSocketResponse:
        """Talk to one client until it leaves."""
        socket = web.WebSocketResponse(autoping=False, compress=False, max_msg_size=16_000_000)
        await socket.prepare(request)
        assert isinstance(request.transport, asyncio.Transport)
        self._numbered += 1
        one = Subscriber(self._numbered, socket, request.transport, token, len(self.exchange.board.token))
        one.sent_ns = self.exchange.clock.now_ns
        self.subscribers.append(one)
        self.on_stir()
        try:
            async for message in socket:
                if message.type == WSMsgType.TEXT:
                    self._hear(one, message.data)
                    self.on_stir()
                elif message.type == WSMsgType.PING:
                    one.write(PONG, message.data, self.exchange.clock.now_ns)
                elif message.type == WSMsgType.PONG:
                    one.pongs += 1
                    one.ponged.set()
        finally:
            self.subscribers.remove(one)
            one.ponged.set()
            self.on_stir()
        return socket

    def _hear(self, one: Subscriber, text: str) -> None:
        try:
            message = json.loads(text)
            action, value = message["a"], message["v"]
            tokens = value[1] if action == "mode" else value
            place = MODES.index(value[0] if action == "mode" else self.exchange.options.default_mode) + 1
            if not all(type(token) is int for token in tokens):
                raise TypeError(tokens)
            by_token = self.exchange.catalogue.by_token
            rows = np.array([by_token[token].row for token in tokens if token in by_token], np.int64)
        except (ValueError, KeyError, TypeError, IndexError):
            self._complain(one, f"Invalid message: {text[:80]}")
            return
        one.messages.append(message)
        if action == "unsubscribe":
            one.modes[rows] = 0
        elif action == "mode":
            known = rows[one.modes[rows] > 0]
            one.modes[known] = place
            self._send_rows(one, np.unique(known))
        elif action == "subscribe":
            self._subscribe(one, np.unique(rows), place)

    def _subscribe(self, one: Subscriber, rows: np.ndarray, place: int) -> None:
        fresh = rows[one.modes[rows] == 0]
        room = MOST_TOKENS - int((one.modes > 0).sum())
        if len(fresh) > room:
            self._complain(one, f"Subscription limit exceeded: at most {MOST_TOKENS} instruments on a connection.")
            fresh = fresh[: max(0, room)]
        one.modes[fresh] = place
        self._send_rows(one, fresh)

    def _complain(self, one: Subscriber, words: str) -> None:
        self.send_text(json.dumps({"type": "error", "data": words}), [one])

    # Being sure.

    def is_behind(self) -> bool:
        """Whether a client reads more slowly than it is sent to."""
        return any(one.transport.get_write_buffer_size() > EASY for one in self.subscribers)

    async def ease(self) -> None:
        """Let others run, and clients read up; one that does not read at all is waited for no longer than a second."""
        await asyncio.sleep(0)
        for _ in range(1000):
            if not self.is_behind():
                return
            await asyncio.sleep(0.001)

    async def flush(self, within_s: float) -> bool:
        """Wait until every client has read all that was sent to it: it answers a ping that went last. False if one did not."""
        waiting = []
        for one in self.subscribers:
            if not (one.is_silent or one.transport.is_closing()):
                one.ponged.clear()
                one.write(PING, b"drain", self.exchange.clock.now_ns)
                waiting.append(one.ponged.wait())
        try:
            await asyncio.wait_for(asyncio.gather(*waiting), within_s)
        except TimeoutError:
            return False
        return True

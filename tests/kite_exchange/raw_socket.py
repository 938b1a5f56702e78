"""A websocket by hand, for a test that wants to see every frame and every byte."""

from __future__ import annotations

import json
import socket
import struct
from urllib.parse import urlencode, urlsplit

from tests.kite_exchange.process import RunningExchange


class RawSocket:
    """A websocket by hand: a handshake, and the frames as they come."""

    def __init__(self, exchange: RunningExchange) -> None:
        parts = urlsplit(exchange.root)
        self._socket = socket.create_connection((parts.hostname or "", parts.port or 0), timeout=10)
        query = urlencode({"api_key": exchange.api_key, "access_token": exchange.login()})
        head = f"GET /?{query} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        self._socket.sendall(f"{head}Sec-WebSocket-Key: {'x' * 22}==\r\n\r\n".encode())
        self._stream = self._socket.makefile("rb")
        while self._stream.readline().strip():
            pass

    def send(self, message: object) -> None:
        """Send a message as JSON text."""
        data = json.dumps(message).encode()
        size = struct.pack(">B", 0x80 | len(data)) if len(data) < 126 else struct.pack(">BH", 0x80 | 126, len(data))
        self._socket.sendall(b"\x81" + size + b"\0\0\0\0" + data)

    def frame(self) -> tuple[int, bytes]:
        """Return opcode and payload of the next frame; an end of the stream gives what has come of it, as opcode -1."""
        head = self._stream.read(2)
        if len(head) < 2:
            return -1, head
        size = head[1]
        if size >= 126:
            size = int.from_bytes(self._stream.read(2 if size == 126 else 8), "big")
        payload = self._stream.read(size)
        return (head[0] & 15, payload) if len(payload) == size else (-1, payload)

    def close(self) -> None:
        """Close it, without a word."""
        self._stream.close()
        self._socket.close()

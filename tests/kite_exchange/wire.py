"""Bytes as they leave: websocket frames, and the two ways a connection can end."""

from __future__ import annotations

import asyncio
import socket
import struct
import sys

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


def encode(opcode: int, payload: bytes) -> bytes:
    """Return one unmasked websocket frame, as a server sends it."""
    size = len(payload)
    if size < 126:
        head = bytes((0x80 | opcode, size))
    elif size < 65_536:
        head = bytes((0x80 | opcode, 126)) + size.to_bytes(2, "big")
    else:
        head = bytes((0x80 | opcode, 127)) + size.to_bytes(8, "big")
    return head + payload


def end(transport: asyncio.BaseTransport, with_reset: bool) -> None:
    """Close a connection, politely (FIN) or not (RST)."""
    if with_reset:
        connection = transport.get_extra_info("socket")
        if connection is not None:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0))
        if isinstance(transport, asyncio.Transport):
            transport.abort()
    else:
        transport.close()

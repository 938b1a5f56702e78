"""Packs frames of the feed by hand, field by field, as the protocol's tables list them."""

from __future__ import annotations

import struct
from collections.abc import Sequence

NSE, NFO, CDS, BSE, BFO, BCD, MCX, MCX_SX, INDICES, NCO = 1, 2, 3, 4, 5, 6, 7, 8, 9, 12
"""Segments: the last byte of a token."""

LENGTHS = (8, 28, 32, 44, 184)
RELIANCE, USDINR, NIFTY = 738_561, 412_675, 256_265


def packet(length: int, token: int, words: Sequence[int] = (), orders: Sequence[int] = ()) -> bytes:
    """Pack one packet: the token, then unsigned words as far as they are given, zeros after them."""
    count = 15 if length == 184 else length // 4 - 1
    padded = [*words, *[0] * 35]
    head = struct.pack(f">{count + 1}I", token, *padded[:count])
    if length < 184:
        return head
    levels = [*orders, *[0] * 10]
    depth = (struct.pack(">IIHxx", padded[15 + 2 * i], padded[16 + 2 * i], levels[i]) for i in range(10))
    return head + b"".join(depth)


def frame(packets: Sequence[bytes], announced: int | None = None) -> bytes:
    """Join packets to a frame; `announced` lies about how many there are."""
    count = len(packets) if announced is None else announced
    return struct.pack(">H", count) + b"".join(struct.pack(">H", len(p)) + p for p in packets)


def ltp(token: int, price: int) -> bytes:
    """Pack a frame with the last price of one instrument, in paise."""
    return frame([packet(8, token, [price])])

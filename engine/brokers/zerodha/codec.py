"""Turns what Kite sends into ticks: every packet of a frame at once, and never more than the bytes that are there.

Pure. A packet is taken only where its announced length lies inside the frame and is one of the five known ones; what is cut off,
unknown or left over is counted as damage and never guessed at. Until `prepare` has run, NumPy does the same more slowly.
"""

from __future__ import annotations

import numpy as np

from engine.brokers.zerodha.packets import (
    BCD,
    BCD_DIVISOR,
    CDS,
    CDS_DIVISOR,
    FULL,
    INDEX_FULL,
    INDEX_QUOTE,
    LAYOUTS,
    LTP,
    MODES,
    NCO,
    PAISE,
    PRICES,
    QUOTE,
)
from engine.core.compiled import borrowed, compile_all, compiled
from engine.core.records import MODE_FULL, MODE_INDEX, MODE_LTP, MODE_QUOTE, TICK, Row, Rows

_SMALLEST = 2 + LTP
_ROW = TICK.itemsize
_MANY = 65_536
"""More packets than a frame can announce."""


def decode_frame(frame: bytes) -> Rows:
    """Return one TICK row for each sound packet of a websocket frame, in order; a heartbeat has none. Never raises, whatever the bytes."""
    return decode_counted(frame)[0]


def decode_counted(frame: bytes) -> tuple[Rows, int]:
    """Return the rows, and how many packets were announced and not sound; bytes left over count as one more."""
    if not decode_into.is_ready:
        return decode_plain(frame)
    size = len(frame)
    if size < 2:
        return np.zeros(0, TICK), 0
    # Sized by what can be there, not only by what is announced: a hostile count costs no memory.
    room = min(frame[0] << 8 | frame[1], size // _SMALLEST)
    # For a single row this takes a third of the time of np.zeros.
    rows: Rows = np.ndarray((room,), TICK, bytearray(room * _ROW))
    damaged, count = divmod(decode_into(frame, rows), _MANY)
    return (rows if count == room else rows[:count]), damaged


def prepare() -> None:
    """Turn the decoder into machine code; takes a second when it was never done before, so do it off the loop."""
    compile_all([decode_into])


@compiled("i8(bytes, i8)")
def read_u4(frame: bytes, at: int) -> int:
    """Read four bytes, the most significant first."""
    if at < 0:  # never so; but only a compiler that knows it reads the four at once
        return 0
    return frame[at] << 24 | frame[at + 1] << 16 | frame[at + 2] << 8 | frame[at + 3]


@compiled("i8(bytes, i8)")
def read_u2(frame: bytes, at: int) -> int:
    """Read two bytes, the most significant first."""
    if at < 0:
        return 0
    return frame[at] << 8 | frame[at + 1]


@compiled("f8(i8)")
def divisor_of(token: int) -> float:
    """Return by what an instrument's prices are divided to be rupees."""
    segment = token & 255
    if segment == CDS:
        return CDS_DIVISOR
    return BCD_DIVISOR if segment in (BCD, NCO) else PAISE


@compiled("void(bytes, i8, f8, TICK)")
def read_last(frame: bytes, at: int, divisor: float, row: Row) -> None:
    """Read what every kind begins with."""
    row.mode = MODE_LTP
    row.instrument_token = read_u4(frame, at)
    row.last_price = read_u4(frame, at + 4) / divisor


@compiled("void(bytes, i8, f8, TICK)")
def read_index(frame: bytes, at: int, divisor: float, row: Row) -> None:
    """Read the prices of an index."""
    row.mode = MODE_INDEX
    row.high = read_u4(frame, at + 8) / divisor
    row.low = read_u4(frame, at + 12) / divisor
    row.open = read_u4(frame, at + 16) / divisor
    row.close = read_u4(frame, at + 20) / divisor


@compiled("void(bytes, i8, f8, TICK)")
def read_quote(frame: bytes, at: int, divisor: float, row: Row) -> None:
    """Read what quote and full have in common."""
    row.mode = MODE_QUOTE
    row.last_quantity = read_u4(frame, at + 8)
    row.average_price = read_u4(frame, at + 12) / divisor
    row.volume = read_u4(frame, at + 16)
    row.buy_quantity = read_u4(frame, at + 20)
    row.sell_quantity = read_u4(frame, at + 24)
    row.open = read_u4(frame, at + 28) / divisor
    row.high = read_u4(frame, at + 32) / divisor
    row.low = read_u4(frame, at + 36) / divisor
    row.close = read_u4(frame, at + 40) / divisor


@compiled("void(bytes, i8, f8, TICK)")
def read_full(frame: bytes, at: int, divisor: float, row: Row) -> None:
    """Read what only full has: times, open interest, five levels of depth on either side."""
    row.mode = MODE_FULL
    row.last_trade_time = read_u4(frame, at + 44)
    row.oi = read_u4(frame, at + 48)
    row.oi_day_high = read_u4(frame, at + 52)
    row.oi_day_low = read_u4(frame, at + 56)
    row.exchange_time = read_u4(frame, at + 60)
    for side in range(2):
        for place in range(5):
            start = at + 64 + 60 * side + 12 * place
            level = row.depth[side, place]
            level.quantity = read_u4(frame, start)
            level.price = read_u4(frame, start + 4) / divisor
            level.orders = read_u2(frame, start + 8)


@compiled("i8(bytes, TICK[:])")
def decode_into(frame: bytes, rows: Rows) -> int:
    """Read a frame of at least two bytes into rows of zeros; returns rows written + 65,536 x packets damaged."""
    rows = borrowed(rows)
    size = len(frame)
    announced = read_u2(frame, 0)
    at, count = 2, 0
    for _ in range(announced):
        length = read_u2(frame, at) if at + 2 <= size else size
        at += 2
        if at + length > size:
            at = size
            break
        if length in (LTP, INDEX_QUOTE, INDEX_FULL, QUOTE, FULL):
            row = rows[count]
            divisor = divisor_of(read_u4(frame, at))
            read_last(frame, at, divisor, row)
            if length == FULL:
                read_quote(frame, at, divisor, row)
                read_full(frame, at, divisor, row)
            elif length == QUOTE:
                read_quote(frame, at, divisor, row)
            elif length != LTP:
                read_index(frame, at, divisor, row)
                if length == INDEX_FULL:
                    row.exchange_time = read_u4(frame, at + 28)
            count += 1
        at += length
    damaged = announced - count + int(at < size)
    return damaged * _MANY + count


def decode_plain(frame: bytes) -> tuple[Rows, int]:
    """Do what `decode_counted` does by NumPy alone: kind by kind, each field of all packets at once."""
    starts, lengths, damaged = _split(frame)
    rows = np.zeros(len(starts), TICK)
    for length in np.unique(lengths).tolist():
        which = np.flatnonzero(lengths == length)
        # One overlapping view, with a packet at every byte; taking the wanted ones copies them.
        every: Rows = np.ndarray((len(frame) - length + 1,), LAYOUTS[length], frame, strides=(1,))
        rows[which] = _read_kind(every[starts[which]], MODES[length])
    return rows, damaged


def _split(frame: bytes) -> tuple[Rows, Rows, int]:
    """Find where sound packets begin and how long they are; counts the others."""
    size = len(frame)
    announced = int.from_bytes(frame[:2], "big") if size >= 2 else 0
    at, found = min(size, 2), []
    for _ in range(announced):
        length = int.from_bytes(frame[at : at + 2], "big") if at + 2 <= size else size
        if at + 2 + length > size:
            at = size
            break
        if length in LAYOUTS:
            found.append((at + 2, length))
        at += 2 + length
    starts, lengths = np.array(found, np.int64).reshape(-1, 2).T
    return starts, lengths, announced - len(found) + int(at < size and size >= 2)


def _read_kind(packets: Rows, mode: int) -> Rows:
    """Turn packets of one kind into rows."""
    rows = np.zeros(len(packets), TICK)
    segment = packets["instrument_token"] & 255
    divisor = np.select([segment == CDS, (segment == BCD) | (segment == NCO)], [CDS_DIVISOR, BCD_DIVISOR], PAISE)
    rows["mode"] = mode
    for name in packets.dtype.names or ():
        if name == "depth":
            rows["depth"]["quantity"] = packets["depth"]["quantity"]
            rows["depth"]["price"] = packets["depth"]["price"] / divisor[:, None, None]
            rows["depth"]["orders"] = packets["depth"]["orders"]
        elif name != "change":
            rows[name] = packets[name] / divisor if name in PRICES else packets[name]
    return rows

"""The line to a strategy's process: questions go in, one answer to each comes out, as JSON with its length before it.

Nothing here can carry code. What comes in is measured before it is read, and read strictly: whatever is odd is Garbled.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import fields
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Any

from engine.core.model import Exchange, Instrument, InstrumentKind

HEAD = 4
"""Bytes of the length before each message, little end first."""

MOST_BYTES = 1 << 20
"""Longest message: the file of a strategy is the largest."""


class Garbled(ValueError):
    """What came over the line is no message."""


def pack(message: Mapping[str, Any]) -> bytes:
    """Return a message as bytes for the line; raises ValueError for what JSON cannot hold (NaN, too) and for what is too long."""
    body = json.dumps(message, allow_nan=False, separators=(",", ":")).encode()
    if len(body) > MOST_BYTES:
        raise ValueError(f"Expected at most {MOST_BYTES:,} bytes, was {len(body):,}.")
    return len(body).to_bytes(HEAD, "little") + body


class Frames:
    """Cuts what comes over the line into messages."""

    def __init__(self) -> None:
        self._left = bytearray()

    def feed(self, data: bytes) -> Iterator[dict[str, Any]]:
        """Take in bytes and give the messages that are whole; raises Garbled for what is none."""
        self._left += data
        while len(self._left) >= HEAD:
            size = int.from_bytes(self._left[:HEAD], "little")
            if not 0 < size <= MOST_BYTES:
                raise Garbled(f"Expected a message of at most {MOST_BYTES:,} bytes, was one of {size:,}")
            if len(self._left) < HEAD + size:
                return
            body = bytes(self._left[HEAD : HEAD + size])
            del self._left[: HEAD + size]
            yield unpack(body)


def unpack(body: bytes) -> dict[str, Any]:
    """Read one message; raises Garbled unless it is a JSON object of finite numbers."""
    try:
        message = json.loads(body, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise Garbled(f"Expected a message, was something else ({type(error).__name__})") from None
    if not isinstance(message, dict):
        raise Garbled(f"Expected a message, was {type(message).__name__}")
    return message


def _no_number(text: str) -> float:
    raise ValueError(text)


def encode_instrument(instrument: Instrument) -> dict[str, Any]:
    """Return an instrument as JSON can hold it."""
    return {each.name: _plain(getattr(instrument, each.name)) for each in fields(Instrument) if each.init}


def decode_instrument(given: Mapping[str, Any]) -> Instrument:
    """Return the instrument that `encode_instrument` was given."""
    return Instrument(
        **{
            **given,
            "exchange": Exchange(given["exchange"]),
            "kind": InstrumentKind(given["kind"]),
            "tick_size": Decimal(given["tick_size"]),
            "strike": Decimal(given["strike"]),
            "expiry": date.fromisoformat(given["expiry"]) if given["expiry"] else None,
        }
    )


def _plain(value: Any) -> Any:
    if isinstance(value, (Decimal, StrEnum)):
        return str(value)
    return value.isoformat() if isinstance(value, date) else value

"""The line to a strategy's process: what goes in comes out, in whatever pieces, and nothing odd is read."""

from __future__ import annotations

from contextlib import suppress
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core.model import Exchange, Instrument, InstrumentKind
from engine.host.wire import MOST_BYTES, Frames, Garbled, decode_instrument, encode_instrument, pack

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=40)
@given(st.lists(st.dictionaries(st.text(), PLAIN, max_size=3), max_size=4), st.integers(1, 9))
def test_messages_come_out_as_they_went_in_in_whatever_pieces(messages: list[dict[str, object]], size: int) -> None:
    data, frames, out = b"".join(pack(each) for each in messages), Frames(), []
    for at in range(0, len(data), size):
        out += list(frames.feed(data[at : at + size]))
    assert out == messages


@pytest.mark.parametrize(
    "data",
    [
        b"\x00\x00\x00\x00",
        (MOST_BYTES + 1).to_bytes(4, "little"),
        b"\x02\x00\x00\x00[]",
        b"\x03\x00\x00\x00NaN",
        b'\x07\x00\x00\x00{"a":NaN}'[:11],
        b'\x0e\x00\x00\x00{"a":Infinity}',
        b"\x02\x00\x00\x00\xff\xfe",
        (100_000).to_bytes(4, "little") + b"[" * 100_000,
    ],
)
def test_what_is_no_message_is_garbled(data: bytes) -> None:
    with pytest.raises(Garbled):
        list(Frames().feed(data))


@given(st.binary(max_size=64))
def test_any_bytes_are_messages_or_garbled_and_nothing_else(data: bytes) -> None:
    with suppress(Garbled):
        assert all(isinstance(each, dict) for each in Frames().feed(data))


@pytest.mark.parametrize("message", [{"a": float("nan")}, {"a": float("inf")}, {"a": "x" * MOST_BYTES}])
def test_what_cannot_be_read_is_not_sent(message: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"Out of range|Expected at most"):
        pack(message)


def test_an_instrument_is_the_same_on_the_other_side() -> None:
    future = Instrument(
        Exchange.NFO, "NIFTY25JANFUT", 7, "NIFTY", InstrumentKind.FUTURE, Decimal("0.05"), 75, 1, date(2025, 1, 30), Decimal(0), True, 1800
    )
    (sent,) = Frames().feed(pack(encode_instrument(future)))
    assert decode_instrument(sent) == future

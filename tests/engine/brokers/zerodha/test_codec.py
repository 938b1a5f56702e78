"""What is decoded is what was sent, field by field as the official parser reads it, and damage is never guessed at."""

from __future__ import annotations

import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kiteconnect import KiteTicker

from engine.brokers.zerodha import codec
from engine.brokers.zerodha.codec import decode_counted, decode_frame, decode_plain
from engine.core.compiled import is_disabled
from engine.core.records import MODE_FULL, MODE_INDEX, MODE_LTP, MODE_QUOTE, TICK, Row, Rows
from tests.engine.brokers.zerodha.frames import BCD, BSE, CDS, INDICES, LENGTHS, MCX, NCO, NFO, NIFTY, NSE, RELIANCE, frame, ltp, packet

Decoder = Callable[[bytes], tuple[Rows, int]]

SEGMENT = st.integers(0, 13) | st.just(255)
BODY = st.binary(min_size=184, max_size=184) | st.sampled_from(
    [bytes(184), b"\xff" * 184, b"\x80" + bytes(183), bytes.fromhex("7fffffff") * 46]
)
PACKET = st.builds(lambda length, body, segment: body[:3] + bytes([segment]) + body[4:length], st.sampled_from(LENGTHS), BODY, SEGMENT)
OFFICIAL = KiteTicker("key", "token")


def by_hand(data: bytes) -> tuple[Rows, int]:
    """Decode as the machine code would, in Python: what coverage sees."""
    if len(data) < 2:
        return np.zeros(0, TICK), 0
    rows = np.zeros(len(data) // 10, TICK)
    damaged, count = divmod(codec.decode_into.py_func(data, rows), 65_536)
    return rows[:count], damaged


@pytest.fixture(scope="module", params=["machine code", "NumPy", "plain"])
def decode(request: pytest.FixtureRequest) -> Iterator[Decoder]:
    """Decode in each of the three ways that must agree."""
    if request.param == "machine code":
        if is_disabled():
            pytest.skip("machine code is switched off in this run")
        codec.prepare()
        assert codec.decode_into.is_ready
        yield decode_counted
    else:
        yield {"NumPy": decode_plain, "plain": by_hand}[request.param]


def seconds(value: datetime | None) -> int:
    """Undo what the official parser makes of a time: the host's wall clock."""
    return 0 if value is None else int(value.timestamp())


def assert_like_official(row: Row, tick: dict[str, Any]) -> None:
    """Compare every field the official parser tells, to the last bit; what it does not tell must be 0."""
    expected = np.zeros(1, TICK)[0]
    expected.instrument_token = tick["instrument_token"]
    expected.last_price = tick["last_price"]
    is_index = "ohlc" in tick and "volume_traded" not in tick
    expected.mode = MODE_INDEX if is_index else {"ltp": MODE_LTP, "quote": MODE_QUOTE, "full": MODE_FULL}[tick["mode"]]
    for name, value in tick.get("ohlc", {}).items():
        expected[name] = value
    if "volume_traded" in tick:
        expected.last_quantity, expected.average_price = tick["last_traded_quantity"], tick["average_traded_price"]
        expected.volume = tick["volume_traded"]
        expected.buy_quantity, expected.sell_quantity = tick["total_buy_quantity"], tick["total_sell_quantity"]
    for name in ("oi", "oi_day_high", "oi_day_low"):
        expected[name] = tick.get(name, 0)
    expected.last_trade_time = seconds(tick.get("last_trade_time"))
    expected.exchange_time = seconds(tick.get("exchange_timestamp"))
    for side, levels in enumerate(tick.get("depth", {}).values()):
        for place, level in enumerate(levels):
            expected.depth[side, place] = (level["quantity"], level["price"], level["orders"])
    assert row.tobytes() == expected.tobytes()


@settings(deadline=None, max_examples=200)
@given(packets=st.lists(PACKET, max_size=4))
def test_every_field_is_as_the_official_parser_reads_it(decode: Decoder, packets: list[bytes]) -> None:
    data = frame(packets)
    rows, damaged = decode(data)
    ticks = OFFICIAL._parse_binary(data)
    assert damaged == 0
    assert len(rows) == len(ticks) == len(packets)
    for row, tick in zip(rows, ticks, strict=True):
        assert_like_official(row, tick)


@pytest.mark.parametrize(
    ("segment", "divisor"), [(NSE, 100), (NFO, 100), (CDS, 10**7), (BSE, 100), (BCD, 10**4), (MCX, 100), (INDICES, 100), (NCO, 10**4)]
)
def test_a_price_is_divided_as_its_segment_wants(decode: Decoder, segment: int, divisor: int) -> None:
    rows, _ = decode(frame([packet(184, 5 << 8 | segment, [834_525_000, 1, 834_525_001] + [0] * 13 + [834_525_003])]))
    assert rows[0].last_price == 834_525_000 / divisor
    assert rows[0].average_price == 834_525_001 / divisor
    assert rows[0].depth[0, 0].price == 834_525_003 / divisor


def test_the_fields_of_a_full_packet_worked_by_hand(decode: Decoder) -> None:
    words = [290_005, 3, 289_512, 4_000_000_000, 70_000, 80_000, 288_000, 291_000, 287_555, 289_000]
    words += [1_625_461_887, 11, 12, 10, 1_625_461_890]
    words += [value for level in range(10) for value in (100 + level, 290_000 - 5 * level)]
    (row,), damaged = decode(frame([packet(184, RELIANCE, words, range(1, 11))]))
    assert damaged == 0
    assert (row.instrument_token, row.mode, row.last_price, row.last_quantity) == (RELIANCE, MODE_FULL, 2900.05, 3)
    assert (row.average_price, row.volume, row.buy_quantity, row.sell_quantity) == (2895.12, 4_000_000_000, 70_000, 80_000)
    assert (row.open, row.high, row.low, row.close) == (2880.0, 2910.0, 2875.55, 2890.0)
    assert (row.last_trade_time, row.exchange_time) == (1_625_461_887, 1_625_461_890)
    assert (row.oi, row.oi_day_high, row.oi_day_low) == (11, 12, 10)
    assert row.depth["quantity"].tolist() == [[100, 101, 102, 103, 104], [105, 106, 107, 108, 109]]
    assert row.depth["price"][1].tolist() == [2899.75, 2899.7, 2899.65, 2899.6, 2899.55]
    assert row.depth["orders"].tolist() == [[1, 2, 3, 4, 5], [6, 7, 8, 9, 10]]


def test_an_index_tells_high_and_low_before_open(decode: Decoder) -> None:
    (short, whole), _ = decode(
        frame([packet(28, NIFTY, [2_450_000, 2_460_000, 2_440_000, 2_445_000, 2_430_000, 7]), packet(32, NIFTY, [1, 2, 3, 4, 5, 6, 99])])
    )
    assert (short.mode, short.last_price, short.high, short.low, short.open, short.close) == (MODE_INDEX, 24500, 24600, 24400, 24450, 24300)
    assert (short.exchange_time, whole.exchange_time, whole.mode) == (0, 99, MODE_INDEX)


@pytest.mark.parametrize("data", [b"", b"\x00", b"\x00\x00"])
def test_a_heartbeat_and_an_empty_frame_have_no_rows_and_no_damage(decode: Decoder, data: bytes) -> None:
    rows, damaged = decode(data)
    assert (len(rows), damaged, rows.dtype) == (0, 0, TICK)


@pytest.mark.parametrize("length", LENGTHS)
def test_a_frame_cut_anywhere_keeps_whole_packets_and_never_reads_another_kind(decode: Decoder, length: int) -> None:
    first, second = packet(8, RELIANCE, [100]), packet(length, RELIANCE, range(1, 36))
    data = frame([first, second])
    whole, _ = decode(data)
    for size in range(2, len(data)):
        rows, damaged = decode(data[:size])
        expected = int(size >= 12)
        assert (len(rows), damaged) == (expected, 2 - expected), size
        assert rows.tobytes() == whole[:expected].tobytes()


def test_an_unknown_kind_is_passed_over_and_counted(decode: Decoder) -> None:
    strange = [b"", b"\x01", bytes(7), bytes(9), bytes(183), bytes(185), bytes(1000)]
    good = packet(8, RELIANCE, [5])
    rows, damaged = decode(frame([piece for bad in strange for piece in (bad, good)]))
    assert (len(rows), damaged) == (len(strange), len(strange))
    assert set(rows["last_price"]) == {0.05}


def test_a_count_that_promises_too_much_or_too_little_is_damage(decode: Decoder) -> None:
    good = [packet(8, RELIANCE, [5]), packet(44, RELIANCE, [6])]
    assert [(len(rows), damaged) for rows, damaged in [decode(frame(good, 65_535))]] == [(2, 65_533)]
    assert [(len(rows), damaged) for rows, damaged in [decode(frame(good, 1))]] == [(1, 1)]
    assert [(len(rows), damaged) for rows, damaged in [decode(b"\xff\xff")]] == [(0, 65_535)]
    assert [(len(rows), damaged) for rows, damaged in [decode(struct.pack(">HH", 1, 65_535) + bytes(500))]] == [(0, 1)]


@settings(deadline=None, max_examples=250)
@given(data=st.data())
def test_hostile_bytes_never_raise_and_yield_only_packets_that_are_there(decode: Decoder, data: st.DataObject) -> None:
    packets = data.draw(st.lists(PACKET, max_size=3))
    buffer = bytearray(frame(packets) if data.draw(st.booleans()) else data.draw(st.binary(max_size=400)))
    for _ in range(data.draw(st.integers(0, 4))):
        if buffer:
            buffer[data.draw(st.integers(0, len(buffer) - 1))] = data.draw(st.integers(0, 255))
    cut = bytes(buffer[: data.draw(st.integers(0, len(buffer)))] + data.draw(st.binary(max_size=3)))
    rows, damaged = decode(cut)
    # An oracle that does nothing but walk: which packets of a known kind lie wholly inside, and what follows them.
    at, sound = 2, []
    announced = int.from_bytes(cut[:2], "big") if len(cut) >= 2 else 0
    for _ in range(announced):
        if at + 2 > len(cut) or at + 2 + (length := int.from_bytes(cut[at : at + 2], "big")) > len(cut):
            at = len(cut)
            break
        if length in LENGTHS:
            sound.append(cut[at + 2 : at + 2 + length])
        at += 2 + length
    assert damaged == announced - len(sound) + (len(cut) >= 2 and at < len(cut))
    ticks = OFFICIAL._parse_binary(frame(sound))
    assert len(rows) == len(ticks)
    for row, tick in zip(rows, ticks, strict=True):
        assert_like_official(row, tick)


def test_rows_are_the_readers_own_and_fit_for_the_market_data_handler(decode: Decoder) -> None:
    rows, _ = decode(frame([packet(184, RELIANCE, range(1, 36)), b"?"]))
    again, _ = decode(ltp(RELIANCE, 7))
    assert rows.dtype == TICK
    assert rows.flags.writeable
    assert rows.flags.c_contiguous
    rows["last_price"] = -1.0
    assert again["last_price"].tolist() == [0.07]


def test_nothing_is_read_before_a_frame_begins() -> None:
    assert codec.read_u4.py_func(b"\x01\x02\x03\x04", -4) == 0
    assert codec.read_u2.py_func(b"\x01\x02", -2) == 0


def test_it_decodes_from_the_first_frame_on_without_machine_code_and_without_importing_numba() -> None:
    data = ltp(RELIANCE, 290_005)
    program = (
        "import sys; from engine.brokers.zerodha.codec import decode_frame;"
        f"rows = decode_frame({data!r}); assert rows['last_price'].tolist() == [2900.05]; assert 'numba' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)


def test_decode_frame_returns_the_sound_rows_alone() -> None:
    assert decode_frame(frame([packet(8, RELIANCE, [5]), b"?"]))["last_price"].tolist() == [0.05]

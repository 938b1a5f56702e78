"""What a plain-Python strategy reads is the same however many bars come at once, equals TA-Lib, and never tells of bars to come."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import talib

from engine.authored.streams import Streams
from engine.core.bars import resample
from engine.core.errors import InvalidOption, UserError
from engine.core.model import Bar
from engine.core.records import Rows
from tests.engine.walks import MINUTE, market, share

BARS = market(np.random.default_rng(8), 3, 0.2)


def read(bars: Rows, pieces: list[int], declare: Any, look: Any) -> list[Any]:
    """Let bars come in pieces; returns what `look` saw at each of them."""
    streams = Streams(share("RELIANCE"), 60)
    declared, seen = declare(streams), []
    for piece in np.split(bars, pieces):
        streams.prepare(piece)
        for streams.at in range(len(piece)):
            seen.append(look(declared))
    return seen


PIECES = [[], [1, 2, 3, 250, 250, 600], list(range(1, len(BARS)))]


@pytest.mark.parametrize("pieces", PIECES[:2])
@pytest.mark.parametrize(
    ("name", "values", "output", "reference"),
    [
        ("ADX", {"timeperiod": 14}, "value", lambda x: talib.ADX(x["high"], x["low"], x["close"], 14)),
        ("rsi", {"timeperiod": 9.0}, "value", lambda x: talib.RSI(x["close"], 9)),
        ("BBANDS", {"timeperiod": 10, "nbdevup": 1.5}, "lowerband", lambda x: talib.BBANDS(x["close"], 10, 1.5, 2.0)[2]),
        ("MACD", {}, "macdsignal", lambda x: talib.MACD(x["close"])[1]),
        ("OBV", {}, "real", lambda x: talib.OBV(x["close"], x["volume"])),
        ("CDLDOJI", {}, "integer", lambda x: talib.CDLDOJI(x["open"], x["high"], x["low"], x["close"]).astype(float)),
    ],
)
def test_ta_libs_functions_are_those_over_all_bars_so_far(
    name: str, values: dict[str, Any], output: str, reference: Any, pieces: list[int]
) -> None:
    columns = {column: BARS[column].copy() for column in ("open", "high", "low", "close", "volume")}
    made = read(BARS, pieces, lambda streams: streams.talib(name, values, None), lambda stream: getattr(stream, output))
    np.testing.assert_array_equal(made, reference(columns))


@pytest.mark.parametrize("pieces", PIECES)
def test_larger_bars_and_what_is_reckoned_of_them_are_seen_once_they_are_closed(pieces: list[int]) -> None:
    expected = resample(BARS, 900)
    expected = expected[expected["time_ns"] >= BARS["time_ns"][0]]

    def declare(streams: Streams) -> Any:
        higher = streams.higher(900, None)
        return higher, streams.indicator("sma", {"period": 2}, higher), streams.talib("MOM", {"timeperiod": 1}, higher)

    def look(declared: Any) -> tuple[Any, ...]:
        higher, mean, rise = declared
        return len(higher), higher[-1].close if len(higher) else 0.0, mean.value, mean.previous, rise.value

    seen = read(BARS, pieces, declare, look)
    closes, before = expected["close"].tolist(), np.nan
    for bar, (count, close, mean, previous, rise) in zip(BARS, seen, strict=True):
        known = int(np.count_nonzero(expected["time_ns"] + 900 * 10**9 <= bar.time_ns + MINUTE))
        assert count == known
        assert close == (closes[known - 1] if known else 0.0)
        np.testing.assert_equal(mean, (closes[known - 1] + closes[known - 2]) / 2 if known > 1 else np.nan)
        np.testing.assert_equal(rise, closes[known - 1] - closes[known - 2] if known > 1 else np.nan)
        np.testing.assert_equal(previous, before)
        before = mean
    assert seen[-1][0] > 60


@pytest.mark.parametrize("pieces", PIECES)
def test_who_wants_to_be_told_is_told_of_each_larger_bar_by_the_bar_that_closes_it(pieces: list[int]) -> None:
    streams, told = Streams(share("RELIANCE"), 60), []
    streams.higher(1800, lambda bar: None)
    for piece in np.split(BARS, pieces):
        due = streams.prepare(piece)
        told += [(int(piece[at].time_ns), bar) for at, calls in sorted(due.items()) for _, bar in calls]
    ends = BARS["time_ns"] + MINUTE
    assert told
    for closing_ns, bar in told:
        assert isinstance(bar, Bar)
        assert closing_ns + MINUTE == ends[ends >= bar.time_ns + 1800 * 10**9][0]
    whole = resample(BARS, 1800)
    whole = whole[whole["time_ns"] >= BARS["time_ns"][0]]
    assert [bar.time_ns for _, bar in told] == whole["time_ns"][whole["time_ns"] + 1800 * 10**9 <= ends[-1]].tolist()


def test_larger_bars_are_a_sequence_that_ends_with_the_last_closed_one() -> None:
    streams = Streams(share("RELIANCE"), 60)
    higher = streams.higher(300, None)
    assert len(higher) == 0
    streams.prepare(market(np.random.default_rng(1), 1)[:22])
    streams.at = 21
    assert [bar.session_minute for bar in higher] == [0, 5, 10, 15]
    assert [bar.session_minute for bar in higher[-2:]] == [10, 15]
    assert higher[-1].time.isoformat() == "2024-01-01T09:30:00+05:30"
    assert higher[-1].interval_s == 300
    streams.at = 3
    assert len(higher) == 0
    with pytest.raises(IndexError):
        higher[-1]


def test_what_does_not_exist_is_told_with_the_nearest() -> None:
    streams = Streams(share("RELIANCE"), 60)
    bands = streams.indicator("bollinger", {}, None)
    streams.prepare(BARS[:50])
    streams.at = 49
    assert bands.lower <= float(bands) <= bands.upper
    assert set(bands.now()) == {"upper", "value", "lower"}
    with pytest.raises(AttributeError, match='There is no output "uper"; did you mean "upper"'):
        _ = bands.uper
    with pytest.raises(InvalidOption, match='Unknown parameter "period" of TA-Lib\'s ADX'):
        streams.talib("ADX", {"period": 3}, None)
    with pytest.raises(InvalidOption, match="Expected larger bars of a multiple of 1 minutes, was 1; choose"):
        streams.higher(60, None)
    streams.close()
    with pytest.raises(UserError, match="declared in on_start"):
        streams.higher(300, None)

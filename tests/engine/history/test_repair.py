"""Damaged bars are always found and named; once repaired they pass."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.calendar import Calendar
from engine.core.errors import DataError, HistoryMissing, InvalidOption
from engine.core.records import Rows
from engine.history import ImportReport, Repair, parse_repair, read_bars
from engine.history.rules import CHOICES
from engine.instruments import Instruments
from engine.replay_file import read_replay

HEADER = "symbol,date,open,high,low,close,volume"
CALENDAR = Calendar.load()
MINUTE = 60 * 10**9
FIRST_NS = int(datetime(2025, 10, 29, 3, 45, tzinfo=UTC).timestamp()) * 10**9


def bar(minute: int, symbol: str = "TCS", close: float = 101.0, volume: int = 10, day: str = "2025-10-29", zone: str = "") -> str:
    hours, minutes = divmod(555 + minute, 60)
    return f"{symbol},{day} {hours:02}:{minutes:02}:00{zone},100,102,99.5,{close},{volume}"


def write(tmp_path: Path, rows: list[str]) -> Path:
    path = tmp_path / "bars.csv"
    path.write_text("\n".join([HEADER, *rows]) + "\n", encoding="utf-8")
    return path


def read(tmp_path: Path, rows: list[str], words: str = "") -> tuple[dict[str, Rows], ImportReport]:
    report = ImportReport()
    found = read_bars(write(tmp_path, rows), calendar=CALENDAR, report=report, repair=parse_repair(words))
    return found, report


def minutes(rows: Rows) -> list[int]:
    return [int(time - FIRST_NS) // MINUTE for time in rows["time_ns"]]


def test_whole_bars_are_taken_as_they_are(tmp_path: Path) -> None:
    found, report = read(tmp_path, [bar(k, name) for k in range(5) for name in ("TCS", "INFY")], "refuse")
    assert minutes(found["NSE:TCS"]) == minutes(found["NSE:INFY"]) == [0, 1, 2, 3, 4]
    assert (report.repairs, report.notes, report.gaps, report.shifted_ns) == ([], [], 0, 0)


@pytest.mark.parametrize(
    ("rows", "words", "said"),
    [
        ([bar(0), bar(2), bar(1)], "", r"line 4: expected bars of one instrument in order.*order=sort"),
        ([bar(2), bar(1), bar(0)], "", r"line 3: .*later one \(and 1 more\)"),
        ([bar(0), bar(1), bar(1, close=100.5)], "", r"line 4: .*second one that differs from line 3;.*duplicates=last"),
        ([bar(0), bar(1), bar(5)], "gaps=refuse", r"line 3: .*60 s later, were 3 missing after it;.*gaps=fill"),
        ([bar(0), "TCS,2025-10-29 09:16:00,nan,102,99.5,101,5"], "", r"line 3: .*\(NaN\);.*rows=drop"),
        ([bar(0), "TCS,2025-10-29 09:16:00,0,102,0,101,5"], "", r"line 3: expected prices above 0"),
        ([bar(0), "TCS,2025-10-29 09:16:00,-3,102,-3,101,5"], "", r"line 3: expected prices above 0, was -3"),
        ([bar(0), "TCS,2025-10-29 09:16:00,100,99,101,100,5"], "", r"line 3: expected high at or above low"),
        ([bar(k - 330) for k in range(3)], "", r"line 2: .*clock that is off by \+5:30.*hours=shift"),
        ([bar(k, zone="Z") for k in range(375)], "", r"line 47: .*off by -5:30"),
    ],
)  # fmt: skip
def test_damage_is_named_with_its_line_and_the_rule_that_takes_it(tmp_path: Path, rows: list[str], words: str, said: str) -> None:
    with pytest.raises(DataError, match=rf"bars\.csv {said}"):
        read(tmp_path, rows, words)


def test_bars_out_of_order_are_sorted(tmp_path: Path) -> None:
    found, report = read(tmp_path, [bar(2), bar(0, "INFY"), bar(0), bar(1)], "sort")
    assert minutes(found["NSE:TCS"]) == [0, 1, 2]
    assert report.notes == ["2 bars out of order: sort (line 4, 5)"]
    assert report.unordered == 2
    assert report.rules == "order=sort"


@pytest.mark.parametrize(("rule", "closes"), [("first", [101, 100, 101]), ("last", [101, 99.5, 101])])
def test_of_two_bars_of_one_time_the_chosen_one_stays(tmp_path: Path, rule: str, closes: list[float]) -> None:
    rows = [bar(0), bar(1, close=100), bar(1, close=101.5), bar(1, close=99.5), bar(2), bar(2)]
    found, report = read(tmp_path, rows, rule)
    assert found["NSE:TCS"]["close"].tolist() == closes
    assert report.notes == [f"2 two different bars of one time: {rule} (line 4, 5)"]
    assert report.duplicates == 3


def test_equal_bars_of_one_time_are_one_under_any_rule(tmp_path: Path) -> None:
    found, report = read(tmp_path, [bar(0), bar(0), bar(1)])
    assert minutes(found["NSE:TCS"]) == [0, 1]
    assert (report.duplicates, report.repairs) == (1, [])


def test_holes_are_kept_and_told(tmp_path: Path) -> None:
    rows = [bar(0), bar(4), bar(5), bar(374), bar(0, day="2025-10-30"), bar(0, "INFY"), bar(2, "INFY")]
    found, report = read(tmp_path, rows)
    assert minutes(found["NSE:TCS"])[:4] == [0, 4, 5, 374]
    assert (report.gaps, report.missing) == (3, 3 + 368 + 1)
    assert [(gap.key, gap.line, gap.missing) for gap in report.first_gaps] == [("NSE:TCS", 2, 3), ("NSE:TCS", 4, 368), ("NSE:INFY", 7, 1)]
    assert report.notes == ["372 bars missing in 3 holes, kept (first after line 2, NSE:TCS)"]


def test_holes_are_filled_flat_and_without_volume(tmp_path: Path) -> None:
    found, report = read(tmp_path, [bar(0, close=100.5), bar(3, close=99.5), bar(4)], "fill")
    rows = found["NSE:TCS"]
    assert minutes(rows) == rows["session_minute"].tolist() == [0, 1, 2, 3, 4]
    for name in ("open", "high", "low", "close"):
        assert rows[name][1:3].tolist() == [100.5, 100.5]
    assert rows["volume"].tolist() == [10, 0, 0, 10, 10]
    assert report.notes == ["2 missing bars, after the rows named: fill (line 2)"]
    assert asdict(report)["repairs"] == [{"fault": "missing bars, after the rows named", "rule": "fill", "rows": 2, "lines": (2,)}]


def test_a_break_between_two_sessions_is_no_hole(tmp_path: Path) -> None:
    day = "2024-05-18"  # a Saturday: 09:15 to 10:00 and 11:30 to 12:30
    found, report = read(tmp_path, [bar(k, day=day) for k in (42, 43, 44, 135, 137)], "fill")
    assert (report.gaps, report.missing) == (1, 1)
    assert len(found["NSE:TCS"]) == 6


@pytest.mark.parametrize("zone", ["Z", "+01:00", "-05:00", "+08:00"])
def test_another_time_zone_is_put_right(tmp_path: Path, zone: str) -> None:
    rows = [bar(k, day=day, zone=zone) for day in ("2025-10-29", "2025-10-30") for k in range(375)]
    with pytest.raises(DataError, match="hours=shift"):
        read(tmp_path, rows)
    found, report = read(tmp_path, rows, "shift")
    assert minutes(found["NSE:TCS"])[:375] == list(range(375))
    assert report.shifted_ns != 0
    assert report.repairs[0].rows == 750
    kept, _ = read(tmp_path, rows[100:300], "hours=keep")
    assert len(kept["NSE:TCS"]) == 200


def test_bars_before_the_open_are_kept_or_trimmed(tmp_path: Path) -> None:
    rows = [bar(k) for k in range(-1, 30)]
    found, report = read(tmp_path, rows)
    assert (len(found["NSE:TCS"]), report.outside_session) == (31, 1)
    found, report = read(tmp_path, rows, "trim")
    assert minutes(found["NSE:TCS"]) == list(range(30))
    assert report.notes == ["1 bars outside trading hours: trim (line 2)"]


def test_a_market_of_other_hours_is_no_other_time_zone(tmp_path: Path) -> None:
    rows = [bar(k, "MCX:CRUDEOIL25NOVFUT") for k in range(-15, 855)]
    found, report = read(tmp_path, rows)
    assert len(found["MCX:CRUDEOIL25NOVFUT"]) == 870
    assert report.outside_session == 15 + 480


def test_rows_that_cannot_be_true_are_dropped(tmp_path: Path) -> None:
    found, report = read(tmp_path, [bar(0), "TCS,2025-10-29 09:16:00,100,99,101,100,5", bar(2), bar(3), "TCS,soon,1,1,1,1,1"], "drop,fill")
    assert minutes(found["NSE:TCS"]) == [0, 1, 2, 3]
    assert report.notes == ["2 rows that cannot be true: drop (line 3, 6)", "1 missing bars, after the rows named: fill (line 2)"]
    with pytest.raises(HistoryMissing):
        read(tmp_path, [], "drop")


def test_days_have_neither_hours_nor_holes(tmp_path: Path) -> None:
    rows = [f"TCS,2025-10-{day},100,102,99.5,101,10" for day in (30, 27, 27)]
    found, report = read(tmp_path, rows, "refuse,sort,trim")
    assert len(found["NSE:TCS"]) == 2
    assert (report.gaps, report.duplicates) == (0, 1)


def test_without_rules_order_and_repeats_are_only_counted(tmp_path: Path) -> None:
    report = ImportReport()
    found = read_bars(write(tmp_path, [bar(1), bar(0), bar(0, close=100)]), report=report)
    assert found["NSE:TCS"]["close"].tolist() == [100, 101]
    assert (report.unordered, report.duplicates, report.repairs, report.gaps) == (1, 1, [], 0)


def test_a_replay_is_repaired_too(tmp_path: Path) -> None:
    path = write(tmp_path, [bar(1), bar(0)])
    with pytest.raises(DataError, match="order=sort"):
        read_replay(path, None, CALENDAR, Instruments.load_bundled(), repair=Repair())
    ((_, rows),) = read_replay(path, None, CALENDAR, Instruments.load_bundled(), repair=Repair(order="sort")).items()
    assert minutes(rows) == [0, 1]


def test_rules_are_read_as_they_are_written() -> None:
    assert parse_repair("") == parse_repair([]) == Repair()
    assert parse_repair("sort, Last") == parse_repair(["sort", "last"]) == Repair(order="sort", duplicates="last")
    assert parse_repair("keep") == Repair(gaps="keep", hours="keep")
    assert parse_repair("drop,fill,rows=refuse") == Repair(gaps="fill")
    assert parse_repair("refuse") == Repair(gaps="refuse")
    for kind, words in CHOICES.items():
        for word in words:
            assert parse_repair(Repair(**{kind: word}).text) == Repair(**{kind: word})
    with pytest.raises(InvalidOption, match='Unknown repair "sorted"; did you mean "sort"'):
        parse_repair("sorted")
    with pytest.raises(InvalidOption, match='Unknown damage "gap" to repair; did you mean "gaps"'):
        parse_repair("gap=fill")
    with pytest.raises(InvalidOption, match="known are: fill, keep, refuse"):
        parse_repair("gaps=x")


def _swap(rows: list[str], at: int) -> None:
    rows[at], rows[at + 1] = rows[at + 1], rows[at]


def _double(rows: list[str], at: int) -> None:
    rows.insert(at + 1, rows[at].replace(",100,", ",100.5,"))


def _field(number: int, value: str) -> Callable[[list[str], int], None]:
    def damage(rows: list[str], at: int) -> None:
        fields = rows[at].split(",")
        fields[number] = value
        rows[at] = ",".join(fields)

    return damage


DAMAGES: dict[str, Callable[[list[str], int], None]] = {
    "order": _swap,
    "duplicates": _double,
    "gaps": lambda rows, at: rows.__delitem__(at),
    "nan": _field(2, "NaN"),
    "empty": _field(5, ""),
    "zero": _field(4, "0"),
    "negative": _field(5, "-101"),
    "high below low": _field(3, "99"),
    "volume": _field(6, "-1"),
    "time": _field(1, "sometime"),
    "holiday": _field(1, "2025-10-26 09:15:00"),
}


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    kinds=st.lists(st.tuples(st.sampled_from(sorted(DAMAGES)), st.integers(1, 37)), min_size=1, max_size=4, unique_by=lambda kind: kind[1]),
    length=st.integers(40, 60),
)
def test_damaged_bars_are_always_found_and_repaired_ones_pass(tmp_path: Path, kinds: list[tuple[str, int]], length: int) -> None:
    rows = [bar(k, close=100 + k % 7 / 4, volume=k + 1) for k in range(length)]
    for kind, at in sorted(kinds, key=lambda kind: -kind[1]):
        DAMAGES[kind](rows, at)
    with pytest.raises(DataError, match=r"line \d+: "):
        read(tmp_path, rows, "refuse")
    found, report = read(tmp_path, rows, "drop,sort,last,fill")
    assert report.repairs
    assert minutes(found["NSE:TCS"]) == list(range(length))
    times = [np.datetime64(int(time) + 330 * MINUTE, "ns") for time in found["NSE:TCS"]["time_ns"]]
    names = ["open", "high", "low", "close", "volume"]
    mended = [f"TCS,{time}," + ",".join(f"{row[name]:g}" for name in names) for time, row in zip(times, found["NSE:TCS"], strict=True)]
    again, clean = read(tmp_path, mended, "refuse")
    assert np.array_equal(again["NSE:TCS"], found["NSE:TCS"])
    assert clean.repairs == []

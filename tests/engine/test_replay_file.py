"""A file as a market: bars or ticks, each under its instrument."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.calendar import Calendar
from engine.core.errors import UnknownSymbol, UserError
from engine.core.records import BAR, TICK
from engine.history import ImportReport
from engine.instruments import Instruments
from engine.replay_file import read_replay

CALENDAR = Calendar.load()
BARS = "symbol,date,open,high,low,close,volume\n" + "".join(
    f"{symbol},2025-10-29T09:{15 + minute}:00+05:30,100,101,99,100,500\n" for symbol in ("SBIN", "NOVEL") for minute in range(3)
)
TICKS = "symbol,ts,ltp,cum_volume\n" + "".join(f"SBIN,2025-10-29T09:15:0{second}+05:30,100.5,{second}\n" for second in range(3))


def test_bars_and_ticks_come_under_known_instruments_and_new_ones(tmp_path: Path) -> None:
    (tmp_path / "bars.csv").write_text(BARS)
    (tmp_path / "ticks.csv").write_text(TICKS)
    known, report = Instruments.load_bundled(), ImportReport()
    bars = read_replay(tmp_path / "bars.csv", None, CALENDAR, known, report=report)
    assert {instrument.key: (len(rows), rows.dtype) for instrument, rows in bars.items()} == {"NSE:SBIN": (3, BAR), "NSE:NOVEL": (3, BAR)}
    assert known.get("SBIN") in bars
    assert (report.kind, report.interval_s) == ("bars", 60)
    ticks = read_replay(tmp_path / "ticks.csv", ["SBIN"], CALENDAR, known)
    assert [(instrument.key, len(rows), rows.dtype) for instrument, rows in ticks.items()] == [("NSE:SBIN", 3, TICK)]


def test_a_missing_file_and_a_missing_symbol_are_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"none\.csv"):
        read_replay(tmp_path / "none.csv", None, CALENDAR, Instruments())
    (tmp_path / "bars.csv").write_text(BARS)
    with pytest.raises(UnknownSymbol, match="TCS"):
        read_replay(tmp_path / "bars.csv", ["TCS"], CALENDAR, Instruments())

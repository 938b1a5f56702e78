"""Ticks come in as recorded; what a recorder made up stays out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from engine.calendar import Calendar
from engine.core.errors import DataError, UnknownSymbol, UserError
from engine.core.records import MODE_FULL, MODE_LTP, MODE_QUOTE
from engine.history import ImportReport, read_bars, read_ticks

NINE_FIFTEEN = 1_761_709_500


def write(tmp_path: Path, lines: list[str], name: str = "kite_ltp_TCS_2953217_20251029.csv") -> Path:
    path = tmp_path / name
    path.write_text("\n".join(lines) + "\n")
    return path


def test_last_prices_keep_their_order_within_a_second(tmp_path: Path) -> None:
    lines = [
        "timestamp,token,ltp",
        *(f"2025-10-29 09:15:0{s},2953217,{p}" for s, p in (("0.9", 100), ("1.1", 101), ("0.95", 102), ("1.2", 100))),
    ]
    report = ImportReport()
    rows = read_ticks(write(tmp_path, lines), report=report)["NSE:TCS"]
    assert (rows["exchange_time"] - NINE_FIFTEEN).tolist() == [0, 0, 1, 1]
    assert rows["last_price"].tolist() == [100, 102, 101, 100]
    assert rows["instrument_token"].tolist() == [2953217] * 4
    assert set(rows["mode"].tolist()) == {MODE_LTP}
    assert (report.taken, report.unordered, report.kind, report.by_key) == (4, 1, "ticks", {"NSE:TCS": 4})


def test_a_price_that_comes_back_is_no_repeat(tmp_path: Path) -> None:
    report = ImportReport()
    lines = [f"2025-10-29 09:15:00,{price}" for price in (100, 100, 101, 100)]
    rows = read_ticks(write(tmp_path, lines, "TCS.csv"), report=report)["NSE:TCS"]
    assert rows["last_price"].tolist() == [100, 101, 100]
    assert report.duplicates == 1


def test_a_tick_with_the_days_volume_is_told_once(tmp_path: Path) -> None:
    lines = ["time,ltp,volume", *(f"2025-10-29 09:15:00,{price},{volume}" for price, volume in ((100, 5), (101, 7), (100, 5), (100, 9)))]
    rows = read_ticks(write(tmp_path, lines, "TCS.csv"))["NSE:TCS"]
    assert rows["volume"].tolist() == [5, 7, 9]
    assert set(rows["mode"].tolist()) == {MODE_QUOTE}


def test_rises_of_volume_are_summed_from_the_second_row_on(tmp_path: Path) -> None:
    lines = ["time,last_price,volume_delta", *(f"2025-10-29 09:15:0{n},100,{rise}" for n, rise in enumerate((400_000, 75, 150)))]
    assert read_ticks(write(tmp_path, lines, "TCS.csv"))["NSE:TCS"]["volume"].tolist() == [0, 75, 225]


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ("1970-01-01 05:30:00,1,100", "line 3: .* unreadable or before 1990"),
        ("soon,1,100", "line 3: .* unreadable"),
        ("2025-10-29 09:15:01,1,0", "line 3: expected a price above 0, was 0"),
        ("2025-10-29 09:15:01,1,nan", "line 3: expected a price above 0, was nan"),
        ("2022-11-12 09:15:01,1,100", "line 3: expected a trading day, was 2022-11-12"),
        ("2025-10-29 09:15:01,1", "line 3: expected 3 fields, was 2"),
    ],
)
def test_what_no_market_said_is_refused(tmp_path: Path, row: str, why: str) -> None:
    path = write(tmp_path, ["timestamp,token,ltp", "2025-10-29 09:15:00,1,100", row])
    with pytest.raises(DataError, match=why):
        read_ticks(path, calendar=Calendar.load())
    report = ImportReport()
    assert len(read_ticks(path, calendar=Calendar.load(), skip_bad=True, report=report)["NSE:TCS"]) == 1
    assert report.rejected_rows == 1


def test_rows_of_another_day_than_the_files_are_refused(tmp_path: Path) -> None:
    lines = ["symbol,file_date,ts,ltp", "TCS,2025-10-29,2025-10-29 09:15:00,100", "TCS,2025-10-29,2025-10-30 09:15:00,100"]
    with pytest.raises(DataError, match="line 3: expected a tick of the file's day, was one of 2025-10-30"):
        read_ticks(write(tmp_path, lines))


def test_rows_without_a_name_are_of_the_file_that_bears_it(tmp_path: Path) -> None:
    lines = ["time,trading_symbol,last_price", "2025-10-29 09:15:00,,100", "2025-10-29 09:15:01,TCS,101"]
    assert read_ticks(write(tmp_path, lines, "TCS.csv"))["NSE:TCS"]["last_price"].tolist() == [100, 101]
    with pytest.raises(DataError, match="line 2: expected a symbol, was none"):
        read_ticks(write(tmp_path, lines, "INFY.csv"))


def test_names_with_an_exchange_beside_them(tmp_path: Path) -> None:
    lines = ["time,symbol,exchange,ltp", "2025-10-29 09:15:00,TCS,BSE,100", "2025-10-29 09:15:01,TCS,NSE,101", "2025-10-29 09:15:01,,NSE,1"]
    found = read_ticks(write(tmp_path, lines), skip_bad=True)
    assert {key: rows["last_price"].tolist() for key, rows in found.items()} == {"BSE:TCS": [100], "NSE:TCS": [101]}
    with pytest.raises(UnknownSymbol):
        read_ticks(write(tmp_path, lines), ["INFY"])


def test_bars_are_no_ticks(tmp_path: Path) -> None:
    path = write(tmp_path, ["date,open,high,low,close", "2025-10-29,1,1,1,1"], "TCS.csv")
    assert len(read_bars(path)) == 1
    with pytest.raises(UserError, match="Expected the columns"):
        read_ticks(path)


REAL = [
    ("futures_tick_flow_NIFTY25DECFUT_20251229.csv.gz", "NFO:NIFTY25DECFUT", 5_800, MODE_QUOTE),
    ("kite_full_depth5_NIFTY25DECFUT_12683010_20251229.csv.gz", "NFO:NIFTY25DECFUT", 271, MODE_FULL),
    ("kite_ltp_NIFTY25O1425000CE_10924290_20251008.csv.gz", "NFO:NIFTY25O1425000CE", 31_095, MODE_LTP),
    ("kite_ltp_NIFTY25O1425400PE_10932226_20251008.csv.gz", "NFO:NIFTY25O1425400PE", 19_817, MODE_LTP),
    ("kite_ltp_NIFTY50_256265_20251008.csv.gz", "NSE:NIFTY 50", 40_841, MODE_LTP),
    ("nse_chart_NIFTY50_1s_2022-08-29.csv.gz", "NSE:NIFTY 50", 23_597, MODE_LTP),
    ("nse_chart_NIFTY50_1s_2022-08-30.csv.gz", "NSE:NIFTY 50", 23_449, MODE_LTP),
    ("nse_chart_NIFTY50_1s_2022-11-10.csv.gz", "NSE:NIFTY 50", 23_608, MODE_LTP),
]


@pytest.mark.parametrize(("name", "key", "taken", "mode"), REAL)
def test_real_recordings_are_taken_whole(shared_data: Path, name: str, key: str, taken: int, mode: int) -> None:
    report = ImportReport()
    (rows,) = [
        rows for found, rows in read_ticks(shared_data / "ticks" / name, calendar=Calendar.load(), report=report).items() if found == key
    ]
    assert report.rejected_rows == 0
    assert abs(len(rows) - taken) < 50
    assert rows["mode"][0] == mode
    assert np.all(np.diff(rows["exchange_time"]) >= 0)


def test_real_depth_is_read_level_by_level(shared_data: Path) -> None:
    path = shared_data / "ticks/kite_full_depth5_NIFTY25DECFUT_12683010_20251229.csv.gz"
    tick = read_ticks(path)["NFO:NIFTY25DECFUT"][0]
    assert tick["depth"]["price"][0].tolist() == [25975.6, 25975.4, 25975.2, 25975.1, 25975.0]
    assert tick["depth"]["quantity"][1].tolist() == [75, 75, 450, 75, 75]
    assert tick["depth"]["orders"][0].tolist() == [1, 4, 7, 15, 23]
    assert (tick["last_price"], tick["volume"], tick["oi"], tick["instrument_token"]) == (25978.5, 3332925, 11148150, 12683010)
    assert (tick["open"], tick["high"], tick["low"], tick["close"]) == (26080.0, 26100.2, 25972.4, 26060.2)


def test_a_stale_replay_under_a_saturdays_date_is_refused(shared_data: Path) -> None:
    path = shared_data / "ticks/nse_chart_NIFTY50_1s_2022-11-12.csv.gz"
    for skip_bad in (False, True):
        with pytest.raises(DataError, match="expected a trading day, was 2022-11-12"):
            read_ticks(path, calendar=Calendar.load(), skip_bad=skip_bad)


def test_a_dirty_day_is_cleaned_and_every_refusal_counted(shared_data: Path) -> None:
    path = shared_data / "ticks/nse_ticks_asrecorded_20210430_dirty_day.parquet"
    with pytest.raises(DataError, match="more rows"):
        read_ticks(path, calendar=Calendar.load())
    report = ImportReport()
    found = read_ticks(path, skip_bad=True, calendar=Calendar.load(), report=report)
    assert len(found) == 12
    assert report.taken + report.rejected_rows + report.duplicates == 376_245
    assert {why.partition(",")[0] for _, why in report.rejected} <= {
        "expected a date and time",
        "expected a trading day",
        "expected a tick of the file's day",
    }
    for rows in found.values():
        days = np.unique((rows["exchange_time"] + 19_800) // 86_400)
        assert len(days) == 1


@pytest.mark.parametrize(
    "name",
    [
        "depth200_summary_NIFTY25DECFUT_20251229_1410_1450.csv.gz",
        "option_chain_NIFTY_20250829_snapshots.parquet",
        "l2_binance_spot_btcusdt_20240808.gz",
    ],
)
def test_what_has_no_last_prices_is_refused_in_one_line(shared_data: Path, name: str) -> None:
    with pytest.raises(UserError, match=r"^Expected .*") as caught:
        read_ticks(shared_data / "ticks" / name)
    assert "\n" not in str(caught.value)

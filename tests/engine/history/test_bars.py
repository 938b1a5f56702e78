"""Bars come in as the world writes them, and nothing comes in that cannot be true."""

from __future__ import annotations

import gzip
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from engine.calendar import Calendar
from engine.core.bars import resample
from engine.core.errors import DataError, HistoryMissing, TradingError, UnknownSymbol, UserError
from engine.history import ImportReport, read_bars

HEADER = "date,open,high,low,close,volume"
FIRST_NS = int(datetime(2025, 10, 29, 3, 45, tzinfo=UTC).timestamp()) * 10**9
MINUTE = 60 * 10**9


def write(tmp_path: Path, lines: list[str], name: str = "RELIANCE_1min.csv") -> Path:
    path = tmp_path / name
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def good(minute: int = 15, close: float = 101.0) -> str:
    return f"2025-10-29 09:{minute}:00+05:30,100,102,99.5,{close},1000"


KITE = [HEADER, good(15), good(16, 101.5), good(17, 100.5)]


@pytest.mark.parametrize(
    "lines",
    [
        [HEADER, "2025-10-29T09:15:00+05:30,100,102,99.5,101,1000"],
        [HEADER, "2025-10-29 09:15:00,100,102,99.5,101,1000"],
        [HEADER, "2025-10-29 03:45:00Z,100,102,99.5,101,1000"],
        [HEADER, "2025-10-29 03:45:00+00,100,102,99.5,101,1000"],
        [HEADER, "2025-10-29 09:15,100,102,99.5,101,1000"],
        [HEADER, "29-10-2025 09:15,100,102,99.5,101,1000"],
        [HEADER, "29/10/2025 09:15:00,100,102,99.5,101,1000"],
        [HEADER, "29-Oct-2025 09:15:00,100,102,99.5,101,1000"],
        [HEADER, "20251029 09:15:00,100,102,99.5,101,1000"],
        [HEADER, "1761709500,100,102,99.5,101,1000"],
        [HEADER, "1761709500000,100,102,99.5,101,1000"],
        ["Date,Time,Open,High,Low,Close,Volume", "2025-10-29,09:15:00,100,102,99.5,101,1000"],
        ["Date, Open ,High,Low,Close,Volume", '2025-10-29 09:15, 100 ,102,99.5,"101","1,000"'],
        ["2025-10-29 09:15:00,100,102,99.5,101,1000"],
        [
            "symbol,exchange,datetime,open,high,low,close,volume,turnover,open_interest",
            "RELIANCE,NSE,2025-10-29 09:15:00,100,102,99.5,101,1000,0,0",
        ],
        ["datetime,open_price,high_price,low_price,close_price,volume,vt_symbol", "2025-10-29 09:15:00,100,102,99.5,101,1000,RELIANCE.NSE"],
        [f"symbol,{HEADER}", "RELIANCE-EQ,2025-10-29 09:15:00,100,102,99.5,101,1000"],
        [f"symbol,{HEADER}", "NSE:RELIANCE,2025-10-29 09:15:00,100,102,99.5,101,1000"],
    ],
)
def test_one_bar_however_it_is_written(tmp_path: Path, lines: list[str]) -> None:
    (rows,) = [bars for key, bars in read_bars(write(tmp_path, lines)).items() if key == "NSE:RELIANCE"]
    assert rows["time_ns"].tolist() == [FIRST_NS]
    assert rows["session_minute"].tolist() == [0]
    assert [rows[name][0] for name in ("open", "high", "low", "close", "volume", "oi")] == [100, 102, 99.5, 101, 1000, 0]


def test_bars_come_in_order_and_once(tmp_path: Path) -> None:
    report = ImportReport()
    path = write(tmp_path, [HEADER, good(17), good(15), good(16), good(16, 101.5), good(15)])
    rows = read_bars(path, report=report)["NSE:RELIANCE"]
    assert [(int(t - FIRST_NS) // MINUTE, c) for t, c in zip(rows["time_ns"], rows["close"], strict=True)] == [
        (0, 101),
        (1, 101.5),
        (2, 101),
    ]
    assert (report.taken, report.duplicates, report.unordered, report.interval_s) == (3, 2, 2, 60)
    assert report.by_key == {"NSE:RELIANCE": 3}


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ("2025-10-29 09:16:00+05:30,100,99,101,100,10", "line 3: expected high at or above low, was high 99 and low 101"),
        ("2025-10-29 09:16:00+05:30,100,102,99,nan,10", r"line 3: .*not a number \(NaN\)"),
        ("2025-10-29 09:16:00+05:30,100,102,99,,10", r"line 3: .*not a number"),
        ("2025-10-29 09:16:00+05:30,100,inf,99,100,10", r"line 3: .*not a number"),
        ("2025-10-29 09:16:00+05:30,abc,102,99,100,10", r"line 3: .*not a number"),
        ("2025-10-29 09:16:00+05:30,100,102,0,100,10", "line 3: expected prices above 0, was 0"),
        ("2025-10-29 09:16:00+05:30,100,102,-5,100,10", "line 3: expected prices above 0, was -5"),
        ("2025-10-29 09:16:00+05:30,100,102,99,100,-1", "line 3: expected a volume of 0 or more, was -1"),
        ("yesterday,100,102,99,100,10", "line 3: expected a date and time"),
        ("2025-13-29 09:16:00+05:30,100,102,99,100,10", "line 3: expected a date and time"),
        ("1970-01-01 05:30:00+05:30,100,102,99,100,10", "line 3: expected a date and time"),
        ("2025-10-29 09:16:00+05:30,100,102", "line 3: expected 6 fields, was 3"),
        ("2025-10-29 09:16:00+05:30,100,102,99,100,10,7", "line 3: expected 6 fields, was 7"),
    ],
)
def test_a_row_that_cannot_be_true_is_refused_with_its_line(tmp_path: Path, row: str, why: str) -> None:
    path = write(tmp_path, [HEADER, good(15), row, good(17)])
    with pytest.raises(DataError, match=why) as caught:
        read_bars(path)
    assert "\n" not in str(caught.value)
    report = ImportReport()
    assert len(read_bars(path, skip_bad=True, report=report)["NSE:RELIANCE"]) == 2
    assert report.rejected_rows == 1
    assert report.rejected[0].line == 3


def test_the_first_bad_row_is_named_and_the_others_counted(tmp_path: Path) -> None:
    bad = "2025-10-29 09:16:00+05:30,100,99,101,100,10"
    with pytest.raises(DataError, match=r"RELIANCE_1min.csv line 4: .*\(and 2 more rows\); mend the file"):
        read_bars(write(tmp_path, [HEADER, good(15), "", bad, "1,2", good(17), bad]), skip_bad=False)


def test_a_symbol_that_is_missing_in_a_row_is_refused(tmp_path: Path) -> None:
    lines = [f"symbol,{HEADER}", f"TCS,{good(15)}", f",{good(16)}"]
    with pytest.raises(DataError, match="line 3: expected a symbol, was none"):
        read_bars(write(tmp_path, lines))


def test_what_is_only_odd_is_counted_and_refused_only_when_strict(tmp_path: Path) -> None:
    odd = "2025-10-29 09:16:00+05:30,100,102,99.5,102.05,10"
    off = "2025-10-29 09:17:00+05:30,100.03,102,99.5,101,10"
    path = write(tmp_path, [HEADER, good(15), odd, off])
    report = ImportReport()
    assert len(read_bars(path, report=report, tick_size=lambda key: 0.05)["NSE:RELIANCE"]) == 3
    assert (report.outside_range, report.off_grid, report.rejected_rows) == (1, 1, 0)
    assert "1 off the tick grid" in report.summary
    with pytest.raises(DataError, match=r"line 3: expected open 100 and close 102.05 within 99.5 to 102 \(and 1 more"):
        read_bars(path, strict=True, tick_size=lambda key: 0.05)
    report = ImportReport()
    read_bars(path, report=report)
    assert report.off_grid == 0, "without a grid only what is no whole paisa is off it"


def test_a_day_without_trading_is_refused_by_the_calendar(tmp_path: Path) -> None:
    path = write(tmp_path, [HEADER, "2022-11-12 09:15:00,100,102,99.5,101,1000"])
    assert len(read_bars(path)["NSE:RELIANCE"]) == 1
    with pytest.raises(DataError, match="expected a trading day, was 2022-11-12"):
        read_bars(path, calendar=Calendar.load())


def test_session_minutes_count_from_the_days_own_open(tmp_path: Path) -> None:
    path = write(tmp_path, [HEADER, "2024-11-01 18:05:00,100,102,99.5,101,1", "2024-11-04 09:07:00,100,102,99.5,101,1"])
    report = ImportReport()
    rows = read_bars(path, calendar=Calendar.load(), report=report)["NSE:RELIANCE"]
    assert rows["session_minute"].tolist() == [5, -8]
    assert report.outside_session == 1


def test_a_days_bar_is_stamped_with_the_open(tmp_path: Path) -> None:
    report = ImportReport()
    path = write(tmp_path, [HEADER, "2025-10-29T00:00:00+05:30,100,102,99.5,101,1", "2025-10-30T00:00:00+05:30,100,102,99.5,101,1"])
    rows = read_bars(path, report=report)["NSE:RELIANCE"]
    assert rows["time_ns"].tolist() == [FIRST_NS, FIRST_NS + 86_400 * 10**9]
    assert rows["session_minute"].tolist() == [0, 0]
    assert report.interval_s == 86_400


def test_an_interval_may_be_told(tmp_path: Path) -> None:
    report = ImportReport()
    read_bars(write(tmp_path, [HEADER, good(15)]), report=report)
    assert report.interval_s == 60
    read_bars(write(tmp_path, [HEADER, good(15)]), report=report, interval_s=300)
    assert report.interval_s == 300


def test_symbols_are_chosen_by_name_or_key(tmp_path: Path) -> None:
    lines = [f"symbol,{HEADER}", *(f"{name},{good(15)}" for name in ("TCS", "INFY", "NIFTY25DECFUT"))]
    path = write(tmp_path, lines)
    assert list(read_bars(path)) == ["NFO:NIFTY25DECFUT", "NSE:INFY", "NSE:TCS"]
    assert list(read_bars(path, ["tcs", "NSE:INFY"])) == ["NSE:INFY", "NSE:TCS"]
    with pytest.raises(UnknownSymbol, match=r'Unknown symbol "TCZ".*did you mean "TCS"'):
        read_bars(path, ["TCZ"])


def test_a_bad_row_of_a_symbol_nobody_asked_for_is_no_matter(tmp_path: Path) -> None:
    lines = [f"symbol,{HEADER}", f"TCS,{good(15)}", "INFY,2025-10-29 09:15:00,1,1,2,1,1"]
    assert list(read_bars(write(tmp_path, lines), ["TCS"])) == ["NSE:TCS"]


@pytest.mark.parametrize(
    ("name", "symbol"),
    [
        ("RELIANCE_1min_60days.csv", "NSE:RELIANCE"),
        ("M&M.csv", "NSE:M&M"),
        ("BAJAJ-AUTO_daily_2000days.csv", "NSE:BAJAJ-AUTO"),
        ("nse_chart_NIFTY50_2022-08-29.csv", "NSE:NIFTY 50"),
        ("NIFTY25DECFUT_12683010_20251229.csv", "NFO:NIFTY25DECFUT"),
    ],
)
def test_a_file_of_one_instrument_tells_it_by_its_name(tmp_path: Path, name: str, symbol: str) -> None:
    assert list(read_bars(write(tmp_path, KITE, name))) == [symbol]


def test_the_symbol_of_a_nameless_file_may_be_given(tmp_path: Path) -> None:
    path = write(tmp_path, KITE, "1min.csv")
    assert list(read_bars(path, ["TCS"])) == ["NSE:TCS"]
    with pytest.raises(UserError, match="Expected a symbol in the name or in a column"):
        read_bars(path)


def test_packed_files_are_unpacked(tmp_path: Path) -> None:
    plain = write(tmp_path, KITE)
    want = read_bars(plain)["NSE:RELIANCE"].tolist()
    packed = tmp_path / "RELIANCE.csv.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    zipped = tmp_path / "RELIANCE.zip"
    with zipfile.ZipFile(zipped, "w") as archive:
        archive.write(plain, "any.csv")
    for path in (packed, zipped):
        assert read_bars(path)["NSE:RELIANCE"].tolist() == want
    with zipfile.ZipFile(zipped, "a") as archive:
        archive.write(plain, "another.csv")
    with pytest.raises(UserError, match=r"Expected one file of prices in .*, was 2"):
        read_bars(zipped)


def test_leans_day_is_that_of_the_archive_not_of_the_file_inside(tmp_path: Path) -> None:
    path = tmp_path / "equity_yesbank_20190709_trade.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("20190710_yesbank_minute_trade.csv", "33300000,1,1,1,1,1\n")
        archive.writestr(
            "20190709_yesbank_minute_trade.csv", "33300000,950000,950000,939000,948500,1730100\n33360000,946500,948500,941000,941000,1\n"
        )
    rows = read_bars(path)["NSE:YESBANK"]
    assert datetime.fromtimestamp(rows["time_ns"][0] / 1e9, UTC) == datetime(2019, 7, 9, 3, 45, tzinfo=UTC)
    assert rows[["open", "high", "low", "close", "volume"]][0].tolist() == (95.0, 95.0, 93.9, 94.85, 1730100.0)
    index = path.rename(tmp_path / "index_yesbank_20190709_trade.zip")
    assert read_bars(index)["NSE:YESBANK"]["open"][0] == 950000
    with pytest.raises(UserError, match="Expected equity or index"):
        read_bars(index.rename(tmp_path / "yesbank_20190709_trade.zip"))


def test_leans_own_folders_tell_symbol_and_kind(tmp_path: Path) -> None:
    folder = tmp_path / "equity/india/minute/yesbank"
    folder.mkdir(parents=True)
    with zipfile.ZipFile(folder / "20190709_trade.zip", "w") as archive:
        archive.writestr("20190709_yesbank_minute_trade.csv", "33300000,950000,950000,939000,948500,1730100\n")
    assert read_bars(folder / "20190709_trade.zip")["NSE:YESBANK"]["close"].tolist() == [94.85]


def test_a_bhavcopy_gives_shares_and_leaves_bonds_out(tmp_path: Path) -> None:
    head = "SYMBOL, SERIES, DATE1, PREV_CLOSE, OPEN_PRICE, HIGH_PRICE, LOW_PRICE, LAST_PRICE, CLOSE_PRICE, AVG_PRICE, TTL_TRD_QNTY"
    lines = [
        head,
        "TCS, EQ, 29-Oct-2025, 99, 100, 102, 99.5, 100, 101, 100, 1000",
        "GOI, GS, 29-Oct-2025, 99, 100, 102, 99.5, 100, 101, 100, 1",
    ]
    report = ImportReport()
    bars = read_bars(write(tmp_path, lines, "sec_bhavdata_full.csv"), report=report)
    assert list(bars) == ["NSE:TCS"]
    assert bars["NSE:TCS"]["close"].tolist() == [101]
    assert (report.untraded, report.interval_s) == (1, 86_400)


def test_the_derivatives_bhavcopy_names_contracts_as_the_broker_does(tmp_path: Path) -> None:
    head = "INSTRUMENT,SYMBOL    ,EXP_DATE  ,STR_PRICE  ,OPT_TYPE,OPEN_PRICE ,HI_PRICE   ,LO_PRICE   ,CLOSE_PRICE,OPEN_INT*      ,TRD_QTY"
    lines = [
        head,
        "OPTIDX    ,NIFTY     ,18/11/2025,00025000.00,CE      ,00000010.00,00000012.00,00000009.00,00000011.00,000000000074795,   75",
        "OPTIDX    ,NIFTY     ,25/11/2025,00025000.50,PE      ,00000010.00,00000012.00,00000009.00,00000011.00,000000000074795,   75",
        "OPTIDX    ,NIFTY     ,25/11/2025,00026000.00,PE      ,00000000.00,00000000.00,00000000.00,00000011.00,000000000000000,    0",
        "* - OPEN_INT as at the end of the day",
    ]
    report = ImportReport()
    bars = read_bars(write(tmp_path, lines, "fo_pr_op14112025.csv"), report=report)
    assert list(bars) == ["NFO:NIFTY25N1825000CE", "NFO:NIFTY25NOV25000.5PE"]
    assert (report.untraded, report.rejected_rows) == (1, 0)
    assert bars["NFO:NIFTY25N1825000CE"][["close", "volume", "oi"]][0].tolist() == (11, 75, 74795)
    with pytest.raises(UserError, match="Expected the day as DDMMYYYY"):
        read_bars(write(tmp_path, lines, "fo.csv"))


def parquet(path: Path, **columns: Any) -> Path:
    pq.write_table(pa.table(columns), path)
    return path


def test_parquet_of_any_time_type_is_read(tmp_path: Path) -> None:
    prices = {"open": [100.0], "high": [102], "low": pa.array(["99.5"]), "close": [101.0], "volume": [1000]}
    naive = pa.array([datetime(2025, 10, 29, 9, 15)], pa.timestamp("ms"))  # noqa: DTZ001  # as many write it
    india = pa.array([FIRST_NS // 10**6], pa.timestamp("ms", "Asia/Kolkata"))
    for ts in (naive, india, pa.array(["2025-10-29 09:15:00"]).dictionary_encode(), pa.array([FIRST_NS])):
        rows = read_bars(parquet(tmp_path / "x.parquet", symbol=pa.array(["TCS"]).dictionary_encode(), ts=ts, **prices))["NSE:TCS"]
        assert rows["time_ns"].tolist() == [FIRST_NS]
        assert rows["low"].tolist() == [99.5]


def test_rows_of_a_parquet_file_are_counted_from_one(tmp_path: Path) -> None:
    columns = {"ts": [FIRST_NS, FIRST_NS + MINUTE], "open": [1.0, None], "high": [1.0, 1.0], "low": [1.0, 1.0], "close": [1.0, 1.0]}
    with pytest.raises(DataError, match=r"line 2: .*\(NaN\)"):
        read_bars(parquet(tmp_path / "TCS.parquet", **columns))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the file is empty"),
        (b"\x89PNG\r\n\x1a\n" + bytes(50), "Expected CSV or Parquet in .*, was neither"),
        (b"just a text\nwithout columns\n", "Expected columns separated by commas"),
        (b"PAR1" + bytes(40), "Expected a whole Parquet file"),
        (gzip.compress(b"date,open\n" * 90, mtime=0)[:-9], "Expected a whole archive"),
        (b"a,b,c\n1,2,3\n", "Expected the columns date, open, high, low, close and volume .* was a, b, c"),
        (b"open,high,low,close\n1,1,1,1\n", "Expected a column date or time"),
        (b"1,2,3,4\n5,6,7,8\n", "Expected a first line with the columns' names"),
        (b"trade_id,order_execution_time,symbol\n1,2,3\n", "was a tradebook"),
        (b"timestamp,token,ltp\n2025-10-08 10:08:40,1,235.8\n", "was ticks"),
        (b"date,open,high,low,close\n", "was none that can be taken"),
    ],
)
def test_a_file_that_holds_no_bars_says_what_was_expected(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "RELIANCE.csv"
    path.write_bytes(content)
    with pytest.raises((UserError, DataError, HistoryMissing), match=message) as caught:
        read_bars(path)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300


def test_a_missing_file_and_a_folder_are_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"Expected a file of prices at .*nowhere.csv, but: No such file"):
        read_bars(tmp_path / "nowhere.csv")
    with pytest.raises(UserError, match="Expected a file of prices at"):
        read_bars(tmp_path)


def test_progress_is_told(tmp_path: Path) -> None:
    told: list[tuple[int, int, str]] = []
    read_bars(write(tmp_path, KITE), progress=lambda *step: told.append(step))
    assert told[0][2] == "reading"
    assert told[-1][:2] == (3, 3)


REAL = [
    ("bars_1min/nfo_banknifty_options_202312_202401.parquet", 36_000, 4, 60),
    ("bars_1min/nse_eq_20240422_20250228.parquet", 724_860, 9, 60),
    ("bars_1min/nse_eq_from_ticks_20210326_20210521.parquet", 117_282, 10, 60),
    ("bars_1min/nse_idx_20210101_20220630.parquet", 279_073, 2, 60),
    ("bars_1min/nse_idx_20240101_20240630.parquet", 88_504, 2, 60),
    ("bars_multi_interval/RELIANCE_1min_60days.csv.gz", 15_372, 1, 60),
    ("bars_multi_interval/RELIANCE_15min_200days.csv.gz", 3_404, 1, 900),
    ("bars_multi_interval/RELIANCE_30min_60days.csv.gz", 533, 1, 1800),
    ("bars_multi_interval/RELIANCE_60min_60days.csv.gz", 287, 1, 3600),
    ("bars_multi_interval/RELIANCE_daily_2000days.csv.gz", 1_361, 1, 86_400),
    ("daily/nse_daily_20sym_20190823_20260821.parquet", 33_995, 20, 86_400),
    ("daily/sec_bhavdata_full_EQ_2024-11-01.csv.gz", 1_912, 1_912, 86_400),
    ("daily/FOVOLT_14112025.csv.gz", 2_934, 2_934, 86_400),
    ("daily/fo_pr_fo14112025.csv.gz", 632, 632, 86_400),
    ("daily/fo_pr_op14112025.csv.gz", 15_130, 15_130, 86_400),
    ("lean_india_sample/equity_yesbank_20190709_trade.zip", 377, 1, 60),
    ("lean_india_sample/equity_juniorbees_20190104_trade.zip", 177, 1, 60),
    ("lean_india_sample/index_nifty50_20190101_trade.zip", 378, 1, 60),
]


@pytest.mark.parametrize(("name", "taken", "instruments", "interval_s"), REAL)
def test_real_files_are_taken_whole(shared_data: Path, name: str, taken: int, instruments: int, interval_s: int) -> None:
    report = ImportReport()
    bars = read_bars(shared_data / name, calendar=Calendar.load(), report=report)
    assert (report.taken, len(bars), report.interval_s) == (taken, instruments, interval_s), report.summary
    assert report.rejected_rows == 0
    for rows in bars.values():
        assert np.all(np.diff(rows["time_ns"]) > 0)
        assert np.all(rows["high"] >= rows["low"])


@pytest.mark.parametrize("name", ["fo_pr_futidx14112025", "fo_pr_futstk14112025", "fo_pr_optidx14112025"])
def test_summaries_without_prices_are_refused(shared_data: Path, name: str) -> None:
    with pytest.raises(TradingError, match="Expected columns"):
        read_bars(shared_data / f"daily/{name}.csv.gz")


@pytest.mark.parametrize("name", ["15min_200days", "30min_60days", "60min_60days"])
def test_minutes_make_the_vendors_larger_bars(shared_data: Path, name: str) -> None:
    folder = shared_data / "bars_multi_interval"
    report = ImportReport()
    vendor = read_bars(folder / f"RELIANCE_{name}.csv.gz", report=report, calendar=Calendar.load())["NSE:RELIANCE"]
    minutes = read_bars(folder / "RELIANCE_1min_60days.csv.gz", calendar=Calendar.load())["NSE:RELIANCE"]
    made = resample(minutes, report.interval_s)
    made = made[np.isin(made["time_ns"], vendor["time_ns"])]
    assert len(made) > 200
    assert made.tolist() == vendor[np.isin(vendor["time_ns"], made["time_ns"])].tolist()


def test_leans_index_day_is_the_day_on_which_it_opened_there(shared_data: Path) -> None:
    rows = read_bars(shared_data / "lean_india_sample/index_nifty50_20190101_trade.zip")["NSE:NIFTY 50"]
    first = rows[rows["session_minute"] == 0][0]
    assert datetime.fromtimestamp(first["time_ns"] / 1e9, UTC) == datetime(2019, 1, 1, 3, 45, tzinfo=UTC)
    assert first["open"] == 10879.95

"""A file goes into the archive whole or not at all."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from engine.calendar import Calendar
from engine.core.errors import DataError, UserError
from engine.history import History, import_file
from engine.instruments import Instruments

GOOD = [
    "symbol,date,open,high,low,close,volume",
    "TCS,2025-10-29 09:15:00,100,102,99.5,101,10",
    "INFY,2025-10-29 09:15:00,100,102,99.5,101,10",
]
BAD = "TCS,2025-10-29 09:16:00,100,99,101,100,10"


def write(tmp_path: Path, lines: list[str], name: str = "prices.csv") -> Path:
    path = tmp_path / name
    path.write_text("\n".join(lines) + "\n")
    return path


def test_bars_are_added_by_instrument_and_interval(tmp_path: Path) -> None:
    history = History(tmp_path / "archive")
    told: list[tuple[int, int, str]] = []
    report = import_file(write(tmp_path, GOOD), history, progress=lambda *step: told.append(step))
    assert history.stored() == [("NSE:INFY", 60), ("NSE:TCS", 60)]
    assert history.bars("NSE:TCS", 60)["close"].tolist() == [101]
    assert report.summary == "prices.csv: 2 bars of 2 instruments taken"
    assert told[0][2] == "reading"
    assert told[-1] == (2, 2, "writing")


def test_the_same_file_twice_is_kept_once(tmp_path: Path) -> None:
    history = History(tmp_path / "archive")
    for _ in range(2):
        import_file(write(tmp_path, GOOD), history, ["TCS"], interval_s=300)
    assert history.stored() == [("NSE:TCS", 300)]
    assert len(history.bars("NSE:TCS", 300)) == 1


def test_nothing_is_written_when_a_row_cannot_be_true(tmp_path: Path) -> None:
    history = History(tmp_path / "archive")
    with pytest.raises(DataError, match="line 4: expected high at or above low"):
        import_file(write(tmp_path, [*GOOD, BAD]), history)
    assert not (tmp_path / "archive").exists()
    report = import_file(write(tmp_path, [*GOOD, BAD]), history, skip_bad=True)
    assert "1 refused (line 4: expected high at or above low, was high 99 and low 101)" in report.summary
    assert len(history.stored()) == 2


def test_strict_refuses_prices_off_the_catalogues_grid(tmp_path: Path) -> None:
    known = Instruments.load_bundled()
    history = History(tmp_path / "archive")
    path = write(tmp_path, ["date,open,high,low,close", "2025-10-29 09:15:00,100.05,102,99.5,101"], "TCS.csv")

    def tick_size(key: str) -> float:
        return float(known.adopt(key).tick_size)

    with pytest.raises(DataError, match="line 2: expected prices on the tick grid"):
        import_file(path, history, strict=True, tick_size=tick_size)
    assert import_file(path, history, tick_size=tick_size).off_grid == 1


def test_ticks_are_added_by_day(tmp_path: Path) -> None:
    history = History(tmp_path / "archive")
    report = import_file(
        write(tmp_path, ["2025-10-29 09:15:00,100", "2025-10-30 09:15:00,101"], "TCS.csv"), history, calendar=Calendar.load()
    )
    assert report.summary == "TCS.csv: 2 ticks of 1 instruments taken"
    assert history.tick_days("NSE:TCS") == [date(2025, 10, 29), date(2025, 10, 30)]
    assert history.ticks("NSE:TCS", date(2025, 10, 30))["last_price"].tolist() == [101]


def test_leans_minutes_are_bars(tmp_path: Path) -> None:
    history = History(tmp_path / "archive")
    import_file(write(tmp_path, ["33300000,950000,950000,939000,948500,17"], "equity_yesbank_20190709_trade.csv"), history)
    assert history.bars("NSE:YESBANK", 60)["close"].tolist() == [94.85]


@pytest.mark.parametrize("name", ["tradebook-XX0001-EQ_2026.csv", "tradebook-XX0003-FO_202506.csv", "synthetic_demo_tradebook-EQ.csv"])
def test_a_tradebook_is_recognised_and_left_alone(shared_data: Path, tmp_path: Path, name: str) -> None:
    with pytest.raises(UserError, match="was a tradebook"):
        import_file(shared_data / "tradebook" / name, History(tmp_path / "archive"))
    assert not (tmp_path / "archive").exists()

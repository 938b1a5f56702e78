"""The day's instrument list: fetched once, kept, replaced the next morning, and never a reason to stand without any."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from engine.brokers.zerodha.dump import KEPT, Dump, list_day
from engine.clock import ManualClock
from engine.core.errors import ConnectionLost, UserError
from engine.instruments import Instruments

DAY = date(2026, 11, 23)
CSV = (
    "instrument_token,exchange_token,tradingsymbol,name,last_price,expiry,strike,tick_size,lot_size,instrument_type,segment,exchange\n"
    '408065,1594,INFY,"INFOSYS, LTD",0,,0,0.1,1,EQ,NSE,NSE\n'
    "9000962,35160,NIFTY26DEC24500CE,NIFTY,0,2026-12-29,24500,0.05,65,CE,NFO-OPT,NFO\n"
    "115200012,450001,GOLD26DECFUT,GOLD,0,2026-12-29,0,1,1,FUT,NCO-FUT,NCO\n"
)


def at(day: int, hour: int, minute: int = 0) -> int:
    return int(datetime(2026, 11, day, hour, minute, tzinfo=UTC).timestamp() - 19_800) * 1_000_000_000


class Rest:
    """Answers with a list, or with what was put in its place."""

    def __init__(self) -> None:
        self.answer: Any = CSV.encode()
        self.asked = 0

    async def read(self, *what: Any) -> Any:
        self.asked += 1
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def load(loop_run: Any, folder: Path | None, rest: Rest, now_ns: int = at(23, 10)) -> Instruments:
    made: Instruments = loop_run(Dump(folder, rest, ManualClock(now_ns)).load())  # type: ignore[arg-type]
    return made


@pytest.mark.parametrize(("now_ns", "day"), [(at(23, 8, 29), date(2026, 11, 22)), (at(23, 8, 30), DAY), (at(24, 0), DAY)])
def test_a_list_is_of_the_morning_it_came_out(now_ns: int, day: date) -> None:
    assert list_day(now_ns) == day


def test_the_list_is_fetched_once_a_day(loop_run: Any, tmp_path: Path) -> None:
    rest = Rest()
    for now_ns, asked in ((at(23, 10), 1), (at(23, 18), 1), (at(24, 8), 1), (at(24, 9), 2)):
        found = load(loop_run, tmp_path, rest, now_ns)
        assert rest.asked == asked
        assert {i.key for i in found} == {"NSE:INFY", "NFO:NIFTY26DEC24500CE"}
    infy, option = found.get("NSE:INFY"), found.get("NFO:NIFTY26DEC24500CE")
    assert (infy.name, str(infy.tick_size), infy.lot_size) == ("INFOSYS, LTD", "0.1", 1)
    assert (option.lot_size, option.expiry, option.freeze_quantity > 0) == (65, date(2026, 12, 29), True)


def test_only_the_last_lists_stay(loop_run: Any, tmp_path: Path) -> None:
    for day in range(10, 20):
        load(loop_run, tmp_path, Rest(), at(day, 10))
    assert len(list((tmp_path / "instruments").iterdir())) == KEPT


def test_without_a_list_the_last_one_serves(loop_run: Any, tmp_path: Path) -> None:
    rest = Rest()
    load(loop_run, tmp_path, rest)
    rest.answer = ConnectionLost("no network")
    assert "NSE:INFY" in load(loop_run, tmp_path, rest, at(24, 10))
    with pytest.raises(ConnectionLost):
        load(loop_run, tmp_path / "other", rest)


def test_a_damaged_list_is_fetched_again(loop_run: Any, tmp_path: Path) -> None:
    rest = Rest()
    load(loop_run, tmp_path, rest)
    (file,) = (tmp_path / "instruments").iterdir()
    file.write_bytes(b"PAR1 not")
    assert "NSE:INFY" in load(loop_run, tmp_path, rest)
    assert rest.asked == 2


def test_nothing_is_kept_without_a_folder(loop_run: Any) -> None:
    rest = Rest()
    load(loop_run, None, rest)
    load(loop_run, None, rest)
    assert rest.asked == 2


@pytest.mark.parametrize("text", ["", "a,b\n1,2\n", CSV + '"open'])
def test_what_is_no_list_is_said_to_be_none(loop_run: Any, tmp_path: Path, text: str) -> None:
    rest = Rest()
    rest.answer = text.encode()
    with pytest.raises(UserError, match="the broker's instrument list"):
        load(loop_run, tmp_path, rest)
    assert not (tmp_path / "instruments").exists()


def test_a_real_list_is_the_same_from_the_disk(loop_run: Any, tmp_path: Path, shared_data: Path) -> None:
    import gzip

    rest = Rest()
    rest.answer = gzip.decompress((shared_data / "instruments" / "kite_instruments_202608_NSE_NFO_BFO.csv.gz").read_bytes())
    first, again = load(loop_run, tmp_path, rest), load(loop_run, tmp_path, rest)
    assert rest.asked == 1
    assert len(first) == 49_926
    assert list(first) == list(again)

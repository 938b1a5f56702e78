"""What the risk rules are told of the market and the account: hours, lists, spread, margin, who holds what."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from engine.brokers.base import Funds
from engine.calendar import Calendar
from engine.clock import ManualClock
from engine.core.errors import UserError
from engine.core.model import EXTERNAL, Exchange, Instrument, InstrumentKind, Product
from engine.instruments import Instruments
from engine.position_tracker import PositionTracker
from engine.restricted import Restricted
from engine.session_desk import SessionDesk
from engine.view import QuoteBoard
from tests.engine.fakes import RELIANCE, TCS, a_fill

SMALL = Instrument(Exchange.NSE, "SMALLCO", 9)
FUTURE = Instrument(Exchange.NFO, "NIFTY26DECFUT", 7, name="NIFTY", kind=InstrumentKind.FUTURE, lot_size=75, expiry=date(2026, 12, 29))
CALL = replace(FUTURE, symbol="NIFTY26DEC24000CE", kind=InstrumentKind.CALL)


def ist_ns(text: str) -> int:
    """Return the time of an Indian clock, such as 2026-11-23 09:15:04."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1e9) - 19_800 * 10**9


class Bench:
    def __init__(self, now: str = "2026-11-23 10:00:00", *, has_calendar: bool = True) -> None:
        self.clock, self.board, self.positions = ManualClock(ist_ns(now)), QuoteBoard(), PositionTracker(10**9)
        self.desk = SessionDesk(self.positions, self.board, self.clock, Calendar.load() if has_calendar else None, is_live=True)


@pytest.mark.parametrize(
    ("instrument", "now", "is_time"),
    [
        (SMALL, "2026-11-23 09:15:04.999", False),
        (SMALL, "2026-11-23 09:15:05", True),
        (SMALL, "2026-11-23 14:59:59", True),
        (SMALL, "2026-11-23 15:00:00", False),
        (RELIANCE, "2026-11-23 14:59:59", True),  # closes by auction from 15:15
        (RELIANCE, "2026-11-23 15:00:00", False),
        (FUTURE, "2026-11-23 14:59:59", True),  # trades until 15:40
        (FUTURE, "2026-11-23 15:00:00", False),
        (FUTURE, "2025-11-24 15:00:00", False),
        (replace(FUTURE, exchange=Exchange.CDS), "2026-11-23 16:29:59", True),
        (replace(FUTURE, exchange=Exchange.CDS), "2026-11-23 16:30:00", False),
        (replace(FUTURE, exchange=Exchange.MCX), "2026-11-23 23:24:59", True),  # winter: until 23:55
        (replace(FUTURE, exchange=Exchange.MCX), "2026-11-23 23:25:00", False),
        (SMALL, "2026-11-22 10:00:00", False),  # a Sunday
    ],
)
def test_entries_are_taken_from_shortly_after_the_open_until_well_before_the_close(instrument: Instrument, now: str, is_time: bool) -> None:
    bench = Bench(now)
    assert (bench.desk.entry_hours(instrument) == "") is is_time


def test_the_hours_are_told() -> None:
    bench = Bench("2026-11-23 09:15:00")
    assert bench.desk.entry_hours(SMALL) == "from 09:15:05 to 15:00"
    bench.clock.advance(24 * 3600)
    assert bench.desk.entry_hours(SMALL) == "on a trading day", "the next day, a holiday, has hours of its own"
    assert Bench("2026-11-22 10:00:00").desk.entry_hours(SMALL) == "on a trading day"
    assert Bench(has_calendar=False).desk.entry_hours(SMALL) == ""


def test_what_is_not_on_todays_list_does_not_trade() -> None:
    bench = Bench()
    assert bench.desk.not_listed(RELIANCE) == "", "nobody knows the list"
    bench.desk.catalogue = Instruments([RELIANCE, replace(TCS, token=1), FUTURE])
    assert bench.desk.not_listed(RELIANCE) == ""
    assert bench.desk.not_listed(replace(RELIANCE, name="Reliance")) == ""
    assert bench.desk.not_listed(TCS) == "its token means something else today"
    assert bench.desk.not_listed(SMALL) == "it is not on today's list"


@pytest.mark.parametrize(("now", "says"), [("2026-12-29 15:00:00", ""), ("2026-12-30 09:20:00", "it expired on 29 Dec 2026")])
def test_a_contract_trades_on_the_day_it_expires_and_not_the_day_after(now: str, says: str) -> None:
    assert Bench(now).desk.not_listed(FUTURE) == says


def test_the_spread_is_known_where_there_are_bid_and_offer() -> None:
    bench = Bench()
    assert math.isnan(bench.desk.spread_pct(RELIANCE.key))
    slot = bench.board.add(RELIANCE)
    assert math.isnan(bench.desk.spread_pct(RELIANCE.key))
    bench.board.bid[slot] = 95.0
    assert math.isnan(bench.desk.spread_pct(RELIANCE.key)), "nobody offers"
    bench.board.ask[slot] = 105.0
    assert bench.desk.spread_pct(RELIANCE.key) == pytest.approx(10.0)


def test_the_close_of_the_day_before_is_read_off_the_board() -> None:
    bench = Bench()
    assert bench.desk.day_close(RELIANCE.key) == 0.0
    bench.board.close[bench.board.add(RELIANCE)] = 1_400.0
    assert bench.desk.day_close(RELIANCE.key) == 1_400.0


@pytest.mark.parametrize(("funds", "pct"), [(None, math.nan), (Funds(0), math.nan), (Funds(30, used_units=70), 70.0), (Funds(10), 0.0)])
def test_the_margin_in_use_is_what_the_broker_tells(funds: Funds | None, pct: float) -> None:
    bench = Bench()
    bench.desk.funds = funds
    assert bench.desk.margin_pct == pytest.approx(pct, nan_ok=True)


def test_who_holds_the_other_side() -> None:
    bench = Bench()
    bench.positions.on_fill(a_fill(1, 5, 100.0, owner="ema"))
    bench.positions.on_fill(a_fill(-1, 3, 100.0, owner=EXTERNAL))
    key = RELIANCE.key
    assert bench.desk.opposed_by(key, Product.MIS, "hand", -1) == "ema with +5"
    assert bench.desk.opposed_by(key, Product.MIS, "hand", 1) == "", "what came from outside is cleared up elsewhere"
    assert bench.desk.opposed_by(key, Product.MIS, "ema", -1) == ""
    assert bench.desk.opposed_by(key, Product.NRML, "hand", -1) == ""
    assert bench.desk.opposed_by(TCS.key, Product.MIS, "hand", -1) == ""


def test_options_of_one_kind_and_underlying_are_listed_net() -> None:
    bench = Bench()
    put = replace(CALL, symbol="NIFTY26DEC24000PE", kind=InstrumentKind.PUT)
    bank = replace(CALL, symbol="BANKNIFTY26DEC52000CE", name="BANKNIFTY")
    for option, side, quantity, owner in ((CALL, 1, 75, "a"), (CALL, -1, 25, "b"), (put, 1, 75, "a"), (bank, 1, 75, "a")):
        bench.positions.on_fill(a_fill(side, quantity, 10.0, instrument=option, owner=owner))
    assert bench.desk.options_like(replace(CALL, symbol="NIFTY26DEC25000CE")) == [(CALL, 50)]


def test_a_list_names_shares_and_what_is_written_on_them(tmp_path: Path) -> None:
    path = tmp_path / "restricted.csv"
    path.write_text("symbol,list,action\nNIFTY,ban of the day,forbid\nnse:smallco,GSM,warn\n")
    bench = Bench()
    assert bench.desk.restricted(FUTURE) == ("", "")
    bench.desk.lists = lists = Restricted.load(path)
    assert len(lists) == 2
    assert bench.desk.restricted(FUTURE) == ("ban of the day", "")
    assert bench.desk.restricted(SMALL) == ("", "SMALLCO is on the list GSM; trade it with open eyes.")
    assert bench.desk.restricted(RELIANCE) == ("", "")


def test_without_a_file_nothing_is_restricted(tmp_path: Path) -> None:
    assert len(Restricted.load(tmp_path / "none.csv")) == 0


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "Expected the columns symbol, list, action in .*, was nothing"),
        ("symbol,action\nX,forbid\n", "was symbol, action"),
        ("symbol,list,action\nX,ban,block\n", "Expected symbol, list and forbid or warn in line 2 of .*, was 'X,ban,block'"),
        ("symbol,list,action\nX,ban,warn\nY,,warn\n", "line 3"),
        ("symbol,list,action\nX\n", "was 'X'"),
    ],
)
def test_a_list_that_makes_no_sense_is_refused_with_its_line(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "restricted.csv"
    path.write_text(text)
    with pytest.raises(UserError, match=says):
        Restricted.load(path)


def test_a_list_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="Expected a list of restricted symbols at"):
        Restricted.load(tmp_path)

"""A tradebook becomes fills with the charges of the day's notes, once, and its bad rows are named."""

from __future__ import annotations

import gzip
from collections import defaultdict
from datetime import date
from pathlib import Path

import pytest

from engine.core.errors import DataError, HistoryMissing, UserError
from engine.core.model import Exchange, InstrumentKind, Product, Purpose, Side, to_units
from engine.instruments import Instruments
from engine.realised import realised
from engine.store import Store
from engine.tariffs import Tariff
from engine.tradebook import Tradebook, account_of, is_tradebook, keep, read_tradebook
from tests.engine.tradebooks import row, write

TARIFF = Tariff.load()


def read(path: Path, *, skip_bad: bool = False) -> Tradebook:
    return read_tradebook(path, Instruments.load_bundled(), TARIFF, skip_bad=skip_bad)


def test_trades_become_fills(tmp_path: Path) -> None:
    book = read(write(tmp_path, row(2, "sell", time="11:00:00"), row(1), row(1)))
    first, second = book.fills
    assert (book.account, book.repeated, book.isins) == ("tradebook AB1234", 1, {"SBIN": "INE062A01020"})
    assert (first.side, first.price_units, first.owner, first.product) == (Side.BUY, to_units("100.10"), "external", Product.CNC)
    assert (first.purpose, second.purpose) == (Purpose.ENTRY, Purpose.EXIT)
    assert second.time_ns - first.time_ns == 3_600 * 10**9


def test_fills_of_an_order_carry_its_charges_to_the_paisa(tmp_path: Path) -> None:
    rows = [row(n, order="A", quantity=str(n)) for n in (1, 2, 3)] + [row(9, "sell", "4", order="B"), row(10, "sell", day="2025-06-03")]
    book = read(write(tmp_path, *rows))
    assert sorted(book.notes) == [date(2025, 6, 2), date(2025, 6, 3)]
    by_order: dict[str, int] = defaultdict(int)
    for fill in book.fills:
        by_order[fill.order_id] += fill.charges_units
        assert fill.charges_units % 100 == 0
    billed = {order: charges.total for note in book.notes.values() for order, charges in note.orders.items()}
    assert by_order == billed
    assert book.charges.stt % 10_000 == 0


def test_futures_and_options_go_to_their_own_exchange(tmp_path: Path) -> None:
    option = {"symbol": "NIFTY2560524750PE", "isin": "", "place": "NSE,FO"}
    book = read(write(tmp_path, row(1, "sell", "75", "326.8", **option), row(2, "buy", "150", "341.05", **option)))
    assert [fill.instrument.exchange for fill in book.fills] == [Exchange.NFO] * 2
    assert book.fills[0].instrument.kind is InstrumentKind.PUT
    assert [fill.purpose for fill in book.fills] == [Purpose.ENTRY, Purpose.REVERSAL]
    assert [fill.product for fill in book.fills] == [Product.NRML] * 2
    assert book.charges.brokerage == to_units(40)
    currency = read(write(tmp_path, row(1, symbol="USDINR25JUNFUT", isin="", place="NSE,CDS", price="85.3475")))
    assert currency.fills[0].price_units == to_units("85.3475")


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        (row(2, symbol=""), "expected a symbol"),
        (row(2, place="XSE,EQ"), "expected a known exchange and segment, was XSE EQ"),
        (row(2, "hold"), "expected buy or sell, was 'hold'"),
        (row(2, quantity="1.5"), "expected a whole quantity above 0, was '1.5'"),
        (row(2, quantity="-1"), "expected a whole quantity above 0"),
        (row(2, price="much"), "expected a price above 0, was 'much'"),
        (row(2, price="nan"), "expected a price above 0"),
        (row(2, time="noon"), "expected a date and time, was '2025-06-02Tnoon'"),
        (row(2).replace(",2,O2,", ",,O2,"), "expected a trade id and an order id"),
        (row(1, quantity="11"), "another one of the same order and trade id"),
        ("SBIN,NSE,buy", "fields"),
    ],
)
def test_a_row_that_cannot_be_a_trade_is_named_with_its_line(tmp_path: Path, bad: str, why: str) -> None:
    path = write(tmp_path, row(1), bad, row(3))
    with pytest.raises(DataError, match=rf"tradebook-AB1234-EQ\.csv line 3: .*{why}"):
        read(path)
    book = read(path, skip_bad=True)
    assert [fill.trade_id for fill in book.fills] == ["1", "3"]
    assert [rejected.line for rejected in book.rejected] == [3]


def test_files_without_trades_are_refused(tmp_path: Path) -> None:
    with pytest.raises(HistoryMissing, match="was none that can be taken"):
        read(write(tmp_path, row(1, "hold")), skip_bad=True)
    with pytest.raises(DataError, match="and 1 more rows"):
        read(write(tmp_path, row(1, "hold"), row(2, "hold")))
    path = tmp_path / "prices.csv"
    path.write_text("date,open,high,low,close\n2025-06-02,1,1,1,1\n")
    with pytest.raises(UserError, match="was none called symbol, exchange"):
        read(path)


def test_a_tradebook_is_told_by_its_first_line(tmp_path: Path) -> None:
    path = write(tmp_path, row(1))
    zipped = tmp_path / "tradebook.csv.gz"
    zipped.write_bytes(gzip.compress(path.read_bytes()))
    prices, damaged = tmp_path / "prices.csv", tmp_path / "x.gz"
    prices.write_text("date,open\n")
    damaged.write_bytes(b"\x1f\x8bxx")
    assert is_tradebook(path)
    assert is_tradebook(zipped)
    assert not any(map(is_tradebook, (prices, damaged, tmp_path / "none.csv", tmp_path)))
    assert read(zipped).fills
    assert account_of(Path("trades of may.csv")) == "tradebook trades of may"


def test_importing_twice_changes_nothing(tmp_path: Path) -> None:
    longer = read(write(tmp_path, row(1), row(2, "sell", time="11:00:00"), row(3, day="2025-06-04")))
    shorter = read(write(tmp_path, row(1), row(2, "sell", time="11:00:00")))
    added = []
    for book in (shorter, shorter, longer, longer):
        store = Store.open(tmp_path / "shikra.db")
        try:
            added.append(keep(store, book))
        finally:
            store.close()
    store = Store.open(tmp_path / "shikra.db")
    try:
        kept = store.fills("tradebook AB1234")
    finally:
        store.close()
    assert added == [2, 0, 1, 0]
    assert kept == longer.fills


def test_profit_is_first_in_first_out_and_within_the_day_first(tmp_path: Path) -> None:
    rows = [
        row(1, "buy", "10", "100", day="2025-06-02"),
        row(2, "buy", "10", "110", day="2025-06-03"),
        row(3, "sell", "5", "130", day="2025-06-04", time="09:20:00"),
        row(4, "buy", "5", "120", day="2025-06-04", time="09:30:00"),
        row(5, "sell", "12", "140", day="2025-06-05"),
        row(6, "sell", "11", "150", day="2025-06-06"),
    ]
    result = realised(read(write(tmp_path, *rows)).fills)["SBIN"]
    assert result.closed == 25
    assert result.buy_units == to_units(5 * 120 + 10 * 100 + 2 * 110 + 8 * 110)
    assert result.sell_units == to_units(5 * 130 + 12 * 140 + 8 * 150)
    assert (result.open_quantity, result.earlier, result.earlier_units) == (0, 3, to_units(450))


def test_derivatives_may_be_sold_before_they_are_bought(tmp_path: Path) -> None:
    option = {"symbol": "NIFTY2560524750PE", "isin": "", "place": "NSE,FO"}
    rows = [row(1, "sell", "75", "300", **option), row(2, "buy", "25", "310", day="2025-06-03", **option)]
    result = realised(read(write(tmp_path, *rows)).fills)["NIFTY2560524750PE"]
    assert (result.closed, result.pnl_units, result.earlier) == (25, to_units(-250), 0)
    assert (result.open_quantity, result.open_units) == (-50, to_units(-15_000))


@pytest.mark.parametrize(
    ("name", "trades"),
    [
        ("tradebook-XX0001-EQ_2026.csv", 17),
        ("tradebook-XX0002-EQ_FY2024-25.csv", 378),
        ("tradebook-XX0003-FO_202506.csv", 6),
        ("tradebook-XX0004-EQ_20251229_20260204.csv", 261),
        ("synthetic_demo_tradebook-EQ.csv", 134),
    ],
)
def test_real_tradebooks_are_taken_whole(shared_data: Path, name: str, trades: int) -> None:
    book = read(shared_data / "tradebook" / name)
    assert (len(book.fills), book.rejected, book.repeated) == (trades, [], 0)

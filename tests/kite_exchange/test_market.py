"""The market moves as it was told to: seeded, stepped, or along a file; and what the history says is what was printed."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pytest

from tests.kite_exchange.clock import SECOND
from tests.kite_exchange.errors import KiteError
from tests.kite_exchange.exchange import Exchange
from tests.kite_exchange.options import Options
from tests.kite_exchange.packets import FULL, INDEX_FULL, LTP, QUOTE, Packer


def stepped(**options: Any) -> Exchange:
    """Make an exchange whose clock stands still."""
    return Exchange(Options(scale=0.0, **options))


def advance(exchange: Exchange, seconds: float) -> None:
    target = exchange.clock.now_ns + int(seconds * SECOND)
    while exchange.clock.run_next(target):
        pass
    exchange.clock.skip(target - exchange.clock.now_ns)


def test_a_walk_is_the_same_for_the_same_seed_and_stays_in_its_band() -> None:
    boards = []
    for seed in (5, 5, 6):
        exchange = stepped(market="walk", ticks_per_second=5, seed=seed, waves=2)
        advance(exchange, 60)
        boards.append(exchange.board)
        board = exchange.board
        assert ((board.last >= board.lower) & (board.last <= board.upper)).all()
        assert (board.last % board.tick == 0).all()
        assert (board.volume[~board.is_index] > 0).all()
    assert (boards[0].last == boards[1].last).all()
    assert (boards[0].last != boards[2].last).any()


def test_each_instrument_moves_as_often_as_asked() -> None:
    exchange = stepped(market="walk", ticks_per_second=5, waves=4)
    moved = np.zeros(len(exchange.board.token), np.int64)
    exchange.on_ticks = lambda rows: np.add.at(moved, rows, 1)
    advance(exchange, 10)
    assert set(moved.tolist()) <= {49, 50}


def bars_file(folder: Path, rows: list[tuple[str, str, float, float, float, float, int]]) -> str:
    path = folder / "bars.csv"
    with path.open("w", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(["symbol", "ts", "open", "high", "low", "close", "volume"])
        writer.writerows(rows)
    return str(path)


BARS = [
    ("INFY", "2025-01-06 09:15:00", 1900.0, 1905.5, 1899.0, 1904.0, 1003),
    ("NEWCO", "2025-01-06 09:15:00", 55.05, 55.05, 54.5, 54.6, 10),
    ("INFY", "2025-01-06 09:16:00", 1904.0, 1904.0, 1890.0, 1891.0, 2001),
    ("INFY", "2025-01-06 09:17:00", 1891.0, 1893.0, 1891.0, 1893.0, 0),
]


def test_a_replay_prints_exactly_the_bars_of_the_file(tmp_path: Path) -> None:
    exchange = stepped(market="replay", replay=bars_file(tmp_path, BARS))
    assert exchange.clock.stamp() == "2025-01-06 09:14:59"
    infy = exchange.listing("INFY")
    assert exchange.board.last[infy.row] == 1900_0000
    ticks: list[int] = []
    exchange.on_ticks = lambda rows: ticks.extend(rows.tolist())
    advance(exchange, 61)
    assert exchange.board.last[infy.row] == 1904_0000
    assert exchange.board.volume[infy.row] == 1003 + 500
    advance(exchange, 120)
    assert ticks.count(infy.row) == 12
    candles = exchange.history.recorder.bars(infy.row, exchange.clock.now_ns - 300 * SECOND, exchange.clock.now_ns)
    assert [(*(price / 10_000 for price in bar[1:5]), bar[5]) for bar in candles] == [bar[2:] for bar in BARS if bar[0] == "INFY"]
    assert exchange.listing("NSE:NEWCO").kind == "EQ"


def test_a_day_of_real_bars_comes_out_as_it_went_in(shared_data: Path, tmp_path: Path) -> None:
    frame = pandas.read_parquet(shared_data / "bars_1min" / "nse_eq_from_ticks_20210326_20210521.parquet")
    frame = frame[frame["ts"].dt.strftime("%Y-%m-%d") == "2021-05-20"]
    assert len(frame) > 3000
    frame.to_parquet(tmp_path / "day.parquet")
    exchange = stepped(market="replay", replay=str(tmp_path / "day.parquet"))
    advance(exchange, 7 * 3600)
    for symbol, bars in frame.groupby("symbol"):
        row = exchange.listing(f"NSE:{symbol}").row
        printed = exchange.history.recorder.bars(row, 0, exchange.clock.now_ns)
        assert [[price / 10_000 for price in bar[1:5]] for bar in printed] == bars[["open", "high", "low", "close"]].to_numpy().tolist()
        if symbol not in ("NIFTY 50", "NIFTY BANK"):
            assert [bar[5] for bar in printed] == bars["volume"].astype(int).tolist()


def test_a_replay_that_begins_in_the_middle_remembers_what_came_before(tmp_path: Path) -> None:
    exchange = stepped(market="replay", replay=bars_file(tmp_path, BARS), now="2025-01-06 09:16:00")
    infy = exchange.listing("INFY")
    assert exchange.board.last[infy.row] == 1904_0000
    assert len(exchange.history.recorder.bars(infy.row, 0, exchange.clock.now_ns)) == 2


def test_a_replay_of_ticks_takes_its_volume_from_the_days_total(tmp_path: Path) -> None:
    path = tmp_path / "ticks.csv"
    rows = (
        "symbol,ts,ltp,cum_volume",
        "INFY,2025-01-06 09:15:00,1900,100",
        "INFY,2025-01-06 09:15:00,1900.5,150",
        "INFY,2025-01-06 09:15:03,1901,175",
    )
    path.write_text("\n".join(rows))
    exchange = stepped(market="replay", replay=str(path))
    prices: list[int] = []
    exchange.on_ticks = lambda rows: prices.append(int(exchange.board.last[rows[0]]))
    advance(exchange, 10)
    assert prices == [1900_0000, 1900_5000, 1901_0000], "two trades in one second both come"
    assert exchange.board.volume[exchange.listing("INFY").row] == 75


def test_a_file_of_neither_bars_nor_ticks_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "no.csv"
    path.write_text("symbol,ts,colour\nINFY,2025-01-06 09:15:00,red\n")
    with pytest.raises(ValueError, match="expected open, high, low, close or price"):
        stepped(market="replay", replay=str(path))


def test_stepping_in_parts_comes_to_the_same_as_in_one() -> None:
    one, many = (stepped(market="walk", ticks_per_second=3) for _ in range(2))
    advance(one, 30)
    for _ in range(100):
        advance(many, 0.3)
    assert (one.board.last == many.board.last).all()
    assert one.clock.now_ns == many.clock.now_ns


def test_a_night_carries_positions_delivers_shares_and_squares_off() -> None:
    exchange = stepped()
    form = {"exchange": "NSE", "tradingsymbol": "INFY", "transaction_type": "BUY", "order_type": "LIMIT", "price": "1500.1"}
    for product in ("MIS", "CNC"):
        exchange.intake.place("regular", {**form, "product": product, "quantity": "10"})
    future = next(one for one in exchange.catalogue.listings if one.exchange == "NFO" and one.kind == "FUT")
    short = {"exchange": "NFO", "tradingsymbol": future.symbol, "transaction_type": "SELL", "order_type": "LIMIT", "product": "NRML"}
    exchange.intake.place("regular", {**short, "quantity": "65", "price": str(future.price / 10_000)})
    exchange.set_price("INFY", "1520")
    advance(exchange, 24 * 3600)
    assert {key[1:]: one.overnight for key, one in exchange.account.positions.items()} == {(future.symbol, "NRML"): -65}
    assert exchange.account.holdings["NSE:INFY"].t1 == 10
    assert exchange.desk.orders == {}
    # 10 shares paid for, and the MIS squared off at the bid: bought at 1500.1, sold at 1520
    assert exchange.account.cash["equity"] == 1_000_000_0000 - 15001_0000 + 199_0000
    assert int(exchange.board.close[exchange.listing("INFY").row]) == 1520_0000


def test_a_market_with_hours_opens_and_closes() -> None:
    exchange = stepped(hours=True, now="2026-11-23 08:00:00", market="walk", ticks_per_second=0.05)
    form = {"exchange": "NSE", "tradingsymbol": "INFY", "transaction_type": "BUY", "order_type": "LIMIT", "product": "MIS", "quantity": "1"}
    with pytest.raises(KiteError, match="Markets are closed"):
        exchange.intake.place("regular", {**form, "price": "1500"})
    waiting = exchange.intake.place("amo", {**form, "price": "1350"})["order_id"]
    advance(exchange, 74 * 60)
    assert (exchange.desk.orders[waiting].status, exchange.board.volume[exchange.listing("INFY").row]) == ("AMO REQ RECEIVED", 0)
    advance(exchange, 120)
    assert exchange.desk.orders[waiting].status == "OPEN"
    assert exchange.board.volume[exchange.listing("INFY").row] > 0
    advance(exchange, 375 * 60)
    assert exchange.desk.orders[waiting].status == "CANCELLED"
    assert [exchange.days.is_open(name) for name in ("NSE", "NFO", "MCX")] == [False, True, True]
    before = int(exchange.board.volume[exchange.listing("INFY").row])
    advance(exchange, 20 * 3600)
    assert exchange.clock.stamp() == "2026-11-24 11:31:00"
    assert not exchange.days.is_open("MCX"), "a holiday"
    assert before > 0
    assert exchange.board.volume[exchange.listing("INFY").row] == 0


@pytest.mark.parametrize("mode", ["ltp", "quote", "full"])
def test_a_frame_holds_at_most_so_many_packets_and_all_of_them(mode: str) -> None:
    exchange = stepped(instruments=1200)
    packer = Packer(exchange.board)
    frames = packer.frames(np.arange(1200), mode, 500)
    sizes = {"ltp": (8, 8), "quote": (28, 44), "full": (32, 184)}[mode]
    counts = [int.from_bytes(frame[:2], "big") for frame in frames]
    assert (counts, [len(frame) for frame in frames]) == (
        [4, 500, 500, 196],
        [2 + count * (2 + size) for count, size in zip(counts, (sizes[0], *[sizes[1]] * 3), strict=True)],
    )
    kind = {"ltp": LTP, "quote": QUOTE, "full": FULL}[mode]
    packets = np.frombuffer(frames[1][2:], kind)
    assert packets["token"].tolist() == exchange.board.token[~exchange.board.is_index][:500].tolist()
    assert (packets["last"][0], INDEX_FULL.itemsize) == (1400_00, 34)

"""Round trips of fills: the ledger's own arithmetic, excursions read off the bars, and what was still open at the end."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core.ledger import TradeBuilder
from engine.core.model import UNITS, Exchange, Fill, Instrument, Product, Purpose, Side
from engine.core.records import BAR, ENTRY, EXIT, FILL, REASONS, REVERSAL, STOP, TARGET, Rows
from engine.core.trades import STILL_OPEN, make_trades

ONE = np.ones(1, dtype=np.int64)
MINUTE = 60_000_000_000
Given = tuple[int, int, float, float, int]
"""Minute, signed quantity, price and charges in rupees, reason."""


def fills_of(*given: Given, instrument: int = 0) -> Rows:
    rows: Rows = np.zeros(len(given), FILL)
    for row, (minute, quantity, price, charges, reason) in zip(rows, given, strict=True):
        row["time_ns"], row["instrument"], row["quantity"] = minute * MINUTE, instrument, quantity
        row["price"], row["charges"], row["reason"] = round(price * UNITS), round(charges * UNITS), reason
    return rows


def bars_of(*prices: tuple[float, float, float, float], instrument: int = 0) -> Rows:
    rows: Rows = np.zeros(len(prices), BAR)
    rows["time_ns"] = np.arange(len(prices)) * MINUTE
    rows["instrument"] = instrument
    for name, column in zip(("open", "high", "low", "close"), zip(*prices, strict=True), strict=True):
        rows[name] = column
    return rows


NO_BARS = np.zeros(0, BAR)


def test_a_round_trip_keeps_prices_gain_and_charges_to_the_unit() -> None:
    trades, left = make_trades(fills_of((1, 10, 100, 1.5, ENTRY), (4, -10, 103, 2.5, TARGET)), NO_BARS, ONE)
    (trade,) = trades
    assert (trade.entry_ns, trade.exit_ns, trade.instrument, trade.quantity) == (MINUTE, 4 * MINUTE, 0, 10)
    assert (trade.entry_price, trade.exit_price, trade.value) == (100 * UNITS, 103 * UNITS, 1000 * UNITS)
    assert (trade.gross, trade.charges, trade.net, trade.reason) == (30 * UNITS, 4 * UNITS, 26 * UNITS, TARGET)
    assert len(left) == 0


def test_a_reversal_ends_one_and_begins_the_next_and_shares_its_charges() -> None:
    made = fills_of((1, 10, 100, 1, ENTRY), (2, -30, 104, 3, REVERSAL), (5, 20, 101, 1, EXIT))
    first, second = make_trades(made, NO_BARS, ONE)[0]
    assert (first.quantity, first.gross, first.charges, first.reason) == (10, 40 * UNITS, 2 * UNITS, REVERSAL)
    assert (second.quantity, second.entry_ns, second.gross, second.charges) == (-20, 2 * MINUTE, 60 * UNITS, 3 * UNITS)


def test_averaging_and_partial_closes_are_one_round_trip_at_average_prices() -> None:
    made = fills_of((1, 10, 100, 0, ENTRY), (2, 30, 104, 0, ENTRY), (3, -15, 110, 0, EXIT), (4, -25, 90, 0, STOP))
    (trade,) = make_trades(made, NO_BARS, ONE)[0]
    assert (trade.quantity, trade.entry_price, trade.exit_price) == (40, 103 * UNITS, 97_5000)
    assert (trade.gross, trade.reason) == ((15 * 110 + 25 * 90 - 4120) * UNITS, STOP)


def test_a_multiplier_counts_in_the_money_and_not_in_the_price() -> None:
    made = fills_of((1, 2, 100, 0, ENTRY), (2, -2, 101, 0, EXIT))
    (trade,) = make_trades(made, NO_BARS, np.array([50]))[0]
    assert (trade.entry_price, trade.value, trade.gross) == (100 * UNITS, 10_000 * UNITS, 100 * UNITS)


QUIET = (100.0, 100.0, 100.0, 100.0)


@pytest.mark.parametrize("side", [1, -1])
def test_excursions_are_read_off_the_bars_held(side: int) -> None:
    bars = bars_of((100, 150, 50, 100), (100, 103, 98, 101), (101, 108, 95, 104), (104, 140, 60, 104))
    made = fills_of((1, side * 10, 100, 5, ENTRY), (3, -side * 10, 104, 5, EXIT))
    (trade,) = make_trades(made, bars, ONE)[0]
    ahead, behind = (8, -5) if side > 0 else (5, -8)
    assert (trade.mfe, trade.mae) == (ahead * 10 * UNITS, behind * 10 * UNITS)
    assert trade.bars == 2


def test_of_the_bar_of_exit_its_open_and_the_price_got_count() -> None:
    bars = bars_of(QUIET, (100, 100, 100, 100), (97, 140, 90, 99))
    made = fills_of((1, 10, 100, 0, ENTRY), (2, -10, 101, 0, TARGET))
    (trade,) = make_trades(made, bars, ONE)[0]
    assert (trade.mfe, trade.mae) == (10 * UNITS, -30 * UNITS)


def test_entry_and_exit_in_one_bar_are_known_by_their_prices_only() -> None:
    made = fills_of((1, 10, 100, 0, ENTRY), (1, -10, 99, 0, STOP))
    (trade,) = make_trades(made, bars_of(QUIET, (100, 140, 60, 100)), ONE)[0]
    assert (trade.mfe, trade.mae, trade.bars) == (0, -10 * UNITS, 0)


def test_what_was_closed_in_part_counts_as_closed() -> None:
    bars = bars_of(QUIET, QUIET, (110, 110, 110, 110), (80, 80, 80, 80), (100, 100, 100, 100))
    made = fills_of((1, 10, 100, 0, ENTRY), (2, -5, 110, 0, EXIT), (4, -5, 100, 0, EXIT))
    (trade,) = make_trades(made, bars, ONE)[0]
    assert (trade.mfe, trade.mae) == (100 * UNITS, (50 - 100) * UNITS)


def test_what_is_still_held_is_told_apart_at_the_last_close() -> None:
    bars = bars_of(QUIET, (100, 104, 99, 103), (103, 105, 97, 102))
    trades, left = make_trades(fills_of((1, -10, 100, 2, ENTRY)), bars, ONE)
    (trade,) = left
    assert len(trades) == 0
    assert (trade.reason, trade.exit_ns, trade.exit_price) == (STILL_OPEN, 2 * MINUTE, 102 * UNITS)
    assert (trade.gross, trade.charges, trade.mfe, trade.mae, trade.bars) == (-20 * UNITS, 2 * UNITS, 30 * UNITS, -50 * UNITS, 2)
    assert [len(rows) for rows in make_trades(fills_of((1, 1, 100, 0, ENTRY)), NO_BARS, ONE)] == [0, 0]


def test_instruments_do_not_mix() -> None:
    bars = np.concatenate([bars_of(QUIET, (100, 120, 100, 100), QUIET), bars_of(QUIET, (100, 101, 100, 100), QUIET, instrument=1)])
    bars = bars[np.lexsort((bars["instrument"], bars["time_ns"]))]
    first, second = (
        fills_of((1, 1, 100, 0, ENTRY), (2, -1, 101, 0, EXIT)),
        fills_of((1, 2, 100, 0, ENTRY), (2, -2, 99, 0, EXIT), instrument=1),
    )
    made = np.concatenate([first[:1], second[:1], second[1:], first[1:]])
    trades, _ = make_trades(made, bars, np.array([1, 1]))
    assert trades["instrument"].tolist() == [1, 0]
    assert trades["mfe"].tolist() == [2 * UNITS, 20 * UNITS]
    assert trades["gross"].tolist() == [-2 * UNITS, UNITS]


SHARE = Instrument(Exchange.NSE, "SHARE", 1)


def fill_of(row: tuple[int, ...]) -> Fill:
    time_ns, _, quantity, price, charges, reason = row
    side = Side.BUY if quantity > 0 else Side.SELL
    return Fill(
        trade_id="1",
        order_id="1",
        instrument=SHARE,
        side=side,
        quantity=abs(quantity),
        price_units=price,
        charges_units=charges,
        time_ns=time_ns,
        product=Product.NRML,
        owner="test",
        purpose=Purpose(REASONS[reason]),
    )


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(-20, 20).filter(bool), st.integers(1, 500), st.integers(0, 99)), max_size=30))
def test_round_trips_are_those_that_live_trading_tells(steps: list[tuple[int, int, int]]) -> None:
    made = fills_of(*((i, quantity, price, charges / 7, EXIT) for i, (quantity, price, charges) in enumerate(steps)))
    builder = TradeBuilder()
    told = [trade for row in made.tolist() if (trade := builder.add(fill_of(row))) is not None]
    trades, _ = make_trades(made, NO_BARS, ONE)
    assert [(t.quantity, t.entry_ns, t.exit_ns, t.entry_value_units, t.pnl_units, t.charges_units) for t in told] == list(
        zip(*(trades[name].tolist() for name in ("quantity", "entry_ns", "exit_ns", "value", "gross", "charges")), strict=True)
    )
    assert (trades["mae"] <= np.minimum(trades["gross"], 0)).all()
    assert (trades["mfe"] >= np.maximum(trades["gross"], 0)).all()
    assert (trades["net"] == trades["gross"] - trades["charges"]).all()

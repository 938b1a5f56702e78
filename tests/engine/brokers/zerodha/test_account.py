"""Positions, holdings, funds and quotes, read from the broker's rows."""

from __future__ import annotations

import pytest

from engine.brokers.zerodha.account import to_funds, to_holding, to_position, to_quote
from engine.core.model import Exchange, Instrument, Product
from tests.engine.brokers.zerodha.rows import INFY

LEAD = Instrument(Exchange.MCX, "LEADMINI26DECFUT", 1)


def test_a_position_tells_what_is_held_and_what_was_won() -> None:
    row = {
        "tradingsymbol": "INFY", "exchange": "NSE", "product": "MIS", "quantity": 6, "multiplier": 1, "average_price": 100.0,
        "last_price": 102.5, "buy_quantity": 10, "buy_value": 1000.0, "sell_quantity": 4, "sell_value": 440.0,
    }  # fmt: skip
    position = to_position(row, INFY)
    assert position is not None
    assert (position.quantity, position.product, position.average_price) == (6, Product.MIS, 100.0)
    assert (position.cost_units, position.realised_units, position.last_price_units) == (6_000_000, 400_000, 1_025_000)
    assert (position.bought, position.sold) == (10, 4)


def test_a_lot_of_commodities_is_many_units() -> None:
    row = {"product": "NRML", "quantity": 1, "multiplier": 1000, "average_price": 161.05, "buy_value": 161_050.0, "last_price": 161.05}
    position = to_position(row, LEAD)
    assert position is not None
    assert position.instrument.multiplier == 1000
    assert (position.average_price, position.unrealised_units, position.realised_units) == (161.05, 0, 0)


def test_a_product_that_nobody_trades_any_more_is_left_out() -> None:
    assert to_position({"product": "BO", "quantity": 1}, INFY) is None


def test_a_holding_counts_what_arrives_tomorrow_and_what_may_not_be_sold() -> None:
    row = {
        "quantity": 10, "t1_quantity": 5, "used_quantity": 3, "collateral_quantity": 4, "average_price": 99.5, "last_price": 101,
        "close_price": 100, "mtf": {"quantity": 2},
    }  # fmt: skip
    holding = to_holding(row, INFY)
    assert (holding.quantity, holding.sellable, holding.average_price) == (17, 8, 99.5)
    assert to_holding({"quantity": 1, "used_quantity": 5}, INFY).sellable == 0


def test_funds_are_the_brokers_own_net() -> None:
    said = {
        "equity": {"enabled": True, "net": 99725.05000000002, "available": {"opening_balance": 100000.0, "collateral": 5.0, "cash": 0},
                   "utilised": {"debits": 274.95}},
        "commodity": {"enabled": True, "net": 100.0, "available": {}, "utilised": None},
    }  # fmt: skip
    funds = to_funds(said)
    assert (funds.available_units, funds.opening_units, funds.collateral_units, funds.used_units) == (998_250_500, 10**9, 50_000, 2_749_500)
    said["commodity"]["enabled"] = False
    assert to_funds(said).available_units == 997_250_500


def test_a_quote_has_its_depth_without_empty_levels() -> None:
    row = {
        "last_price": 100.5, "volume": 1000, "average_price": 100.1, "oi": 0, "timestamp": "2026-11-23 10:00:00",
        "ohlc": {"open": 99.0, "high": 101.0, "low": 98.0, "close": 97.5},
        "depth": {"buy": [{"price": 100.4, "quantity": 5, "orders": 1}, {"price": 0, "quantity": 0, "orders": 0}],
                  "sell": [{"price": 100.6, "quantity": 7, "orders": 2}]},
    }  # fmt: skip
    quote = to_quote(row, INFY)
    assert (quote.last_price, quote.close, quote.bid, quote.ask, quote.bid_quantity, quote.ask_quantity) == (
        100.5,
        97.5,
        100.4,
        100.6,
        5,
        7,
    )
    assert (quote.bids, quote.asks) == (((100.4, 5),), ((100.6, 7),))
    assert quote.time_ns == 1_795_408_200_000_000_000


@pytest.mark.parametrize("row", [{}, {"depth": None, "ohlc": None}])
def test_a_bare_quote_is_zeros(row: dict[str, object]) -> None:
    quote = to_quote(row, INFY)
    assert (quote.last_price, quote.bid, quote.bids) == (0.0, 0.0, ())

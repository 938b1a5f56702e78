"""The account, market data and calculators, as the official KiteConnect reads them, equal what the oracle says."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from tests.kite_exchange.official import OfficialRest, Raised
from tests.kite_exchange.process import RunningExchange


def place(kite: OfficialRest, **form: Any) -> str:
    """Place a limit order on INFY, MIS, unless said."""
    wanted = {
        "exchange": "NSE",
        "tradingsymbol": "INFY",
        "transaction_type": "BUY",
        "quantity": 10,
        "order_type": "LIMIT",
        "product": "MIS",
    }
    return str(kite.call("place_order", "regular", **{**wanted, **form}))


# The account.


def test_positions_and_profit_equal_the_ledger(kite: OfficialRest, exchange: RunningExchange) -> None:
    place(kite, price=1500.1)
    place(kite, quantity=25, transaction_type="SELL", price=1500.0)
    exchange.control("set_price", symbol="INFY", price=1490.0)
    place(kite, quantity=5, price=1490.1)
    (net,) = kite.call("positions")["net"]
    ledger = exchange.control("ledger")
    assert net["quantity"] == ledger["positions"][0]["net"] == -10
    value = Decimal("25") * Decimal("1500") - 10 * Decimal("1500.1") - 5 * Decimal("1490.1")
    assert Decimal(ledger["realised"]) + Decimal(ledger["unrealised"]) == value - 10 * Decimal(1490)
    assert Decimal(str(net["pnl"])).quantize(Decimal("0.01")) == value - 14900
    assert Decimal(ledger["realised"]) == Decimal("-1") + 5 * (1500 - Decimal("1490.1"))


def test_a_carried_future_is_valued_from_its_close_and_in_units_of_its_lot(kite: OfficialRest, exchange: RunningExchange) -> None:
    crude = next(one["key"][4:] for one in exchange.control("listings", exchange="MCX") if "CRUDEOIL" in one["key"])
    form = {"exchange": "MCX", "tradingsymbol": crude, "product": "NRML", "quantity": 2}
    place(kite, price=5401.0, **form)
    exchange.control("set_price", symbol=f"MCX:{crude}", price=5420.0)
    exchange.control("next_day")
    place(kite, transaction_type="SELL", price=5420.0, **{**form, "quantity": 1})
    exchange.control("set_price", symbol=f"MCX:{crude}", price=5411.0)
    positions = kite.call("positions")
    (net,), (day,) = positions["net"], positions["day"]
    assert (net["quantity"], net["overnight_quantity"], net["multiplier"], net["close_price"]) == (1, 2, 100, 5420.0)
    assert net["pnl"] == net["sell_value"] - net["buy_value"] + 1 * 5411.0 * 100 == ((5420 - 5401) + (5411 - 5401)) * 100
    assert net["m2m"] == net["sell_m2m"] - net["buy_m2m"] + 1 * 5411.0 * 100 == (5411 - 5420) * 100
    assert (day["quantity"], day["day_sell_quantity"], day["day_sell_price"], day["day_sell_value"]) == (-1, 1, 5420.0, 542_000.0)


def test_a_position_is_converted(kite: OfficialRest, exchange: RunningExchange) -> None:
    place(kite, price=1500.1)
    done = kite.call("convert_position", "NSE", "INFY", "BUY", "day", 4, "MIS", "CNC")
    assert done is True
    assert {row["product"]: row["quantity"] for row in kite.call("positions")["net"]} == {"MIS": 6, "CNC": 4}
    with pytest.raises(Raised, match="InputException"):
        kite.call("convert_position", "NSE", "INFY", "BUY", "day", 7, "MIS", "CNC")


def test_shares_bought_come_into_the_holdings_and_can_be_sold_there(kite: OfficialRest, exchange: RunningExchange) -> None:
    place(kite, product="CNC", price=1500.1)
    exchange.control("next_day")
    (holding,) = kite.call("holdings")
    assert (holding["quantity"], holding["t1_quantity"], holding["average_price"]) == (0, 10, 1500.1)
    place(kite, product="CNC", transaction_type="SELL", quantity=4, price=1500.0)
    (net,) = kite.call("positions")["net"]
    assert (net["quantity"], kite.call("holdings")[0]["used_quantity"]) == (-4, 4)


def test_margins_shrink_by_what_orders_and_positions_bind(kite: OfficialRest) -> None:
    assert kite.call("margins")["equity"]["net"] == 1_000_000.0
    place(kite, price=1490.0)
    assert kite.call("margins", "equity")["net"] == 1_000_000 - 14900 / 5
    place(kite, product="CNC", price=1500.1)
    assert kite.call("margins", "equity")["net"] == pytest.approx(1_000_000 - 14900 / 5 - 15001)
    assert kite.call("margins", "commodity")["net"] == 1_000_000.0


# Market data.


def test_the_dump_lists_all_and_one_exchange(kite: OfficialRest, exchange: RunningExchange) -> None:
    rows = kite.call("instruments")
    assert len(rows) == 200
    infy = next(row for row in rows if row["tradingsymbol"] == "INFY" and row["exchange"] == "NSE")
    assert (infy["instrument_token"], infy["tick_size"], infy["lot_size"], infy["segment"], infy["expiry"]) == (408065, 0.1, 1, "NSE", "")
    assert all(row["instrument_token"] >> 8 == int(row["exchange_token"]) for row in rows)
    options = [row for row in kite.call("instruments", "NFO") if row["instrument_type"] == "CE"]
    assert {row["exchange"] for row in options} == {"NFO"}
    assert options[0]["expiry"] == "date 2026-11-23", "the last Tuesday is a holiday"


def test_quotes_tell_the_board(kite: OfficialRest, exchange: RunningExchange) -> None:
    for price in (1501.0, 1498.0, 1499.5):
        exchange.control("set_price", symbol="INFY", price=price, quantity=7)
    keys = ["NSE:INFY", "NSE:M&M", "NSE:NIFTY 50", "NSE:NOSUCH"]
    full = kite.call("quote", keys)
    assert sorted(full) == ["NSE:INFY", "NSE:M&M", "NSE:NIFTY 50"]
    infy = full["NSE:INFY"]
    assert infy["ohlc"] == {"open": 1501.0, "high": 1501.0, "low": 1498.0, "close": 1500.0}
    assert (infy["last_price"], infy["volume"], infy["lower_circuit_limit"], infy["upper_circuit_limit"]) == (1499.5, 21, 1350.0, 1650.0)
    assert infy["depth"]["sell"][0] == {"price": 1499.6, "quantity": 1_000_000, "orders": 1}
    assert kite.call("ohlc", keys)["NSE:INFY"] == {"instrument_token": 408065, "last_price": 1499.5, "ohlc": infy["ohlc"]}
    assert kite.call("ltp", keys)["NSE:M&M"] == {"instrument_token": 519937, "last_price": 3600.0}


def test_candles_join_the_made_up_past_with_what_was_printed(kite: OfficialRest, exchange: RunningExchange) -> None:
    exchange.control("advance", seconds=30)
    for price in (1502.0, 1500.0, 1501.0):
        exchange.control("set_price", symbol="INFY", price=price, quantity=5)
    exchange.control("advance", seconds=60)
    exchange.control("set_price", symbol="INFY", price=1503.0)
    day = "2026-11-23"
    minutes = kite.call("historical_data", 408065, f"{day} 09:15:00", f"{day} 10:01:00", "minute")
    assert [row["date"][9:25] for row in minutes[-3:]] == [f"{day} 09:59", f"{day} 10:00", f"{day} 10:01"]
    assert {name: minutes[-2][name] for name in ("open", "high", "low", "close", "volume")} == {
        "open": 1502.0, "high": 1502.0, "low": 1500.0, "close": 1501.0, "volume": 15,
    }  # fmt: skip
    fives = kite.call("historical_data", 408065, f"{day} 09:15:00", f"{day} 09:59:00", "5minute", oi=True)
    assert (len(fives), fives[0]["open"], fives[0]["oi"]) == (9, minutes[0]["open"], 0)
    assert fives[0]["volume"] == sum(row["volume"] for row in minutes[:5])
    days = kite.call("historical_data", 408065, "2026-11-01", "2026-11-22", "day")
    assert len(days) == 15
    last = kite.call("historical_data", 408065, "2026-11-20 15:29:00", "2026-11-20 15:29:00", "minute")[0]
    assert days[-1]["close"] == last["close"]


def test_candles_are_refused_beyond_their_chunk(kite: OfficialRest) -> None:
    with pytest.raises(Raised, match="InputException: interval exceeds max limit: 60 days"):
        kite.call("historical_data", 408065, "2026-09-01 00:00:00", "2026-11-22 00:00:00", "minute")
    with pytest.raises(Raised, match="InputException: continuous"):
        kite.call("historical_data", 408065, "2026-11-01", "2026-11-22", "day", continuous=True)


# Calculators.


def test_the_charges_of_the_schedule(kite: OfficialRest) -> None:
    order = {
        "order_id": "1", "exchange": "NSE", "tradingsymbol": "INFY", "transaction_type": "SELL", "variety": "regular",
        "product": "MIS", "order_type": "LIMIT", "quantity": 100, "average_price": 1500.0,
    }  # fmt: skip
    (note,) = kite.call("get_virtual_contract_note", [order])
    charges = note["charges"]
    assert (charges["transaction_tax"], charges["transaction_tax_type"]) == (37.5, "stt")
    assert (charges["brokerage"], charges["exchange_turnover_charge"], charges["sebi_turnover_charge"]) == (20.0, 4.605, 0.15)
    assert charges["gst"]["total"] == pytest.approx((20 + 4.605 + 0.15) * 0.18)
    assert charges["total"] == pytest.approx(37.5 + 20 + 4.605 + 0.15 + charges["gst"]["total"])


def test_the_margins_of_an_order_and_of_a_basket(kite: OfficialRest, exchange: RunningExchange) -> None:
    calls = [one["key"][4:] for one in exchange.control("listings", exchange="NFO") if one["kind"] == "CE"][:2]
    rows = [
        {
            "exchange": "NFO", "tradingsymbol": symbol, "transaction_type": side, "variety": "regular", "product": "NRML",
            "order_type": "LIMIT", "quantity": 65, "price": 100.0, "trigger_price": 0,
        }
        for symbol, side in zip(calls, ("BUY", "SELL"), strict=True)
    ]  # fmt: skip
    bought, sold = kite.call("order_margins", rows)
    assert (bought["option_premium"], bought["total"]) == (6500.0, 6500.0)
    assert sold["span"] > 0
    basket = kite.call("basket_order_margins", rows)
    assert basket["initial"]["total"] == bought["total"] + sold["total"]
    assert basket["final"]["total"] == basket["initial"]["total"] - sold["span"] / 2
    assert sorted(kite.call("basket_order_margins", rows, mode="compact")) == ["final", "initial"]

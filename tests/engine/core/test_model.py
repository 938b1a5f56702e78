"""The nouns answer what a trader asks of them, to the unit."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.model import (
    Account,
    Exchange,
    Fill,
    Instrument,
    InstrumentKind,
    Order,
    OrderRequest,
    OrderStatus,
    Position,
    Product,
    Purpose,
    Quote,
    Side,
    StrategyState,
    StrategyStatus,
    to_rupees,
    to_units,
)

INFY = Instrument(Exchange.NSE, "INFY", 408065)
LOT = Instrument(Exchange.MCX, "LEADMINI", 1, multiplier=1000, kind=InstrumentKind.FUTURE)


@given(st.integers(-(10**15), 10**15))
def test_units_and_rupees_are_each_others_inverse(units: int) -> None:
    assert to_units(to_rupees(units)) == units


@pytest.mark.parametrize(("rupees", "units"), [(2450.35, 24_503_500), (0.1 + 0.2, 3000), (Decimal("0.00005"), 1), (-1, -10_000)])
def test_rupees_become_whole_units(rupees: float, units: int) -> None:
    assert to_units(rupees) == units


def test_an_instrument_is_keyed_by_exchange_and_symbol() -> None:
    assert INFY.key == "NSE:INFY"
    assert INFY.is_tradable
    assert not Instrument(Exchange.NSE, "NIFTY 50", 256265, kind=InstrumentKind.INDEX).is_tradable


@pytest.mark.parametrize("purpose", list(Purpose))
def test_all_but_entries_and_reversals_reduce(purpose: Purpose) -> None:
    request = OrderRequest(INFY, Side.SELL, 5, purpose=purpose)
    assert request.is_exit is (purpose not in {Purpose.ENTRY, Purpose.REVERSAL})
    assert request.signed_quantity == -5


def test_every_status_is_new_working_or_terminal() -> None:
    for status in OrderStatus:
        assert [status is OrderStatus.NEW, status.is_working, status.is_terminal].count(True) == 1


def test_an_order_knows_what_remains_and_at_what_average_it_filled() -> None:
    order = Order("A", OrderRequest(INFY, Side.BUY, 10), OrderStatus.PARTIAL, quantity=10, filled=4, filled_value_units=4 * 15_001_000)
    assert order.instrument is INFY
    assert order.remaining == 6
    assert order.average_price == pytest.approx(1500.10)
    done = Order("B", order.request, OrderStatus.CANCELLED, quantity=10)
    assert done.remaining == 0
    assert done.average_price == 0.0


def test_a_fill_is_worth_price_times_quantity_times_multiplier() -> None:
    fill = Fill("1", "A", LOT, Side.SELL, 2, 1_610_500, 0, 0, Product.NRML, "hand", Purpose.ENTRY)
    assert fill.signed_quantity == -2
    assert fill.price == 161.05
    assert fill.value_units == 2 * 1000 * 1_610_500


def test_a_position_reckons_its_profit_at_the_last_price() -> None:
    short = Position(
        INFY,
        Product.MIS,
        quantity=-10,
        cost_units=-10 * 15_000_000,
        realised_units=70_000,
        charges_units=20_000,
        last_price_units=14_900_000,
    )
    assert short.average_price == 1500.0
    assert short.unrealised_units == 10 * 100_000
    assert short.net_units == 1_000_000 + 70_000 - 20_000
    assert short.exposure_units == 149_000_000
    flat = Position(INFY, Product.MIS, last_price_units=1)
    assert (flat.average_price, flat.unrealised_units, flat.exposure_units) == (0.0, 0, 0)


def test_an_account_knows_its_day_and_its_drawdown() -> None:
    account = Account(0, 0, 900, 1000, 950, 0, 0, 0)
    assert account.day_pnl_units == -50
    assert account.drawdown_pct == 10.0
    assert Account(0, 0, 0, 0, 0, 0, 0, 0).drawdown_pct == 0.0


def test_a_quote_knows_its_change() -> None:
    assert Quote(INFY, last_price=101.0, close=100.0).change_pct == 1.0
    assert Quote(INFY, last_price=101.0).change_pct == 0.0


def test_a_strategy_is_worth_what_remains_after_charges() -> None:
    status = StrategyStatus("1", "x", "ema", "paper", StrategyState.RUNNING, (), realised_units=5, unrealised_units=-2, charges_units=1)
    assert status.net_units == 2

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core.compiled import is_disabled
from engine.core.errors import InvariantBroken
from engine.core.ledger import TradeBuilder, apply, apply_fill, share_of, unrealised
from engine.core.model import Exchange, Fill, Instrument, Position, Product, Purpose, Side, to_units
from engine.core.records import POSITION

RELIANCE = Instrument(Exchange.NSE, "RELIANCE", 738561)
CRUDE = Instrument(Exchange.MCX, "CRUDEOIL", 1, multiplier=100)


def fill(quantity: int, price: str, charges: str = "0", *, at: int = 1, of: Instrument = RELIANCE, why: Purpose = Purpose.ENTRY) -> Fill:
    side = Side.BUY if quantity > 0 else Side.SELL
    return Fill(
        trade_id=f"{at}",
        order_id=f"o{at}",
        instrument=of,
        side=side,
        quantity=abs(quantity),
        price_units=to_units(Decimal(price)),
        charges_units=to_units(Decimal(charges)),
        time_ns=at,
        product=Product.MIS,
        owner="ema",
        purpose=why,
    )


def after(*fills: Fill) -> tuple[Position, list[int]]:
    position = Position(fills[0].instrument, Product.MIS, "ema")
    realised = []
    for one in fills:
        position, part = apply(position, one)
        realised.append(part)
    return position, realised


def test_buying_more_averages_the_cost() -> None:
    position, realised = after(fill(10, "100", "1.20"), fill(30, "104", "2.30", at=2))
    assert (position.quantity, position.cost_units, realised) == (40, to_units(4120), [0, 0])
    assert position.average_price == 103.0
    assert position.charges_units == to_units("3.50")
    assert (position.bought, position.sold, position.updated_ns) == (40, 0, 2)
    assert position.last_price_units == to_units(104)


def test_a_partial_close_realises_its_share_and_keeps_the_average() -> None:
    position, realised = after(fill(10, "100"), fill(-4, "110", at=2))
    assert realised == [0, to_units(40)]
    assert (position.quantity, position.cost_units, position.realised_units) == (6, to_units(600), to_units(40))
    assert position.unrealised_units == to_units(60)


def test_a_short_gains_when_it_is_bought_back_lower() -> None:
    position, realised = after(fill(-10, "100"), fill(10, "90", at=2))
    assert realised == [0, to_units(100)]
    assert (position.quantity, position.cost_units, position.bought, position.sold) == (0, 0, 10, 10)


def test_a_reversal_realises_all_and_opens_the_rest_at_its_own_price() -> None:
    position, realised = after(fill(10, "100"), fill(-25, "97", at=2))
    assert realised == [0, to_units(-30)]
    assert (position.quantity, position.cost_units) == (-15, -to_units(97 * 15))


def test_the_multiplier_of_a_contract_counts() -> None:
    position, realised = after(fill(2, "6000", of=CRUDE), fill(-1, "6010", at=2, of=CRUDE))
    assert realised == [0, to_units(1000)]
    assert (position.cost_units, position.unrealised_units) == (to_units(600_000), to_units(1000))


def test_an_odd_cost_leaves_nothing_behind() -> None:
    bought = [fill(1, "0.05"), fill(2, "0.10", at=2)]
    position, realised = after(*bought, fill(-1, "1", at=3), fill(-1, "1", at=4), fill(-1, "1", at=5))
    assert realised[2:] == [to_units("0.9167"), to_units("0.9166"), to_units("0.9167")]
    assert (position.quantity, position.cost_units, position.realised_units) == (0, 0, to_units("2.75"))


def test_a_fill_of_something_else_is_refused() -> None:
    with pytest.raises(InvariantBroken, match="NSE:RELIANCE MIS, was MCX:CRUDEOIL MIS"):
        apply(Position(RELIANCE, Product.MIS), fill(1, "1", of=CRUDE))


@settings(deadline=None, max_examples=300)
@given(amount=st.integers(-(10**17), 10**17), whole=st.integers(1, 10**8), data=st.data())
def test_a_share_is_rounded_half_away_from_zero(amount: int, whole: int, data: st.DataObject) -> None:
    part = data.draw(st.integers(0, whole))
    exact = Fraction(abs(amount) * part, whole)
    assert share_of(amount, part, whole) == (1 if amount >= 0 else -1) * int(exact + Fraction(1, 2))


STEPS = st.lists(st.tuples(st.integers(-500, 500).filter(bool), st.integers(1, 5_000_000)), min_size=1, max_size=40)


@settings(deadline=None, max_examples=200)
@given(steps=STEPS)
def test_profit_is_always_money_received_less_money_paid(steps: list[tuple[int, int]]) -> None:
    row = np.zeros(1, POSITION)[0]
    position = Position(RELIANCE, Product.MIS, "ema")
    paid = 0
    for at, (quantity, price) in enumerate(steps, start=1):
        realised = apply_fill(row, quantity, price, 1)
        position, same = apply(position, fill(quantity, str(Decimal(price) / 10_000), at=at))
        paid += quantity * price
        assert realised == same
        assert (row.quantity, row.cost, row.realised) == (position.quantity, position.cost_units, position.realised_units)
        assert row.realised + unrealised(row, price, 1) == row.quantity * price - paid
        assert position.unrealised_units == unrealised(row, price, 1)
        assert row.last_price == price


@settings(deadline=None, max_examples=200)
@given(steps=STEPS)
def test_long_and_short_are_mirror_images(steps: list[tuple[int, int]]) -> None:
    long, short = np.zeros(1, POSITION)[0], np.zeros(1, POSITION)[0]
    for quantity, price in steps:
        apply_fill(long, quantity, price, 1)
        apply_fill(short, -quantity, -price, 1)
    assert (long.quantity, long.cost, long.realised) == (-short.quantity, short.cost, short.realised)


def test_a_round_trip_tells_its_way_in_and_out() -> None:
    builder = TradeBuilder()
    assert builder.add(fill(10, "100", "1", at=1)) is None
    assert builder.add(fill(10, "102", "1", at=2)) is None
    assert builder.add(fill(-5, "110", "1", at=3)) is None
    assert builder.held == 15
    trade = builder.add(fill(-15, "104", "2", at=4, why=Purpose.STOP))
    assert trade is not None
    assert (trade.quantity, trade.entry_ns, trade.exit_ns, trade.reason) == (20, 1, 4, Purpose.STOP)
    assert (trade.entry_value_units, trade.exit_value_units) == (to_units(2020), to_units(2110))
    assert (trade.pnl_units, trade.charges_units) == (to_units(90), to_units(5))
    assert (trade.instrument, trade.owner, trade.product) == (RELIANCE, "ema", Product.MIS)
    assert builder.held == 0


def test_a_reversal_ends_one_trade_and_opens_the_next() -> None:
    builder = TradeBuilder()
    builder.add(fill(-10, "100", "1", at=1))
    first = builder.add(fill(30, "95", "3.01", at=2, why=Purpose.REVERSAL))
    second = builder.add(fill(-20, "96", "2", at=3, why=Purpose.EXIT))
    assert first is not None
    assert second is not None
    assert (first.quantity, first.pnl_units, first.charges_units, first.reason) == (-10, to_units(50), to_units("2.0033"), Purpose.REVERSAL)
    assert (second.quantity, second.entry_ns, second.exit_ns) == (20, 2, 3)
    assert (second.pnl_units, second.charges_units) == (to_units(20), to_units("4.0067"))
    assert builder.held == 0


@settings(deadline=None, max_examples=200)
@given(steps=STEPS)
def test_round_trips_add_up_to_what_the_ledger_realised(steps: list[tuple[int, int]]) -> None:
    builder, position, trades = TradeBuilder(), Position(RELIANCE, Product.MIS, "ema"), []
    held = sum(quantity for quantity, _ in steps)
    for at, (quantity, price) in enumerate([*steps, *([(-held, 12_345)] if held else [])], start=1):
        one = fill(quantity, str(Decimal(price) / 10_000), str(Decimal(at) / 100), at=at)
        position, _ = apply(position, one)
        trades.append(builder.add(one))
    closed = [trade for trade in trades if trade is not None]
    assert builder.held == position.quantity == 0
    assert sum(trade.pnl_units for trade in closed) == position.realised_units
    assert sum(trade.charges_units for trade in closed) == position.charges_units


@pytest.mark.skipif(is_disabled(), reason="machine code is switched off")
def test_machine_code_gives_the_same() -> None:
    plain, fast = np.zeros(1, POSITION), np.zeros(1, POSITION)
    random = np.random.default_rng(7)
    for quantity, price in zip(random.integers(-50, 51, 500), random.integers(1, 9_999_999, 500), strict=True):
        if quantity:
            assert apply_fill.py_func(plain[0], quantity, price, 3) == apply_fill.dispatcher(fast[0], quantity, price, 3)
            assert unrealised.py_func(plain[0], price, 3) == unrealised.dispatcher(fast[0], price, 3)
    assert plain.tobytes() == fast.tobytes()
    assert share_of.dispatcher(-(10**17) - 1, 99, 100) == share_of.py_func(-(10**17) - 1, 99, 100)

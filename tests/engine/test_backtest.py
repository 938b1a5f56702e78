"""Names and rupees in, fills and figures out; what the replay does with them is tested where it is made."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.backtest import BacktestResult, run_backtest
from engine.calendar import Calendar
from engine.clock import ManualClock
from engine.core.costs import order_charges
from engine.core.errors import HistoryMissing, InvalidOption
from engine.core.friction import Friction
from engine.core.ledger import TradeBuilder
from engine.core.model import UNITS, Exchange, Instrument, InstrumentKind, Product, Purpose
from engine.core.records import BAR, TICK, Rows
from engine.core.registry import TEMPLATES
from engine.history.bars import read_bars
from engine.tariffs import Tariff

MINUTE = 60_000_000_000
FIRST = 1_704_080_700 * 1_000_000_000
"""09:15 IST on 1 January 2024, a trading day."""

SHARE = Instrument(Exchange.NSE, "SHARE", 1)
OTHER = Instrument(Exchange.NSE, "OTHER", 2)
FUTURE = Instrument(Exchange.NFO, "FUT", 3, kind=InstrumentKind.FUTURE, expiry=date(2026, 12, 31), lot_size=5)

CROSS = TEMPLATES.get("ema_crossover")
QUICK = {"fast_ema": 2, "slow_ema": 5}


def wave(count: int = 375, *, day: int = 0, phase: float = 0.0, step: int = 1) -> Rows:
    """Make bars that swing by 5 rupees around 100, ten times a day."""
    rows: Rows = np.zeros(count, BAR)
    at = np.arange(count) * step
    rows["time_ns"] = FIRST + day * 1440 * MINUTE + at * MINUTE
    rows["session_minute"] = at
    close = np.round(100.0 + 5.0 * np.sin(at / 375 * 20 * np.pi + phase), 1)
    rows["close"] = close
    rows["open"] = np.concatenate([[close[0]], close[:-1]])
    rows["high"] = np.maximum(rows["open"], close)
    rows["low"] = np.minimum(rows["open"], close)
    return rows


def run(bars: dict[Instrument, Rows], parameters: dict[str, Any] | None = None, **given: Any) -> BacktestResult:
    given = {"sizing": "fixed:10", "product": Product.NRML} | given
    return run_backtest(CROSS, bars, QUICK if parameters is None else parameters, **given)


def test_fills_positions_and_account_agree_to_the_unit() -> None:
    made = run({SHARE: wave()}, owner="cross", tariff=Tariff.load())
    fills = made.fills()
    assert len(fills) > 10
    assert {fill.owner for fill in fills} == {"cross"}
    assert [fill.purpose for fill in fills[:2]] == [Purpose.ENTRY, Purpose.REVERSAL]
    (position,) = made.positions
    assert position.quantity == sum(fill.signed_quantity for fill in fills)
    assert (position.bought, position.sold) == (sum(f.quantity for f in fills if f.side > 0), sum(f.quantity for f in fills if f.side < 0))
    assert position.last_price_units == round(wave()["close"][-1] * UNITS)
    assert position.updated_ns == fills[-1].time_ns
    assert made.charges_units == sum(fill.charges_units for fill in fills) == position.charges_units > 0
    assert made.net_units == position.net_units == made.gross_units - made.charges_units
    assert made.account.equity_units == made.account.cash_units + position.last_price_units * position.quantity
    assert made.account.unrealised_units == position.unrealised_units
    assert made.account.exposure_units == position.exposure_units
    assert made.account.capital_units == 100_000 * UNITS
    trades = [trade for trade in map(TradeBuilder().add, fills) if trade is not None]
    assert sum(trade.pnl_units for trade in trades) == made.account.realised_units
    assert made.outcome.equity[-1] == made.account.equity_units


def test_charges_are_those_of_the_day() -> None:
    tariff = Tariff.load()
    change = next(day for day in tariff.changes if day > date(2024, 1, 2))
    later = (change - date(2024, 1, 1)).days
    made = run({SHARE: np.concatenate([wave(), wave(day=later)])}, tariff=tariff, product=Product.MIS)
    for fill in made.fills():
        on = change if fill.time_ns >= FIRST + later * 1440 * MINUTE else date(2024, 1, 1)
        rates = tariff.rates(SHARE, Product.MIS, on)[0]
        assert fill.charges_units == order_charges(rates, int(fill.side), fill.quantity, fill.value_units)


def test_nothing_costs_anything_without_a_tariff() -> None:
    made = run({SHARE: wave()})
    assert made.charges_units == 0
    assert made.net_units == made.gross_units


def test_intraday_positions_are_squared_off_at_the_calendars_time_and_only_they() -> None:
    calendar, bars = Calendar.load(), {SHARE: np.concatenate([wave(), wave(day=1)])}
    made = run(bars, product=Product.MIS, calendar=calendar)
    squared = [fill for fill in made.fills() if fill.purpose is Purpose.SQUARE_OFF]
    assert [fill.time_ns for fill in squared] == [calendar.square_off_ns(SHARE, date(2024, 1, day)) for day in (1, 2)]
    assert made.positions[0].quantity == 0
    carried = run(bars, product=Product.NRML, calendar=calendar)
    assert all(fill.purpose is not Purpose.SQUARE_OFF for fill in carried.fills())
    assert carried.positions[0].quantity != 0


def test_each_market_is_squared_off_at_its_own_time() -> None:
    calendar = Calendar.load()
    day = date(2026, 11, 2)
    days = (day - date(2024, 1, 1)).days
    bars = {SHARE: wave(385, day=days), FUTURE: wave(385, day=days)}
    made = run(bars, product=Product.MIS, calendar=calendar)
    squared = {fill.instrument: fill.time_ns for fill in made.fills() if fill.purpose is Purpose.SQUARE_OFF}
    assert squared == {each: calendar.square_off_ns(each, day) for each in bars}
    assert squared[SHARE] != squared[FUTURE]


def test_delivery_never_goes_short() -> None:
    made = run({SHARE: wave()}, product=Product.CNC)
    held = np.cumsum([fill.signed_quantity for fill in made.fills()])
    assert set(held.tolist()) == {0, 10}


def test_derivatives_are_traded_in_lots() -> None:
    assert {fill.quantity % 5 for fill in run({FUTURE: wave()}, sizing="fixed:12").fills()} == {0}


def test_instruments_share_the_account() -> None:
    bars = {SHARE: wave(), OTHER: wave(phase=1.0), FUTURE: wave()[:0]}
    made = run(bars)
    assert {position.instrument for position in made.positions} == {SHARE, OTHER}
    alone = [run({each: rows}).net_units for each, rows in bars.items() if len(rows)]
    assert made.net_units == sum(alone)
    few = run(bars, limits={"max_positions": 1})
    assert few.outcome.denied["max_positions"] > 0
    assert len(few.positions) == 1


def test_decisions_may_be_made_on_larger_bars() -> None:
    made = run({SHARE: wave()}, interval_s=300)
    assert made.outcome.decisions == 75
    assert {((fill.time_ns - FIRST) // MINUTE) % 5 for fill in made.fills()} == {0}
    coarse = run({SHARE: wave(75, step=5)})
    assert coarse.outcome.decisions == 75


@pytest.mark.parametrize("interval_s", [90, 30])
def test_an_interval_that_bars_cannot_make_is_refused(interval_s: int) -> None:
    with pytest.raises(InvalidOption, match="Expected decisions on bars of a multiple of 60 s"):
        run({SHARE: wave()}, interval_s=interval_s)


def test_one_bar_counts_as_a_minute() -> None:
    assert run({SHARE: wave(1)}).outcome.decisions == 1


def test_size_by_risk_is_capped_by_the_largest_position() -> None:
    made = run({SHARE: wave()}, sizing="risk", risk_pct=1.0, limits={"max_position_size": 25.0})
    first = made.fills()[0]
    assert first.quantity in (int(25_000 / first.price) + k for k in (-1, 0, 1))
    stopped = run({SHARE: wave()}, sizing="risk")
    assert stopped.outcome.fault.startswith("Expected a stop")


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        ({"max_position": 1}, 'Unknown limit "max_position"; did you mean "max_positions"'),
        ({"message_rate": 8}, r"Expected limits that history can be held to \(cash, .*\), was message_rate"),
        ({"max_positions": -1}, "Expected max_positions to be 0 or more positions, was -1"),
    ],
)
def test_limits_that_make_no_sense_are_refused(limits: dict[str, float], message: str) -> None:
    with pytest.raises(InvalidOption, match=message):
        run({SHARE: wave()}, limits=limits)


def test_money_limits_are_in_rupees() -> None:
    assert run({SHARE: wave()}, limits={"max_order_value": 900.0}).outcome.denied.keys() == {"max_order_value"}
    lost = run({SHARE: wave()}, {"fast_ema": 15, "slow_ema": 30}, limits={"max_daily_loss": 5.0}, tariff=Tariff.load())
    assert lost.outcome.denied.keys() == {"max_daily_loss"}


def test_parameters_and_bars_are_checked() -> None:
    with pytest.raises(InvalidOption, match='Unknown parameter "fast"'):
        run({SHARE: wave()}, {"fast": 2})
    with pytest.raises(HistoryMissing, match="Expected bars to test on, was none"):
        run({SHARE: wave()[:0]})


def test_the_time_it_took_is_that_of_its_clock() -> None:
    clock = ManualClock()
    told: list[int] = []

    def on_progress(done: int) -> None:
        told.append(done)
        clock.advance(2.5)

    made = run({SHARE: wave()}, clock=clock, on_progress=on_progress)
    assert (made.run_s, told) == (2.5, [375])


def test_bars_of_the_caller_are_left_as_they_are() -> None:
    rows = wave()
    rows["instrument"] = 7
    run({SHARE: rows})
    assert set(rows["instrument"].tolist()) == {7}


def test_it_trades_real_minutes_of_a_share(shared_data: Path) -> None:
    bars = read_bars(shared_data / "bars_multi_interval" / "RELIANCE_1min_60days.csv.gz")
    ((key, rows),) = bars.items()
    share = Instrument(Exchange.NSE, key.partition(":")[2], 1, tick_size=Decimal("0.05"))
    made = run({share: rows}, {"warmup": 500}, sizing="fixed:1", tariff=Tariff.load(), product=Product.MIS, calendar=Calendar.load())
    fills = made.fills()
    assert len(fills) > 500
    by_time = {int(row["time_ns"]): row for row in rows}
    assert all(fill.price_units == round(float(by_time[fill.time_ns]["open"]) * UNITS) for fill in fills)
    assert made.net_units == sum(-f.signed_quantity * f.price_units - f.charges_units for f in fills) + sum(
        p.quantity * p.last_price_units for p in made.positions
    )


def test_friction_makes_it_dearer_and_bands_hold_it_up() -> None:
    plain, slipped = run({SHARE: wave()}), run({SHARE: wave()}, friction=Friction(slippage_ticks=2))
    assert len(plain.fills()) == len(slipped.fills())
    units = sum(abs(fill.quantity) for fill in plain.fills()) * 1000
    assert plain.account.cash_units - slipped.account.cash_units == units
    two_days = {SHARE: np.concatenate([wave(), wave(day=1)])}
    held_up = run(two_days, bands={SHARE: 2.0})
    assert [fill.time_ns for fill in held_up.fills()] != [fill.time_ns for fill in run(two_days).fills()]
    assert all(99.2 * 0.98 <= fill.price <= 99.2 * 1.02 for fill in held_up.fills() if fill.time_ns >= FIRST + 1440 * MINUTE)
    with pytest.raises(InvalidOption, match="Expected the band of NSE:SHARE"):
        run({SHARE: wave()}, bands={SHARE: -1.0})


def test_ticks_trade_as_the_bars_that_they_make() -> None:
    bars = wave(120)
    ticks: Rows = np.zeros(120, TICK)
    ticks["exchange_time"], ticks["last_price"] = bars["time_ns"] // 10**9 + 59, bars["close"]
    for calendar in (None, Calendar.load()):
        made = run({SHARE: ticks}, interval_s=60, calendar=calendar)
        expected = [(fill.signed_quantity, fill.price_units) for fill in made.fills()]
        # a decision on a minute fills at the next minute's only tick, its close
        closes = {int(time_ns): price for time_ns, price in zip(ticks["exchange_time"] * 10**9, ticks["last_price"], strict=True)}
        assert len(expected) > 4
        assert all(fill.price == pytest.approx(closes[fill.time_ns]) for fill in made.fills())
        of_bars = run({SHARE: bars}).fills()
        assert [fill.time_ns // MINUTE for fill in made.fills()] == [fill.time_ns // MINUTE for fill in of_bars]


def test_ticks_out_of_order_or_among_bars_are_refused() -> None:
    ticks: Rows = np.zeros(2, TICK)
    ticks["exchange_time"], ticks["last_price"] = [FIRST // 10**9 + 5, FIRST // 10**9], 100.0
    with pytest.raises(InvalidOption, match="Expected ticks of NSE:SHARE in order of time"):
        run({SHARE: ticks})
    with pytest.raises(InvalidOption, match="Expected ticks of every instrument, was bars of NSE:OTHER"):
        run({SHARE: ticks[1:], OTHER: wave(3)})

"""Backtests beside backtesting.py on the same bars: the same fills at the same prices, the same equity to the paisa.

The strategies of the other side are written anew, in pandas and NumPy. Where the two engines differ by intent, the test says how, and holds
them to exactly that difference.
"""

from __future__ import annotations

import warnings
from collections import defaultdict
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from engine.backtest import BacktestResult, run_backtest
from engine.core.costs import PPB, RATES
from engine.core.model import UNITS, Exchange, Instrument, Product
from engine.core.records import BAR, REVERSAL, TARGET, Rows
from engine.core.registry import TEMPLATES
from engine.history import read_bars

with warnings.catch_warnings():
    # Its progress bar asks for a notebook's widgets, and its plots for a newer bokeh, as soon as it is imported.
    warnings.simplefilter("ignore")
    import backtesting

# It asks pandas for the day of the week by a name that pandas gives up, and warns of what we ask for: that the last trade stays open.
pytestmark = [
    pytest.mark.filterwarnings("ignore:DatetimeIndex.dayofweek is deprecated"),
    pytest.mark.filterwarnings("ignore:Some trades remain open at the end of backtest"),
]

SIZE, CASH, TICK = 10, 10_000_000, 0.05
SHARE = Instrument(Exchange.NSE, "RELIANCE", 738561)
PAISA = 0.005 + 1e-6
"""Half a paisa: to which a charge is rounded here and not there."""

Net = dict[tuple[int, int], int]
"""Quantity by bar and price in paise: a reversal is one order here, and two there."""


def made_up(count: int = 4_000) -> Rows:
    """Walk at random, with ranges that reach beyond open and close, and with gaps between the days."""
    random = np.random.default_rng(11)
    rows: Rows = np.zeros(count, BAR)
    steps = random.normal(0, 0.001, count)
    steps[::375] *= 8
    close = 1_500 * np.exp(np.cumsum(steps))
    start = np.append(1_500, close[:-1]) * (1 + np.where(np.arange(count) % 375 == 0, steps, steps / 4))
    reach = random.exponential(0.7, (2, count))
    for name, prices in (("open", start), ("close", close), ("high", np.maximum(start, close)), ("low", np.minimum(start, close))):
        rows[name] = np.round(np.round(prices / TICK) * TICK, 2)
    rows["high"] = np.round(rows["high"] + np.round(reach[0] / TICK) * TICK, 2)
    rows["low"] = np.round(rows["low"] - np.round(reach[1] / TICK) * TICK, 2)
    rows["volume"] = 1_000
    rows["time_ns"] = 1_761_709_500 * 10**9 + (np.arange(count) // 375 * 86_400 + np.arange(count) % 375 * 60) * 10**9
    rows["session_minute"] = np.arange(count) % 375
    return rows


@pytest.fixture(scope="module", params=["real", "made up"])
def bars(request: pytest.FixtureRequest) -> Rows:
    if request.param == "made up":
        return made_up()
    folder: Path = request.getfixturevalue("shared_data")
    return read_bars(folder / "bars_multi_interval" / "RELIANCE_1min_60days.csv.gz")["NSE:RELIANCE"]


class FlatRate:
    """Charges as backtesting.py knows them: a fixed sum an order, and a part of its value."""

    changes: tuple[date, ...] = ()

    def __init__(self, fixed: float, part: float) -> None:
        self._rates: Rows = np.zeros(1, RATES)
        self._rates[0]["brokerage_flat"] = round(fixed * UNITS)
        self._rates[0]["exchange"] = round(part * PPB)

    def rates(self, *_: object) -> Rows:
        return self._rates


def ours(bars: Rows, template: str, parameters: dict[str, float], product: Product = Product.MIS, **options: Any) -> BacktestResult:
    options = {"sizing": f"fixed:{SIZE}", "product": product, "capital_units": CASH * UNITS, "touch": True} | options
    return run_backtest(TEMPLATES.get(template), {SHARE: bars}, parameters, **options)


def theirs(bars: Rows, strategy: type[backtesting.Strategy], **options: Any) -> Any:
    frame = pd.DataFrame({name.capitalize(): bars[name] for name in ("open", "high", "low", "close", "volume")})
    frame.index = pd.to_datetime(bars["time_ns"])
    run = backtesting.Backtest(frame, strategy, cash=CASH, exclusive_orders=True, finalize_trades=False, **options).run
    return run()


def our_fills(made: BacktestResult) -> Net:
    net: Net = defaultdict(int)
    at = np.searchsorted(made.bars["time_ns"], made.outcome.fills["time_ns"])
    for bar, row in zip(at.tolist(), made.outcome.fills.tolist(), strict=True):
        net[bar, row[3] // 100] += row[2]
    return {place: quantity for place, quantity in net.items() if quantity}


def their_fills(made: Any) -> Net:
    net: Net = defaultdict(int)
    closed = made["_trades"]
    for size, begin, end, entry, leave in closed[["Size", "EntryBar", "ExitBar", "EntryPrice", "ExitPrice"]].itertuples(index=False):
        net[begin, round(entry * 100)] += int(size)
        net[end, round(leave * 100)] -= int(size)
    for trade in made["_strategy"].trades:
        net[trade.entry_bar, round(trade.entry_price * 100)] += int(trade.size)
    return {place: quantity for place, quantity in net.items() if quantity}


def our_equity(made: BacktestResult) -> np.ndarray[Any, Any]:
    return made.outcome.equity / UNITS


def their_equity(made: Any) -> np.ndarray[Any, Any]:
    return made["_equity_curve"]["Equity"].to_numpy(dtype=float)


def ema(prices: Any, span: int) -> Any:
    return pd.Series(prices).ewm(span=span, adjust=False).mean().to_numpy()


def crosses(prices: Any, fast: int, slow: int) -> Any:
    """+1 where the fast average has come above the slow one, -1 where it has fallen to it or below, once the slow one has settled."""
    is_above = ema(prices, fast) > ema(prices, slow)
    change = np.append(0, np.diff(is_above.astype(int)))
    change[:slow] = 0
    return change.astype(float)


def wilder_rsi(prices: Any, period: int) -> Any:
    """The index as Wilder defined it: the first averages are plain, later ones take in a part of `period`."""
    steps = np.diff(prices, prepend=np.nan)
    index = np.full(len(prices), 50.0)
    gain, loss = np.clip(steps[1 : period + 1], 0, None).mean(), np.clip(-steps[1 : period + 1], 0, None).mean()
    for at in range(period, len(prices)):
        if at > period:
            gain = (gain * (period - 1) + max(steps[at], 0)) / period
            loss = (loss * (period - 1) + max(-steps[at], 0)) / period
        index[at] = 100 * gain / (gain + loss) if gain + loss else 50.0
    return index


def turns(prices: Any, period: int, low: float, high: float) -> Any:
    index = wilder_rsi(prices, period)
    side = np.zeros(len(prices))
    side[1:] = np.where((index[:-1] <= low) & (low < index[1:]), 1.0, np.where((index[:-1] >= high) & (high > index[1:]), -1.0, 0.0))
    return side


def signals(make: Callable[..., Any], *parameters: float, stop: float = 0.0, target: float = 0.0, short: bool = True) -> Any:
    """Return a strategy of backtesting.py that follows signals, with stop and target as fractions of the close decided on."""

    class Follow(backtesting.Strategy):
        def init(self) -> None:
            self.side = self.I(make, self.data.Close, *parameters, plot=False)

        def next(self) -> None:
            side, close, held = self.side[-1], self.data.Close[-1], self.position.size
            if side == 0 or held * side > 0:
                return
            sl, tp = (on_grid(close * (1 - side * stop)) if stop else None), (on_grid(close * (1 + side * target)) if target else None)
            if side > 0:
                self.buy(size=SIZE, sl=sl, tp=tp)
            elif short:
                self.sell(size=SIZE, sl=sl, tp=tp)
            else:
                self.position.close()

    return Follow


def on_grid(price: float) -> float:
    """Return the nearest tick, of half a tick the upper one."""
    return round(np.floor(price / TICK + 0.5 + 1e-9) * TICK, 2)


EMA = ("ema_crossover", {"fast_ema": 9, "slow_ema": 21}), (crosses, 9, 21)
RSI = ("rsi", {"period": 14, "oversold": 30, "overbought": 70}), (turns, 14, 30.0, 70.0)


@pytest.mark.parametrize(("mine", "other"), [EMA, RSI], ids=["ema", "rsi"])
def test_without_charges_fills_and_equity_are_the_same(bars: Rows, mine: Any, other: Any) -> None:
    here, there = ours(bars, *mine), theirs(bars, signals(*other))
    assert len(our_fills(here)) >= 40
    assert our_fills(here) == their_fills(there)
    np.testing.assert_allclose(our_equity(here), their_equity(there), rtol=0, atol=1e-6)


@pytest.mark.parametrize(("mine", "other"), [EMA, RSI], ids=["ema", "rsi"])
def test_a_fixed_sum_an_order_costs_the_same_where_nothing_is_turned(bars: Rows, mine: Any, other: Any) -> None:
    here = ours(bars, *mine, Product.CNC, tariff=FlatRate(20, 0))
    there = theirs(bars, signals(*other, short=False), commission=(20, 0))
    assert our_fills(here) == their_fills(there)
    assert here.charges_units == 20 * UNITS * len(here.outcome.fills) > 0
    np.testing.assert_allclose(our_equity(here), their_equity(there), rtol=0, atol=1e-6)


def test_a_reversal_is_one_order_here_and_two_there(bars: Rows) -> None:
    here, there = ours(bars, *EMA[0], tariff=FlatRate(20, 0)), theirs(bars, signals(*EMA[1]), commission=(20, 0))
    assert our_fills(here) == their_fills(there)
    fills = here.outcome.fills
    turned = np.zeros(len(bars))
    np.add.at(turned, np.searchsorted(bars["time_ns"], fills["time_ns"][fills["reason"] == REVERSAL]), 20)
    assert turned.sum() > 0
    np.testing.assert_allclose(our_equity(here) - their_equity(there), np.cumsum(turned), rtol=0, atol=1e-6)


@pytest.mark.parametrize(("mine", "other"), [EMA, RSI], ids=["ema", "rsi"])
def test_a_part_of_the_value_costs_the_same_but_for_rounding_to_the_paisa(bars: Rows, mine: Any, other: Any) -> None:
    here, there = ours(bars, *mine, tariff=FlatRate(0, 0.0003)), theirs(bars, signals(*other), commission=(0, 0.0003))
    assert our_fills(here) == their_fills(there)
    fills = here.outcome.fills
    charged = np.zeros(len(bars))
    exact = [abs(quantity * price) / UNITS * 0.0003 for _, _, quantity, price, _, _ in fills.tolist()]
    rounded = np.floor(np.array(exact) * 100 + 0.5 + 1e-9) / 100
    assert fills["charges"].tolist() == np.round(rounded * UNITS).astype(int).tolist()
    np.add.at(charged, np.searchsorted(bars["time_ns"], fills["time_ns"]), rounded - exact)
    np.testing.assert_allclose(their_equity(there) - our_equity(here), np.cumsum(charged), rtol=0, atol=1e-5)
    assert abs(here.charges_units / UNITS - there["Commissions [$]"]) <= PAISA * len(fills) + open_commission(there)


def open_commission(made: Any) -> float:
    """What is open has been charged for here; there it is told when it is closed."""
    return sum(abs(trade.size) * trade.entry_price * 0.0003 for trade in made["_strategy"].trades)


def places(made: BacktestResult, reason: int) -> set[int]:
    """Return the bars in which something filled for that reason."""
    fills = made.outcome.fills
    return set(np.searchsorted(made.bars["time_ns"], fills["time_ns"][fills["reason"] == reason]).tolist())


def explained(bars: Rows, here: BacktestResult, there: Any) -> np.ndarray[Any, Any]:
    """Return by how much equity must differ from bar to bar; what differs in any other way fails.

    backtesting.py looks at stop and target of a bar before all else. So in one bar it fills a stop or target inside the bar before an
    order that was due at its open, and a stop inside the bar before a target that the open had passed already. Here the open comes
    first. Either way the position is the same after the bar.
    """
    mine, other = our_fills(here), their_fills(there)
    at_open = places(here, REVERSAL) | places(here, TARGET)
    due = np.zeros(len(bars))
    for bar in sorted({place[0] for place, _ in mine.items() ^ other.items()}):
        opening = round(bars["open"][bar] * 100)
        before, after = ({price: n for (at, price), n in net.items() if at == bar} for net in (mine, other))
        ((price, quantity),) = ((price, n) for price, n in after.items() if price != opening)
        assert bar in at_open
        assert set(before) == {opening}
        assert abs(quantity) == SIZE
        assert sum(before.values()) == sum(after.values())
        assert round(bars["low"][bar] * 100) <= price <= round(bars["high"][bar] * 100)
        due[bar] = -quantity * (price - opening) / 100
    assert np.count_nonzero(due) < len(mine) / 10
    return np.cumsum(due)


@pytest.mark.parametrize(
    ("mine", "other"),
    [
        ({"fast_ema": 9, "slow_ema": 21, "stop": 0.002, "target": 0.003}, (crosses, 9, 21)),
        ({"period": 7, "oversold": 35, "overbought": 65, "stop": 0.0015, "target": 0.002}, (turns, 7, 35.0, 65.0)),
    ],
    ids=["ema", "rsi"],
)
@pytest.mark.parametrize("product", [Product.MIS, Product.CNC])
def test_stops_and_targets_fill_alike(bars: Rows, mine: dict[str, float], other: Any, product: Product) -> None:
    here = ours(bars, "rsi" if "period" in mine else "ema_crossover", mine, product)
    there = theirs(bars, signals(*other, stop=mine["stop"], target=mine["target"], short=product is Product.MIS))
    assert {"STOP", "TARGET"} <= {fill.purpose.name for fill in here.fills()}
    np.testing.assert_allclose(their_equity(there) - our_equity(here), explained(bars, here, there), rtol=0, atol=1e-6)

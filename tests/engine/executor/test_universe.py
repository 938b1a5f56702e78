"""A strategy that looks at all symbols at once trades through the whole engine what it trades in the replay."""

from __future__ import annotations

import math
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.backtest import run_backtest
from engine.calendar import Calendar
from engine.compiling import compile_for_trading
from engine.core.compiled import compiled
from engine.core.model import UNITS, Instrument, Product, StrategyState
from engine.core.records import BAR, Rows, fields
from engine.core.registry import TEMPLATES, Parameter, Template
from engine.executor.config import parse_strategy
from engine.executor.universe import learn_together, universe_legs
from engine.tariffs import Tariff
from tests.engine.live_runs import facts, run_it
from tests.engine.walks import MINUTE, markets

LoopRun = Callable[[Coroutine[Any, Any, Any]], Any]
STATE, PARAMS = fields("dice"), fields("seed")


@compiled("void(f8[:], f8[:], BAR[:], INTENT[:])")
def throw_dice(state, params, bars, intents):  # type: ignore[no-untyped-def]
    """Want anything at all of any symbol: either side, limits, stops and trails."""
    symbols = state.view(STATE)
    for k in range(len(bars)):
        dice = symbols[k].dice if symbols[k].dice != 0.0 else params[0] * 977.0 + 31.0 * k
        for i in range(4):
            dice = (dice * 16807.0) % 2147483647.0
            u = dice / 2147483647.0
            if i == 0 and u < 0.3:
                intents[k].target = math.floor(u / 0.3 * 5.0) - 2.0
            elif i == 1 and u < 0.3 and bars[k].close > 0.0:
                intents[k].limit = bars[k].close * (0.995 + 0.01 * u / 0.3)
            elif i == 2 and u < 0.4 and bars[k].close > 0.0:
                intents[k].stop = bars[k].close * (0.99 + 0.02 * u / 0.4)
            elif i == 3 and u < 0.15:
                intents[k].trail = 0.5 + u * 20.0
        symbols[k].dice = dice


DICE = Template("dice_of_all", "Dice", (Parameter("seed", 1, 0, 1e6),), STATE, PARAMS, throw_dice, is_universe=True)


@pytest.fixture(scope="module", autouse=True)
def _dice() -> Iterator[None]:
    TEMPLATES.load()
    compile_for_trading()
    TEMPLATES.add("dice_of_all", DICE)
    yield
    TEMPLATES._items.pop("dice_of_all")


@pytest.mark.parametrize(
    ("name", "parameters", "minutes", "count", "days", "hole"),
    [
        ("dice_of_all", {"seed": 3}, 1, 3, 1, 0.0),
        ("dice_of_all", {"seed": 4}, 1, 2, 1, 0.4),
        ("dice_of_all", {"seed": 5}, 5, 3, 2, 0.4),
        ("momentum_rotation", {"lookback": 8, "every": 3}, 1, 3, 1, 0.3),
        ("pairs_spread", {"lookback": 20, "entry": 1.5}, 2, 2, 2, 0.1),
    ],
)
def test_it_trades_alike_in_the_replay_and_live(
    name: str, parameters: dict[str, float], minutes: int, count: int, days: int, hole: float, loop_run: LoopRun, tmp_path: Path
) -> None:
    bars = markets(17 + count, count, days, hole)
    strategy = {"strategy_type": name, "parameters": parameters | {"scan_interval": minutes}}
    fills, summary = loop_run(run_it(bars, strategy, tmp_path))
    made = run_backtest(
        TEMPLATES.get(name), bars, parameters, interval_s=60 * minutes, base_s=60, sizing="fixed:3", product=Product.MIS,
        tariff=Tariff.load(), calendar=Calendar.load(), capital_units=100_000 * UNITS,
    )  # fmt: skip
    assert summary["state"] == StrategyState.RUNNING, summary["last_error"]
    assert len(fills) > 4
    assert facts(fills) == facts(made.fills())


def rows_of(*bars: tuple[int, int, float]) -> Rows:
    rows: Rows = np.zeros(len(bars), BAR)
    for row, (slot, minute, close) in zip(rows, bars, strict=True):
        row["instrument"], row["time_ns"], row["session_minute"], row["volume"] = slot, (1 + minute) * MINUTE, minute, 5.0
        row["open"] = row["high"] = row["low"] = row["close"] = close
    return rows


def shown_by(universe: Any) -> list[list[tuple[int, int, float, float]]]:
    shown: list[list[tuple[int, int, float, float]]] = []
    universe.bars_closed.connect(
        lambda _, rows: shown.append(
            [(int(r["instrument"]), int(r["session_minute"]), float(r["close"]), float(r["volume"])) for r in rows]
        )
    )
    return shown


def three_legs() -> Any:
    symbols = ["RELIANCE", "TCS", "INFY"]
    config = parse_strategy({"name": "x", "strategy_type": "dice_of_all", "symbols": symbols, "sizing": "fixed:3"}, {})
    instruments: list[Instrument] = list(markets(1, 3, 1))
    return universe_legs(config, instruments, [7, 3, 5])


def test_a_bar_is_shown_once_all_symbols_have_brought_it() -> None:
    universe = three_legs()[0].universe
    shown = shown_by(universe)
    universe.on_bars(60, rows_of((7, 0, 10.0)))
    universe.on_bars(300, rows_of((3, 0, 20.0)))
    universe.on_bars(60, rows_of((9, 0, 99.0)))
    assert shown == []
    universe.on_bars(60, rows_of((5, 0, 30.0), (3, 0, 20.0)))
    assert shown == [[(7, 0, 10.0, 5.0), (3, 0, 20.0, 5.0), (5, 0, 30.0, 5.0)]]
    universe.on_minutes_over(2 * MINUTE)
    assert len(shown) == 1


def test_what_did_not_trade_shows_its_last_close_once_the_minute_is_over() -> None:
    legs = three_legs()
    universe = legs[0].universe
    shown = shown_by(universe)
    universe.on_bars(60, rows_of((7, 0, 10.0), (3, 0, 20.0)))
    universe.on_minutes_over(2 * MINUTE)
    universe.on_bars(60, rows_of((3, 1, 21.0)))
    universe.on_minutes_over(3 * MINUTE)
    assert shown == [[(7, 0, 10.0, 5.0), (3, 0, 20.0, 5.0)], [(7, 1, 10.0, 0.0), (3, 1, 21.0, 5.0)]]
    legs[0].decide(rows_of((7, 1, 10.0))[0])
    universe.on_bars(60, rows_of((5, 1, 30.0)))
    universe.on_minutes_over(4 * MINUTE)
    assert len(shown) == 2, "what comes after the decision is too late for it"


def test_it_learns_from_the_past_of_all_symbols_in_order_of_time() -> None:
    legs, fresh = three_legs(), three_legs()
    past = [rows_of(*((0, at, 10.0 + at) for at in range(30) if at % step != 1)) for step in (7, 3, 5)]
    learn_together(legs, past)
    for at in range(30):
        universe = fresh[0].universe
        universe.take(rows_of(*((slot, at, 10.0 + at) for slot, step in ((7, 7), (3, 3), (5, 5)) if at % step != 1)))
        universe.shown()
        fresh[0].decide(rows_of((7, at, 1.0))[0])
    np.testing.assert_array_equal(legs[0].universe.state, fresh[0].universe.state)
    assert legs[0].universe.state.any()
    assert any(not math.isnan(leg.held_target) for leg in legs)

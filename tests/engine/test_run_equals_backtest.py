"""A strategy run through the whole engine trades what the compiled replay trades on the same bars, fill by fill.

Every template, with stops, targets, trailing, larger intervals, several instruments on shared cash, holes in the data, charges,
square-off and limits; random bars, and a stretch of real ones.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.backtest import run_backtest
from engine.brokers.simulated import SimulatedBroker
from engine.calendar import Calendar
from engine.compiling import compile_for_trading
from engine.core.bars import MINUTE_NS
from engine.core.compiled import compiled
from engine.core.model import Fill, Instrument, Product, to_units
from engine.core.records import BAR, Row, Rows, fields
from engine.core.registry import TEMPLATES, Template
from engine.executor.config import parse_strategy
from engine.executor.executor import StrategyExecutor
from engine.instruments import Instruments
from engine.replay_file import read_replay
from engine.session import TradingSession
from engine.store import Store
from engine.tariffs import Tariff

NAMES = ("RELIANCE", "TCS", "INFY")
CALENDAR = Calendar.load()


def made_up(days: int, seed: int, *, hole: float = 0.02) -> dict[Instrument, Rows]:
    """Random walks of three shares over some trading days, with minutes left out here and there."""
    known, random = Instruments.load_bundled(), np.random.default_rng(seed)
    opens = [CALENDAR.session_open_ns(date(2025, 9, day)) for day in range(1, 30) if CALENDAR.is_trading_day(date(2025, 9, day))][:days]
    times = np.concatenate([open_ns + np.arange(375) * MINUTE_NS for open_ns in opens])
    found = {}
    for name in NAMES:
        kept = random.random(len(times)) >= hole
        rows = np.zeros(int(kept.sum()), dtype=BAR)
        rows["time_ns"] = times[kept]
        rows["session_minute"] = np.tile(np.arange(375), len(opens))[kept]
        walk = 1_000 * np.exp(np.cumsum(random.normal(0, 0.0015, len(rows) + 1)))
        path = np.round(np.stack([walk[:-1] * (1 + random.normal(0, 0.0003, len(rows))), walk[1:]]) / 0.05) * 0.05
        reach = np.round(random.exponential(0.8, (2, len(rows))) / 0.05) * 0.05
        rows["open"], rows["close"] = np.round(path, 2)
        rows["high"], rows["low"] = np.round(path.max(axis=0) + reach[0], 2), np.round(path.min(axis=0) - reach[1], 2)
        rows["volume"] = random.integers(0, 5_000, len(rows))
        found[known.get(name)] = rows
    return found


def as_rows(fills: list[Fill]) -> list[tuple[Any, ...]]:
    """Make comparable rows, ordered by time and symbol: an exchange opens for all before it trades for the first; the replay does not."""
    rows = [(f.time_ns, f.instrument.symbol, f.signed_quantity, f.price_units, f.charges_units, str(f.purpose)) for f in fills]
    return sorted(rows, key=lambda row: row[:2])


class Case:
    """One way to trade, for both drivers."""

    def __init__(self, name: str, parameters: Mapping[str, Any] | None = None, **more: Any) -> None:
        self.name = name
        self.parameters = dict(parameters or {})
        self.interval_s = 60 * more.pop("minutes", 1)
        self.sizing = more.pop("sizing", "fixed:3")
        self.product = Product(more.pop("product", "NRML"))
        self.capital = more.pop("capital", 1_000_000.0)
        self.tariff = more.pop("tariff", "none")
        self.exits = {"exit_after": more.pop("exit_after", 0.0), "exit_at": more.pop("exit_at", "")}
        self.risk: dict[str, float] = more

    def backtest(self, bars: dict[Instrument, Rows]) -> list[tuple[Any, ...]]:
        limits = {name: value for name, value in self.risk.items() if name != "max_risk_per_trade"}
        exits = parse_strategy({"name": "run", "strategy_type": self.name, "symbols": ["TCS"], "sizing": "fixed:1", **self.exits})
        result = run_backtest(
            TEMPLATES.get(self.name), bars, self.parameters, interval_s=self.interval_s, base_s=60, sizing=self.sizing,
            product=self.product, capital_units=to_units(self.capital), risk_pct=self.risk.get("max_risk_per_trade", 0.0),
            limits=limits, tariff=Tariff.load(self.tariff), calendar=CALENDAR,
            exit_after_s=exits.exit_after_s, exit_at_min=exits.exit_at_min,
        )  # fmt: skip
        return as_rows(result.fills())

    async def run(self, bars: dict[Instrument, Rows], folder: Path) -> list[tuple[Any, ...]]:
        broker = SimulatedBroker(replay=bars, tariff=self.tariff, capital=1e9, interval_s=60)
        store = Store.open(folder / "shikra.db")
        strategy = {
            "name": "run", "strategy_type": self.name, "symbols": [i.key for i in bars], "sizing": self.sizing,
            "product": str(self.product), **self.exits, "parameters": {**self.parameters, "scan_interval": self.interval_s // 60},
        }  # fmt: skip
        config = parse_strategy(strategy, {"capital": self.capital, **self.risk})
        session = TradingSession(
            broker, store, limits=config.limits, capital_units=config.capital_units, tariff=Tariff.load(self.tariff), calendar=CALENDAR
        )
        fills: list[Fill] = []
        session.orders.order_filled.connect(fills.append)
        executor = StrategyExecutor(session=session, strategy_config=strategy, risk_config={"capital": self.capital, **self.risk})
        try:
            await session.open()
            await executor.begin()
            await broker.start_market()
            await broker.wait_until_done()
            await session.settle()
        finally:
            await session.close()
            store.close()
        return as_rows(fills)


CASES = {
    "plain": Case("ema_crossover"),
    "real charges": Case("ema_crossover", tariff="zerodha", product="MIS"),
    "stops and targets": Case("ema_crossover", {"stop": 0.003, "target": 0.004}),
    "five minutes": Case("ema_crossover", {"fast_ema": 3, "slow_ema": 8, "stop": 0.005}, minutes=5),
    "an hour, over nights": Case("ema_crossover", {"fast_ema": 2, "slow_ema": 5, "stop": 0.01}, minutes=60),
    "delivery": Case("ema_crossover", {"fast_ema": 4, "slow_ema": 9}, product="CNC"),
    "by risk": Case("ema_crossover", {"stop": 0.004}, sizing="risk", max_risk_per_trade=0.5, max_position_size=20.0, capital=200_000.0),
    "short of cash": Case("ema_crossover", sizing="fixed:60", capital=100_000.0),
    "limits": Case(
        "ema_crossover", {"stop": 0.01}, sizing="fixed:20", max_positions=2, max_daily_loss=500, max_drawdown=5, capital=150_000.0
    ),
    "turns while it may only reduce": Case("ema_crossover", sizing="fixed:20", max_daily_loss=40, capital=1_500_000.0),
    "left after a time": Case("ema_crossover", {"stop": 0.004}, exit_after=7),
    "left after a time, in larger bars": Case("everything", minutes=5, exit_after=23, tariff="zerodha"),
    "left over night": Case("ema_crossover", {"fast_ema": 2, "slow_ema": 5}, minutes=60, product="CNC", exit_after=500),
    "left at a time of the day": Case("everything", {}, exit_at="13:30", tariff="zerodha"),
    "left at a time before the square-off": Case("ema_crossover", {"stop": 0.01}, product="MIS", exit_at="14:59", exit_after=11.5),
    "left at a time after the square-off": Case("everything", minutes=3, product="MIS", exit_at="15:28"),
    "rsi": Case("rsi", product="MIS"),
    "opening range": Case("opening_range_breakout", product="MIS"),
    "bollinger": Case("bollinger_reversion", minutes=3),
    "supertrend": Case("supertrend", minutes=5),
    "everything": Case("everything", minutes=2, product="MIS", tariff="zerodha"),
    "everything, each minute": Case("everything"),
}


@pytest.fixture(scope="module", autouse=True)
def _everything() -> Any:
    """A template that does all there is to do: limits, stops, targets, trails, moved protection, halves, exits and reversals."""

    def on_bar(state: Any, params: Any, bar: Row, intent: Row) -> None:
        state[0] += 1
        at, close = int(state[0]) % 40, bar.close
        if at == 1:
            intent.target, intent.limit, intent.stop = 1.0, close - 1.0, close - 3.0
        elif at == 4:
            intent.target, intent.trail = 1.0, 1.5
        elif at == 9:
            intent.stop = close - 0.5
        elif at == 12:
            intent.target, intent.stop, intent.profit = -1.0, close + 2.0, close - 2.5
        elif at == 17:
            intent.profit, intent.trail = close - 0.3, 1.0
        elif at == 20:
            intent.target, intent.stop = 0.5, close - 4.0
        elif at == 24:
            intent.target, intent.limit = 1.0, close - 0.2
        elif at == 28:
            intent.target, intent.limit, intent.trail = -1.0, close + 0.4, 2.0
        elif at == 33:
            intent.target, intent.limit = 0.0, close - 0.3
        elif at == 36:
            intent.target = 0.0

    step = compiled("void(f8[:], f8[:], BAR, INTENT)")(on_bar)
    TEMPLATES.load()
    compile_for_trading()
    TEMPLATES.add("everything", Template("everything", "Everything", (), fields("count"), fields(), step))
    yield
    TEMPLATES._items.pop("everything")


TOLD = "turns while it may only reduce"
"""The case in which the day's loss is told, and told again."""


@pytest.mark.parametrize("name", [pytest.param(name, marks=[pytest.mark.logs_warnings] if name == TOLD else []) for name in CASES])
def test_a_run_trades_what_the_replay_trades(name: str, tmp_path: Path, loop_run: Callable[..., Any]) -> None:
    bars = made_up(days=2 if CASES[name].interval_s < 3_600 else 5, seed=sum(map(ord, name)))
    expected = CASES[name].backtest(bars)
    made = loop_run(CASES[name].run(bars, tmp_path))
    assert len(expected) > 5
    assert first_difference(made, expected) == ""


def test_a_run_over_real_minutes_trades_what_the_replay_trades(shared_data: Path, tmp_path: Path, loop_run: Callable[..., Any]) -> None:
    file = shared_data / "bars_1min" / "nse_eq_from_ticks_20210326_20210521.parquet"
    bars = read_replay(file, ["RELIANCE", "SBIN"], CALENDAR, Instruments.load_bundled())
    bars = {instrument: rows[:1_500] for instrument, rows in bars.items()}
    case = Case("ema_crossover", {"stop": 0.004, "warmup": 50}, tariff="zerodha", product="MIS")
    expected = case.backtest(bars)
    assert len(expected) > 100
    assert first_difference(loop_run(case.run(bars, tmp_path)), expected) == ""


def first_difference(made: list[tuple[Any, ...]], expected: list[tuple[Any, ...]]) -> str:
    """Say where two lists of fills part, empty when they are equal."""
    for number, (one, other) in enumerate(zip(made, expected, strict=False)):
        if one != other:
            return json.dumps(
                {"at": number, "run": made[max(0, number - 2) : number + 3], "replay": expected[max(0, number - 2) : number + 3]}
            )
    return "" if len(made) == len(expected) else f"{len(made)} fills of the run, {len(expected)} of the replay"

"""A plain-Python class, and a function of the user's, trade through the whole engine what they trade in a backtest."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from engine.authored.files import template_of
from engine.backtest import run_backtest
from engine.calendar import Calendar
from engine.compiling import compile_for_trading
from engine.core.model import Product, StrategyState
from engine.tariffs import Tariff
from tests.engine.live_runs import facts, run_it
from tests.engine.walks import markets


@pytest.fixture(scope="module", autouse=True)
def _compiled() -> None:
    compile_for_trading()


LoopRun = Callable[[Coroutine[Any, Any, Any]], Any]

MIXED = """
from engine import Parameter, Strategy

class Mixed(Strategy):
    fast = Parameter(4, 2, 200)

    def on_start(self):
        self.ema = self.indicator("ema", period=self.fast)
        self.bands = self.indicator("bollinger", period=10)
        self.adx = self.talib("ADX", timeperiod=5)
        self.quarter = self.bars(15, self.on_quarter)
        self.trend = self.indicator("ema", self.quarter, period=3)
        self.rising = None
        self.filled, self.paid = 0, 0.0

    def on_fill(self, fill):
        self.filled += fill.quantity
        self.paid += fill.charges + fill.price / 1000 + len(fill.reason) + fill.time_ns % 7

    def on_quarter(self, bar):
        self.rising = bar.close > self.trend.value

    def on_bar(self, bar):
        if self.filled != self.position:
            raise ValueError("what was told is not what is held")
        if not self.adx.value > 15.0 or not self.bands.value > 0.0 or self.rising is None:
            return
        if self.rising and bar.close > self.ema.value and self.position <= 0:
            self.buy(stop=bar.close * (0.99 - round(self.paid * 1000) % 5 / 2000), profit=self.bands.upper + 5.0)
        elif not self.rising and bar.close < self.ema.value and self.position >= 0 and self.equity > 1.0:
            self.sell(trail=bar.close * 0.004)
"""


@pytest.mark.parametrize(("count", "minutes", "hole"), [(1, 1, 0.0), (2, 5, 0.2)])
def test_a_class_trades_alike_in_a_backtest_and_live(count: int, minutes: int, hole: float, loop_run: LoopRun, tmp_path: Path) -> None:
    path = tmp_path / "mixed.py"
    path.write_text(MIXED)
    bars = markets(11, count, 1 if minutes == 1 else 2, hole)
    config = {"strategy_type": str(path), "parameters": {"fast": 6, "scan_interval": minutes}}
    fills, summary = loop_run(run_it(bars, config, tmp_path))
    made = run_backtest(
        template_of(str(path)), bars, {"fast": 6}, interval_s=60 * minutes, base_s=60, sizing="fixed:3", product=Product.MIS,
        tariff=Tariff.load(), calendar=Calendar.load(),
    )  # fmt: skip
    assert summary["state"] == StrategyState.RUNNING, summary["last_error"]
    assert made.outcome.fault == ""
    assert len(fills) > 4
    assert facts(fills) == facts(made.fills())


def test_a_function_trades_alike_in_a_backtest_and_live(loop_run: LoopRun, tmp_path: Path) -> None:
    def maker() -> tuple[list[Any], Any]:
        seen: list[Any] = []

        def decide(symbol: str, exchange: str, quote: dict[str, Any], has_position: bool) -> dict[str, Any] | None:
            names = ("last_price", "open", "high", "low", "close", "volume", "oi")
            seen.append((symbol, exchange, has_position, *(quote[name] for name in names)))
            if quote["last_price"] > quote["open"] * 1.004:
                return {"action": "SELL", "symbol": symbol, "stop_loss": quote["last_price"] * 1.003}
            if quote["last_price"] < quote["open"] * 0.998:
                return {"action": "BUY", "target": quote["last_price"] * 1.002}
            return {"action": "EXIT"} if has_position and len(seen) % 7 == 0 else None

        return seen, decide

    bars = markets(4, 2, 1)
    live, decide = maker()
    fills, _ = loop_run(run_it(bars, {"strategy_type": "callback"}, tmp_path, decide))
    tested, decide = maker()
    made = run_backtest(decide, bars, base_s=60, sizing="fixed:3", product=Product.MIS, tariff=Tariff.load(), calendar=Calendar.load())
    assert live == tested
    assert len(fills) > 10
    assert facts(fills) == facts(made.fills())


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        ({"action": "BY"}, "Expected action to be one of BUY, SELL, EXIT, HOLD, was 'BY'"),
        ({"action": "BUY", "stop_loss": -1.0}, "Expected stop above zero or none, was -1.0"),
        (3, "Expected the function to return a dict or None, was int"),
    ],
)
def test_an_answer_that_makes_no_sense_ends_the_backtest_there(answer: Any, sentence: str) -> None:
    made = run_backtest(lambda *_: answer, markets(4, 1, 1), sizing="fixed:1")
    assert sentence in made.outcome.fault
    assert "on the bar of RELIANCE at 2024-01-01 09:15" in made.outcome.fault


@pytest.mark.logs_warnings
def test_a_class_that_fails_live_is_stopped_with_its_line(loop_run: LoopRun, tmp_path: Path) -> None:
    path = tmp_path / "fails.py"
    path.write_text("from engine import Strategy\n\nclass Fails(Strategy):\n    def on_bar(self, bar):\n        {}['x']\n")
    fills, summary = loop_run(run_it(markets(1, 1, 1), {"strategy_type": str(path)}, tmp_path))
    assert summary["state"] == StrategyState.FAULTED
    assert summary["last_error"] == "KeyError: 'x' (line 5 of fails.py), on the bar of RELIANCE at 2024-01-01 09:15; mend it."
    assert fills == []

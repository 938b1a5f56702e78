"""A plain-Python class trades in a backtest what a compiled template trades that wants the same, to the last bit."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine import class_replay
from engine.authored.files import template_of
from engine.backtest import BacktestResult, run_backtest
from engine.backtest_terms import prepare
from engine.calendar import Calendar
from engine.class_replay import decisions_of
from engine.core.errors import UserError
from engine.core.model import UNITS, Instrument, Product
from engine.core.records import Rows
from engine.core.registry import TEMPLATES, Template
from engine.core.replay import Replay
from engine.tariffs import Tariff
from tests.engine.walks import FIRST, MINUTE, market, markets, share

CROSSOVER = """
from engine import Parameter, Strategy

class Crossover(Strategy):
    fast_ema = Parameter(9, 2, 200)
    slow_ema = Parameter(21, 5, 400)
    stop = Parameter(0.0, 0.0, 0.2)
    reward = Parameter(0.0, 0.0, 1.0)

    def on_start(self):
        self.fast = self.indicator("ema", period=self.fast_ema)
        self.slow = self.indicator("ema", period=self.slow_ema)
        self.was_above, self.seen = False, 0

    def on_bar(self, bar):
        is_above = self.fast.value > self.slow.value
        if is_above != self.was_above and self.seen >= self.slow_ema:
            side = 1.0 if is_above else -1.0
            prices = {}
            if self.stop > 0.0:
                prices["stop"] = bar.close * (1.0 - side * self.stop)
            if self.reward > 0.0:
                prices["profit"] = bar.close * (1.0 + side * self.reward)
            (self.buy if is_above else self.sell)(**prices)
        self.was_above = is_above
        self.seen += 1
"""

DICE = """
import math
from engine import Strategy

class Dice(Strategy):
    def on_start(self):
        self.dice, self.log = 977.0 + 31.0 * {number}[self.symbol], []

    def throw(self):
        self.dice = (self.dice * 16807.0) % 2147483647.0
        return self.dice / 2147483647.0

    def on_bar(self, bar):
        {look}
        prices, u = {{}}, [self.throw() for _ in range(6)]
        if u[1] < 0.3: prices["limit"] = bar.close * (0.995 + 0.01 * u[1] / 0.3)
        if u[2] < 0.4: prices["stop"] = bar.close * (0.99 + 0.02 * u[2] / 0.4)
        if u[3] < 0.4: prices["profit"] = bar.close * (0.99 + 0.02 * u[3] / 0.4)
        if u[4] < 0.15: prices["trail"] = 0.5 + u[4] * 20.0
        if u[5] < 0.1: prices["trigger"] = bar.close * (0.995 + 0.1 * u[5])
        target = math.floor(u[0] / 0.3 * 5.0) - 2.0 if u[0] < 0.3 else math.nan
        if target > 0.0:
            self.buy(target, **prices)
        elif target < 0.0:
            self.sell(-target, **prices)
        elif target == 0.0:
            self.close(**prices)
        elif prices:
            self.protect(**prices)
"""
NUMBERS = {"RELIANCE": 0, "TCS": 1, "INFY": 2}


def dice(look: str = "pass") -> str:
    return DICE.format(number=NUMBERS, look=look)


def of(folder: Path, text: str, name: str = "mine.py") -> Template:
    path = folder / name
    path.write_text(text)
    return template_of(str(path))


def trade_on(
    template: Template, bars: Mapping[Instrument, Rows], parameters: Mapping[str, object] | None = None, **more: Any
) -> BacktestResult:
    terms: dict[str, Any] = {"sizing": "fixed:3", "product": Product.NRML, "base_s": 60} | more
    return run_backtest(template, bars, parameters, **terms)


def assert_same(one: BacktestResult, other: BacktestResult) -> None:
    np.testing.assert_array_equal(one.outcome.fills, other.outcome.fills)
    np.testing.assert_array_equal(one.outcome.equity, other.outcome.equity)
    counts = [(o.decisions, o.signals, o.orders, o.unsized, o.denied, o.fault, o.fault_ns) for o in (one.outcome, other.outcome)]
    assert counts[0] == counts[1]


@pytest.mark.parametrize(
    ("count", "hole", "parameters", "more"),
    [
        (1, 0.0, {}, {}),
        (1, 0.1, {"stop": 0.004, "target": 0.006}, {"product": Product.MIS, "calendar": Calendar.load(), "tariff": Tariff.load()}),
        (1, 0.1, {"fast_ema": 2, "slow_ema": 5, "stop": 0.004}, {"interval_s": 600}),
        (3, 0.0, {"stop": 0.004}, {"limits": {"max_positions": 2.0}}),
        (3, 0.4, {"fast_ema": 3, "slow_ema": 8}, {"interval_s": 300}),
        (2, 0.1, {"fast_ema": 3, "slow_ema": 8}, {"exit_after_s": 540.0, "exit_at_min": 14 * 60}),
        (2, 0.3, {"stop": 0.01}, {"sizing": "risk", "risk_pct": 1.0, "interval_s": 120, "capital_units": 10**11}),
    ],
)
def test_a_class_trades_as_the_template_of_the_same_logic(
    count: int, hole: float, parameters: dict[str, float], more: dict[str, Any], tmp_path: Path
) -> None:
    bars = markets(count + 7, count, 3, hole)
    expected = trade_on(TEMPLATES.get("ema_crossover"), bars, parameters, **more)
    given = {"reward" if name == "target" else name: value for name, value in parameters.items()}
    made = trade_on(of(tmp_path, CROSSOVER), bars, given, **more)
    assert len(expected.outcome.fills) > 10
    assert_same(made, expected)


@pytest.mark.parametrize(("count", "interval_s", "hole"), [(1, 60, 0.0), (1, 300, 0.3), (3, 60, 0.3), (3, 900, 0.4)])
@pytest.mark.parametrize("exit_after_s", [0.0, 420.0])
def test_looking_at_what_is_held_changes_nothing_and_tells_the_truth(
    count: int, interval_s: int, hole: float, exit_after_s: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bars = markets(count, count, 3, hole)
    more: dict[str, Any] = {
        "exit_after_s": exit_after_s,
        "interval_s": interval_s,
        "product": Product.MIS,
        "calendar": Calendar.load(),
        "capital_units": 10**12,
    }
    monkeypatch.setattr(class_replay, "CHUNK", 50)
    blind = trade_on(of(tmp_path, dice(), "blind.py"), bars, **more)
    assert len(blind.outcome.fills) > 25
    assert blind.outcome.fault == ""
    for look in ("SEEN.append((self.symbol, bar.time_ns, self.position, self.equity))", "self.position if self.dice % 3 < 1 else 0"):
        template = of(tmp_path, dice(look).replace("import math", "import math\nSEEN = []"), "looks.py")
        looks = trade_on(template, bars, **more)
        assert_same(looks, blind)
        seen = vars(sys.modules[template.plain.__module__])["SEEN"]  # type: ignore[union-attr]
        assert all(position == self_made(blind, symbol, time_ns, interval_s) for symbol, time_ns, position, _ in seen)
    equity = dict(zip(blind.outcome.equity_ns.tolist(), blind.outcome.equity.tolist(), strict=True))
    if interval_s == 60 and hole == 0.0:
        again = of(tmp_path, dice("SEEN.append((bar.time_ns, self.equity))").replace("import math", "import math\nSEEN = []"), "worth.py")
        assert_same(trade_on(again, bars, **more), blind)
        worth = vars(sys.modules[again.plain.__module__])["SEEN"]  # type: ignore[union-attr]
        assert worth == [(time_ns, equity[time_ns] / UNITS) for time_ns, _ in worth]


def self_made(result: BacktestResult, symbol: str, time_ns: int, interval_s: int) -> int:
    """Add up what was filled of a symbol up to the moment at which a decision on this bar is made."""
    ends, times = time_ns + interval_s * 10**9, result.outcome.equity_ns
    late = times[times >= ends]
    closing = times[times + MINUTE >= ends]
    is_late = len(late) > 0 and late[0] == closing[0]
    number = [each.symbol for each in result.instruments].index(symbol)
    fills = result.outcome.fills
    until = fills["time_ns"] < closing[0] if is_late else fills["time_ns"] <= closing[0]
    return int(fills["quantity"][until & (fills["instrument"] == number)].sum())


@pytest.mark.parametrize(("count", "interval_s", "hole"), [(1, 60, 0.0), (3, 60, 0.3), (1, 300, 0.3), (3, 3600, 0.4)])
def test_decisions_are_those_of_the_replay(count: int, interval_s: int, hole: float, tmp_path: Path) -> None:
    bars = markets(5, count, 2, hole)
    prepared = prepare(bars, interval_s=interval_s, base_s=60, sizing="fixed:1")
    seen: list[tuple[Any, ...]] = []

    def on_bar(state: Any, params: Any, bar: Any, intent: Any) -> None:
        seen.append(bar.item())

    on_bar.py_func = on_bar  # type: ignore[attr-defined]
    going = Replay(on_bar, np.zeros((count, 1)), np.zeros(1), prepared.bars, prepared.terms, plain=True)  # type: ignore[arg-type]
    going.walk_to(len(prepared.bars))
    assert seen == [row.item() for row in decisions_of(prepared.bars, prepared.terms, int(prepared.bars[0].time_ns)).rows]


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("1 / 0", r"ZeroDivisionError: division by zero \(line 8 of mine.py\), on the bar of RELIANCE at 2024-01-01 09:24"),
        ("self.buy(stop=float('nan'))", r"Expected stop to be a finite number, was nan \(line 8 of mine.py\)"),
        ("self.buy(stop=-1)", "Expected stop above zero, was -1"),
        ("self.buy(0)", "Expected size above zero, was 0"),
        ("self.buy(stp=5)", "Expected prices among limit, stop, profit, trail, trigger, was stp"),
        ("self.sell(limit='cheap')", "Expected limit to be a number, was 'cheap'"),
        ("self.target = float('inf')", "Expected target to be a finite number, was inf"),
        ("self.indicator('ema')", "Expected indicators and larger bars to be declared in on_start"),
    ],
)
def test_a_mistake_stops_the_strategy_there_and_keeps_its_protection(line: str, sentence: str, tmp_path: Path) -> None:
    text = "from engine import Strategy\nclass Mine(Strategy):\n    n = 0\n    def on_bar(self, bar):\n        self.n += 1\n"
    text += f"        if self.n == 5: self.buy(stop=bar.close * 0.9)\n        if self.n == 10:\n            {line}\n"
    text += "        if self.n > 10: self.close()\n"
    bars = {share("RELIANCE"): market(np.random.default_rng(1), 1)}
    outcome = trade_on(of(tmp_path, text), bars).outcome
    assert re.search(sentence, outcome.fault), outcome.fault
    assert outcome.fault_ns == FIRST + 9 * MINUTE
    assert [(int(f.time_ns), int(f.quantity)) for f in outcome.fills] == [(FIRST + 5 * MINUTE, 3)]
    assert len(outcome.equity) == 375


def test_a_class_that_cannot_start_says_why(tmp_path: Path) -> None:
    text = "from engine import Strategy\nclass Mine(Strategy):\n    def on_start(self):\n        {}\n    def on_bar(self, bar): pass\n"
    bars = {share("RELIANCE"): market(np.random.default_rng(1), 1)}
    with pytest.raises(UserError, match=r'Mine of RELIANCE cannot start: Unknown indicator "emma"; did you mean .* \(line 4 of mine.py\)'):
        trade_on(of(tmp_path, text.format("self.indicator('emma')")), bars)
    with pytest.raises(UserError, match='Unknown parameter "length" of ema'):
        trade_on(of(tmp_path, text.format("self.indicator('ema', length=3)"), "b.py"), bars)
    with pytest.raises(UserError, match='Unknown function of TA-Lib "ADXX"'):
        trade_on(of(tmp_path, text.format("self.talib('ADXX')"), "c.py"), bars)
    with pytest.raises(UserError, match="Expected larger bars of a multiple of 1 minutes"):
        trade_on(of(tmp_path, text.format("self.bars(0.5)"), "d.py"), bars)


def test_a_fault_of_the_replay_ends_it_too(tmp_path: Path) -> None:
    bars = markets(3, 1, 2)
    made = trade_on(of(tmp_path, CROSSOVER), bars, sizing="risk", limits={}, risk_pct=1.0)
    expected = trade_on(TEMPLATES.get("ema_crossover"), bars, sizing="risk", limits={}, risk_pct=1.0)
    assert "Expected a stop" in expected.outcome.fault
    assert (made.outcome.fault, made.outcome.fault_ns) == (expected.outcome.fault, expected.outcome.fault_ns)


def test_progress_is_told_and_may_end_it(tmp_path: Path) -> None:
    bars, told = markets(3, 1, 3), []

    def on_progress(done: int) -> None:
        told.append(done)
        if done > 600:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        trade_on(of(tmp_path, CROSSOVER), bars, on_progress=on_progress)
    assert told == [512, 1024]

"""A strategy that knows the future is found out, with bar and field; honest ones are not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine import look_ahead
from engine.authored.files import template_of
from engine.core.compiled import compiled
from engine.core.model import Product
from engine.core.records import Rows, fields
from engine.core.registry import TEMPLATES, Template
from engine.look_ahead import find_look_ahead
from tests.engine.walks import FIRST, MINUTE, markets

TERMS: dict[str, Any] = {"sizing": "fixed:1", "product": Product.NRML, "base_s": 60, "most_bars": 700, "cuts": 4}

FUTURE: dict[str, Rows] = {}
"""What a cheat holds on to."""


@pytest.fixture(autouse=True)
def _no_future() -> Iterator[None]:
    FUTURE.clear()
    yield
    FUTURE.clear()


@pytest.mark.parametrize("name", TEMPLATES.names())
def test_the_terminals_own_do_not_look_ahead(name: str) -> None:
    found = find_look_ahead(TEMPLATES.get(name), markets(3, 2, 1, 0.1), **TERMS | {"cuts": 2, "most_bars": 300})
    assert found is None


HONEST = """
from engine import Strategy

class Honest(Strategy):
    def on_start(self):
        self.ema = self.indicator("ema", period=5)
        self.adx = self.talib("ADX", timeperiod=7)
        self.bands = self.talib("BBANDS", timeperiod=10)
        self.half = self.bars(30)
        self.slow = self.indicator("rsi", self.half, period=3)

    def on_bar(self, bar):
        self.state["last"] = bar.close
        if bar.close > self.ema.value and self.position <= 0:
            self.buy(stop=bar.close * 0.99)
        elif bar.close < self.bands.lowerband and self.position >= 0:
            self.sell()
"""


def test_an_honest_class_is_not_blamed(tmp_path: Path) -> None:
    (tmp_path / "honest.py").write_text(HONEST)
    bars = markets(5, 2, 1, 0.2)
    before = {instrument: rows.copy() for instrument, rows in bars.items()}
    assert find_look_ahead(template_of(str(tmp_path / "honest.py")), bars, interval_s=300, **TERMS) is None
    for instrument, rows in bars.items():
        np.testing.assert_array_equal(rows, before[instrument])


CHEAT = """
from engine import Strategy
from tests.engine.test_look_ahead import FUTURE

class Cheat(Strategy):
    def on_start(self):
        self.rows, self.at, self.tomorrow = FUTURE["rows"], 0, 0.0

    def on_bar(self, bar):
        self.at += 1
        self.tomorrow = float(self.rows["close"][min(self.at, len(self.rows) - 1)])
        if self.tomorrow > bar.close:
            self.buy()
        else:
            self.sell()
"""


def test_a_class_that_holds_on_to_the_data_is_found_with_bar_and_field(tmp_path: Path) -> None:
    (tmp_path / "cheat.py").write_text(
        CHEAT.replace("from tests.engine.test_look_ahead import FUTURE", f"FUTURE = __import__('sys').modules[{__name__!r}].FUTURE")
    )
    bars = markets(5, 1, 1)
    FUTURE["rows"] = next(iter(bars.values()))
    found = find_look_ahead(template_of(str(tmp_path / "cheat.py")), bars, **TERMS)
    assert found is not None
    assert (found.field, found.time_ns) == ("tomorrow", found.cut_ns - MINUTE)
    assert "tomorrow of RELIANCE at 2024-01-01" in str(found)
    assert str(found).endswith("on.")


GREEDY = """
from engine import Strategy
SEEN = []

class Greedy(Strategy):
    def on_start(self):
        self.past = list(SEEN)
        SEEN.clear()
        self.at = 0

    def on_bar(self, bar):
        SEEN.append(bar.close)
        self.at += 1
        if self.past and self.past[self.at] > bar.close:
            self.buy()
"""


def test_what_a_file_remembers_of_an_earlier_run_is_taken_away(tmp_path: Path) -> None:
    (tmp_path / "greedy.py").write_text(GREEDY)
    assert find_look_ahead(template_of(str(tmp_path / "greedy.py")), markets(5, 1, 1), **TERMS) is None


STATE = fields("count", "next")


@compiled("void(f8[:], f8[:], BAR, INTENT)")
def cheating(state, params, bar, intent):  # type: ignore[no-untyped-def]
    """Look up the next close."""
    state[0] += 1.0
    rows = FUTURE["rows"]
    at = int(state[0])
    if at < len(rows):
        state[1] = 1.0 if rows["close"][at] > bar.close else -1.0
        intent.target = state[1]


@compiled("void(f8[:], f8[:], BAR[:], INTENT[:])")
def cheating_of_all(state, params, bars, intents):  # type: ignore[no-untyped-def]
    """Look up the next close of the first."""
    state[0] += 1.0
    rows = FUTURE["rows"]
    at = int(state[0])
    intents[1].target = 1.0 if at < len(rows) and rows["close"][at] > bars[0].close else 0.0


@pytest.mark.parametrize(("step", "is_universe", "field"), [(cheating, False, "next"), (cheating_of_all, True, "intent.target")])
def test_a_template_that_holds_on_to_the_data_is_found(step: Any, is_universe: bool, field: str) -> None:
    bars = markets(5, 2, 1)
    FUTURE["rows"] = next(iter(bars.values()))
    found = find_look_ahead(Template("cheat", "Cheat", (), STATE, fields(), step, is_universe), bars, **TERMS)
    assert found is not None
    assert found.field == field
    assert FIRST <= found.time_ns == found.cut_ns - MINUTE


def test_fills_that_differ_are_told_even_where_nothing_else_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(look_ahead, "_first_difference", lambda *_: None)
    bars = markets(5, 1, 1)
    FUTURE["rows"] = next(iter(bars.values()))
    template = Template("cheat", "Cheat", (), STATE, fields(), cheating)
    monkeypatch.setattr(look_ahead, "_blotted_out", lambda arrays, cut_ns: _all_blotted_out(arrays))
    found = find_look_ahead(template, bars, **TERMS)
    assert found is not None
    assert found.field in ("fill", "number of fills")


def _all_blotted_out(arrays: Any) -> Any:
    from contextlib import contextmanager

    @contextmanager
    def blotted_out() -> Iterator[None]:
        kept = FUTURE["rows"].copy()
        FUTURE["rows"]["close"] = 0.0
        yield
        FUTURE["rows"][:] = kept

    return blotted_out()

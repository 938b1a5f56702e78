"""A share that swings, searches over it, and a study that is ready to be run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.authored.files import template_of
from engine.backtest_terms import Prepared, prepare
from engine.clock import ManualClock
from engine.core.model import Exchange, Instrument, Product
from engine.core.records import BAR, Rows
from engine.core.registry import TEMPLATES
from engine.optimise.job import Job, Span
from engine.optimise.space import Space, make_space, parse_axis
from engine.optimise.study import Plan, Study, open_study

MINUTE = 60_000_000_000
FIRST = 1_704_080_700 * 1_000_000_000
"""09:15 IST on 1 January 2024."""

SHARE = Instrument(Exchange.NSE, "SHARE", 1)
OTHER = Instrument(Exchange.NSE, "OTHER", 2)


def wave(days: int = 4, per_day: int = 90, phase: float = 0.0) -> Rows:
    """Make bars that swing around 100 in several rhythms, so that parameters matter."""
    rows: Rows = np.zeros(days * per_day, BAR)
    at = np.arange(len(rows))
    rows["session_minute"] = at % per_day
    rows["time_ns"] = FIRST + (at // per_day * 1440 + at % per_day) * MINUTE
    close = np.round(100.0 + 4.0 * np.sin(at / 17 + phase) + 2.0 * np.sin(at / 5.3) + np.cos(at / 61), 2)
    rows["close"] = close
    rows["open"] = np.concatenate([[close[0]], close[:-1]])
    rows["high"] = np.maximum(rows["open"], close) + 0.05
    rows["low"] = np.minimum(rows["open"], close) - 0.05
    return rows


class Ground:
    """Makes what tests search on."""

    share, other = SHARE, OTHER
    wave = staticmethod(wave)

    def prepared(self, days: int = 4, **given: Any) -> Prepared:
        return prepare({SHARE: wave(days)}, **{"sizing": "fixed:10", "product": Product.NRML, **given})

    def space(self, *axes: str, strategy: str = "ema_crossover", **fixed: object) -> Space:
        texts = axes or ("fast_ema=2:6:1", "slow_ema=8:14:2")
        return make_space(template_of(strategy), [parse_axis(*text.split("=")) for text in texts], fixed)

    def plan(
        self, *axes: str, days: int = 4, prepared: Prepared | None = None, fixed: dict[str, object] | None = None, **given: Any
    ) -> Plan:
        strategy = given.pop("strategy", "ema_crossover")
        space = self.space(*axes, strategy=strategy, **(fixed or {}))
        return Plan(strategy, space, prepared or self.prepared(days), **{"objectives": ("net_profit",), "workers": 2, **given})

    def study(self, *axes: str, **given: Any) -> Study:
        opened = {name: given.pop(name) for name in ("store", "name", "resume", "clock") if name in given}
        return open_study(self.plan(*axes, **given), **{"clock": ManualClock(1_000_000_000_000_000_000), **opened})

    def job(self, plan: Plan) -> Job:
        return Job(plan.strategy, plan.space, plan.prepared, plan.objectives, (Span(0, len(plan.prepared.bars)),))

    def plain_file(self, folder: Path, body: str = "self.buy() if bar.close > bar.open else self.sell()") -> str:
        path = folder / "plain_wish.py"
        path.write_text(
            "from engine.authored.classes import Parameter, Strategy\n\n\n"
            'class Wish(Strategy):\n    """Wishes."""\n\n    every = Parameter(1, 1, 50)\n\n'
            "    def on_start(self):\n        self.seen = 0\n\n"
            "    def on_bar(self, bar):\n        self.seen += 1\n        if self.seen % self.every == 0:\n"
            f"            {body}\n"
        )
        return str(path)


@pytest.fixture
def ground() -> Ground:
    """Give the tests what they search on."""
    TEMPLATES.load()
    return Ground()

"""Backtests of small worlds, and their reports."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from engine.backtest import run_backtest
from engine.core.model import Exchange, Instrument, Product
from engine.core.records import BAR, Rows
from engine.core.registry import TEMPLATES
from engine.report import Report
from engine.tariffs import Tariff

MINUTE = 60_000_000_000
FIRST = 1_704_080_700 * 1_000_000_000
"""09:15 IST on 1 January 2024."""

SHARE = Instrument(Exchange.NSE, "SHARE", 1)
OTHER = Instrument(Exchange.NSE, "OTHER", 2)

MakeReport = Callable[..., Report]


def wave(days: int = 40, phase: float = 0.0) -> Rows:
    """Make 25 bars a day that swing by 5 rupees around 100."""
    count = 25 * days
    at = np.arange(count)
    rows: Rows = np.zeros(count, BAR)
    rows["time_ns"] = FIRST + (at // 25 * 1440 + at % 25 * 15) * MINUTE
    rows["session_minute"] = at % 25 * 15
    close = np.round(100.0 + 5.0 * np.sin(at / 3 + phase) + at / 400, 1)
    rows["close"], rows["open"] = close, np.concatenate([[close[0]], close[:-1]])
    rows["high"], rows["low"] = np.maximum(rows["open"], close) + 0.1, np.minimum(rows["open"], close) - 0.1
    return rows


@pytest.fixture
def make_report() -> MakeReport:
    """Make the report of an EMA crossover on a wave, or on what is given."""

    def make(bars: dict[Instrument, Rows] | None = None, parameters: dict[str, Any] | None = None, **more: Any) -> Report:
        given = {"fast_ema": 3, "slow_ema": 7} if parameters is None else parameters
        named = {name: more.pop(name) for name in ("strategy", "title", "source", "notes", "benchmark") if name in more}
        asked = {"sizing": "fixed:10", "product": Product.NRML, "tariff": Tariff.load(), "base_s": 900} | more
        template = TEMPLATES.get("ema_crossover")
        compared = wave(phase=1.0) if "benchmark" in named else None
        result = run_backtest(template, bars or {SHARE: wave()}, given, benchmark=compared, **asked)
        made: dict[str, Any] = {"strategy": "ema_crossover", "title": template.title, "source": "wave.csv"} | named
        terms = {"product": "NRML", "sizing": "fixed:10", "charges": "zerodha", "interval_minutes": 15.0, "friction": {"slippage_bps": 2.0}}
        return Report(result=result, parameters=template.parse(given), terms=terms, version="9.9", **made)

    return make

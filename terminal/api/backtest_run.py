"""Runs one backtest that was asked for over the REST API, in a worker thread, and words its report."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from engine.backtest import run_backtest
from engine.calendar import Calendar
from engine.core.friction import Friction
from engine.core.limits import LIMITS
from engine.core.model import Instrument, to_units
from engine.core.records import Rows
from engine.executor.config import StrategyConfig
from engine.report import Report
from engine.report.page import page_of
from engine.tariffs import Tariff
from terminal import VERSION


class Stopped(Exception):
    """The backtest was told to stop."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked for besides the bars."""

    config: StrategyConfig
    capital: float
    charges: str
    slippage_bps: float


def run_asked(
    asked: Asked, bars: Mapping[Instrument, Rows], calendar: Calendar, on_progress: Callable[[float], None]
) -> tuple[dict[str, Any], str]:
    """Return the report as JSON takes it and as a page; raises TradingError for what cannot be tested, Stopped when told to stop."""
    config = asked.config
    template = config.template
    assert template is not None  # a function of the user's cannot come in by the API
    total = sum(len(rows) for rows in bars.values())
    held = {name: limit for name, limit in config.limits.items() if name in (LIMITS.names or ())}
    result = run_backtest(
        template,
        bars,
        config.parameters,
        interval_s=config.interval_s,
        base_s=60,
        sizing=config.sizing,
        product=config.product,
        capital_units=to_units(asked.capital),
        risk_pct=config.risk_pct,
        limits=held,
        tariff=Tariff.load(asked.charges),
        calendar=calendar,
        friction=Friction(slippage_bps=asked.slippage_bps),
        exit_after_s=config.exit_after_s,
        exit_at_min=config.exit_at_min,
        on_progress=lambda done: on_progress(done / max(1, total)),
    )
    report = Report(
        result=result,
        strategy=config.strategy_type,
        title=config.name,
        parameters=dict(config.parameters),
        terms={
            "interval": config.interval_s // 60,
            "product": str(config.product),
            "capital": asked.capital,
            "charges": asked.charges,
            "slippage_bps": asked.slippage_bps,
            **held,
        },
        source="history of the broker and the archive",
        version=VERSION,
        notes=[f"{name} holds in trading, and not in this backtest." for name in config.limits if name not in held],
    )
    return report.as_dict(), page_of(report)

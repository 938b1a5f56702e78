"""A backtest as a console shows it: the figures that a trader looks at first, in one calm table.

All others are in JSON and on the page.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from engine.clock import ist
from engine.core.figures import decimal_in_lakhs
from engine.core.registry import METRICS, Metric
from engine.report import Report
from terminal.cli.console import grouped

TABLE = (
    ("net_profit", "total_return"),
    ("gross_profit", "annual_return"),
    ("charges", "charges_pct_of_gross"),
    ("max_drawdown_rupees", "max_drawdown"),
    ("sharpe", "max_drawdown_duration"),
    ("sortino", "exposure_time"),
    ("profit_factor", "win_rate"),
    ("expectancy", "trades"),
    ("best_trade_rupees", "worst_trade_rupees"),
    ("average_win", "average_loss"),
    ("sqn", "average_duration"),
    ("buy_and_hold", "rejected_orders"),
)
"""Names of metrics, two a line."""

NONE = "-"


def lines_of(report: Report) -> Iterator[str]:
    """Walk over the lines of the table."""
    times, days = report.result.bars["time_ns"], len(report.run.daily_equity)
    symbols = report.symbols
    named = ", ".join(symbols[:6]) + (f" and {len(symbols) - 6} more" if len(symbols) > 6 else "")
    yield f"{report.title} on {named}"
    span = f"{ist(int(times[0])):%Y-%m-%d} to {ist(int(times[-1])):%Y-%m-%d}"
    yield f"{grouped(len(times))} bars, {span}, {days} trading day{'' if days == 1 else 's'}"
    yield ""
    if report.warning:
        yield report.warning
        yield ""
    for left, right in TABLE:
        yield f"{_cell(report, left)}    {_cell(report, right)}".rstrip()
    yield ""
    yield from (f"note    {note}" for note in report.notes)
    yield f"data    {report.source}, fingerprint {report.fingerprint}"
    yield f"took    {report.result.run_s:.3f} s, {grouped(round(len(times) / max(report.result.run_s, 1e-9)))} bars a second"


def _cell(report: Report, name: str) -> str:
    metric = METRICS.get(name)
    value = report.metrics[name]
    return f"{metric.title:<28}{number(metric, value):>14} {metric.unit if math.isfinite(value) else '':<4}"


def number(metric: Metric, value: float) -> str:
    """Write a figure as its metric wants it, in lakhs and crores; a dash where there is none."""
    if not math.isfinite(value):
        return NONE
    return decimal_in_lakhs(value, metric.decimals)

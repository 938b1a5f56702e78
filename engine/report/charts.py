"""The charts of a report: equity and its drawdowns, prices with the trades on them, how far trades ran, and how days came out.

A million bars draw no more points than the paper has columns for, and the highest and lowest are always among them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.core.model import UNITS
from engine.core.records import Rows
from engine.core.run import Run
from engine.report.plot import Plot, path, position, round_steps, thin
from engine.report.text import moments, percent, short_rupees

WIDTH = 1000
COLUMNS = 900
DOTS = 3_000
"""Points in a scatter, at most."""
LINES = 2_500
"""Trades drawn on a chart of prices, at most: those that moved the most money."""
BINS = 41


def equity_chart(run: Run, is_compared: bool) -> str:
    """Draw equity in rupees over the steps of the run, with the capital, and the benchmark from the same start."""
    equity = run.equity / UNITS
    kept, others = thin(equity, COLUMNS), run.benchmark_growth * run.capital_units / UNITS
    low, high = float(equity.min()), float(equity.max())
    is_compared = is_compared and bool(np.isfinite(others).all()) and len(others) > 1
    if is_compared:
        low, high = min(low, float(others.min())), max(high, float(others.max()))
    capital = run.capital_units / UNITS
    room = 0.04 * max(high - low, abs(high) * 1e-4)
    plot = Plot(WIDTH, 320, (0, len(equity) - 1), (min(low, capital) - room, max(high, capital) + room), "Equity")
    plot.y_axis(short_rupees, 6)
    plot.x_axis([(float(at), text) for at, text in moments(run.equity_ns)])
    plot.rule(capital)
    if is_compared:
        plot.line(run.trading_days.last.astype(float), others, "line other")
    plot.area(kept.astype(float), equity[kept], plot.y_range[0], "shade")
    plot.line(kept.astype(float), equity[kept], "line")
    return plot.svg("equity")


def drawdown_chart(run: Run) -> str:
    """Draw how far equity was below its height, in percent."""
    falls = -100.0 * (1.0 - run.equity / run.peak)
    kept = thin(falls, COLUMNS)
    plot = Plot(WIDTH, 150, (0, len(falls) - 1), (min(float(falls.min()) * 1.05, -0.01), 0.0), "Drawdown")
    plot.y_axis(lambda value: percent(value + 0.0, 2 if plot.y_range[0] > -1 else 1 if plot.y_range[0] > -3 else 0), 3)
    plot.x_axis([(float(at), text) for at, text in moments(run.equity_ns)])
    plot.area(kept.astype(float), falls[kept], 0.0, "shade down")
    plot.line(kept.astype(float), falls[kept], "line down")
    return plot.svg("drawdown")


def price_chart(bars: Rows, trades: Rows, title: str) -> str:
    """Draw the bars of one instrument, and each trade from its entry to its exit."""
    low, high = thin(bars["low"], COLUMNS // 2), thin(bars["high"], COLUMNS // 2)
    bottom, top = float(bars["low"].min()), float(bars["high"].max())
    room = 0.04 * (top - bottom)
    plot = Plot(WIDTH, 380, (0, len(bars) - 1), (bottom - room, top + room), f"Prices of {title} with trades")
    plot.y_axis(lambda value: short_rupees(value).removeprefix("₹"), 6)
    plot.x_axis([(float(at), text) for at, text in moments(bars["time_ns"])])
    outline = np.concatenate([low, high[::-1]])
    edge = np.concatenate([bars["low"][low], bars["high"][high][::-1]])
    plot.parts.append(f'<path class="range" d="{path(plot.xs(outline.astype(float)), plot.ys(edge))}Z"/>')
    kept = thin(bars["close"], COLUMNS)
    plot.line(kept.astype(float), bars["close"][kept], "line price")
    for is_won, kind in ((True, "trade up"), (False, "trade down")):
        plot.parts.append(_trade_lines(plot, bars, trades[(trades["net"] > 0) == is_won], kind))
    return plot.svg()


def _trade_lines(plot: Plot, bars: Rows, trades: Rows, kind: str) -> str:
    if len(trades) > LINES:
        trades = trades[np.sort(np.argsort(-np.abs(trades["net"]), kind="stable")[:LINES])]
    ends = [_steps(bars, trades[name]).astype(float) for name in ("entry_ns", "exit_ns")]
    prices = [trades[name] / UNITS for name in ("entry_price", "exit_price")]
    points = zip(plot.xs(ends[0]), plot.ys(prices[0]), plot.xs(ends[1]), plot.ys(prices[1]), strict=True)
    drawn = dict.fromkeys("M" + "L".join((f"{position(a)} {position(b)}", f"{position(c)} {position(d)}")) for a, b, c, d in points)
    return f'<path class="{kind}" d="{"".join(drawn)}"/>' if drawn else ""


def _steps(bars: Rows, times: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return which bar holds each moment."""
    return np.maximum(np.searchsorted(bars["time_ns"], times, side="right") - 1, 0)


def excursion_chart(trades: Rows, excursion: str) -> str:
    """Draw each trade's net gain over how far it ran against (`mae`) or for (`mfe`) the holder, in rupees."""
    chosen = trades
    if len(trades) > DOTS:
        chosen = trades[np.unique(np.linspace(0, len(trades) - 1, DOTS).astype(np.int64))]
    across, up = np.abs(chosen[excursion]) / UNITS, chosen["net"] / UNITS
    what = "Largest loss while held" if excursion == "mae" else "Largest gain while held"
    plot = Plot(490, 320, (0.0, float(across.max(initial=0.0)) * 1.03 or 1.0), _padded(up), f"{what} against net gain")
    plot.y_axis(short_rupees, 5)
    plot.x_axis([(value, short_rupees(value)) for value in round_steps(*plot.x_range, 5)])
    plot.rule(0.0)
    for is_won, kind in ((True, "dots up"), (False, "dots down")):
        mine = (up > 0) == is_won
        points = zip(plot.xs(across[mine]), plot.ys(up[mine]), strict=True)
        drawn = dict.fromkeys(f"M{position(x)} {position(y)}h.1" for x, y in points)
        plot.parts.append(f'<path class="{kind}" d="{"".join(drawn)}"/>')
    return plot.svg()


def spread_chart(gains: NDArray[np.float64], what: str) -> str:
    """Draw how often gains in rupees came out how large."""
    reach = (float(np.percentile(np.abs(gains), 99.5)) if len(gains) else 0.0) or 1.0
    counts, edges = np.histogram(np.clip(gains, -reach, reach), bins=BINS, range=(-reach, reach))
    plot = Plot(490, 240, (-reach, reach), (0.0, float(counts.max()) * 1.05 or 1.0), f"How {what} came out")
    plot.y_axis(lambda value: f"{value:g}", 4)
    plot.x_axis([(value, short_rupees(value)) for value in round_steps(-reach, reach, 6)])
    for kind, is_shown in (("bars down", edges[:-1] + edges[1:] < 0), ("bars up", edges[:-1] + edges[1:] >= 0)):
        columns = zip(edges[:-1][is_shown], edges[1:][is_shown], counts[is_shown], strict=True)
        drawn = "".join(_column(plot, float(left), float(right), float(count)) for left, right, count in columns if count)
        plot.parts.append(f'<path class="{kind}" d="{drawn}"/>')
    return plot.svg()


def _column(plot: Plot, left: float, right: float, count: float) -> str:
    floor = position(plot.bottom)
    return f"M{position(plot.x(left) + 0.5)} {floor}V{position(plot.y(count))}H{position(plot.x(right) - 0.5)}V{floor}Z"


def _padded(values: NDArray[np.float64]) -> tuple[float, float]:
    low, high = min(float(values.min(initial=0.0)), 0.0), max(float(values.max(initial=0.0)), 0.0)
    room = 0.05 * (high - low)
    return low - room, high + room

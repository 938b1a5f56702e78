"""Charts are drawn with few points that lose nothing, at round labels, and figures are written as a desk writes them."""

from __future__ import annotations

import math
import re
from datetime import date

import numpy as np
import pytest

from engine.core.records import BAR, FILL, Rows
from engine.core.registry import METRICS
from engine.core.run import Run
from engine.core.trades import TRADE
from engine.report import charts, text
from engine.report.plot import Plot, position, round_steps, thin
from engine.report.tables import breakdowns, deepest_falls

DAY = 86_400_000_000_000
START = 1_704_081_600_000_000_000
"""1 January 2024, 09:30 in India."""


def test_thinning_keeps_each_columns_first_lowest_highest_and_last() -> None:
    values = np.sin(np.arange(10_000) / 50.0)
    values[1_234], values[7_777] = 9.0, -9.0
    kept = thin(values, 100)
    assert {0, 1_234, 7_777, 9_999} <= set(kept.tolist())
    assert len(kept) <= 400
    assert (np.diff(kept) > 0).all()
    assert thin(values[:300], 100).tolist() == list(range(300))


@pytest.mark.parametrize(
    ("low", "high", "steps"),
    [
        (0.0, 10.0, [0, 2, 4, 6, 8, 10]),
        (-3.0, 3.0, [-2, 0, 2]),
        (0.0, 0.12, [0, 0.05, 0.1]),
        (5.0, 5.0, [5]),
        (math.nan, 1.0, []),
    ],
)
def test_labels_are_round(low: float, high: float, steps: list[float]) -> None:
    assert round_steps(low, high, 4 if high != 10.0 else 5) == pytest.approx(steps)


def test_a_plot_has_a_place_for_everything() -> None:
    flat = Plot(1000, 300, (0, 0), (math.nan, 2.0), "Flat")
    assert all(math.isfinite(value) for value in (flat.x(0.0), flat.y(1.0)))
    plot = Plot(1000, 300, (0, 100), (0, 10), "Plain")
    assert (plot.x(0), plot.x(100), plot.y(0), plot.y(10)) == (74.0, 986.0, 276.0, 10.0)
    assert (position(3.04), position(7.0)) == ("3", "7")


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (98_450.0, "₹98,450"),
        (-4.25, "−₹4.25"),
        (250_000.0, "₹2,50,000"),
        (1_240_000.0, "₹12.4 L"),
        (-31_500_000.0, "−₹3.15 Cr"),
        (0.0, "₹0"),
    ],
)
def test_amounts_on_an_axis_are_short(value: float, words: str) -> None:
    assert text.short_rupees(value) == words


def test_figures_are_written_as_their_metric_wants_them() -> None:
    assert text.figure(METRICS.get("net_profit"), -123_456.5) == "−₹1,23,456.50"
    assert text.figure(METRICS.get("win_rate"), 51.25) == "51.2%"
    assert text.figure(METRICS.get("max_drawdown_duration"), 12.0) == "12 days"
    assert text.figure(METRICS.get("sharpe"), math.nan) == "–"


def test_an_axis_names_days_or_within_a_day_the_clock() -> None:
    hours = START + np.arange(7) * 3_600_000_000_000 // 2
    assert [label for _, label in text.moments(hours, 3)] == ["1 Jan 09:30", "11:00", "12:30"]
    days = START + np.arange(400) * DAY
    assert [label for _, label in text.moments(days, 3)] == ["1 Jan 2024", "19 Jul", "3 Feb 2025"]
    assert text.moments(hours[:0]) == []


def trades(count: int) -> Rows:
    rows: Rows = np.zeros(count, TRADE)
    rows["entry_ns"] = START + np.arange(count) * 60_000_000_000
    rows["exit_ns"] = rows["entry_ns"] + 30_000_000_000
    rows["quantity"], rows["net"] = 1, np.arange(count) * 100 - 50_000
    rows["mae"], rows["mfe"] = -np.arange(count) * 1_000, np.arange(count) * 500
    rows["entry_price"] = 1_000_000 + np.arange(count) % 997 * 100
    rows["exit_price"] = rows["entry_price"] + 500
    return rows


def test_more_trades_than_can_be_told_apart_are_not_all_drawn() -> None:
    many = trades(20_000)
    bars: Rows = np.zeros(20_000, BAR)
    bars["time_ns"] = START + np.arange(20_000) * 60_000_000_000
    bars["low"], bars["high"], bars["close"] = 99.0, 111.0, 105.0
    drawn = re.search(r'class="trade up" d="([^"]*)"', charts.price_chart(bars, many, "X"))
    assert drawn is not None
    assert 500 < drawn[1].count("M") <= charts.LINES
    dots = re.findall(r'class="dots \w+" d="([^"]*)"', charts.excursion_chart(many, "mae"))
    assert 500 < "".join(dots).count("M") <= charts.DOTS


def test_trades_of_one_hour_are_not_told_by_the_hour() -> None:
    assert [what for what, _ in breakdowns(trades(5), ["X"])] == ["Side", "Exit", "Weekday of entry"]
    found = dict(breakdowns(trades(600), ["X"]))
    assert [part.name for part in found["Hour of entry"]][:2] == ["09:00", "10:00"]
    (side,) = found["Side"]
    assert (side.trades, side.win_rate) == (600, pytest.approx(100 * 99 / 600))
    assert side.profit_factor == pytest.approx(sum(range(1, 100)) / sum(range(1, 501)))


def test_how_days_came_out_is_drawn_even_where_none_did() -> None:
    drawn = charts.spread_chart(np.array([-100.0, -98.0, 50.0, 52.0, 900.0]), "days")
    columns = dict(re.findall(r'class="bars (\w+)" d="([^"]*)"', drawn))
    assert columns["down"].count("M") == 1
    assert columns["up"].count("M") == 2
    for nothing in (np.zeros(0), np.zeros(3)):
        assert "nan" not in charts.spread_chart(nothing, "days")


def test_the_deepest_falls_tell_when_they_began_and_whether_they_are_over() -> None:
    equity = np.array([90, 100, 120, 60, 120, 110, 130]) * 1_000_000
    run = Run(equity, START + np.arange(7) * DAY, np.zeros(0, FILL), np.zeros(0, BAR), 100_000_000, np.ones(1, dtype=np.int64))
    first, second, third = deepest_falls(run)
    assert (first.depth_pct, first.height, first.lowest, first.back, first.days) == (50.0, *(date(2024, 1, n) for n in (3, 4, 5)), 2)
    assert (second.height, second.days) == (date(2024, 1, 1), 1)
    assert (third.back, third.days) == (date(2024, 1, 7), 2)
    under = Run(equity[:4], run.equity_ns[:4], run.fills, run.bars, 100_000_000, run.multipliers)
    assert (deepest_falls(under, 1)[0].back, deepest_falls(under, 1)[0].days) == (None, 1)

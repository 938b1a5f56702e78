"""The tables of a report: months, what trades came to by symbol, side, reason and hour, and charges by head.

Rows only; how they look is the page's business.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from engine.clock import ist
from engine.core.model import UNITS
from engine.core.records import REASONS, Rows
from engine.core.run import Run

_EPOCH = date(1970, 1, 1)

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
HEADS = {
    "brokerage": "Brokerage",
    "stt": "Securities transaction tax",
    "exchange": "Exchange transaction charge",
    "sebi": "SEBI turnover fee",
    "ipft": "Investor protection fund",
    "stamp": "Stamp duty",
    "gst": "GST",
    "other": "Not split",
}


def monthly_returns(run: Run) -> dict[int, list[float]]:
    """Return each year's twelve monthly returns and the year's own, in percent; NaN for months without a trading day.

    A month's return is what its last day's equity gained on the last before it, the first on the capital.
    """
    days = [_EPOCH + timedelta(days=number) for number in run.trading_days.numbers.tolist()]
    ends = {(day.year, day.month): equity for day, equity in zip(days, run.daily_equity.tolist(), strict=True)}
    made: dict[int, list[float]] = {}
    before = year_before = float(run.capital_units)
    for (year, month), equity in ends.items():
        if year not in made:
            made[year], year_before = [math.nan] * 13, before
        made[year][month - 1] = _percent(equity, before)
        made[year][12] = _percent(equity, year_before)
        before = float(equity)
    return made


def _percent(now: float, before: float) -> float:
    return 100.0 * (now / before - 1.0) if before > 0 else math.nan


@dataclass(frozen=True, slots=True)
class Fall:
    """One drawdown of closing equity."""

    depth_pct: float
    height: date
    """The day of the last height before it; the first trading day where that was the capital."""
    lowest: date
    back: date | None
    """The day on which the height was reached again; None = not yet."""
    days: int
    """Calendar days that it took, or has taken so far."""


def deepest_falls(run: Run, count: int = 5) -> list[Fall]:
    """Return the deepest drawdowns, the deepest first."""
    numbers = run.trading_days.numbers
    days = [_EPOCH + timedelta(days=number) for number in np.concatenate([numbers[:1], numbers]).tolist()]
    chosen = np.argsort(-run.drawdowns["depth"], kind="stable")[:count]
    return [
        Fall(100.0 * depth, days[start], days[trough], days[end] if is_over else None, (days[end] - days[start]).days)
        for start, trough, end, depth, is_over in run.drawdowns[chosen].tolist()
    ]


@dataclass(frozen=True, slots=True)
class Part:
    """What a part of the trades came to, in rupees."""

    name: str
    trades: int
    win_rate: float
    net: float
    average: float
    profit_factor: float
    charges: float


def parts_by(trades: Rows, keys: Sequence[int] | NDArray[np.int64], names: Sequence[str]) -> Iterator[Part]:
    """Walk over the parts of trades that share a key, in the order of the keys; `names` tells what each means."""
    numbers = np.asarray(keys)
    for key in np.unique(numbers).tolist():
        mine = trades[numbers == key]
        net = mine["net"] / UNITS
        lost = -float(net[net < 0].sum())
        yield Part(
            name=names[key],
            trades=len(mine),
            win_rate=100.0 * float((net > 0).mean()),
            net=float(net.sum()),
            average=float(net.mean()),
            profit_factor=float(net[net > 0].sum()) / lost if lost else math.nan,
            charges=float(mine["charges"].sum()) / UNITS,
        )


def breakdowns(trades: Rows, symbols: Sequence[str]) -> Iterator[tuple[str, list[Part]]]:
    """Walk over all ways in which trades are broken down: (by what, parts)."""
    if len(symbols) > 1:
        yield "Symbol", sorted(parts_by(trades, trades["instrument"], symbols), key=lambda part: -part.net)
    yield "Side", list(parts_by(trades, (trades["quantity"] < 0).astype(np.int64), ("Long", "Short")))
    yield "Exit", list(parts_by(trades, trades["reason"], [reason.replace("_", " ").capitalize() for reason in REASONS]))
    entries = [ist(time_ns) for time_ns in trades["entry_ns"].tolist()]
    yield "Weekday of entry", list(parts_by(trades, [at.weekday() for at in entries], WEEKDAYS))
    if len({at.hour for at in entries}) > 1:
        yield "Hour of entry", list(parts_by(trades, [at.hour for at in entries], [f"{hour:02d}:00" for hour in range(24)]))

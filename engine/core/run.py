"""What a run came to, in the form that every metric reads: equity, fills, round trips, bars and daily returns.

A metric gets a Run and nothing else. What several metrics need is made once, on first use, and kept. Days are India's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from engine.core.frames import DAY_NS, IST_OFFSET_NS
from engine.core.records import Rows
from engine.core.replay import Outcome
from engine.core.statistics import drawdowns_of, growth_of
from engine.core.trades import make_trades


@dataclass(frozen=True, slots=True)
class Days:
    """The trading days that steps of time fall on."""

    numbers: NDArray[np.int64]
    """Days since 1970 in India, one a trading day."""
    last: NDArray[np.int64]
    """Which step is the day's last."""


def days_of(times_ns: NDArray[np.int64]) -> Days:
    """Find the trading days of ascending times; a sweep over the same bars does it once for all its runs."""
    numbers = (times_ns + IST_OFFSET_NS) // DAY_NS
    last = np.append(np.flatnonzero(np.diff(numbers)), len(numbers) - 1) if len(numbers) else np.zeros(0, dtype=np.int64)
    return Days(numbers[last], last.astype(np.int64))


@dataclass(frozen=True, slots=True)
class Counters:
    """How often things happened in a run."""

    decisions: int = 0
    signals: int = 0
    orders: int = 0
    unsized: int = 0
    """Wishes for which the size came to nothing."""
    denied: Mapping[str, int] = field(default_factory=dict)
    """Orders refused, by the rule that refused."""


@dataclass(frozen=True)
class Run:
    """One run; money in units of 1/10,000 rupee."""

    equity: NDArray[np.int64]
    """After each step of time, charges taken off."""
    equity_ns: NDArray[np.int64]
    """When each step's bars began."""
    fills: Rows
    """FILL rows, in order."""
    bars: Rows
    """BAR rows that were traded on, in order of time, then of instrument."""
    capital_units: int
    multipliers: NDArray[np.int64]
    """Units of an instrument that one of its quantity stands for, by its number."""
    benchmark: Rows | None = None
    """BAR rows of what the run is compared with; None = the traded instruments themselves are."""
    counters: Counters = field(default_factory=Counters)
    days: Days | None = None
    """The days of `equity_ns`, where the caller has them already."""

    @classmethod
    def of(
        cls,
        outcome: Outcome,
        bars: Rows,
        multipliers: NDArray[np.int64],
        *,
        benchmark: Rows | None = None,
        days: Days | None = None,
    ) -> Run:
        """Make it of what a replay came to on these bars."""
        counters = Counters(outcome.decisions, outcome.signals, outcome.orders, outcome.unsized, outcome.denied)
        capital = int(outcome.account.capital)
        return cls(outcome.equity, outcome.equity_ns, outcome.fills, bars, capital, multipliers, benchmark, counters, days)

    @cached_property
    def trades(self) -> Rows:
        """TRADE rows of the round trips that ended, in order of their ends."""
        return self._round_trips[0]

    @cached_property
    def open_trades(self) -> Rows:
        """TRADE rows of what was still held, at the last close."""
        return self._round_trips[1]

    @cached_property
    def _round_trips(self) -> tuple[Rows, Rows]:
        return make_trades(self.fills, self.bars, self.multipliers)

    @cached_property
    def trade_returns(self) -> NDArray[np.float64]:
        """Net gain of each ended round trip as a fraction of what was entered."""
        made: NDArray[np.float64] = self.trades["net"] / np.maximum(self.trades["value"], 1)
        return made

    @cached_property
    def fill_values(self) -> NDArray[np.int64]:
        """What each fill was worth, in units, without its sign."""
        values: NDArray[np.int64] = np.abs(self.fills["quantity"]) * self.fills["price"] * self.multipliers[self.fills["instrument"]]
        return values

    @cached_property
    def peak(self) -> NDArray[np.int64]:
        """The highest that equity has been, the capital included, up to each step."""
        return np.maximum(np.maximum.accumulate(self.equity), self.capital_units)

    @cached_property
    def held(self) -> NDArray[np.int64]:
        """How many positions were held at the end of each step's bars."""
        entries = np.concatenate([self.trades["entry_ns"], self.open_trades["entry_ns"]])
        last = len(self.equity_ns)
        change = np.zeros(last + 1, dtype=np.int64)
        np.add.at(change, np.searchsorted(self.equity_ns, entries, side="right") - 1, 1)
        np.add.at(change, np.searchsorted(self.equity_ns, self.trades["exit_ns"], side="right") - 1, -1)
        return np.cumsum(change[:last])

    @cached_property
    def trading_days(self) -> Days:
        """The days that the run had bars on."""
        return self.days if self.days is not None else days_of(self.equity_ns)

    @cached_property
    def daily_equity(self) -> NDArray[np.int64]:
        """Equity in units at the end of each trading day."""
        return self.equity[self.trading_days.last]

    @cached_property
    def daily_pnl(self) -> NDArray[np.int64]:
        """Change of equity in units over each trading day, the first from the capital."""
        return np.diff(self.daily_equity, prepend=np.int64(self.capital_units))

    @cached_property
    def daily_returns(self) -> NDArray[np.float64]:
        """Return of each trading day as a fraction of the equity it began with, NaN once there was none left."""
        before = np.concatenate([[self.capital_units], self.daily_equity[:-1]]).astype(np.float64)[: len(self.daily_equity)]
        made = np.full(len(before), np.nan)
        np.divide(self.daily_pnl, before, out=made, where=before > 0)
        return made

    @cached_property
    def daily_curve(self) -> NDArray[np.int64]:
        """The capital, then equity in units at the end of each trading day."""
        return np.concatenate([[self.capital_units], self.daily_equity])

    @cached_property
    def drawdowns(self) -> Rows:
        """DRAWDOWN rows of `daily_curve`."""
        return drawdowns_of(self.daily_curve)

    def drawdown_days(self) -> NDArray[np.int64]:
        """Return how many calendar days each of `drawdowns` took; what began with the capital counts from the first trading day."""
        numbers = self.trading_days.numbers
        dates = np.concatenate([numbers[:1], numbers])
        taken: NDArray[np.int64] = dates[self.drawdowns["end"]] - dates[self.drawdowns["start"]]
        return taken

    @cached_property
    def benchmark_growth(self) -> NDArray[np.float64]:
        """What 1 rupee in the benchmark was worth at the end of each trading day; without one, in equal parts of what was traded."""
        bars = self.bars if self.benchmark is None else self.benchmark
        return growth_of(bars, self.trading_days.numbers)

    @cached_property
    def paired_returns(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Daily returns of the run and of the benchmark, on the days for which both are known."""
        other = self.benchmark_growth / np.concatenate([[1.0], self.benchmark_growth[:-1]])[: len(self.benchmark_growth)] - 1.0
        is_known = np.isfinite(other) & np.isfinite(self.daily_returns)
        return self.daily_returns[is_known], other[is_known]

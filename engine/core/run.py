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
from engine.core.trades import make_trades

DAYS_A_YEAR = 252
"""Trading days that a year is taken to have, wherever daily figures are annualised."""


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

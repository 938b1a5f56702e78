"""What the search would have earned in days it had not seen: the best of each stretch is traded on the stretch after it.

The chosen parameters run from the start of their learning stretch, so that indicators are warm, and count from the border on. A
position is carried over a border as the new parameters hold it: the difference to what the old ones held is bought or sold at the last
close before, and charged.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.backtest_terms import Prepared
from engine.core.costs import order_charges
from engine.core.grid import price_units
from engine.core.records import ENTRY, EXIT, FILL, Rows
from engine.core.run import Run
from engine.optimise.job import Span, Trial
from engine.optimise.windows import Window


@dataclass(frozen=True, slots=True)
class Step:
    """One window of a walk forward."""

    window: Window
    best: Trial | None
    """Of the learning stretch; None = nothing there had a number, and the test stretch was sat out."""
    net_units: int
    """Earned in the test stretch."""
    fills: int
    """In the test stretch, the change over at its border among them."""


@dataclass(frozen=True, slots=True)
class WalkForward:
    """All windows, and their test stretches as one."""

    steps: tuple[Step, ...]
    run: Run
    """Equity and fills of all test stretches, one after the other."""


class Stitcher:
    """Puts test stretches together."""

    def __init__(self, prepared: Prepared) -> None:
        """Begin with the capital, and flat."""
        self._prepared = prepared
        self._level = prepared.terms.capital_units
        self._held = np.zeros(len(prepared.instruments), dtype=np.int64)
        self._equity: list[NDArray[np.int64]] = []
        self._times: list[NDArray[np.int64]] = []
        self._fills: list[Rows] = []
        self.steps: list[Step] = []
        """What was added so far."""

    def add(self, window: Window, best: Trial, run: Run) -> None:
        """Add the test stretch of a run over a whole window, learning and test."""
        border_ns = int(self._prepared.bars["time_ns"][window.test.first])
        first = int(np.searchsorted(run.equity_ns, border_ns))
        before = run.equity[first - 1]
        is_new = run.fills["time_ns"] >= border_ns
        old, new = run.fills[~is_new], run.fills[is_new]
        change = self._change_over(self._of(old), window.learn.end, border_ns)
        self._put(window, best, run.equity_ns[first:], run.equity[first:] - before - int(change["charges"].sum()), [change, new])
        self._held = self._of(run.fills)

    def sit_out(self, window: Window) -> None:
        """Add a test stretch in which nothing is traded; what was held is sold before."""
        times = np.unique(self._prepared.bars["time_ns"][window.test.first : window.test.end])
        change = self._change_over(np.zeros_like(self._held), window.learn.end, int(times[0]))
        self._put(window, None, times, np.full(len(times), -int(change["charges"].sum())), [change])
        self._held = np.zeros_like(self._held)

    def result(self) -> WalkForward:
        """Return all that was added."""
        first, end = self.steps[0].window.test.first, self.steps[-1].window.test.end
        run = Run(
            equity=np.concatenate(self._equity),
            equity_ns=np.concatenate(self._times),
            fills=np.concatenate(self._fills),
            bars=self._prepared.bars[first:end],
            capital_units=self._prepared.terms.capital_units,
            multipliers=self._prepared.multipliers,
        )
        return WalkForward(tuple(self.steps), run)

    def _put(self, window: Window, best: Trial | None, times: NDArray[np.int64], gained: NDArray[np.int64], fills: Sequence[Rows]) -> None:
        self._equity.append(self._level + gained)
        self._times.append(times)
        self._fills += fills
        self._level += int(gained[-1])
        self.steps.append(Step(window, best, int(gained[-1]), sum(map(len, fills))))

    def _of(self, fills: Rows) -> NDArray[np.int64]:
        """Return what fills add up to, by instrument."""
        held = np.zeros_like(self._held)
        np.add.at(held, fills["instrument"], fills["quantity"])
        return held

    def _change_over(self, wanted: NDArray[np.int64], end: int, time_ns: int) -> Rows:
        """Return the fills that lead from what is held to what is wanted, at the last closes before bar `end`."""
        made: Rows = np.zeros(int((wanted != self._held).sum()), FILL)
        bars, terms = self._prepared.bars[:end], self._prepared.terms
        period = max(0, int(np.searchsorted(terms.rates_from_ns, time_ns, side="right")) - 1)
        for row, k in zip(made, np.flatnonzero(wanted != self._held).tolist(), strict=True):
            quantity = int(wanted[k] - self._held[k])
            price = price_units(float(bars["close"][np.flatnonzero(bars["instrument"] == k)[-1]]))
            row["time_ns"], row["instrument"], row["quantity"], row["price"] = time_ns, k, quantity, price
            row["reason"] = ENTRY if abs(wanted[k]) > abs(self._held[k]) else EXIT
            if terms.rates is not None:
                value = abs(quantity) * price * int(self._prepared.multipliers[k])
                row["charges"] = order_charges(terms.rates[k, period], quantity, abs(quantity), value)
        return made


def spans_of(windows: Sequence[Window]) -> tuple[Span, ...]:
    """Return the stretches that a job needs: of each window the learning stretch, then the whole of it."""
    return tuple(span for each in windows for span in (each.learn, Span(each.learn.first, each.test.end)))

"""One combination, tried: the very run that a backtest of it makes, and what came of it.

A Job holds all that a worker needs, in whichever thread, process or machine; it is sent there once, and Tasks are numbers.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.backtest import trade
from engine.backtest_terms import Prepared
from engine.core.errors import UserError
from engine.core.registry import METRICS, Template
from engine.core.replay import Outcome
from engine.core.run import Days, Run, days_of
from engine.optimise.space import Space


class Cancelled(Exception):
    """The search was told to stop; what had been finished is kept."""


class Span(NamedTuple):
    """A stretch of the bars."""

    first: int
    """Index of its first bar."""
    end: int
    """Index after its last bar."""


class Task(NamedTuple):
    """One combination to try."""

    number: int
    """Of the trial, in the order in which it was asked for."""
    point: int
    """Of the combination in its space."""
    span: int = 0
    """Which of the job's stretches it is tried on."""
    is_kept: bool = False
    """Its daily returns are wanted, too."""


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of one combination; money in units of 1/10,000 rupee."""

    number: int
    point: int
    values: tuple[float, ...]
    """Of the objectives; NaN where a run has too little to tell, or was stopped by a fault."""
    net_units: int
    """Profit after charges, open positions at their last price."""
    fills: int
    fault: str = ""
    """Why the strategy was stopped; empty when it was not."""
    returns: NDArray[np.float64] | None = None
    """By trading day, of the trials that judgement is passed on."""


@dataclass(frozen=True, slots=True)
class Job:
    """What all combinations of a search have in common."""

    strategy: str
    """Name of a template, or path of a file."""
    space: Space
    prepared: Prepared
    objectives: tuple[str, ...]
    spans: tuple[Span, ...]
    """Parts of the bars that combinations are tried on, by the number that tasks carry."""


def stretch(prepared: Prepared, span: Span) -> Prepared:
    """Return the bars of a stretch, without a copy, and the terms as they hold from its first bar on."""
    bars = prepared.bars[span.first : span.end]
    squares = prepared.terms.squares
    if len(bars) and len(squares):
        # Square-offs of days before the stretch would count as missed ones, and close its first day.
        squares = squares[np.searchsorted(squares["time_ns"], bars["time_ns"][0]) :]
    return replace(prepared, bars=bars, terms=replace(prepared.terms, squares=squares))


class Evaluator:
    """Tries combinations of a job; any number of threads may call it, for it keeps nothing of a run."""

    def __init__(self, job: Job, template: Template, on_progress: Callable[[int], None] | None = None) -> None:
        """`on_progress` is told now and then during a run; what it raises ends the run."""
        self._job, self._template, self._on_progress = job, template, on_progress
        self._metrics = [METRICS.get(name) for name in job.objectives]
        self._multipliers = job.prepared.multipliers
        self._stretches: dict[int, tuple[Prepared, Days]] = {}

    def warm_up(self) -> None:
        """Compile what is needed, by running over nothing."""
        nothing = replace(self._job.prepared, bars=self._job.prepared.bars[:0])
        outcome = trade(self._template, self._job.space.values(0), nothing)
        for metric in self._metrics:
            metric.compute(self._run(outcome, nothing, None))

    def __call__(self, task: Task) -> Trial:
        """Try one combination; one that cannot even start comes back with its fault."""
        try:
            run, outcome = self.run_of(task)
        except UserError as error:
            return Trial(task.number, task.point, (math.nan,) * len(self._metrics), 0, 0, str(error))
        return Trial(
            number=task.number,
            point=task.point,
            values=tuple(math.nan if outcome.fault else float(metric.compute(run)) for metric in self._metrics),
            net_units=int(outcome.account.equity) - run.capital_units,
            fills=len(outcome.fills),
            fault=outcome.fault,
            returns=np.nan_to_num(run.daily_returns) if task.is_kept else None,
        )

    def run_of(self, task: Task) -> tuple[Run, Outcome]:
        """Run one combination and return all of it."""
        prepared, days = self.stretch(task.span)
        outcome = trade(self._template, self._job.space.values(task.point), prepared, on_progress=self._on_progress)
        return self._run(outcome, prepared, days), outcome

    def stretch(self, span: int) -> tuple[Prepared, Days]:
        """Return bars and terms of a stretch, and its trading days, which are found once."""
        if span not in self._stretches:
            prepared = stretch(self._job.prepared, self._job.spans[span])
            times = prepared.bars["time_ns"]
            is_step = np.diff(times, prepend=times[:1] - 1) > 0
            self._stretches[span] = prepared, days_of(times if is_step.all() else times[is_step])
        return self._stretches[span]

    def _run(self, outcome: Outcome, prepared: Prepared, days: Days | None) -> Run:
        return Run.of(outcome, prepared.bars, self._multipliers, days=days)

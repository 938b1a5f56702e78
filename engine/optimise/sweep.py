"""One search from its first trial to its last: asks what to try, has it tried, keeps what came of it, in bounded memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from engine.core.errors import UserError
from engine.optimise.job import Cancelled, Task, Trial
from engine.optimise.objective import Objective, add_to_front, rank_key
from engine.optimise.record import Record
from engine.optimise.search import Search
from engine.optimise.space import Space
from engine.optimise.threads import Runner

BEST = 1_000
"""Of the best trials so many stay in memory; all are in the study's record."""

CELLS = 1_000_000
"""Largest space of which every combination's objective stays in memory, for the map and the plateau."""

JUDGED = 1_000
"""Trials, spread evenly, of which the daily returns are kept for judgement."""


@dataclass(slots=True)
class Tally:
    """What a search has found so far."""

    space: Space
    objectives: Sequence[Objective]
    done: int = 0
    """Trials that were made."""
    faults: int = 0
    """Trials in which the strategy was stopped."""
    fault: str = ""
    """Why, of one of them."""
    traded: int = 0
    """Trials with at least one fill."""
    front: list[Trial] = field(default_factory=list)
    """Of two objectives: the trials that no other beats in both."""
    returns: dict[int, NDArray[np.float64]] = field(default_factory=dict)
    """Daily returns of the trials that are judged, by number."""
    cells: NDArray[np.float64] | None = None
    """The first objective by combination, NaN where there is none; None = the space is too large."""
    _best: list[Trial] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Make room for the map."""
        if self.space.size <= CELLS:
            self.cells = np.full(self.space.size, np.nan)

    def add(self, trial: Trial) -> None:
        """Take in a trial; the order in which they come does not matter."""
        self.done += 1
        self.traded += trial.fills > 0
        if trial.fault:
            self.faults += 1
            self.fault = self.fault or trial.fault
        if trial.returns is not None:
            self.returns[trial.number] = trial.returns
        if self.cells is not None:
            self.cells[trial.point] = trial.values[0]
        if len(self.objectives) > 1:
            add_to_front(self.front, trial, self.objectives)
        self._best.append(trial)
        if len(self._best) >= 2 * BEST:
            self._best = self.best()

    def best(self) -> list[Trial]:
        """Return the best trials, the best first."""
        self._best.sort(key=lambda trial: rank_key(self.objectives, trial))
        del self._best[BEST:]
        return list(self._best)

    def matrix(self) -> NDArray[np.float64]:
        """Return the daily returns of the judged trials, one row a day and one column a trial, in order of their numbers."""
        columns = [self.returns[number] for number in sorted(self.returns)]
        return np.stack(columns, axis=1) if columns else np.zeros((0, 0))


@dataclass(frozen=True, slots=True)
class Stretch:
    """Which part of a study a search is: the numbers of its trials begin at `offset`, and it runs over stretch `span` of the bars."""

    offset: int = 0
    span: int = 0
    is_judged: bool = True
    """Daily returns are wanted."""


def is_judged(number: int, total: int) -> bool:
    """Tell whether a trial is one of those, spread evenly over all, on which judgement is passed."""
    return total <= JUDGED or number * JUDGED // total != (number - 1) * JUDGED // total


def run_search(
    search: Search, runner: Runner, record: Record, tally: Tally, part: Stretch, on_trial: Callable[[], None] | None = None
) -> bool:
    """Run a search to its end; returns whether it came there, or was told to stop. `on_trial` hears of each trial that is done."""
    asked = part.offset
    try:
        while points := search.ask():
            kept = [part.is_judged and is_judged(asked + k - part.offset, search.total) for k in range(len(points))]
            tasks = [Task(asked + k, point, part.span, kept[k]) for k, point in enumerate(points)]
            asked += len(points)
            search.tell(_try_all(tasks, runner, record, tally, on_trial))
    except Cancelled:
        return False
    finally:
        record.flush()
    return True


def _try_all(tasks: Sequence[Task], runner: Runner, record: Record, tally: Tally, on_trial: Callable[[], None] | None) -> list[Trial]:
    """Have a batch tried, but for what an earlier run of the study knows already; returns the trials in order of their numbers."""
    made = record.known(tasks[0].number, tasks[-1].number + 1)
    for task in tasks:
        if task.number in made and made[task.number].point != task.point:
            raise UserError("Expected the search to ask for the same as before, was otherwise: Optuna has changed; begin another study.")
    for trial in made.values():
        tally.add(trial)
        if on_trial:
            on_trial()
    for trial in runner.run([task for task in tasks if task.number not in made]):
        made[trial.number] = trial
        tally.add(trial)
        record.keep(trial)
        if on_trial:
            on_trial()
    return [made[task.number] for task in tasks]

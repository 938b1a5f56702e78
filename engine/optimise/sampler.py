"""Searches that learn from what came out: Optuna's TPE for one objective, its NSGA-II for two.

Optuna sees indices on the axes, never values: what is asked for is a combination of the space, exactly. Batches have one size whatever
the number of workers, so a seed means the same search on every machine.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import optuna

from engine.optimise.job import Trial
from engine.optimise.objective import Objective
from engine.optimise.space import Axis, Space

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

BATCH = 8
POPULATION = 48
"""Of a generation of NSGA-II: whole batches."""


class SampledSearch:
    """Asks Optuna what to try next."""

    def __init__(self, method: str, space: Space, objectives: Sequence[Objective], trials: int, seed: int) -> None:
        """Begin without any knowledge; the same seed begins in the same way."""
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self.total = trials
        self._space, self._asked = space, 0
        self._pending: list[optuna.trial.Trial] = []
        self._distributions = {axis.name: _distribution(axis) for axis in space.axes}
        self._study = optuna.create_study(
            sampler=_sampler(method, seed),
            directions=["maximize" if each.is_higher_better else "minimize" for each in objectives],
        )

    def ask(self) -> list[int]:
        """Return the next combinations."""
        count = min(BATCH, self.total - self._asked)
        self._asked += count
        self._pending = [self._study.ask(self._distributions) for _ in range(count)]
        return [self._space.point([int(trial.params[axis.name]) for axis in self._space.axes]) for trial in self._pending]

    def tell(self, trials: Sequence[Trial]) -> None:
        """Hand the answers on; a run that has too little to tell counts as failed."""
        for pending, trial in zip(self._pending, trials, strict=True):
            if any(math.isnan(value) for value in trial.values):
                self._study.tell(pending, state=optuna.trial.TrialState.FAIL)
            else:
                self._study.tell(pending, list(trial.values))


def _distribution(axis: Axis) -> BaseDistribution:
    if axis.is_listed:
        return optuna.distributions.CategoricalDistribution(list(range(len(axis))))
    return optuna.distributions.IntDistribution(0, len(axis) - 1)


def _sampler(method: str, seed: int) -> optuna.samplers.BaseSampler:
    if method == "tpe":
        return optuna.samplers.TPESampler(seed=seed)
    return optuna.samplers.NSGAIISampler(population_size=POPULATION, seed=seed)

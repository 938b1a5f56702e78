"""What a search wants: a metric by name, the better first, what cannot be told last, and equals in the order of their numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from engine.core.errors import InvalidOption
from engine.core.registry import METRICS
from engine.optimise.job import Trial


@dataclass(frozen=True, slots=True)
class Objective:
    """One metric to make the most, or the least, of."""

    name: str
    is_higher_better: bool

    def is_unknown(self, value: float) -> bool:
        """Tell whether a value says nothing: it can never be the best."""
        return math.isinf(self.loss(value))

    def loss(self, value: float) -> float:
        """Return a number of which the least is the best; infinite for what is not a finite number."""
        if not math.isfinite(value):
            return math.inf
        return -value if self.is_higher_better else value


def objective(name: str) -> Objective:
    """Find the metric of that name; raises InvalidOption for an unknown one, or one of which neither more nor less is better."""
    metric = METRICS.get(name)
    if metric.higher_is_better is None:
        choices = ", ".join(name for name, each in METRICS.items() if each.higher_is_better is not None)
        raise InvalidOption(f"Expected a metric of which more or less is better, was {name}; choose among {choices}.")
    return Objective(name, metric.higher_is_better)


def rank_key(objectives: Sequence[Objective], trial: Trial) -> tuple[float, ...]:
    """Return what trials are sorted by, the best first: the objectives in order, then the number."""
    losses = (each.loss(value) for each, value in zip(objectives, trial.values, strict=True))
    return (*losses, trial.number)


def add_to_front(front: list[Trial], trial: Trial, objectives: Sequence[Objective]) -> None:
    """Take a trial into the front of those that no other beats in all objectives, and throw out whom it beats."""
    losses = [each.loss(value) for each, value in zip(objectives, trial.values, strict=True)]
    if not all(map(math.isfinite, losses)):
        return
    kept = []
    for other in front:
        others = [each.loss(value) for each, value in zip(objectives, other.values, strict=True)]
        if all(theirs <= ours for theirs, ours in zip(others, losses, strict=True)) and (others != losses or other.number < trial.number):
            return
        if not all(ours <= theirs for theirs, ours in zip(others, losses, strict=True)):
            kept.append(other)
    front[:] = [*kept, trial]

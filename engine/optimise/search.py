"""In which order combinations are tried: all of them, some drawn by lot, or those that a sampler asks for.

A search is asked for tasks and told what came of them, a batch at a time; with the same seed and the same answers it asks for the same,
on however many workers. How many trials there will be is known before the first.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Protocol

from engine.core.errors import InvalidOption, did_you_mean
from engine.optimise.job import Trial
from engine.optimise.objective import Objective
from engine.optimise.space import Space

BATCH = 1_024
"""Trials between two asks where the answers do not matter."""

METHODS = ("grid", "random", "tpe", "nsga2")
DRAWN = 200
"""Trials of a search that is not told how many."""


class Search(Protocol):
    """Asks for combinations."""

    @property
    def total(self) -> int:
        """Return how many trials there will be."""
        ...

    def ask(self) -> list[int]:
        """Return the next combinations to try, by their number in the space; none when it is over."""
        ...

    def tell(self, trials: Sequence[Trial]) -> None:
        """Hear what came of the last asked for, in their order."""
        ...


class GridSearch:
    """Tries every combination, in order."""

    def __init__(self, space: Space) -> None:
        """Begin at the first."""
        self.total = space.size
        self._next = 0

    def ask(self) -> list[int]:
        """Return the next combinations."""
        first = self._next
        self._next = min(self.total, first + BATCH)
        return list(range(first, self._next))

    def tell(self, trials: Sequence[Trial]) -> None:
        """Take no notice: the order stands."""


class RandomSearch:
    """Tries combinations drawn by lot, none twice."""

    def __init__(self, space: Space, trials: int, seed: int) -> None:
        """Draw them all."""
        if trials > space.size:
            raise InvalidOption(
                f"Expected at most {space.size:,} trials, for there are no more combinations, was {trials:,}; ask for fewer."
            )
        self.total = trials
        self._points = random.Random(seed).sample(range(space.size), trials)
        self._next = 0

    def ask(self) -> list[int]:
        """Return the next that were drawn."""
        first = self._next
        self._next = min(self.total, first + BATCH)
        return self._points[first : self._next]

    def tell(self, trials: Sequence[Trial]) -> None:
        """Take no notice: they were drawn beforehand."""


def make_search(method: str, space: Space, objectives: Sequence[Objective], trials: int | None, seed: int) -> Search:
    """Make a search; raises InvalidOption for an unknown method, or one that does not go with what else was asked for."""
    if method not in METHODS:
        raise InvalidOption(f'Unknown method "{method}"{did_you_mean(method, METHODS)}')
    if trials is not None and trials < 1:
        raise InvalidOption(f"Expected at least one trial, was {trials}; ask for more.")
    if method == "grid":
        if trials is not None and trials != space.size:
            raise InvalidOption(
                f"Expected a grid to try all of its {space.size:,}, was {trials:,} trials; use --method random, or leave it out."
            )
        return GridSearch(space)
    if method == "random":
        return RandomSearch(space, min(DRAWN, space.size) if trials is None else trials, seed)
    if method == "tpe" and len(objectives) > 1:
        raise InvalidOption("Expected one objective with tpe, was two; use nsga2.")
    # Optuna takes a second to import: only who asks for it waits.
    from engine.optimise.sampler import SampledSearch

    return SampledSearch(method, space, objectives, DRAWN if trials is None else trials, seed)

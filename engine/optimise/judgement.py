"""Whether to believe the best combination: all judgements of a search at once.

They are passed on the daily returns of the trials, or of a thousand spread evenly over them, and on one more run of the best.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.optimise.deflated_sharpe import DeflatedSharpe, deflate
from engine.optimise.job import Evaluator, Task, Trial
from engine.optimise.monte_carlo import BOOTSTRAP, SHUFFLE, Possibilities, resample
from engine.optimise.overfitting import Overfitting, overfitting
from engine.optimise.plateau import heatmap, plateau_scores
from engine.optimise.sweep import Tally

MAPPED = 10_000
"""Largest map that is told cell by cell."""

MOST_AXES = 6
"""Neighbours are looked at along so many axes at most: there are 3 to the power of them."""


@dataclass(frozen=True, slots=True)
class Plateau:
    """The best neighbourhood."""

    point: int
    """Combination in its middle."""
    score: float
    best_score: float
    """Of the neighbourhood of the best combination."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """What is to be thought of the best."""

    plateau: Plateau | None
    """None = the space is too large, or nothing has a number."""
    heatmap: dict[str, object] | None
    """Of a search over two parameters."""
    deflated_sharpe: DeflatedSharpe
    overfitting: Overfitting
    shuffled: Possibilities
    """The best's round trips in another order."""
    drawn: Possibilities
    """The best's round trips, drawn with replacement."""


def judge(tally: Tally, best: Trial, evaluate: Evaluator, *, seed: int = 0) -> Judgement:
    """Judge the best trial of a search; it is run once more, for its days and its round trips."""
    run, _ = evaluate.run_of(Task(best.number, best.point))
    returns = tally.matrix()
    cells, profits, capital = tally.cells, run.trades["net"].astype(np.int64), run.capital_units
    is_mapped = cells is not None and len(tally.space.axes) == 2 and len(cells) <= MAPPED
    return Judgement(
        plateau=_plateau(tally, best),
        heatmap=heatmap(tally.space, cells) if is_mapped and cells is not None else None,
        deflated_sharpe=deflate(np.nan_to_num(run.daily_returns), returns, tally.done),
        overfitting=overfitting(returns),
        shuffled=resample(profits, capital, method=SHUFFLE, seed=seed),
        drawn=resample(profits, capital, method=BOOTSTRAP, seed=seed),
    )


def _plateau(tally: Tally, best: Trial) -> Plateau | None:
    if tally.cells is None or len(tally.space.axes) > MOST_AXES or not np.isfinite(tally.cells).any():
        return None
    scores = plateau_scores(tally.cells.reshape(tally.space.shape)).ravel()
    losses = np.array([tally.objectives[0].loss(score) for score in scores.tolist()])
    point = int(losses.argmin())
    return Plateau(point, float(scores[point]), float(scores[best.point]))

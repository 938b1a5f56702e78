"""Searches ask for what they should, the same by the same seed, and say beforehand how many it will be."""

from __future__ import annotations

import math
from typing import Any

import pytest

from engine.core.errors import InvalidOption
from engine.optimise.job import Trial
from engine.optimise.objective import objective
from engine.optimise.search import make_search
from engine.optimise.space import Space

ONE, TWO = [objective("net_profit")], [objective("sharpe"), objective("max_drawdown")]


def asked(search: Any, score: Any) -> list[int]:
    """Answer a search to its end and return what it asked for."""
    points: list[int] = []
    while batch := search.ask():
        search.tell([Trial(len(points) + k, point, score(point), 0, 0) for k, point in enumerate(batch)])
        points += batch
    assert len(points) == search.total
    return points


def bowl(space: Space) -> Any:
    return lambda point: (-sum((value - 40.0) ** 2 for value in space.chosen(point).values()),)


def test_a_grid_asks_for_everything_once(ground: Any) -> None:
    space = ground.space("fast_ema=2:62:1", "slow_ema=5:65:1")
    assert asked(make_search("grid", space, ONE, None, 0), bowl(space)) == list(range(3_600))


def test_lots_are_drawn_without_repeats_by_seed(ground: Any) -> None:
    space = ground.space("fast_ema=2:62:1", "slow_ema=5:65:1")
    drawn = asked(make_search("random", space, ONE, 2_000, 3), bowl(space))
    assert len(set(drawn)) == 2_000
    assert drawn == asked(make_search("random", space, ONE, 2_000, 3), bowl(space))
    assert drawn != asked(make_search("random", space, ONE, 2_000, 4), bowl(space))
    assert make_search("random", ground.space(), ONE, None, 0).total == 12
    assert make_search("random", space, ONE, None, 0).total == 200


def test_tpe_comes_nearer_than_chance_and_the_same_by_seed(ground: Any) -> None:
    space = ground.space("fast_ema=2:200:1", "slow_ema=5:200:1")
    score = bowl(space)
    points = asked(make_search("tpe", space, ONE, 80, 1), score)
    assert points == asked(make_search("tpe", space, ONE, 80, 1), score)
    late = sum(score(point)[0] for point in points[-20:]) / 20
    drawn = asked(make_search("random", space, ONE, 80, 1), score)
    assert late > 4 * sum(score(point)[0] for point in drawn) / 80 / 5


def test_nsga2_weighs_two_objectives(ground: Any) -> None:
    space = ground.space("fast_ema=2:50:1", "slow_ema=10,20,40")
    points = asked(make_search("nsga2", space, TWO, 56, 1), lambda point: (float(point), -float(point)))
    assert len(points) == 56
    assert {space.chosen(point)["slow_ema"] for point in points} == {10, 20, 40}


def test_what_tells_nothing_is_a_failed_trial(ground: Any) -> None:
    search = make_search("tpe", ground.space(), ONE, 9, 0)
    assert len(asked(search, lambda point: (math.nan,))) == 9


@pytest.mark.parametrize(
    ("method", "trials", "objectives", "message"),
    [
        ("gird", None, ONE, 'Unknown method "gird"; did you mean "grid"'),
        ("grid", 5, ONE, "Expected a grid to try all of its 12, was 5 trials"),
        ("random", 13, ONE, "Expected at most 12 trials"),
        ("random", 0, ONE, "Expected at least one trial, was 0"),
        ("tpe", 5, TWO, "Expected one objective with tpe, was two; use nsga2"),
    ],
)
def test_what_does_not_go_together_is_refused(ground: Any, method: str, trials: int | None, objectives: Any, message: str) -> None:
    with pytest.raises(InvalidOption, match=message):
        make_search(method, ground.space(), objectives, trials, 0)

"""Values of a search: read, counted and checked before anything runs."""

from __future__ import annotations

import pytest

from engine.core.errors import InvalidOption
from engine.core.registry import TEMPLATES
from engine.optimise.space import Space, make_space, parse_axis

CROSS = TEMPLATES.get("ema_crossover")


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("5:8:1", [5, 6, 7]),
        ("5:8", [5, 6, 7]),
        ("5:10:2", [5, 7, 9]),
        ("0.01:0.04:0.01", [0.01, 0.02, 0.03]),
        ("3,9,4", [3, 9, 4]),
        ("7", [7]),
    ],
)
def test_the_stop_is_left_out_and_decimals_are_exact(text: str, values: list[float]) -> None:
    axis = parse_axis("x", text)
    assert [axis.value(index) for index in range(len(axis))] == values


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("five", "give numbers"),
        ("1:2:3:4", "give for example x=5:25:1"),
        ("1:2,3", "give for example"),
        ("nan:3", "give finite numbers"),
        ("5:5:1", "the stop must lie above the start"),
        ("5:9:0", "the step above 0"),
        ("1,2,1", "stands there twice"),
    ],
)
def test_what_is_no_axis_is_refused(text: str, message: str) -> None:
    with pytest.raises(InvalidOption, match=message):
        parse_axis("x", text)


def space(*given: str, **fixed: object) -> Space:
    return make_space(CROSS, [parse_axis(*text.split("=")) for text in given], fixed)


def test_the_last_axis_counts_fastest_and_fixed_values_stay() -> None:
    made = space("fast_ema=5:8:1", "slow_ema=30,40", warmup="500")
    assert (made.size, made.shape) == (6, (3, 2))
    assert [made.chosen(point) for point in (0, 1, 2)] == [
        {"fast_ema": 5, "slow_ema": 30},
        {"fast_ema": 5, "slow_ema": 40},
        {"fast_ema": 6, "slow_ema": 30},
    ]
    assert made.values(5) == {"fast_ema": 7, "slow_ema": 40, "stop": 0.0, "target": 0.0, "warmup": 500}
    assert [made.point(made.indices(point)) for point in range(6)] == list(range(6))


def test_a_huge_space_takes_no_memory() -> None:
    made = space("stop=0:0.2:0.000001", "target=0:1:0.000001")
    assert made.size == 200_000 * 1_000_000
    assert made.chosen(made.size - 1) == {"stop": 0.199999, "target": 0.999999}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([], "Expected at least one parameter to search over"),
        (["fast=5:8:1"], 'Unknown parameter "fast" of ema_crossover; did you mean "fast_ema"'),
        (["fast_ema=1:8:1"], "Expected fast_ema from 2 to 200, was 1"),
        (["fast_ema=190:202:1"], "Expected fast_ema from 2 to 200, was 201"),
        (["fast_ema=5:8:0.5"], "Expected fast_ema from 2 to 200, whole numbers"),
        (["fast_ema=5.5,6"], "whole numbers"),
        (["fast_ema=5:8:1", "fast_ema=5:8:1"], "Expected fast_ema once"),
        (["warmup=0:3:1"], "Expected warmup once"),
    ],
)
def test_values_that_the_template_would_refuse_are_refused_first(given: list[str], message: str) -> None:
    with pytest.raises(InvalidOption, match=message):
        space(*given, warmup=500)


def test_fixed_values_are_checked_too() -> None:
    with pytest.raises(InvalidOption, match="Expected slow_ema from 5 to 400, was 4"):
        space("fast_ema=5:8:1", slow_ema=4)

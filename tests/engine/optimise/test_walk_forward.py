"""Days that were not learned on, put together: cut where they should be, adding up to the last unit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from engine.backtest import run_backtest
from engine.backtest_terms import prepare
from engine.core.errors import UserError
from engine.core.model import Product
from engine.core.registry import TEMPLATES
from engine.optimise.job import Span
from engine.optimise.windows import Windows, cut, parse_windows
from engine.tariffs import Tariff


@pytest.mark.parametrize(
    ("text", "windows"),
    [("60d/20d", Windows(60, 20)), (" 60d / 20d : anchored", Windows(60, 20, True)), ("5d/1d:rolling", Windows(5, 1))],
)
def test_windows_are_read_and_spoken(text: str, windows: Windows) -> None:
    assert parse_windows(text) == windows
    assert parse_windows(str(windows)) == windows


@pytest.mark.parametrize("text", ["60/20", "60d", "0d/20d", "60d/0d", "60d/20d:sliding", "60d/20m"])
def test_what_is_no_window_is_refused(text: str) -> None:
    with pytest.raises(UserError, match="Expected days to learn on and days to test on, like 60d/20d"):
        parse_windows(text)


def days_of(spans: list[tuple[Span, Span]]) -> list[tuple[int, int, int, int]]:
    return [(learn.first // 90, learn.end // 90, test.first // 90, test.end // 90) for learn, test in spans]


def test_rolling_windows_move_on_by_what_was_tested(ground: Any) -> None:
    made = cut(ground.prepared(days=8), Windows(3, 2))
    assert days_of([(each.learn, each.test) for each in made]) == [(0, 3, 3, 5), (2, 5, 5, 7), (4, 7, 7, 8)]


def test_anchored_windows_learn_on_all_so_far(ground: Any) -> None:
    made = cut(ground.prepared(days=8), Windows(3, 2, True))
    assert days_of([(each.learn, each.test) for each in made]) == [(0, 3, 3, 5), (0, 5, 5, 7), (0, 7, 7, 8)]


def test_too_few_days_are_told(ground: Any) -> None:
    with pytest.raises(UserError, match="Expected more than 8 trading days to walk forward over"):
        cut(ground.prepared(days=8), Windows(8, 2))


def test_each_window_trades_the_best_of_what_it_learned_on(ground: Any) -> None:
    study = ground.study(days=6, windows=Windows(2, 2))
    found = study.run()
    assert found.walk is not None
    assert [len(found.walk.steps), found.total, found.done] == [2, 24, 24]
    for step in found.walk.steps:
        bars = {ground.share: ground.wave(6)[step.window.learn.first : step.window.learn.end]}
        alone = ground.study(prepared=prepare(bars, sizing="fixed:10", product=Product.NRML)).run()
        assert step.best is not None
        assert (step.best.point, step.best.values, step.best.net_units) == (
            alone.best[0].point,
            alone.best[0].values,
            alone.best[0].net_units,
        )


def test_stretches_add_up_to_the_last_unit_charges_of_changing_over_among_them(ground: Any) -> None:
    terms = {"sizing": "fixed:10", "product": Product.NRML, "tariff": Tariff.load()}
    plan = ground.plan(prepared=ground.prepared(days=6, **terms))
    found = ground.study(prepared=plan.prepared, windows=Windows(2, 1)).run()
    walk = found.walk
    assert walk is not None
    run, level = walk.run, plan.prepared.terms.capital_units
    assert run.equity_ns.tolist() == plan.prepared.bars["time_ns"][180:].tolist()
    assert int(run.equity[-1]) == level + sum(step.net_units for step in walk.steps)
    # The stitched fills alone lead to the stitched equity: cash spent, charges, and what is held at the last close.
    fills = run.fills
    cash = -int((fills["quantity"] * fills["price"] + fills["charges"]).sum())
    held = int(fills["quantity"].sum()) * round(float(run.bars["close"][-1]) * 10_000)
    assert int(run.equity[-1]) == level + cash + held
    assert sum(step.fills for step in walk.steps) == len(fills)


def test_with_the_same_parameters_in_every_window_it_is_one_long_run(ground: Any) -> None:
    study = ground.study("fast_ema=3", "slow_ema=9", days=6, windows=Windows(2, 1, True))
    walk = study.run().walk
    assert walk is not None
    single = run_backtest(
        TEMPLATES.get("ema_crossover"),
        {ground.share: ground.wave(6)},
        {"fast_ema": 3, "slow_ema": 9},
        sizing="fixed:10",
        product=Product.NRML,
    )
    whole = single.outcome.equity
    assert np.diff(walk.run.equity).tolist() == np.diff(whole[180:]).tolist()
    # Only the very first border has to be crossed with a trade: afterwards the position is the same.
    changes = [step.fills for step in walk.steps]
    assert sum(changes) == (single.outcome.fills["time_ns"] >= walk.run.equity_ns[0]).sum() + 1


def test_a_window_in_which_nothing_has_a_number_is_sat_out(ground: Any) -> None:
    walk = ground.study(prepared=ground.prepared(sizing="risk"), windows=Windows(2, 1)).run().walk
    assert walk is not None
    assert [step.best for step in walk.steps] == [None, None]
    assert set(walk.run.equity.tolist()) == {walk.run.capital_units}
    assert len(walk.run.fills) == 0


def test_a_walk_that_is_stopped_at_its_last_test_is_not_whole(ground: Any) -> None:
    study = ground.study(days=4, windows=Windows(2, 1))

    def on_progress(done: int, total: int) -> None:
        if done == total:
            study.stop.set()

    study.on_progress = on_progress
    found = study.run()
    assert (found.done, found.is_complete) == (24, False)
    assert found.walk is not None
    assert len(found.walk.steps) == 1

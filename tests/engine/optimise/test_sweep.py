"""A combination in a sweep is the very run that a backtest makes, and what is found stays in bounded memory."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from engine.backtest import run_backtest
from engine.backtest_terms import prepare
from engine.core.errors import InvalidOption
from engine.core.model import UNITS, Product
from engine.core.registry import METRICS, TEMPLATES
from engine.optimise import sweep
from engine.optimise.job import Span, Task, Trial, stretch
from engine.optimise.objective import add_to_front, objective, rank_key
from engine.optimise.record import NoRecord
from engine.optimise.search import GridSearch
from engine.optimise.sweep import Stretch, Tally, is_judged, run_search
from engine.tariffs import Tariff


def test_a_combination_in_a_sweep_is_bit_for_bit_a_single_backtest(ground: Any) -> None:
    terms = {"sizing": "fixed:10", "product": Product.MIS, "tariff": Tariff.load(), "limits": {"max_position_size": 100.0}}
    plan = ground.plan(prepared=ground.prepared(**terms), fixed={"stop": 0.01}, objectives=("sharpe", "max_drawdown"))
    found = ground.study(**{"prepared": plan.prepared, "fixed": {"stop": 0.01}, "objectives": plan.objectives}).run()
    assert found.tally is not None
    template = TEMPLATES.get("ema_crossover")
    for trial in found.best:
        single = run_backtest(template, {ground.share: ground.wave()}, plan.space.values(trial.point), **terms)
        expected = tuple(METRICS.get(name).compute(single.run) for name in plan.objectives)
        assert np.array(trial.values).tobytes() == np.array(expected).tobytes()
        assert (trial.net_units, trial.fills) == (single.net_units, len(single.outcome.fills))
        assert found.tally.returns[trial.number].tobytes() == np.nan_to_num(single.run.daily_returns).tobytes()
    assert len({trial.values for trial in found.best}) > 5


def test_every_template_can_be_searched_over_several_symbols(ground: Any) -> None:
    terms = {"sizing": "fixed:10", "product": Product.NRML}
    bars = {ground.share: ground.wave(), ground.other: ground.wave(phase=1.0)}
    for name, template in TEMPLATES.items():
        first = template.parameters[0]
        values = sorted({first.default, first.low, first.high}, key=lambda value: value == first.default)[-2:]
        axis = f"{first.name}={','.join(map(str, values))}"
        found = ground.study(axis, strategy=name, prepared=prepare(bars, **terms)).run()
        for trial in found.best:
            single = run_backtest(template, bars, found.plan.space.values(trial.point), **terms)
            assert (trial.net_units, trial.fills) == (single.net_units, len(single.outcome.fills)), name
        assert any(trial.fills for trial in found.best), name


def test_the_number_of_workers_changes_nothing(ground: Any) -> None:
    one, three = (ground.study(workers=workers).run() for workers in (1, 3))
    assert [(t.point, t.values, t.net_units, t.fills) for t in one.best] == [(t.point, t.values, t.net_units, t.fills) for t in three.best]
    assert repr(one.judgement) == repr(three.judgement)


def test_the_best_come_first_the_unknown_last_and_equals_by_number() -> None:
    sharpe, drawdown = objective("sharpe"), objective("max_drawdown")
    trials = [Trial(n, n, (value,), 0, 0) for n, value in enumerate([1.0, math.nan, 2.0, 1.0, math.inf])]
    assert [t.number for t in sorted(trials, key=lambda t: rank_key([sharpe], t))] == [2, 0, 3, 1, 4]
    assert objective("net_profit").loss(3.0) == -3.0
    assert {drawdown.loss(3.0), drawdown.loss(-3.0)} == {3.0, -3.0}
    assert sharpe.is_unknown(math.nan)
    assert not sharpe.is_unknown(0.0)


def test_an_objective_must_have_a_better_side() -> None:
    with pytest.raises(InvalidOption, match="sharp"):
        objective("sharp")
    neither = next(name for name, metric in METRICS.items() if metric.higher_is_better is None)
    with pytest.raises(InvalidOption, match=f"Expected a metric of which more or less is better, was {neither}"):
        objective(neither)


def test_the_front_holds_whom_nobody_beats() -> None:
    both = [objective("sharpe"), objective("net_profit")]
    values = [(1.0, 1.0), (2.0, 0.5), (0.5, 0.5), (math.nan, 9.0), (2.0, 0.7), (1.0, 1.0), (3.0, 0.1)]
    trials = [Trial(n, n, each, 0, 0) for n, each in enumerate(values)]
    for order in (trials, trials[::-1]):
        front: list[Trial] = []
        for trial in order:
            add_to_front(front, trial, both)
        assert sorted(t.number for t in front) == [0, 4, 6]


def test_memory_is_bounded(ground: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweep, "BEST", 5)
    monkeypatch.setattr(sweep, "CELLS", 100)
    space = ground.space("fast_ema=2:102:1", "slow_ema=5:105:1")
    tally = Tally(space, [objective("net_profit")])
    for number in range(1_000):
        tally.add(Trial(number, number, (float(number * 7 % 1000),), 0, number % 2, "it fell" if number == 3 else ""))
        assert len(tally._best) < 10
    assert [trial.values[0] for trial in tally.best()] == [999, 998, 997, 996, 995]
    assert (tally.cells, tally.done, tally.traded, tally.faults, tally.fault) == (None, 1_000, 500, 1, "it fell")


def test_those_that_are_judged_are_spread_evenly(monkeypatch: pytest.MonkeyPatch) -> None:
    assert all(is_judged(number, 1_000) for number in range(1_000))
    chosen = [number for number in range(100_000) if is_judged(number, 100_000)]
    assert len(chosen) == 1_000
    assert set(np.diff(chosen).tolist()) == {100}


class Counted:
    """A runner that only counts."""

    def __init__(self) -> None:
        self.largest = self.asked = 0

    def open(self) -> None: ...

    def close(self) -> None: ...

    def run(self, tasks: list[Task]) -> Any:
        self.largest = max(self.largest, len(tasks))
        self.asked += len(tasks)
        return (Trial(task.number, task.point, (float(task.point),), 0, 0) for task in tasks)


def test_a_hundred_thousand_are_asked_for_in_batches(ground: Any) -> None:
    space = ground.space("fast_ema=2:12:1", "slow_ema=5:105:1", "warmup=0:100:1")
    runner, tally = Counted(), Tally(space, [objective("net_profit")])
    assert run_search(GridSearch(space), runner, NoRecord(), tally, Stretch(is_judged=False))
    assert (runner.asked, runner.largest, tally.done) == (100_000, 1_024, 100_000)
    assert tally.best()[0].point == 99_999


def test_a_strategy_that_faults_ranks_last_and_is_told(ground: Any) -> None:
    found = ground.study(prepared=ground.prepared(sizing="risk")).run()
    assert found.tally is not None
    assert found.tally.faults == found.total == 12
    assert "Expected a stop" in found.tally.fault
    assert found.judgement is None
    assert all(math.isnan(trial.values[0]) for trial in found.best)


def test_bars_out_of_order_are_a_fault_of_every_combination(ground: Any) -> None:
    prepared = ground.prepared()
    prepared.bars["time_ns"][5] = prepared.bars["time_ns"][7]
    found = ground.study(prepared=prepared).run()
    assert found.tally is not None
    assert "in order of time" in found.tally.fault


def test_a_stretch_forgets_square_offs_of_days_before(ground: Any) -> None:
    from engine.calendar import Calendar

    whole = ground.prepared(days=3, product=Product.MIS, calendar=Calendar.load())
    part = stretch(whole, Span(90, 180))
    assert len(whole.terms.squares) == 3
    assert len(part.terms.squares) == 2
    assert np.shares_memory(part.bars, whole.bars)


def test_capital_is_that_of_the_terms(ground: Any) -> None:
    found = ground.study(prepared=ground.prepared(capital_units=5_000 * UNITS)).run()
    assert found.judgement is not None
    assert all(units > 4_000 * UNITS for units in found.judgement.shuffled.final_units.values())

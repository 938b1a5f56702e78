"""A study is kept, goes on where it was cut off, refuses to mix what differs, and ends when it is told to."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.clock import ManualClock
from engine.core.errors import InvalidOption, UserError
from engine.optimise.job import Cancelled, Evaluator
from engine.optimise.record import EVERY_NS, StudyRecord
from engine.optimise.study import Study, find_objectives
from engine.store import Store


class Database:
    """A store that can be closed and opened again, as after a crash."""

    def __init__(self, file: Path) -> None:
        self.file, self.store = file, Store.open(file)

    def again(self) -> Store:
        self.store.close()
        self.store = Store.open(self.file)
        return self.store


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    made = Database(tmp_path / "shikra.db")
    yield made
    made.store.close()


def stop_after(study: Study, count: int) -> Study:
    """Let a study be told to stop once so many trials are done.

    Two parts more, each a quarter of a batch, may be on their way by then and end: only an early stop is sure to leave something.
    """

    def on_progress(done: int, total: int) -> None:
        if done >= count:
            study.stop.set()

    study.on_progress = on_progress
    return study


def told(found: Any) -> list[tuple[Any, ...]]:
    return [(trial.number, trial.point, trial.values, trial.net_units, trial.fills) for trial in found.best]


def counting(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Count which trials are really run."""
    tried: list[int] = []
    before = Evaluator.__call__

    def call(self: Evaluator, task: Any) -> Any:
        tried.append(task.number)
        return before(self, task)

    monkeypatch.setattr(Evaluator, "__call__", call)
    return tried


def test_progress_is_told_with_the_total_known_beforehand(ground: Any) -> None:
    seen: list[tuple[int, int]] = []
    study = ground.study()
    assert study.total == 12
    study.on_progress = lambda done, total: seen.append((done, total))
    found = study.run()
    assert seen == [(k, 12) for k in range(1, 13)]
    assert (found.is_complete, found.done, found.total, found.name) == (True, 12, 12, "")


def test_a_study_that_was_cut_off_goes_on_and_tries_nothing_twice(ground: Any, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = ground.study().run()
    first = stop_after(ground.study(store=database.store, name="night", workers=1), 3)
    cut = first.run()
    assert not cut.is_complete
    assert 3 <= cut.done < 12
    store = database.again()
    assert [study.ended_ns for study in store.studies()] == [None]
    tried = counting(monkeypatch)
    rest = ground.study(store=store, name="night", resume=True).run()
    assert sorted(tried) == list(range(cut.done, 12))
    assert told(rest) == told(whole)
    assert repr(rest.judgement) == repr(whole.judgement)
    store = database.again()
    assert [study.ended_ns for study in store.studies()] == [1_000_000_000_000_000_000]
    assert [row.number for row in store.trials(store.studies()[0].id, 0, 99)] == list(range(12))


@pytest.mark.parametrize(("method", "trials", "cut_after"), [("random", 11, 3), ("tpe", 18, 9)])
def test_a_search_that_draws_goes_on_as_it_would_have(
    ground: Any, database: Database, monkeypatch: pytest.MonkeyPatch, method: str, trials: int, cut_after: int
) -> None:
    given = {"method": method, "trials": trials, "seed": 5}
    whole = ground.study(**given).run()
    cut = stop_after(ground.study(store=database.store, workers=1, **given), cut_after).run()
    tried = counting(monkeypatch)
    rest = ground.study(store=database.again(), resume=True, **given).run()
    assert sorted(tried) == list(range(cut.done, trials))
    assert told(rest) == told(whole)


def test_a_walk_forward_goes_on_too(ground: Any, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    from engine.optimise.windows import Windows

    given = {"windows": Windows(2, 1), "days": 5}
    whole = ground.study(**given).run()
    cut = stop_after(ground.study(store=database.store, workers=1, **given), 14).run()
    assert cut.walk is not None
    assert len(cut.walk.steps) == 1
    tried = counting(monkeypatch)
    rest = ground.study(store=database.again(), resume=True, **given).run()
    assert sorted(tried) == list(range(cut.done, 36))
    assert rest.walk is not None
    assert rest.walk.run.equity.tolist() == whole.walk.run.equity.tolist()


@pytest.mark.parametrize(
    ("changed", "what"),
    [
        ({"days": 5}, "data"),
        ({"fixed": {"stop": 0.01}}, "space"),
        ({"objectives": ("sharpe",)}, "objectives"),
        ({"method": "random", "trials": 4}, "method, trials"),
    ],
)
def test_what_differs_is_not_gone_on_with(ground: Any, database: Database, changed: dict[str, Any], what: str) -> None:
    stop_after(ground.study(store=database.store, name="night"), 3).run()
    with pytest.raises(UserError, match=f"Expected study night to go on with the same {what}, was otherwise"):
        ground.study(store=database.again(), name="night", resume=True, **changed)
    with pytest.raises(UserError, match="Expected a study of the very same data and words that was cut off, was none"):
        ground.study(store=database.store, resume=True, **changed)


def test_other_terms_and_other_code_are_other_studies(ground: Any, database: Database, tmp_path: Path) -> None:
    stop_after(ground.study(store=database.store, name="night"), 3).run()
    with pytest.raises(UserError, match="the same terms, was"):
        ground.study(store=database.again(), name="night", resume=True, prepared=ground.prepared(sizing="fixed:11"))
    file = ground.plain_file(tmp_path)
    given = {"strategy": file, "name": "own", "workers": 1}
    ground.study("every=1:4:1", store=database.store, **given).run()
    ground.plain_file(tmp_path, "self.buy()")
    with pytest.raises(UserError, match="the same code, was"):
        ground.study("every=1:4:1", store=database.again(), resume=True, **given)


def test_names_are_taken_once(ground: Any, database: Database) -> None:
    ground.study(store=database.store, name="night").run()
    store = database.again()
    with pytest.raises(UserError, match="Expected a new name, was night, which there is already; add --resume"):
        ground.study(store=store, name="night")
    with pytest.raises(UserError, match='There is no study "nigth" to go on with; did you mean "night"'):
        ground.study(store=store, name="nigth", resume=True)
    with pytest.raises(UserError, match="was none; give one"):
        ground.study(resume=True)


def test_without_a_name_each_gets_its_own(ground: Any, database: Database) -> None:
    for k in range(2):
        ground.study(store=database.again(), clock=ManualClock(1_704_080_700_123_456_789 + k)).run()
    names = [study.name for study in database.again().studies()]
    assert names == ["ema_crossover-20240101-091500", "ema_crossover-20240101-091500-123456790"]


def test_a_name_that_nobody_has_is_told_plainly(ground: Any, database: Database) -> None:
    with pytest.raises(UserError, match='There is no study "x"; leave out --resume'):
        ground.study(store=database.store, name="x", resume=True)


def test_trials_are_handed_over_every_half_second(ground: Any, database: Database) -> None:
    clock = ManualClock(1)
    study = ground.study(store=database.store, clock=clock)
    record = study.record
    assert isinstance(record, StudyRecord)
    evaluate = Evaluator(ground.job(study.plan), study.template)
    record.keep(evaluate(_task(0)))
    assert database.again().trials(record.study.id, 0, 9) == []
    record._store = database.store
    clock.advance(EVERY_NS / 1e9)
    record.keep(evaluate(_task(1)))
    assert [row.number for row in database.again().trials(record.study.id, 0, 9)] == [0, 1]


def test_a_long_run_is_ended_in_its_middle(ground: Any) -> None:
    study = ground.study()
    seen: list[int] = []

    def check(done: int) -> None:
        seen.append(done)
        raise Cancelled

    with pytest.raises(Cancelled):
        Evaluator(ground.job(study.plan), study.template, check)(_task(0))
    assert len(seen) == 1


def test_a_study_that_is_stopped_before_it_began_found_nothing(ground: Any) -> None:
    study = ground.study()
    study.stop.set()
    found = study.run()
    assert (found.is_complete, found.done, found.best) == (False, 0, [])
    assert [thread.name for thread in threading.enumerate() if thread.name.startswith("shikra-sweep")] == []


def test_optuna_asking_for_something_else_is_noticed(ground: Any, database: Database) -> None:
    stop_after(ground.study(store=database.store, name="night"), 3).run()
    store = database.again()
    study = ground.study(store=store, name="night", resume=True)
    row = store.trials(store.studies()[0].id, 0, 1)[0]
    from dataclasses import replace

    store.write(replace(row, point=7))
    study.record._store = database.again()
    with pytest.raises(UserError, match="Expected the search to ask for the same as before"):
        study.run()


@pytest.mark.parametrize("names", [(), ("sharpe", "sharpe"), ("sharpe", "net_profit", "sortino")])
def test_objectives_are_one_or_two(names: tuple[str, ...]) -> None:
    with pytest.raises(InvalidOption, match="Expected one objective or two different ones"):
        find_objectives(names)


def test_two_objectives_have_a_front(ground: Any) -> None:
    found = ground.study(objectives=("net_profit", "max_drawdown"), method="nsga2", trials=10).run()
    assert found.tally is not None
    assert found.tally.front
    assert found.done == 10


def test_at_least_one_worker(ground: Any) -> None:
    with pytest.raises(InvalidOption, match="Expected at least one worker, was 0"):
        ground.study(workers=0)


def _task(number: int) -> Any:
    from engine.optimise.job import Task

    return Task(number, number)

"""Work is handed over in parts of a sensible size, and what was finished is not thrown away."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from engine.authored.files import template_of
from engine.optimise.job import Cancelled, Evaluator, Task
from engine.optimise.threads import AT_ONCE, Threads, cores, in_parts, work_of

TASKS = [Task(number, number) for number in range(1_000)]


@pytest.mark.parametrize(
    ("bars", "workers", "size"), [(100, 2, AT_ONCE), (100_000, 2, 10), (5_000_000, 2, 1), (100, 64, 3), (0, 2, AT_ONCE)]
)
def test_parts_are_worth_handing_over_and_keep_all_busy(bars: int, workers: int, size: int) -> None:
    parts = list(in_parts(TASKS, bars, workers))
    assert len(parts[0]) == size
    assert [task for part in parts for task in part] == TASKS


def test_plain_python_is_more_work(ground: Any, tmp_path: Path) -> None:
    plan = ground.plan()
    assert work_of(ground.job(plan), template_of("ema_crossover")) == 360
    assert work_of(ground.job(plan), template_of(ground.plain_file(tmp_path))) == 18_000


def test_there_is_at_least_one_core() -> None:
    assert cores() >= 1


def test_what_was_finished_when_the_search_was_stopped_is_handed_back(ground: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    stop = threading.Event()
    threads = Threads(ground.job(ground.plan()), template_of("ema_crossover"), 1, stop)
    threads.open()
    before = Evaluator.__call__

    def call(self: Evaluator, task: Task) -> Any:
        made = before(self, task)
        if task.number == 1:
            stop.set()
        return made

    monkeypatch.setattr(Evaluator, "__call__", call)
    seen: list[int] = []
    with pytest.raises(Cancelled):
        seen.extend(trial.number for trial in threads.run(TASKS[:12]))
    threads.close()
    assert seen == [0, 1]

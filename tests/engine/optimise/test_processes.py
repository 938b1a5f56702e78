"""Plain Python is tried in processes of its own: with the same figures, without our secrets, and though one of them dies."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

import pytest

from engine.authored.files import template_of
from engine.core.errors import UserError
from engine.optimise.job import Cancelled, Task
from engine.optimise.processes import Processes, scrub

DIE_ONCE = "(__import__('os').mkdir({folder!r}), __import__('os')._exit(3)) if not __import__('os').path.exists({folder!r}) else self.buy()"


def told(found: Any) -> list[Any]:
    return [(trial.number, trial.values, trial.net_units, trial.fills, trial.fault) for trial in found.best]


def test_processes_find_what_one_thread_finds(ground: Any, tmp_path: Path) -> None:
    file = ground.plain_file(tmp_path)
    alone, together = (ground.study("every=1:8:1", strategy=file, workers=workers).run() for workers in (1, 2))
    assert told(alone) == told(together)
    assert repr(alone.judgement) == repr(together.judgement)
    assert alone.best[0].fills > 10


def test_a_process_that_dies_is_replaced_and_nothing_is_lost(ground: Any, tmp_path: Path) -> None:
    file = ground.plain_file(tmp_path, DIE_ONCE.format(folder=str(tmp_path / "died")))
    found = ground.study("every=1:6:1", strategy=file).run()
    assert (tmp_path / "died").is_dir()
    assert sorted(trial.number for trial in found.best) == [0, 1, 2, 3, 4]
    assert found.tally is not None
    assert found.tally.done == 5


def test_one_that_always_dies_is_given_up(ground: Any, tmp_path: Path) -> None:
    plan = ground.plan("every=1:3:1", strategy=ground.plain_file(tmp_path, "__import__('os')._exit(4)"))
    pool = Processes(ground.job(plan), template_of(plan.strategy), 1, threading.Event())
    pool.open()
    try:
        with pytest.raises(UserError, match=r"ended its process 3 times \(exit code 4\) at or after {'every': 1"):
            list(pool.run([Task(0, 0)]))
    finally:
        pool.close()


def test_stopping_ends_processes_that_would_not_stop_by_themselves(ground: Any, tmp_path: Path) -> None:
    plan = ground.plan("every=1:3:1", strategy=ground.plain_file(tmp_path, "__import__('time').sleep(600)"))
    stop = threading.Event()
    pool = Processes(ground.job(plan), template_of(plan.strategy), 1, stop)
    pool.open()
    timer = threading.Timer(0.2, stop.set)
    timer.start()
    with pytest.raises(Cancelled):
        list(pool.run([Task(0, 0)]))
    pool.close()
    timer.join()


def test_a_file_that_is_gone_is_told(ground: Any, tmp_path: Path) -> None:
    plan = ground.plan("every=1:3:1", strategy=ground.plain_file(tmp_path))
    pool = Processes(ground.job(plan), template_of(plan.strategy), 1, threading.Event())
    os.unlink(plan.strategy)
    try:
        with pytest.raises(UserError, match="There is no strategy file"):
            pool.open()
    finally:
        pool.close()


def test_secrets_do_not_reach_a_strategy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "environ", {"PATH": "/bin", "KITE_API_SECRET": "s", "AWS_TOKEN": "t", "LC_ALL": "C", "PYTHONPATH": "x"})
    scrub()
    assert os.environ == {"PATH": "/bin", "LC_ALL": "C", "PYTHONPATH": "x"}

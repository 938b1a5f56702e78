"""The same sweep on a real Dask cluster of processes: the same figures, also when a worker is killed in the middle."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.authored.files import template_of
from engine.core.errors import InvalidOption, UserError
from engine.core.registry import TEMPLATES
from engine.optimise.cluster import Cluster
from engine.optimise.job import Cancelled, Task

pytestmark = [
    pytest.mark.logs_warnings,
    # Dask's own loops and sockets are closed by its garbage.
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::DeprecationWarning", "ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture(scope="module")
def dask() -> Iterator[Any]:
    from distributed import LocalCluster

    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    cluster = LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, silence_logs=logging.CRITICAL)
    yield cluster
    cluster.close()


def told(found: Any) -> list[Any]:
    return [(trial.number, trial.point, trial.values, trial.net_units, trial.fills) for trial in found.best]


def test_a_cluster_finds_what_threads_find(ground: Any, dask: Any) -> None:
    here = ground.study().run()
    there = ground.study(scheduler=dask.scheduler_address).run()
    assert told(there) == told(here)
    assert repr(there.judgement) == repr(here.judgement)


def test_a_worker_is_killed_in_the_middle_and_nothing_is_lost_or_doubled(ground: Any, dask: Any, tmp_path: Path) -> None:
    (tmp_path / "pids").mkdir()
    noted = f"open({str(tmp_path / 'pids')!r} + '/' + str(__import__('os').getpid()), 'w').close()"
    file = ground.plain_file(tmp_path, f"({noted}, self.buy() if bar.close > bar.open else self.sell())")
    here = ground.study("every=1:41:1", strategy=file, workers=1).run()
    (tmp_path / "pids" / str(os.getpid())).unlink()
    study = ground.study("every=1:41:1", strategy=file, scheduler=dask.scheduler_address)
    killed: list[int] = []
    numbers: list[int] = []

    def on_progress(done: int, total: int) -> None:
        numbers.append(done)
        if done == 5:
            killed.append(int(sorted(path.name for path in (tmp_path / "pids").iterdir())[0]))
            os.kill(killed[0], signal.SIGKILL)

    study.on_progress = on_progress
    there = study.run()
    assert killed
    assert numbers == list(range(1, 41))
    assert told(there) == told(here)
    assert sorted(trial.number for trial in there.best) == list(range(40))


def test_a_search_on_a_cluster_is_stopped_at_once(ground: Any, dask: Any, tmp_path: Path) -> None:
    plan = ground.plan("every=1:9:1", strategy=ground.plain_file(tmp_path, "__import__('time').sleep(0.02)"))
    stop = threading.Event()
    cluster = Cluster(ground.job(plan), template_of(plan.strategy), dask.scheduler_address, stop)
    cluster.open()
    stop.set()
    with pytest.raises(Cancelled):
        list(cluster.run([Task(0, 0), Task(1, 1)]))
    cluster.close()


class Gone:
    """A client whose scheduler went away after it had taken work."""

    def __init__(self, status: str) -> None:
        self.status, self.submitted = status, 0

    def submit(self, *_: object, **__: object) -> Gone:
        self.submitted += 1
        return Gone("cancelled")

    def cancel(self, futures: object) -> None: ...


def test_a_scheduler_that_goes_away_is_told(ground: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    import distributed

    monkeypatch.setattr(distributed, "wait", lambda futures, **_: type("Waited", (), {"done": set(futures)}))
    cluster = Cluster(ground.job(ground.plan()), TEMPLATES.get("ema_crossover"), "tcp://host:8786", threading.Event())
    cluster._client = Gone("closed")
    with pytest.raises(UserError, match=r"The scheduler at tcp://host:8786 is gone; start it again and go on with --resume"):
        list(cluster.run([Task(0, 0)]))
    assert cluster._client.submitted == 1


def test_nobody_at_the_address_is_told(ground: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.optimise.cluster.CONNECT_S", 1)
    cluster = Cluster(ground.job(ground.plan()), TEMPLATES.get("ema_crossover"), "tcp://127.0.0.1:1", threading.Event())
    with pytest.raises(UserError, match=r"Expected a Dask scheduler with workers at tcp://127\.0\.0\.1:1"):
        cluster.open()


def test_without_dask_it_is_said_what_to_install(ground: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(InvalidOption, match=r"install shikra\[cluster\]"):
        ground.study(scheduler="tcp://127.0.0.1:8786").run()

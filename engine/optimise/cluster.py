"""A sweep over the machines of a Dask cluster: the same tasks, the same figures.

The job goes to every worker once, also to one that joins or comes back later. A worker that dies costs time, never a trial: what it
was at is tried elsewhere, and each trial is taken once.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any
from uuid import uuid4

from engine.authored.files import template_of
from engine.core.errors import InvalidOption, UserError
from engine.core.registry import Template
from engine.optimise.job import Cancelled, Evaluator, Job, Task, Trial
from engine.optimise.threads import in_parts, work_of

POLL_S = 0.2
CONNECT_S = 15
"""Seconds in which a scheduler must answer and have a worker."""

WAITING = 3
"""Parts handed over ahead, by thread of the cluster."""


class Cluster:
    """Tries combinations on a Dask cluster."""

    def __init__(self, job: Job, template: Template, address: str, stop: threading.Event) -> None:
        """`address`: of the scheduler, like tcp://host:8786. `stop`: once set, nothing more is handed over, and nothing is waited for."""
        self._job, self._address, self._stop = job, address, stop
        self._work = work_of(job, template)
        self._client: Any = None
        self._name = ""
        self._threads = 1

    def open(self) -> None:
        """Connect and send the job; raises InvalidOption when Dask is not installed, UserError when nobody answers."""
        try:
            from distributed import Client
        except ImportError:
            raise InvalidOption("Expected Dask for --scheduler, was not installed; install shikra[cluster], or leave it out.") from None
        try:
            self._client = Client(self._address, timeout=CONNECT_S)
            self._client.wait_for_workers(1, timeout=CONNECT_S)
        except (OSError, TimeoutError, ValueError) as error:
            self.close()
            raise UserError(
                f"Expected a Dask scheduler with workers at {self._address}, but: {error}; start one, or check --scheduler."
            ) from None
        self._name = f"shikra-sweep-{uuid4().hex}"
        self._client.register_plugin(_plugin(self._job), name=self._name)
        self._threads = max(1, sum(self._client.nthreads().values()))
        self._client.submit(_try_part, self._name, (), pure=False).result()

    def run(self, tasks: Sequence[Task]) -> Iterator[Trial]:
        """Try combinations; some parts more than there are threads are handed over at any time."""
        from distributed import wait

        parts = in_parts(tasks, self._work, self._threads)
        waiting: dict[Any, Sequence[Task]] = {}
        try:
            while True:
                for part in islice(parts, WAITING * self._threads - len(waiting)):
                    waiting[self._submit(part)] = part
                if not waiting:
                    return
                try:
                    done = wait(list(waiting), timeout=POLL_S, return_when="FIRST_COMPLETED").done
                except TimeoutError:
                    done = set()
                for future in done:
                    part = waiting.pop(future)
                    if future.status not in ("cancelled", "lost"):
                        yield from self._result(future)
                    elif self._client.status == "running":
                        waiting[self._submit(part)] = part
                    else:
                        raise UserError(f"The scheduler at {self._address} is gone; start it again and go on with --resume.")
                if self._stop.is_set():
                    raise Cancelled
        finally:
            if waiting:
                self._client.cancel(list(waiting))

    def close(self) -> None:
        """Leave the cluster as it was."""
        client, self._client = self._client, None
        if client is not None:
            if self._name:
                client.unregister_worker_plugin(self._name)
            client.close()

    def _submit(self, part: Sequence[Task]) -> Any:
        return self._client.submit(_try_part, self._name, part, pure=False)

    def _result(self, future: Any) -> list[Trial]:
        from distributed import KilledWorker

        try:
            made: list[Trial] = future.result()
        except KilledWorker as error:
            raise UserError(f"Workers of the cluster died again and again: {error}; look at their logs.") from error
        return made


def _plugin(job: Job) -> Any:
    """Make the plugin that carries the job; a strategy of the user's travels as its text, for its file is on this machine only."""
    from distributed import WorkerPlugin

    path = Path(job.strategy)
    text = path.read_bytes() if path.suffix == ".py" else None

    class Carrier(WorkerPlugin):  # type: ignore[misc]
        """Holds the job of a sweep on a worker."""

        def setup(self, worker: Any) -> None:
            """Write the strategy's file, if there is one, to the worker's own folder."""
            strategy = job.strategy
            if text is not None:
                own = Path(worker.local_directory) / path.name
                own.write_bytes(text)
                strategy = str(own)
            self.evaluate = Evaluator(job, template_of(strategy))

    return Carrier()


def _try_part(name: str, part: Sequence[Task]) -> list[Trial]:
    from distributed import get_worker

    evaluate: Evaluator = get_worker().plugins[name].evaluate
    return [evaluate(task) for task in part]

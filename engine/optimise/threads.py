"""A sweep over the cores of this machine: compiled runs let go of the interpreter, so threads share the bars and need no copies."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from itertools import islice
from typing import Protocol

from engine.core.registry import Template
from engine.optimise.job import Cancelled, Evaluator, Job, Task, Trial

AT_ONCE_BARS = 1_000_000
"""A worker is handed as many combinations at a time as make up so many bars: handing over must not cost more than trying."""
AT_ONCE = 64


class Runner(Protocol):
    """Tries combinations somewhere."""

    def open(self) -> None:
        """Get ready: start workers, compile."""
        ...

    def run(self, tasks: Sequence[Task]) -> Iterator[Trial]:
        """Try combinations and return each once, in whatever order they are done; raises Cancelled."""
        ...

    def close(self) -> None:
        """End all workers."""
        ...


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def in_parts(tasks: Sequence[Task], bars: int, workers: int) -> Iterator[Sequence[Task]]:
    """Cut tasks into parts to be handed over at once: large enough to be worth it, small enough to keep all workers busy."""
    size = max(1, min(AT_ONCE, AT_ONCE_BARS // max(1, bars), len(tasks) // (4 * workers)))
    return (tasks[first : first + size] for first in range(0, len(tasks), size))


class Threads:
    """Tries combinations in threads of this process."""

    def __init__(self, job: Job, template: Template, workers: int, stop: threading.Event) -> None:
        """`stop`: once set, runs end within a chunk of bars."""
        self._workers, self._stop = workers, stop
        self._bars = max(span.end - span.first for span in job.spans)
        self._evaluate = Evaluator(job, template, self._check)
        self._pool: ThreadPoolExecutor | None = None

    def open(self) -> None:
        """Compile, and make the threads."""
        self._evaluate.warm_up()
        self._pool = ThreadPoolExecutor(self._workers, "shikra-sweep")

    def run(self, tasks: Sequence[Task]) -> Iterator[Trial]:
        """Try combinations; a few more than there are threads wait at any time."""
        assert self._pool is not None
        parts = in_parts(tasks, self._bars, self._workers)
        waiting: set[Future[list[Trial]]] = set()
        try:
            while True:
                waiting |= {self._pool.submit(self._try, part) for part in islice(parts, 2 * self._workers - len(waiting))}
                if not waiting:
                    return
                done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                for future in done:
                    yield from future.result()
        finally:
            for future in waiting:
                future.cancel()

    def close(self) -> None:
        """End the threads; what they are at is finished first, unless `stop` is set."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def _try(self, part: Sequence[Task]) -> list[Trial]:
        made = []
        for task in part:
            self._check(0)
            made.append(self._evaluate(task))
        return made

    def _check(self, done: int) -> None:
        if self._stop.is_set():
            raise Cancelled

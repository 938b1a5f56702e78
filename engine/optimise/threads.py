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

PLAIN = 50
"""About so many times slower than compiled code is plain Python."""


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


def work_of(job: Job, template: Template) -> int:
    """Return how much work one combination is, in bars of a compiled strategy."""
    return max(span.end - span.first for span in job.spans) * (PLAIN if template.plain is not None else 1)


def in_parts(tasks: Sequence[Task], bars: int, workers: int) -> Iterator[Sequence[Task]]:
    """Cut tasks into parts to be handed over at once: large enough to be worth it, small enough to keep all workers busy.

    `bars`: the work of one task.
    """
    size = max(1, min(AT_ONCE, AT_ONCE_BARS // max(1, bars), len(tasks) // (4 * workers)))
    return (tasks[first : first + size] for first in range(0, len(tasks), size))


class Threads:
    """Tries combinations in threads of this process."""

    def __init__(self, job: Job, template: Template, workers: int, stop: threading.Event) -> None:
        """`stop`: once set, runs end within a chunk of bars."""
        self._workers, self._stop = workers, stop
        self._work = work_of(job, template)
        self._evaluate = Evaluator(job, template, self._check)
        self._pool: ThreadPoolExecutor | None = None

    def open(self) -> None:
        """Compile, and make the threads."""
        self._evaluate.warm_up()
        self._pool = ThreadPoolExecutor(self._workers, "shikra-sweep")

    def run(self, tasks: Sequence[Task]) -> Iterator[Trial]:
        """Try combinations; a few more than there are threads wait at any time."""
        assert self._pool is not None
        parts = in_parts(tasks, self._work, self._workers)
        waiting: set[Future[list[Trial]]] = set()
        is_cancelled = False
        try:
            while True:
                if not is_cancelled:
                    waiting |= {self._pool.submit(self._try, part) for part in islice(parts, 2 * self._workers - len(waiting))}
                if not waiting:
                    break
                done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                for future in done:
                    try:
                        yield from future.result()
                    except Cancelled:
                        is_cancelled = True
        finally:
            for future in waiting:
                future.cancel()
        if is_cancelled:
            raise Cancelled

    def close(self) -> None:
        """End the threads; what they are at is finished first, unless `stop` is set."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def _try(self, part: Sequence[Task]) -> list[Trial]:
        """Try a part; what was finished before the search was told to stop is handed back all the same."""
        made: list[Trial] = []
        try:
            for task in part:
                self._check(0)
                made.append(self._evaluate(task))
        except Cancelled:
            if not made:
                raise
        return made

    def _check(self, done: int) -> None:
        if self._stop.is_set():
            raise Cancelled

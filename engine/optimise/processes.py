"""A sweep over processes of this machine, for strategies in plain Python: each has an interpreter, and none of our secrets.

Processes are started afresh (spawned); one that dies is replaced, and what it was at is tried again. Stopping ends them at once.
"""

from __future__ import annotations

import os
import signal
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess

from engine.authored.files import template_of
from engine.core.errors import TradingError, UserError
from engine.core.registry import Template
from engine.host.limits import KEPT_PREFIXES, KEPT_VARIABLES
from engine.optimise.job import Cancelled, Evaluator, Job, Task, Trial
from engine.optimise.threads import in_parts, work_of

POLL_S = 0.1
"""How often it is looked whether the search was told to stop."""

CHANCES = 3
"""How often a part may take its process down before the search gives up."""


@dataclass(slots=True)
class _Worker:
    process: BaseProcess
    connection: Connection
    part: Sequence[Task] = ()
    """What it is at."""


class Processes:
    """Tries combinations in processes."""

    def __init__(self, job: Job, template: Template, workers: int, stop: threading.Event) -> None:
        """`stop`: once set, the processes are ended."""
        self._job, self._count, self._stop = job, workers, stop
        self._work = work_of(job, template)
        self._workers: list[_Worker] = []
        self._deaths = 0

    def open(self) -> None:
        """Start the processes and wait until all are ready; raises what reading the strategy raises."""
        self._workers = [self._start() for _ in range(self._count)]
        waiting = list(self._workers)
        while waiting:
            for worker in self._heard(waiting):
                answer = self._answer(worker)
                if isinstance(answer, TradingError):
                    raise answer
                if answer is None:
                    raise UserError("A worker process ended before it was ready; run with --workers 1 to see why.")
                waiting.remove(worker)

    def run(self, tasks: Sequence[Task]) -> Iterator[Trial]:
        """Try combinations; each process has one part at a time."""
        todo = deque(in_parts(tasks, self._work, self._count))
        deaths: dict[int, int] = {}
        while todo or any(worker.part for worker in self._workers):
            for worker in self._workers:
                if todo and not worker.part:
                    worker.part = todo.popleft()
                    worker.connection.send(worker.part)
            for worker in self._heard([each for each in self._workers if each.part]):
                answer = self._answer(worker)
                if isinstance(answer, TradingError):
                    raise answer
                if answer is None:
                    self._bury(worker, deaths)
                    todo.appendleft(worker.part)
                    continue
                worker.part = ()
                yield from answer

    def close(self) -> None:
        """End all processes."""
        for worker in self._workers:
            worker.process.terminate()
        for worker in self._workers:
            worker.process.join()
            worker.connection.close()
        self._workers = []

    def _start(self) -> _Worker:
        context = get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(target=serve, args=(theirs,), daemon=True)
        process.start()
        theirs.close()
        ours.send(self._job)
        return _Worker(process, ours)

    def _heard(self, waiting: Sequence[_Worker]) -> list[_Worker]:
        """Return who has something to say, or has died, after a while at most."""
        if self._stop.is_set():
            raise Cancelled
        heard = wait([worker.connection for worker in waiting], POLL_S)
        return [worker for worker in waiting if worker.connection in heard]

    def _answer(self, worker: _Worker) -> list[Trial] | TradingError | None:
        """Return what a process says; None when it has died."""
        try:
            answer: list[Trial] | TradingError = worker.connection.recv()
        except (EOFError, ConnectionError):
            return None
        return answer

    def _bury(self, worker: _Worker, deaths: dict[int, int]) -> None:
        """Put another process in a dead one's place; raises UserError when the same part has taken down too many."""
        first = worker.part[0].number
        deaths[first] = deaths.get(first, 0) + 1
        worker.process.join()
        worker.connection.close()
        if deaths[first] >= CHANCES:
            told = self._job.space.chosen(worker.part[0].point)
            code = worker.process.exitcode
            raise UserError(f"The strategy ended its process {CHANCES} times (exit code {code}) at or after {told}; mend the strategy.")
        fresh = self._start()
        fresh.connection.recv()
        self._workers[self._workers.index(worker)] = fresh


def serve(connection: Connection) -> None:
    """Be a worker: take the job, say when ready, then try what comes until the caller is gone."""
    # Ctrl+C goes to the whole group of processes; the one who asked decides what becomes of it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    scrub()
    try:
        job: Job = connection.recv()
        try:
            evaluate = Evaluator(job, template_of(job.strategy))
            evaluate.warm_up()
            connection.send([])
            while True:
                connection.send([evaluate(task) for task in connection.recv()])
        except TradingError as error:
            connection.send(error)
    except (EOFError, BrokenPipeError):
        return


def scrub() -> None:
    """Leave of the environment only what a strategy needs: no keys, no tokens."""
    for name in list(os.environ):
        if name.upper() not in KEPT_VARIABLES and not name.upper().startswith(KEPT_PREFIXES):
            del os.environ[name]

"""A study: what is searched for, where, on which bars and on how many workers, and what was found.

Make a Plan, `open_study` it (with a store it is kept there, and can be taken up again after a crash), then `run` it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

from engine.authored.files import template_of
from engine.backtest_terms import Prepared
from engine.clock import Clock, SystemClock
from engine.core.errors import InvalidOption, UserError
from engine.core.registry import Template
from engine.optimise.cluster import Cluster
from engine.optimise.fingerprint import code_print, terms_print
from engine.optimise.job import Cancelled, Evaluator, Job, Span, Task, Trial
from engine.optimise.judgement import Judgement, judge
from engine.optimise.objective import Objective, objective
from engine.optimise.processes import Processes
from engine.optimise.record import NoRecord, Record, StudyRecord, open_record
from engine.optimise.search import Search, make_search
from engine.optimise.space import Space
from engine.optimise.sweep import Stretch, Tally, run_search
from engine.optimise.threads import Runner, Threads, cores
from engine.optimise.walk_forward import Stitcher, WalkForward, spans_of
from engine.optimise.windows import Window, Windows, cut
from engine.report.fingerprint import fingerprint
from engine.store import Store

SECOND_NS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Plan:
    """What is asked for."""

    strategy: str
    """Name of a template, or path of a file."""
    space: Space
    prepared: Prepared
    objectives: tuple[str, ...] = ("sharpe",)
    """One metric, or two with nsga2 (or a grid, or at random)."""
    method: str = "grid"
    trials: int | None = None
    """None = all of a grid, a usual number of the others."""
    seed: int = 0
    windows: Windows | None = None
    """None = one search over all bars."""
    workers: int | None = None
    """None = as many as there are cores."""
    scheduler: str = ""
    """Of a Dask cluster, like tcp://host:8786; empty = this machine."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a study came to."""

    plan: Plan
    name: str
    """Of the study in the database; empty when it was not kept."""
    is_complete: bool
    """False = it was told to stop."""
    tally: Tally | None
    """Of a search over all bars."""
    judgement: Judgement | None
    """Of a search over all bars that came to its end, when something in it has a number."""
    walk: WalkForward | None
    """Of a walk forward, as far as it came."""
    done: int
    total: int
    run_s: float
    """Time that searching took, after loading and compiling, before judging."""

    @property
    def best(self) -> list[Trial]:
        """The best trials of a search over all bars, the best first; none for a walk forward."""
        return self.tally.best() if self.tally is not None else []


@dataclass(slots=True)
class Study:
    """One study, ready to be run once."""

    plan: Plan
    template: Template
    objectives: tuple[Objective, ...]
    windows: tuple[Window, ...]
    """Of a walk forward; none for a search over all bars."""
    total: int
    """Trials that there will be."""
    record: Record
    clock: Clock
    stop: threading.Event = field(default_factory=threading.Event)
    """Set it, from whichever thread, to end the study within a second; what was finished is kept."""
    on_progress: Callable[[int, int], None] = lambda done, total: None
    """Told how many trials of how many are done."""
    done: int = 0

    @property
    def name(self) -> str:
        """Return the study's name in the database, empty when it is not kept."""
        return self.record.study.name if isinstance(self.record, StudyRecord) else ""

    def search(self) -> Search:
        """Make a search that begins at the beginning."""
        return _search(self.plan, self.objectives)

    def run(self) -> Found:
        """Search to the end, or until `stop` is set. Raises UserError for what a strategy or a cluster cannot do."""
        plan = self.plan
        whole = (Span(0, len(plan.prepared.bars)),)
        job = Job(plan.strategy, plan.space, plan.prepared, plan.objectives, spans_of(self.windows) or whole)
        runner = self._runner(job)
        evaluate = Evaluator(job, self.template, self._check)
        try:
            evaluate.warm_up()
            runner.open()
            began_ns = self.clock.monotonic_ns()
            found = self._walk(runner, evaluate) if self.windows else self._sweep(runner)
            found = replace(found, run_s=(self.clock.monotonic_ns() - began_ns) / SECOND_NS)
        except Cancelled:
            # Told to stop before the first trial.
            found = self._found(None, None)
        finally:
            runner.close()
        if found.is_complete:
            self.record.end()
        return self._judged(found, evaluate)

    def _sweep(self, runner: Runner) -> Found:
        search = self.search()
        tally = Tally(self.plan.space, self.objectives)
        run_search(search, runner, self.record, tally, Stretch(), self._on_trial)
        return self._found(tally, None)

    def _walk(self, runner: Runner, evaluate: Evaluator) -> Found:
        """Search each window's learning stretch, and trade the best of it on the stretch after it."""
        stitcher = Stitcher(self.plan.prepared)
        with suppress(Cancelled):
            for k, window in enumerate(self.windows):
                search = self.search()
                tally = Tally(self.plan.space, self.objectives)
                part = Stretch(offset=k * search.total, span=2 * k, is_judged=False)
                if not run_search(search, runner, self.record, tally, part, self._on_trial):
                    break
                best = next(iter(tally.best()), None)
                if best is None or self.objectives[0].is_unknown(best.values[0]):
                    stitcher.sit_out(window)
                else:
                    run, _ = evaluate.run_of(Task(best.number, best.point, 2 * k + 1))
                    stitcher.add(window, best, run)
        is_whole = len(stitcher.steps) == len(self.windows)
        return replace(self._found(None, stitcher.result() if stitcher.steps else None), is_complete=is_whole)

    def _judged(self, found: Found, evaluate: Evaluator) -> Found:
        best = next(iter(found.best), None)
        if not found.is_complete or found.tally is None or best is None or self.objectives[0].is_unknown(best.values[0]):
            return found
        try:
            return replace(found, judgement=judge(found.tally, best, evaluate, seed=self.plan.seed))
        except Cancelled:
            return found

    def _found(self, tally: Tally | None, walk: WalkForward | None) -> Found:
        is_complete = self.done == self.total
        return Found(self.plan, self.name, is_complete, tally, None, walk, self.done, self.total, 0.0)

    def _runner(self, job: Job) -> Runner:
        workers = self.plan.workers or cores()
        if self.plan.scheduler:
            return Cluster(job, self.template, self.plan.scheduler, self.stop)
        if self.template.plain is not None and workers > 1:
            return Processes(job, self.template, workers, self.stop)
        return Threads(job, self.template, workers, self.stop)

    def _check(self, done: int) -> None:
        if self.stop.is_set():
            raise Cancelled

    def _on_trial(self) -> None:
        self.done += 1
        self.on_progress(self.done, self.total)


def open_study(plan: Plan, store: Store | None = None, *, name: str = "", resume: bool = False, clock: Clock | None = None) -> Study:
    """Check a plan and begin its study, or take up the one of that name (without a name: the last that was cut off and asked the same).

    Raises UserErrors that say what was expected, also when a study is to go on with other data, code, terms or values.
    """
    template, clock = template_of(plan.strategy), clock or SystemClock()
    objectives = find_objectives(plan.objectives)
    if plan.workers is not None and plan.workers < 1:
        raise InvalidOption(f"Expected at least one worker, was {plan.workers}.")
    windows = tuple(cut(plan.prepared, plan.windows)) if plan.windows else ()
    total = _search(plan, objectives).total * max(1, len(windows))
    study = Study(plan, template, objectives, windows, total, NoRecord(), clock)
    if store is not None:
        study.record = open_record(
            store,
            name,
            _asked(plan, template, total),
            strategy=template.name,
            method=plan.method,
            total=total,
            objectives=len(objectives),
            resume=resume,
            clock=clock,
        )
    elif resume:
        raise UserError("Expected a database to take a study up from, was none; give one.")
    return study


def _search(plan: Plan, objectives: Sequence[Objective]) -> Search:
    return make_search(plan.method, plan.space, objectives, plan.trials, plan.seed)


def find_objectives(names: Sequence[str]) -> tuple[Objective, ...]:
    """Find one metric or two by name; raises InvalidOption for others."""
    if not 1 <= len(names) <= 2 or len(set(names)) != len(names):
        raise InvalidOption(f"Expected one objective or two different ones, was {', '.join(names) or 'none'}.")
    return tuple(objective(name) for name in names)


def _asked(plan: Plan, template: Template, total: int) -> dict[str, object]:
    """Return what makes two studies the same."""
    return {
        "data": fingerprint(plan.prepared.instruments, plan.prepared.bars),
        "code": code_print(template),
        "terms": terms_print(plan.prepared),
        "space": str(plan.space),
        "objectives": ",".join(plan.objectives),
        "method": plan.method,
        "trials": total,
        "seed": plan.seed,
        "windows": str(plan.windows or ""),
    }

"""`optimise`: tries parameters of a strategy on the bars of a file, says which did best, and whether to believe it.

Every trial is the backtest that `backtest` makes, and is kept in the database: what was cut off goes on with --resume.
"""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from engine.authored.files import template_of
from engine.backtest_terms import prepare
from engine.core.errors import InvalidOption
from engine.optimise.search import METHODS, make_search
from engine.optimise.space import LARGE, Space, make_space, parse_axis
from engine.optimise.study import Found, Plan, Study, find_objectives, open_study
from engine.optimise.windows import parse_windows
from engine.store import Store
from terminal.cli.backtest import plan_backtest, terms_of
from terminal.cli.console import Progress, grouped
from terminal.cli.optimise_result import Answer, print_json, print_text
from terminal.settings import Settings, data_folder, make_folder

INTERRUPTED = 130

OWN_PARAMETERS = ("scan_interval",)
"""Parameters on the command line that are not the template's."""


def optimise(arguments: argparse.Namespace) -> int:
    """Make the search and print it; returns 0, 1 when no combination could be run to its end, or 130 when it was interrupted."""
    space = _space(arguments)
    _ask_first(arguments, space)
    plan = plan_of(arguments, space)
    folder = make_folder(data_folder(arguments.data_dir))
    store = Store.open(Settings.load(folder)["database"] or folder / "shikra.db")
    try:
        study = open_study(plan, store, name=arguments.study or "", resume=arguments.resume)
        found = _run(study)
        # What is printed of single trials is read back from the database.
        store.close()
        store = Store.open(Settings.load(folder)["database"] or folder / "shikra.db")
        answer = Answer(found, study, store)
        (print_json if arguments.json else print_text)(answer)
    finally:
        store.close()
    return _told(found)


def plan_of(arguments: argparse.Namespace, space: Space) -> Plan:
    """Read the file and put together what is asked for; raises UserError or DataError that says what was expected."""
    windows = parse_windows(arguments.walk_forward) if arguments.walk_forward else None
    tested = plan_backtest(arguments)
    return Plan(
        strategy=arguments.strategy,
        space=space,
        prepared=prepare(tested.bars, **terms_of(tested, arguments)),
        objectives=_objectives(arguments),
        method=arguments.method,
        trials=arguments.trials,
        seed=arguments.seed,
        windows=windows,
        workers=arguments.workers,
        scheduler=arguments.scheduler or "",
    )


def _space(arguments: argparse.Namespace) -> Space:
    """Read the axes, and check whatever can be checked before a file is read."""
    axes = [parse_axis(name, text) for name, text in arguments.grid]
    fixed: dict[str, object] = {name: value for name, value in arguments.param if name not in OWN_PARAMETERS}
    space = make_space(template_of(arguments.strategy), axes, fixed)
    make_search(arguments.method, space, find_objectives(_objectives(arguments)), arguments.trials, arguments.seed)
    return space


def _objectives(arguments: argparse.Namespace) -> tuple[str, ...]:
    return tuple(name for name in (arguments.objective, arguments.objective2) if name)


def _ask_first(arguments: argparse.Namespace, space: Space) -> None:
    """Have a very large grid confirmed; raises InvalidOption when there is nobody to ask, or the answer is no."""
    if arguments.method != METHODS[0] or space.size <= LARGE or arguments.yes:
        return
    told = f"{grouped(space.size)} combinations"
    if not sys.stdin.isatty():
        raise InvalidOption(f"Expected --yes for a grid of {told}; add it, make the grid coarser, or use --method random --trials N.")
    sys.stderr.write(f"shikra: this grid has {told}. Try them all? [y/N] ")
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise InvalidOption(f"Expected a yes for a grid of {told}, was otherwise; make it coarser, or use --method random --trials N.")


def _run(study: Study) -> Found:
    bar = Progress("searching", "trials")
    study.on_progress = bar
    with _stopping(study):
        try:
            return study.run()
        finally:
            bar.end()


@contextmanager
def _stopping(study: Study) -> Iterator[None]:
    """Let the first Ctrl+C end the study in good order; the second ends the program."""

    def stop(*_: Any) -> None:
        study.stop.set()
        signal.signal(signal.SIGINT, before)

    before = signal.signal(signal.SIGINT, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _told(found: Found) -> int:
    """Say on stderr what a user has to know, and return the exit code."""
    if not found.is_complete:
        made = f"{grouped(found.done)} of {grouped(found.total)} trials"
        sys.stderr.write(f"shikra: stopped after {made}; the same words with --study {found.name} --resume go on from there.\n")
        return INTERRUPTED
    tally = found.tally
    if tally is not None and tally.faults:
        sys.stderr.write(f"shikra: the strategy was stopped in {grouped(tally.faults)} of {grouped(tally.done)} trials: {tally.fault}\n")
        return 1 if tally.faults == tally.done else 0
    if tally is not None and not tally.traded:
        sys.stderr.write("shikra: no combination ever traded; look at the parameters, the warm-up and how many bars there are.\n")
    elif tally is not None and found.judgement is None:
        names = ", ".join(found.plan.objectives)
        sys.stderr.write(f"shikra: no trial has a number for {names}; give more days of bars, or choose another objective.\n")
    return 0

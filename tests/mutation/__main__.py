"""Breaks rules, limits, throttles, the order merge and the ledger in every small way there is, and asks whether the tests notice.

    make mutation [ARGS="ledger rules --share 0.2 --workers 2"]

Cosmic Ray makes the mutants; each is tested in a process that is forked when everything heavy is loaded, so that one takes a second. What
reads the same after the change (a mutated annotation) is no mutant. Survivors are printed with their line; the exit code says whether at
least nine in ten of each target were noticed.
"""

from __future__ import annotations

import argparse
import ast
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random

os.environ["NUMBA_DISABLE_JIT"] = "1"
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.plugins import get_operator, operator_names

from tests.mutation.trial import HEAVY, Trial, preload

ROOT = Path(__file__).resolve().parents[2]
WANTED = 0.9
UNSEEN = ("core/RemoveDecorator", "core/NoOp", "core/VariableReplacer", "core/VariableInserter")
"""Operators whose mutants say nothing here: what is compiled runs the same without being compiled."""

CORE, RULES, RESTRAINT = "tests/engine/core", "tests/engine/rules", "tests/engine/restraint"

TARGETS: dict[str, dict[str, list[str]]] = {
    "ledger": {"engine/core/ledger.py": [f"{CORE}/test_ledger.py"]},
    "merge": {
        "engine/core/lifecycle.py": [f"{CORE}/test_lifecycle.py"],
        "engine/inferred_fills.py": ["tests/engine/test_inferred_fills.py"],
    },
    "limits": {
        "engine/core/limits.py": [f"{CORE}/test_limits.py"],
        "engine/core/facts.py": [f"{CORE}/test_facts.py"],
        "engine/reservations.py": ["tests/engine/test_reservations.py"],
    },
    "restraint": {
        "engine/restraint/ladder.py": [f"{RESTRAINT}/test_ladder.py"],
        "engine/restraint/owners.py": [f"{RESTRAINT}/test_tallies.py"],
        "engine/restraint/stops.py": [f"{RESTRAINT}/test_stops.py"],
        "engine/restraint/arming.py": [f"{RESTRAINT}/test_stops.py"],
        "engine/restraint/limit_changes.py": [f"{RESTRAINT}/test_limit_changes.py"],
    },
    "rules": {
        "engine/rules/*.py": [
            f"{RULES}/test_defaults.py",
            f"{RULES}/test_rules.py",
            f"{RULES}/test_edges.py",
            f"{RULES}/test_order_fields.py",
            f"{RULES}/test_order_rules.py",
        ]
    },
}
"""By name: what is mutated, and the tests that have to notice, the quickest first."""

AHEAD = {"rules": ("tests.engine.fakes", "engine.core.facts", "engine.core.limits", "engine.core.registry")}
"""What is loaded once for all mutants of a target; so such a target comes after those that mutate any of it."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """One small change of one file."""

    path: Path
    line: int
    operator: str
    source: str

    def __str__(self) -> str:
        """Show where it is, and how the line reads then."""
        said = self.source.splitlines()[self.line - 1].strip()
        return f"{self.path.relative_to(ROOT)}:{self.line}: {said}   [{self.operator.removeprefix('core/')}]"


def mutants(path: Path) -> Iterator[Mutant]:
    """Make every mutant of a file that reads otherwise than the file."""
    source = path.read_text(encoding="utf-8")
    plain = _meaning(source)
    nodes = list(ast_nodes(get_ast(source)))
    for name in operator_names():
        operator = None if name in UNSEEN else get_operator(name)
        if operator is None or operator.arguments():
            continue
        places = [start for node in nodes for start, _ in operator().mutation_positions(node)]
        for occurrence, (line, _) in enumerate(places):
            changed = mutate_code(source, operator(), occurrence)
            if changed is not None and _meaning(changed) != plain:
                yield Mutant(path, line, name, changed)


def _meaning(source: str) -> str:
    """Return what a source does: without annotations, which nothing looks at."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            node.returns = None
            for argument in (*node.args.args, *node.args.kwonlyargs, *node.args.posonlyargs):
                argument.annotation = None
        elif isinstance(node, ast.AnnAssign):
            node.annotation = ast.Name("None")
    return ast.dump(tree)


def survivors(chosen: list[Mutant], tests: list[str], workers: int, patience_s: float) -> list[Mutant]:
    """Test each mutant in a process of its own, so many at once; returns those that no test noticed."""
    left, running, found = list(reversed(chosen)), [], []
    while left or running:
        while left and len(running) < workers:
            mutant = left.pop()
            running.append((mutant, Trial(_module(mutant.path), mutant.path, mutant.source, tests, patience_s)))
        still = []
        for mutant, trial in running:
            if (verdict := trial.verdict()) is None:
                still.append((mutant, trial))
            elif verdict:
                found.append(mutant)
                print("survived:", mutant, flush=True)
        running = still
        time.sleep(0.01)
    return found


def _module(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts)


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a target's mutants."""

    name: str
    every: int
    """So many there are; the next says how many of them were tried."""
    tried: int
    survived: int

    @property
    def killed(self) -> float:
        """Return the part that the tests noticed."""
        return (self.tried - self.survived) / max(1, self.tried)


def measure(name: str, share: float, seed: int, workers: int) -> Result | None:
    """Try a target's mutants, or a share of them; None when its tests fail without any."""
    preload(AHEAD.get(name, ()))
    began = time.monotonic()
    all_there_are, tried, survived = 0, 0, 0
    for pattern, tests in TARGETS[name].items():
        paths = sorted(ROOT.glob(pattern))
        if (patience_s := patience(paths[-1], tests)) is None:
            print(f"Expected the tests of {name} to pass as they stand, did not; mend them first: {' '.join(tests)}")
            return None
        every = [mutant for path in paths for mutant in mutants(path)]
        chosen = [mutant for mutant in every if Random(f"{seed} {mutant}").random() < share]
        all_there_are, tried = all_there_are + len(every), tried + len(chosen)
        survived += len(survivors(chosen, tests, workers, patience_s))
    print(f"{name}: {tried} of {all_there_are} mutants in {time.monotonic() - began:.0f} s", flush=True)
    return Result(name, all_there_are, tried, survived)


def patience(path: Path, tests: list[str]) -> float | None:
    """Return after how many seconds tests count as hanging; None when they do not pass over a file put in place unchanged."""
    began = time.monotonic()
    whole = Trial(_module(path), path, path.read_text(encoding="utf-8"), tests, 300.0)
    while (verdict := whole.verdict()) is None:
        time.sleep(0.05)
    return 10 * (time.monotonic() - began) + 5 if verdict else None


def table(results: list[Result]) -> str:
    """Word what came of all targets, a line each."""
    head = f"{'target':<12}{'mutants':>9}{'tried':>9}{'killed':>9}{'survived':>10}{'share':>9}"
    lines = (f"{r.name:<12}{r.every:>9}{r.tried:>9}{r.tried - r.survived:>9}{r.survived:>10}{100 * r.killed:>7.1f} %" for r in results)
    return "\n".join((head, *lines))


def main() -> int:
    """Mutate, test, and say how many were noticed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("targets", nargs="*", default=list(TARGETS), metavar="|".join(TARGETS))
    parser.add_argument("--share", type=float, default=1.0, help="part of all mutants that is tried")
    parser.add_argument("--seed", type=int, default=1, help="which part")
    parser.add_argument("--workers", type=int, default=2)
    given = parser.parse_args()
    if unknown := [name for name in given.targets if name not in TARGETS]:
        parser.error(f"expected targets out of {', '.join(TARGETS)}, was {', '.join(unknown)}")
    preload(HEAVY)
    results: list[Result] = []
    for name in (name for name in TARGETS if name in given.targets):
        result = measure(name, given.share, given.seed, given.workers)
        if result is None:
            return 2
        results.append(result)
    whole = Result("all", *(sum(getattr(result, field) for result in results) for field in ("every", "tried", "survived")))
    print(table([*results, whole]))
    if given.share < 1.0:
        print(f"share {given.share:g}, seed {given.seed}")
    return 0 if all(result.killed >= WANTED for result in results) else 1


if __name__ == "__main__":
    sys.exit(main())

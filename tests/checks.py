"""The one command that checks all, the same at home and in CI: format, lint, types, import contracts, tests, coverage.

`python tests/checks.py` runs every step and stops at the first that fails; `python tests/checks.py lint types` runs those named.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
WORKERS = os.environ.get("SHIKRA_TEST_WORKERS", "2")
CORE_COVERAGE = 100
ALL_COVERAGE = 90


def run(*command: str, **environment: str) -> bool:
    """Run a module of this environment; tell whether it succeeded."""
    return subprocess.run([sys.executable, "-m", *command], cwd=ROOT, env=os.environ | environment, check=False).returncode == 0


def tests_compiled() -> bool:
    """Run all tests with machine code, measuring what they cover."""
    return run("coverage", "erase") and run("coverage", "run", "-m", "pytest", "-q", "-n", WORKERS, "--dist", "worksteal")


def tests_plain() -> bool:
    """Run the law's own tests once more as plain Python, so that each of its lines is seen."""
    return run("coverage", "run", "-m", "pytest", "-q", "-n", WORKERS, "tests/engine/core", NUMBA_DISABLE_JIT="1")


def covered() -> bool:
    """Hold the coverage against its two bounds."""
    run("coverage", "combine", "--quiet")
    core = run("coverage", "report", "--include=engine/core/*", f"--fail-under={CORE_COVERAGE}", "--show-missing", "--skip-covered")
    return run("coverage", "report", f"--fail-under={ALL_COVERAGE}", "--skip-covered") and core


def contracts() -> bool:
    """Hold the imports against the floors of the house."""
    return subprocess.run([str(Path(sys.executable).with_name("lint-imports")), "--no-cache"], cwd=ROOT, check=False).returncode == 0


STEPS: dict[str, Callable[[], bool]] = {
    "format": lambda: run("ruff", "format", "--check", "."),
    "lint": lambda: run("ruff", "check", "."),
    "types": lambda: run("mypy"),
    "contracts": contracts,
    "tests": tests_compiled,
    "plain": tests_plain,
    "coverage": covered,
}


def main(names: list[str]) -> int:
    """Run the named steps, or all; returns the exit code."""
    unknown = [name for name in names if name not in STEPS]
    if unknown:
        print(f"Expected steps among {', '.join(STEPS)}; was {', '.join(unknown)}.", file=sys.stderr)
        return 2
    for name in names or STEPS:
        began = time.monotonic()
        print(f"== {name}", flush=True)
        if not STEPS[name]():
            print(f"== {name} failed after {time.monotonic() - began:.0f} s", flush=True)
            return 1
        print(f"== {name} passed in {time.monotonic() - began:.0f} s", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

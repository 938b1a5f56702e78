"""Tests one mutant in a process of its own, forked from one in which everything heavy is loaded already."""

from __future__ import annotations

import gc
import os
import signal
import sys
import time
from collections.abc import Iterable
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.metadata import entry_points
from importlib.util import spec_from_loader
from pathlib import Path
from types import ModuleType
from typing import Any

HEAVY = (
    "numpy",
    "numba",
    "pytest",
    "hypothesis.strategies",
    "hypothesis.stateful",
    "PySide6.QtCore",
    "PySide6.QtTest",
    "PySide6.QtWidgets",
    "sqlalchemy.orm",
    "sqlalchemy.dialects.postgresql",
    "sqlalchemy.dialects.sqlite",
)


def preload(names: Iterable[str]) -> None:
    """Load what every trial needs and no mutant touches, pytest's plugins too; a trial's own collector leaves it alone."""
    for name in names:
        import_module(name)
    for plugin in entry_points(group="pytest11"):
        plugin.load()
    gc.collect()
    gc.freeze()


class _Mutated(MetaPathFinder, Loader):
    """Gives out the mutated source of one module."""

    def __init__(self, module: str, path: Path, source: str) -> None:
        self._module, self._path, self._source = module, path, source

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        return spec_from_loader(fullname, self, origin=str(self._path)) if fullname == self._module else None

    def exec_module(self, module: ModuleType) -> None:
        module.__file__ = str(self._path)
        exec(compile(self._source, str(self._path), "exec"), module.__dict__)


class Trial:
    """The tests, run over one mutant."""

    def __init__(self, module: str, path: Path, source: str, tests: list[str], patience_s: float) -> None:
        if module in sys.modules:
            raise ValueError(
                f"Expected {module} not to be loaded before it is mutated, was; take what loads it out of what is loaded ahead."
            )
        self._until_s = time.monotonic() + patience_s
        sys.stdout.flush()
        self._pid = os.fork()
        if self._pid == 0:
            self._test(module, path, source, tests)

    def verdict(self) -> bool | None:
        """Tell whether all tests passed; None while they run. What hangs has been noticed."""
        pid, status = os.waitpid(self._pid, os.WNOHANG)
        if pid:
            return os.waitstatus_to_exitcode(status) == 0
        if time.monotonic() > self._until_s:
            os.kill(self._pid, signal.SIGKILL)
            os.waitpid(self._pid, 0)
            return False
        return None

    def _test(self, module: str, path: Path, source: str, tests: list[str]) -> None:
        """Run the tests in the forked process, and end it."""
        code = 3
        try:
            import pytest

            silence = os.open(os.devnull, os.O_WRONLY)
            os.dup2(silence, 1)
            os.dup2(silence, 2)
            sys.meta_path.insert(0, _Mutated(module, path, source))
            code = int(pytest.main([*tests, "-x", "-q", "--assert=plain", "--no-header"]))
        finally:
            os._exit(code)

"""The first window needs none of the heavy libraries: they are imported after it is painted."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HEAVY = ("numba", "pandas", "sqlalchemy", "fastapi", "pyarrow", "alembic", "pyqtgraph", "apprise", "keyring")


@pytest.mark.parametrize("module", ["main", "terminal.app", "terminal.main_window", "engine", "engine.view", "widgets.base.panel"])
def test_importing_it_brings_in_nothing_heavy(module: str) -> None:
    code = f"import sys, {module}; print([name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"

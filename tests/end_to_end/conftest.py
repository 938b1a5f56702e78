"""The terminal as a user starts it: processes of their own, each with a data folder of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from engine.calendar import Calendar
from engine.clock import ist
from tests.end_to_end.kite_terminal import WARNINGS

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Done:
    """A command that ended."""

    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Shikra:
    """Starts `python main.py` with a data folder of its own."""

    home: Path

    def environment(self, **more: str) -> dict[str, str]:
        """Return the environment of the process."""
        return os.environ | {"SHIKRA_HOME": str(self.home), "QT_QPA_PLATFORM": "offscreen", "PYTHONWARNINGS": WARNINGS} | more

    def __call__(self, *words: str, timeout: float = 120, **environment: str) -> Done:
        """Run it to its end."""
        done = subprocess.run(
            [sys.executable, "main.py", *words], cwd=ROOT, capture_output=True, text=True, timeout=timeout, check=False,
            env=self.environment(**environment),
        )  # fmt: skip
        return Done(done.returncode, done.stdout, done.stderr)

    def start(self, *words: str) -> subprocess.Popen[str]:
        """Start it and go on."""
        return subprocess.Popen(
            [sys.executable, "main.py", *words], cwd=ROOT, text=True, env=self.environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )


def wait_for(what: str, is_so: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    """Look until something is so, while a process lives; that it ends is a failure."""
    for _ in range(1_200):
        if is_so():
            return
        with suppress(subprocess.TimeoutExpired):
            process.wait(0.05)
        assert process.poll() is None, process.communicate()
    raise AssertionError(f"waited for {what}")


@pytest.fixture
def shikra(tmp_path: Path) -> Shikra:
    return Shikra(tmp_path / "data")


@pytest.fixture
def minutes(tmp_path: Path) -> Callable[..., Path]:
    """Make a CSV of one-minute bars as a broker's history has them."""

    def make(days: int = 2, seed: int = 7, name: str = "RELIANCE.csv") -> Path:
        calendar, random = Calendar.load(), np.random.default_rng(seed)
        opens = [calendar.session_open_ns(day) for day in (date(2025, 9, n) for n in range(1, 30)) if calendar.is_trading_day(day)][:days]
        lines = ["date,open,high,low,close,volume"]
        close = 1_400.0
        for open_ns in opens:
            for minute in range(375):
                start, close = close, round(close * float(np.exp(random.normal(0, 0.001))) / 0.1) * 0.1
                high, low = max(start, close) + 0.1 * random.integers(0, 12), min(start, close) - 0.1 * random.integers(0, 12)
                at = ist(open_ns + minute * 60 * 10**9).isoformat()
                lines.append(f"{at},{start:.2f},{high:.2f},{low:.2f},{close:.2f},{random.integers(100, 9_000)}")
        path = tmp_path / name
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return path

    return make

"""A search that is killed goes on where it was and finds the same; Ctrl+C ends it in good order; no worker outlives it."""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.end_to_end.conftest import Shikra, wait_for

STRATEGY = '''"""Slow to start, so that there is time to kill it."""

import time

from engine.authored.classes import Parameter, Strategy


class Slow(Strategy):
    """Buys and sells every so many bars."""

    every = Parameter(5, 1, 500)

    def on_start(self):
        self.seen = 0
        time.sleep(0.05)

    def on_bar(self, bar):
        self.seen += 1
        if self.seen % self.every == 0:
            self.buy() if self.seen // self.every % 2 else self.sell()
'''

TRIALS = 60


@pytest.fixture
def words(tmp_path: Path, minutes: Callable[..., Path]) -> list[str]:
    file = tmp_path / "slow_start.py"
    file.write_text(STRATEGY)
    asked = f"optimise --grid every=1:{TRIALS + 1}:1 --objective net_profit --workers 2 --json --study night"
    return [*asked.split(), "--strategy", str(file), "--data", str(minutes())]


def kept(shikra: Shikra) -> int:
    """Count the trials in the database."""
    file = shikra.home / "shikra.db"
    if not file.is_file():
        return 0
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as connection:
        known = connection.execute("SELECT COUNT(*) FROM sqlite_master WHERE name = 'trials'").fetchone()[0]
        return int(connection.execute("SELECT COUNT(*) FROM trials").fetchone()[0]) if known else 0


def begun(shikra: Shikra, words: list[str]) -> tuple[subprocess.Popen[str], list[psutil.Process]]:
    """Start a search and return it with its workers, once it has trials to lose."""
    process = shikra.start(*words)
    wait_for("trials in the database", lambda: kept(shikra) >= 5, process)
    return process, psutil.Process(process.pid).children(recursive=True)


def answer(shikra: Shikra, *words: str) -> dict[str, Any]:
    done = shikra(*words)
    assert done.code == 0, done.err
    return dict(json.loads(done.out))


def test_a_search_that_is_killed_goes_on_and_finds_the_same(shikra: Shikra, words: list[str], tmp_path: Path) -> None:
    process, workers = begun(shikra, words)
    process.kill()
    process.communicate()
    gone, alive = psutil.wait_procs(workers, timeout=60)
    assert (len(gone) >= 2, alive) == (True, [])
    before = kept(shikra)
    assert 5 <= before < TRIALS
    rest = answer(shikra, *words, "--resume")
    whole = answer(Shikra(tmp_path / "other"), *words)
    assert rest["results"] == whole["results"]
    assert len(rest["results"]) == TRIALS
    assert {name: rest[name] for name in ("best", "pbo", "plateau")} == {name: whole[name] for name in ("best", "pbo", "plateau")}


def test_ctrl_c_says_how_to_go_on_and_leaves_nobody(shikra: Shikra, words: list[str]) -> None:
    process, workers = begun(shikra, words)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "the same words with --study night --resume go on from there" in err
    assert not json.loads(out)["is_complete"]
    assert psutil.wait_procs(workers, timeout=60)[1] == []


def test_a_mistake_is_one_line(shikra: Shikra, minutes: Callable[..., Path]) -> None:
    done = shikra("optimise", "--strategy", "ema_crossover", "--data", str(minutes()), "--grid", "fast_ema=5:25:0")
    assert (done.code, done.out) == (2, "")
    assert done.err == "shikra: Expected fast_ema=start:stop:step (stop left out) or fast_ema=a,b,c, was fast_ema=5:25:0; " + (
        "the stop must lie above the start and the step above 0.\n"
    )

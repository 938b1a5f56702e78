"""Points at which a test may end the process: nothing happens unless the environment names one, and then at that passing and no other."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine import failpoints
from engine.core.errors import InvalidOption

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def _disarmed() -> Iterator[None]:
    yield
    failpoints.arm("")


def test_nothing_is_armed_unless_the_environment_says_so() -> None:
    assert failpoints.VARIABLE not in os.environ
    assert failpoints.reached is None


def test_it_ends_at_that_passing_of_that_point_and_at_no_other() -> None:
    ends: list[str] = []
    failpoints.arm("mid-fill:3", lambda: ends.append("ended"))
    assert failpoints.reached is not None
    for point in ("mid-fill", "after sent", "mid-fill", "mid-cancel"):
        failpoints.reached(point)
    assert ends == []
    failpoints.reached("mid-fill")
    failpoints.reached("mid-fill")
    assert ends == ["ended"]


@pytest.mark.parametrize("wanted", ["nowhere", "mid-fill:often", ":2"])
def test_a_point_that_there_is_not_is_refused_in_words(wanted: str) -> None:
    with pytest.raises(InvalidOption, match="Expected one of after ack"):
        failpoints.arm(wanted)


@pytest.mark.skipif(sys.platform == "win32", reason="tells the signal by the exit code, as Unix does")
def test_a_process_dies_there_without_a_word() -> None:
    program = "from engine import failpoints; print('before', flush=True); failpoints.reached('after sent'); print('after', flush=True)"
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env=os.environ | {failpoints.VARIABLE: "after sent"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (-signal.SIGKILL, "before\n")


def test_every_point_is_passed_somewhere() -> None:
    text = "".join(path.read_text(encoding="utf-8") for folder in ("engine", "tests/faults") for path in (ROOT / folder).rglob("*.py"))
    passed = set(re.findall(r'failpoints\.reached\("([^"]+)"\)', text))
    assert passed == failpoints.POINTS

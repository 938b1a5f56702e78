"""What a strategy's file reaches for is told, and nothing of it is run."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.authored.files import StrategyCode
from engine.authored.lint import ADVICE, CALLS, METHODS, MODULES, lint_of


def told(text: str) -> list[str]:
    return lint_of(StrategyCode(Path("mine.py"), text.encode()))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("import requests", "mine.py uses the network (requests in line 1): an answer that is late"),
        ("from urllib.request import urlopen", "the network (urllib.request in line 1)"),
        ("import subprocess as s", "processes (subprocess in line 1): a strategy is refused any"),
        ("import os\nos.system('rm')", "processes (os.system in line 2)"),
        ("import concurrent.futures", "threads (concurrent.futures in line 1)"),
        ("x = open('a')", "files (open in line 1)"),
        ("from pathlib import Path\nPath('a').write_text('b')", "files (write_text in line 2)"),
        ("import time\n\ndef f():\n    time.sleep(1)", "waiting (time.sleep in line 4)"),
        ("eval('1')", "foreign code (eval in line 1)"),
    ],
)
def test_what_reaches_out_is_told_with_its_line(text: str, words: str) -> None:
    (said,) = told(text)
    assert words in said


def test_each_kind_is_told_once_with_its_first_places() -> None:
    assert told("import time\n" + "time.sleep(1)\n" * 5) == [
        "mine.py uses waiting (time.sleep in line 2, time.sleep in line 3, time.sleep in line 4): "
        "a callback that takes over two seconds stops the strategy."
    ]
    assert [said.split(" (")[0] for said in told("import threading, socket")] == ["mine.py uses the network", "mine.py uses threads"]


@pytest.mark.parametrize("text", ["", "from engine import Strategy\nopen = 3\nself.open", "def :", "\0"])
def test_what_is_harmless_or_no_python_is_not_told(text: str) -> None:
    assert told(text) == []
    assert lint_of(None) == []


def test_every_kind_has_its_advice() -> None:
    assert {*MODULES, *CALLS, *METHODS} == set(ADVICE)

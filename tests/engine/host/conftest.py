"""Strategy files of a few lines, and a process that runs one."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.authored.files import StrategyCode, code_of
from engine.host import describe as describing
from engine.host.inside import Inside
from engine.host.process import load_question

CodeOf = Callable[[str], StrategyCode]

HEAD = "import math, os, sys, time\nfrom engine import Parameter, Strategy\n\n"


@pytest.fixture
def read_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Find out what a file is without a process of its own, which costs a part of a second."""
    monkeypatch.setattr(describing, "_told", lambda code, load_s: describing._checked(code, Inside().answer(load_question(code))))


@pytest.fixture
def code(tmp_path: Path) -> CodeOf:
    """Write the body of a class into a file and read it as a strategy's code; text that begins with `#` is the whole file."""

    def make(body: str) -> StrategyCode:
        path = tmp_path / "mine.py"
        body = textwrap.dedent(body).strip("\n")
        path.write_text(body if body.startswith("#") else f"{HEAD}class Mine(Strategy):\n{textwrap.indent(body, '    ')}\n")
        return code_of(str(path))

    return make

"""A strategy file is read beside the loop: what it can be run with, and what in it is worth a look, is told before it is added."""

from __future__ import annotations

import ast
import errno
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from engine.view import StrategyFile
from tests.terminal.test_desk import make_desk

pytestmark = pytest.mark.logs_warnings

TEXT = """import time
from engine.authored.classes import Parameter, Strategy


class Slow(Strategy):
    fast = Parameter(9, 2, 50)

    def on_bar(self, bar):
        time.sleep(0)
"""


def test_it_is_told_with_its_findings_and_adding_it_looks_through_it_no_more(
    tmp_path: Path, loop_run: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = tmp_path / "slow.py"
    mine.write_text(TEXT, encoding="utf-8")

    async def play() -> None:
        desk = make_desk(tmp_path / "data", demo_strategy=False)
        told: list[StrategyFile] = []
        said: list[str] = []
        desk.view.file_read.connect(told.append)
        desk.view.notice_given.connect(lambda level, text: said.append(text))
        await desk.open()
        try:
            await desk.actions.run("strategy.read", str(mine))
            await desk.actions.run("strategy.read", str(tmp_path / "none.py"))
            monkeypatch.setattr(Path, "read_bytes", _forbidden)
            await desk.actions.run("strategy.read", str(mine))
            monkeypatch.undo()
            monkeypatch.setattr(ast, "parse", _never)
            given = {"name": "Slow", "strategy_type": str(mine), "symbols": ["TCS"], "parameters": {"fast": 12}, "sizing": "fixed:1"}
            await desk.actions.run("strategy.add", {"strategy_config": given})
        finally:
            monkeypatch.undo()
            await desk.close()
        found, missing, locked = told
        assert locked.fault == f"Expected a file that can be read at {mine}, but: Permission denied."
        assert (found.path, found.fault) == (str(mine), "")
        assert found.template is not None
        assert [parameter.name for parameter in found.template.parameters] == ["fast"]
        (finding,) = found.findings
        assert finding.startswith("slow.py uses waiting (time.sleep in line 9): ")
        assert (missing.template, missing.fault) == (None, f"There is no strategy file {tmp_path / 'none.py'}; known are: slow.py")
        assert finding in said, "it is told once more when it is added"
        assert [status.name for status in desk.view.strategies.values()] == ["Slow"]

    loop_run(play())


def _forbidden(path: Path) -> bytes:
    raise PermissionError(errno.EACCES, "Permission denied", str(path))


def _never(*_: object, **__: object) -> None:
    raise AssertionError("the loop looks through a file that was looked through already")

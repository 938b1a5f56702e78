"""The table of faults names tests that are there."""

from __future__ import annotations

import ast
import re
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
TABLE = Path(__file__).with_name("README.md").read_text(encoding="utf-8")
CELL = re.compile(r"`([\w/]+\.py)`: ((?:`\w+`(?:, )?)+)")


def names_in(file: str) -> set[str]:
    """Return what a test file defines: its functions, and what it gives a test's name."""
    tree = ast.parse((TESTS / file).read_text(encoding="utf-8"))
    functions = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
    given = {target.id for node in tree.body if isinstance(node, ast.Assign) for target in node.targets if isinstance(target, ast.Name)}
    return functions | given


def test_every_row_is_shown_by_tests_that_are_there() -> None:
    rows = [line for line in TABLE.splitlines() if line.startswith("| ") and not line.startswith("| what goes wrong")]
    assert len(rows) >= 35
    for row in rows:
        what, holds, shown = (cell.strip() for cell in row.strip("|").split(" | "))
        named = CELL.findall(shown)
        assert what, row
        assert holds, row
        assert named, f"{what}: no test is named"
        for file, tests in named:
            assert set(re.findall(r"`(\w+)`", tests)) <= names_in(file), f"{what}: {file} lacks one of {tests}"

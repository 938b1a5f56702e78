"""The habits of the house hold in every file: sizes, openings, names, and who may read the clock or start a task."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted(
    path
    for folder in ("engine", "widgets", "terminal")
    for path in (ROOT / folder).rglob("*.py")
    if "migrations/versions" not in path.as_posix()
)
SIZE_OF_FUNCTION = 50
SIZE_OF_FILE = 300

BOUNDARIES = {
    "engine/tasks.py",
    "engine/authored/files.py",
    "engine/authored/stepping.py",
    "engine/risk_manager.py",
    "engine/executor/run.py",
    "engine/host/inside.py",
    "terminal/actions/__init__.py",
}
"""Where any exception may be caught, as ARCHITECTURE.md names them; the file or its folder."""


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def functions(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (node for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)))


def calls(tree: ast.Module) -> Iterator[str]:
    return (ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call))


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_a_file_opens_with_a_sentence_and_stays_small(path: Path) -> None:
    tree = tree_of(path)
    if tree.body:
        opening = ast.get_docstring(tree) or ""
        assert opening.strip(), "a module opens with one line in a trader's words"
        assert opening.splitlines()[0].rstrip().endswith((".", ":", "?", ")")), opening.splitlines()[0]
    assert len(path.read_text(encoding="utf-8").splitlines()) <= SIZE_OF_FILE or name_of(path) in {"engine/core/model.py", "engine/view.py"}


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_functions_are_short_and_public_ones_say_what_they_do(path: Path) -> None:
    for function in functions(tree_of(path)):
        assert (function.end_lineno or 0) - function.lineno < SIZE_OF_FUNCTION, function.name
    for node in ast.walk(tree_of(path)):
        if isinstance(node, (ast.Module, ast.ClassDef)) and not getattr(node, "name", "").startswith("_"):
            for child in node.body:
                if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef)) and not child.name.startswith("_"):
                    is_inherited = bool(child.decorator_list) and "overload" in ast.unparse(child.decorator_list[0])
                    is_qt_event = re.match(r"[a-z]+[A-Z]|paint$|data$", child.name) is not None
                    assert is_inherited or is_qt_event or ast.get_docstring(child), f"{name_of(path)}: {child.name} says nothing"


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_only_the_clock_tells_time_and_only_tasks_start_tasks(path: Path) -> None:
    made = set(calls(tree_of(path)))
    if name_of(path) != "engine/tasks.py":
        assert not {call for call in made if call.endswith(("create_task", "ensure_future"))}
    if name_of(path) not in {"engine/clock.py"}:
        assert not made & {"time.time", "time.time_ns", "datetime.now", "datetime.today", "date.today", "datetime.datetime.now"}


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_any_exception_is_caught_at_named_boundaries_only(path: Path) -> None:
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.ExceptHandler):
            caught = ast.unparse(node.type) if node.type else "everything"
            passes_on = isinstance(node.body[-1], ast.Raise) and node.body[-1].exc is None
            if not passes_on and caught in {"Exception", "BaseException", "everything"}:
                assert name_of(path) in BOUNDARIES, f"{name_of(path)}:{node.lineno} catches {caught}"


def test_no_room_has_a_name_that_says_nothing() -> None:
    for path in FILES:
        assert not re.search(r"(^|[_/])(utils?|misc|common|helpers?)([_./]|$)", name_of(path)), name_of(path)


def test_the_architecture_page_names_only_functions_that_exist() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`(?:[\w/]+\.)*(\w+)\(", text))
    assert len(named) >= 25, "the life of a tick and of a click are told with real names"
    defined = {
        node.name
        for path in [*FILES, *(ROOT / "tests").rglob("*.py"), ROOT / "main.py"]
        for node in ast.walk(tree_of(path))
        if hasattr(node, "name")
    }
    assert named <= defined, f"these do not exist: {sorted(named - defined)}"


def test_each_boundary_is_named_in_the_architecture_page() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    assert not [name for name in BOUNDARIES if name not in text]

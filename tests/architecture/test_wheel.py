"""What is installed as `shikra` holds everything the terminal reads: resources, migrations, and the command itself."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = ("engine", "widgets", "terminal", "resources")
NOT_SHIPPED = shutil.ignore_patterns("__pycache__", "*.png")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    copy = tmp_path_factory.mktemp("source")
    for folder in SHIPPED:
        shutil.copytree(ROOT / folder, copy / folder, ignore=NOT_SHIPPED)
    for name in ("main.py", "pyproject.toml", "README.md"):
        shutil.copy(ROOT / name, copy)
    build = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "--no-index", "--disable-pip-version-check"]
    subprocess.run([*build, "--wheel-dir", str(copy / "dist"), str(copy)], check=True, capture_output=True)
    return zipfile.ZipFile(next((copy / "dist").glob("shikra-*.whl")))


def test_each_file_that_is_read_at_run_time_is_in_the_wheel(wheel: zipfile.ZipFile) -> None:
    held = set(wheel.namelist())
    read = {
        path.relative_to(ROOT).as_posix()
        for folder in SHIPPED
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and path.suffix not in {".pyc", ".png", ".md"} and "__pycache__" not in path.parts
    }
    assert len(read) > 60
    assert not read - held


def test_the_command_is_called_shikra(wheel: zipfile.ZipFile) -> None:
    entry = next(name for name in wheel.namelist() if name.endswith("entry_points.txt"))
    assert "shikra = main:main" in wheel.read(entry).decode()


def test_nothing_of_the_tests_is_in_the_wheel(wheel: zipfile.ZipFile) -> None:
    assert not [name for name in wheel.namelist() if name.startswith(("tests", "requirements"))]

"""What is installed, what is missing and how to get it, and where everything of the trader's lies.

It only looks: nothing is made, mended or sent anywhere.
"""

from __future__ import annotations

import argparse
import csv
import ctypes
import json
import os
import platform
import shutil
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import files
from pathlib import Path

from engine.core.errors import UserError
from terminal import VERSION
from terminal.logs import redact
from terminal.settings import Settings, data_folder
from widgets.base.numbers import bytes_of

PACKAGES = (
    "PySide6-Essentials", "PySide6-QtAds", "pyqtgraph", "qasync", "numpy", "numba", "SQLAlchemy", "alembic", "pandas", "pyarrow",
    "platformdirs",
)  # fmt: skip
OPTIONAL = {"psycopg": "only for a database on a PostgreSQL server"}
LITTLE_SPACE = 500_000_000


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. `state` is ok, missing (it will not work) or note."""

    what: str
    state: str
    detail: str
    remedy: str = ""


def doctor(arguments: argparse.Namespace) -> int:
    """Print all findings; the exit code is 1 when something needed is missing."""
    findings = list(examine(data_folder(arguments.data_dir)))
    if arguments.json:
        print(json.dumps([asdict(finding) for finding in findings], indent=2))
    else:
        for finding in findings:
            mark = {"ok": "ok     ", "missing": "MISSING", "note": "note   "}[finding.state]
            remedy = f"; {finding.remedy}" if finding.remedy else ""
            print(f"{mark} {finding.what:<22} {finding.detail}{remedy}")
    return 1 if any(finding.state == "missing" for finding in findings) else 0


def examine(folder: Path) -> Iterator[Finding]:
    """Look at the machine, the packages and the data folder."""
    yield Finding("shikra", "ok", VERSION)
    yield Finding("python", "ok" if sys.version_info >= (3, 11) else "missing", f"{platform.python_version()} on {platform.platform()}")
    yield from _packages()
    yield from _libraries()
    yield _display()
    yield from _data(folder)


def _packages() -> Iterator[Finding]:
    for name in PACKAGES:
        try:
            yield Finding(name, "ok", version(name))
        except PackageNotFoundError:
            yield Finding(name, "missing", "not installed", "run `make run`, which installs it")
    for name, purpose in OPTIONAL.items():
        try:
            yield Finding(name, "ok", version(name))
        except PackageNotFoundError:
            yield Finding(name, "note", f"not installed: {purpose}")


def _libraries() -> Iterator[Finding]:
    if not sys.platform.startswith("linux"):
        return
    rows = list(csv.DictReader((files("resources") / "libraries.csv").read_text(encoding="utf-8").splitlines()))
    missing = [row for row in rows if not _can_load(row["library"])]
    for row in missing:
        state = "note" if "X11" in row["needed_for"] else "missing"
        yield Finding(row["library"], state, f"not found: {row['needed_for']}", f"sudo apt-get install {row['debian_package']}")
    if not missing:
        yield Finding("system libraries", "ok", f"all {len(rows)} are there")


def _can_load(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def has_display() -> bool:
    """Tell whether a window can be opened: a display server is named, or the system always has one."""
    if not sys.platform.startswith("linux") or os.environ.get("QT_QPA_PLATFORM", "").partition(":")[0] in ("offscreen", "minimal", "vnc"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def _display() -> Finding:
    if has_display():
        return Finding("display", "ok", os.environ.get("WAYLAND_DISPLAY") or os.environ.get("DISPLAY") or "the system's own")
    return Finding("display", "note", "none: `shikra` runs headless here", "start it in a desktop session, or under xvfb-run")


def _data(folder: Path) -> Iterator[Finding]:
    is_there = folder.is_dir()
    yield Finding("data folder", "ok" if is_there else "note", str(folder) if is_there else f"{folder} (made on the first start)")
    existing = next(parent for parent in (folder, *folder.parents) if parent.is_dir())
    free = shutil.disk_usage(existing).free
    remedy = "" if free > LITTLE_SPACE else "free some: the journal of orders needs room"
    yield Finding("free space", "note" if remedy else "ok", bytes_of(free), remedy)
    if not os.access(existing, os.W_OK):
        yield Finding("data folder", "missing", f"{existing} cannot be written", "give another with --data-dir")
    yield from _contents(folder)


def _contents(folder: Path) -> Iterator[Finding]:
    try:
        settings = Settings.load(folder)
        url = settings["database"]
        yield Finding("settings", "ok", str(settings.path) if (folder / "settings.toml").is_file() else "all as on the first day")
    except UserError as error:
        url = ""
        yield Finding("settings", "missing", str(error))
    database = folder / "shikra.db"
    where = (
        redact(url)
        if url
        else f"{database} ({bytes_of(database.stat().st_size)})"
        if database.is_file()
        else f"{database} (made on the first start)"
    )
    yield Finding("database", "ok", where)
    bars = list((folder / "history").rglob("*.parquet")) if (folder / "history").is_dir() else []
    yield Finding("history", "ok", f"{len(bars)} files, {bytes_of(sum(path.stat().st_size for path in bars))} in {folder / 'history'}")
    yield Finding("log", "ok", str(folder / "logs" / "shikra.log"))
    if (folder / "kill.latch").exists():
        yield Finding("kill switch", "note", "latched: nothing is sent", "resume in the risk panel once you know why")

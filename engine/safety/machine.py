"""Looks after the machine that a terminal trades on: its loop keeps time, its disk has room for the journal."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from engine.heartbeat import Heartbeat
from engine.safety.free_space import FreeSpace
from engine.tasks import Tasks


def watch_machine(
    tasks: Tasks,
    folder: Path,
    reduce: Callable[[str, str], None],
    clear: Callable[[str], None],
    tell: Callable[[str, str], None],
) -> None:
    """Watch loop and disk as long as `tasks` live: `reduce` and `clear` are the risk manager's, `tell` is the view's `notify`."""
    tasks.spawn(Heartbeat(reduce, clear).beat(), "heartbeat", service=True)
    tasks.spawn(FreeSpace(folder, reduce, clear, tell).watch(), "free space", service=True)

"""A database in which something has happened."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from engine.clock import ManualClock
from engine.store import JournalEntry, Setting, Store

NOON_NS = 1_795_415_400_000_000_000  # 2026-11-23 12:00 in India
DAY_NS = 86_400_000_000_000


@pytest.fixture
def wall() -> ManualClock:
    return ManualClock(NOON_NS)


@pytest.fixture
def fill_up() -> Callable[..., Path]:
    """Return a function that makes a database with so many lines in its journal, and one setting."""

    def make(file: Path, lines: int = 50, value: str = "first") -> Path:
        store = Store.open(file)
        store.account = "paper"
        for number in range(lines):
            store.write(JournalEntry(NOON_NS + number, "NOTE", f"P{number}", {"number": number, "text": "x" * 200}))
        store.write(Setting("kept", value))
        store.close()
        return file

    return make

"""The writing thread serves many at once, keeps its log short, and never leaves anybody waiting for ever."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from engine.store import JournalEntry, Store, StoreFailed
from engine.store.batch import Batch

Run = Callable[[Coroutine[Any, Any, Any]], Any]


def entries(count: int) -> list[JournalEntry]:
    return [JournalEntry(n, "INTENT", f"R{n}", {"text": "x" * 100}) for n in range(count)]


def test_what_gathers_while_one_commit_runs_shares_the_next(location: Path | str, monkeypatch: pytest.MonkeyPatch, loop_run: Run) -> None:
    sizes: list[int] = []
    write = Batch.write

    def counted(self: Batch, connection: Any, jobs: list[Any]) -> None:
        sizes.append(len(jobs))
        write(self, connection, jobs)

    monkeypatch.setattr(Batch, "write", counted)
    store = Store.open(location)

    async def run() -> None:
        await asyncio.gather(*(store.commit(entry) for entry in entries(200)))

    loop_run(run())
    store.close()
    assert sum(sizes) == 200
    assert len(sizes) < 100


def test_the_log_is_folded_into_the_file_while_the_store_is_open(file: Path, loop_run: Run) -> None:
    store = Store.open(file)

    async def run() -> None:
        for _ in range(150):
            await store.commit(*entries(100))

    loop_run(run())
    assert file.with_name(file.name + "-wal").stat().st_size < 6_000_000 < file.stat().st_size + 4_000_000
    store.close()


@pytest.mark.logs_warnings
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_even_a_mistake_of_ours_leaves_nobody_waiting(location: Path | str, monkeypatch: pytest.MonkeyPatch, loop_run: Run) -> None:
    def broken(self: Batch, connection: Any, jobs: list[Any]) -> None:
        raise LookupError("nobody foresaw this")

    monkeypatch.setattr(Batch, "write", broken)
    store = Store.open(location)

    async def run() -> None:
        with pytest.raises(StoreFailed, match="nobody foresaw this"):
            await store.commit(JournalEntry(1, "INTENT"))
        for _ in range(2):
            with pytest.raises(StoreFailed):
                await store.commit(JournalEntry(2, "INTENT"))

    loop_run(run())
    assert store.failure is not None
    with pytest.raises(StoreFailed):
        store.close()

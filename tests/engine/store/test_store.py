"""What is committed is there after a restart, exactly as it was; what fails, fails for good."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from collections.abc import Callable, Coroutine
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.core.model import OrderStatus
from engine.store import AccountDay, JournalEntry, SessionRow, Setting, Store, StoreFailed, StrategyRemoved, StrategyRow

Location = Path | str
Behind = Callable[..., list[object]]
Run = Callable[[Coroutine[Any, Any, Any]], Any]
ROOT = Path(__file__).resolve().parents[3]


def written(location: Location, *rows: Any, account: str = "AB1234") -> Store:
    """Write rows, close, and return the database opened again."""
    store = Store.open(location)
    store.account = account
    store.write(*rows)
    store.close()
    return Store.open(location)


def test_every_noun_comes_back_as_it_went(location: Location, nouns: Any) -> None:
    again = written(location, nouns.order(), nouns.fill(), nouns.trade(), nouns.position())
    assert again.orders("AB1234") == [nouns.order()]
    assert again.fills("AB1234") == [nouns.fill()]
    assert again.trades("AB1234") == [nouns.trade()]
    assert again.positions("AB1234") == [nouns.position()]
    again.close()


def test_the_stores_own_rows_come_back_as_they_went(location: Location) -> None:
    session = SessionRow("s1", "AB1234", "paper", "simulated", 1, None, {"file": "x.csv"})
    strategy = StrategyRow(
        "e1", "EMA", "ema_crossover", {"fast_ema": 9}, "paper", "PAUSED", b"\x00\x01", "my own", ("TCS",), {"sizing": "risk"}
    )
    day = AccountDay("AB1234", date(2026, 8, 3), 1, 2, 3, 4, 5, 6, 7, 8, 9, "REDUCING", "daily loss")
    again = written(location, session, strategy, day, Setting("theme", {"name": "dark", "size": 11.5}), Setting("tips", False))
    assert again.sessions() == [session]
    assert again.strategies() == [strategy]
    assert again.account_day("AB1234", date(2026, 8, 3)) == day
    assert again.account_days("AB1234") == [day]
    assert again.account_day("AB1234", date(2026, 8, 4)) is None
    assert again.settings() == {"theme": {"name": "dark", "size": 11.5}, "tips": False}
    again.close()


def test_orders_and_positions_are_kept_in_their_latest_state(location: Location, nouns: Any) -> None:
    again = written(
        location, nouns.order(filled=0), nouns.position(5), nouns.order(filled=130), nouns.position(7), nouns.position(1, "ema-1")
    )
    again.account = "AB1234"
    assert [o.filled for o in again.orders("AB1234")] == [130]
    assert [(p.owner, p.quantity) for p in again.positions("AB1234")] == [("ema-1", 1), ("hand", 7)]
    again.write(replace(nouns.order(), status=OrderStatus.CANCELLED))
    again.close()
    once_more = Store.open(location)
    assert [o.status for o in once_more.orders("AB1234")] == [OrderStatus.CANCELLED]
    once_more.close()


def test_a_fill_and_a_round_trip_told_twice_are_kept_once(location: Location, nouns: Any) -> None:
    written(location, nouns.fill("t1"), nouns.fill("t2"), nouns.fill("t1"), nouns.trade(9), nouns.trade(9), nouns.trade(10)).close()
    again = written(location, nouns.fill("t1"), nouns.fill("t1", "R2"), nouns.trade(10))
    assert [(f.order_id, f.trade_id) for f in again.fills("AB1234")] == [("R1", "t1"), ("R1", "t2"), ("R2", "t1")]
    assert [t.exit_ns for t in again.trades("AB1234")] == [9, 10]
    again.close()


def test_accounts_do_not_see_each_other(location: Location, nouns: Any) -> None:
    written(location, nouns.order(), nouns.fill(), nouns.trade(), nouns.position(), JournalEntry(1, "A")).close()
    other = written(location, nouns.order(filled=1), nouns.fill(), nouns.trade(), nouns.position(3), JournalEntry(2, "B"), account="ZZ")
    assert [o.filled for o in other.orders("ZZ")] == [1]
    assert [o.filled for o in other.orders("AB1234")] == [30]
    assert len(other.fills("ZZ")) == len(other.trades("ZZ")) == len(other.fills("AB1234")) == 1
    assert [p.quantity for p in other.positions("ZZ")] == [3]
    assert [(e.kind, e.account) for e in other.journal()] == [("A", "AB1234"), ("B", "ZZ")]
    assert [e.kind for e in other.journal("ZZ")] == ["B"]
    other.close()


def test_the_account_counts_that_was_set_when_a_row_was_handed_over(location: Location, nouns: Any) -> None:
    store = Store.open(location)
    store.account = "FIRST"
    store.write(nouns.fill())
    store.account = "SECOND"
    store.close()
    again = Store.open(location)
    assert len(again.fills("FIRST")) == 1
    again.close()


def test_what_was_traded_keeps_its_lot_when_the_instrument_changes(location: Location, nouns: Any) -> None:
    later = replace(nouns.option, lot_size=75)
    again = written(location, nouns.order("R1"), replace(nouns.fill("t9", "R2"), instrument=later))
    assert again.orders("AB1234")[0].instrument.lot_size == 65
    assert again.fills("AB1234")[0].instrument.lot_size == 75
    again.close()


def test_a_removed_strategy_is_gone_unless_it_was_added_again(location: Location) -> None:
    a, b = StrategyRow("a", "A", "rsi"), StrategyRow("b", "B", "rsi")
    again = written(location, a, b, StrategyRemoved("a"), StrategyRemoved("b"), b)
    assert again.strategies() == [b]
    again.close()
    gone = written(location, StrategyRemoved("b"))
    assert gone.strategies() == []
    gone.close()


def test_numbers_out_of_arrays_are_as_good_as_any(location: Location, nouns: Any) -> None:
    odd = replace(nouns.fill(), quantity=np.int64(65), price_units=np.int32(1_013_500))
    again = written(location, odd, replace(nouns.order(), price=np.float64(101.3)))
    assert again.fills("AB1234") == [nouns.fill()]
    assert again.orders("AB1234") == [nouns.order()]
    again.close()


def test_committed_is_on_the_disk_when_the_future_is_done(store: Store, behind: Behind, nouns: Any, loop_run: Run) -> None:
    async def run() -> list[object]:
        store.write(nouns.order())
        await store.commit(JournalEntry(1, "INTENT", "R1"), JournalEntry(2, "SENT", "R1"))
        return behind("SELECT count(*) FROM journal") + behind("SELECT count(*) FROM orders")

    assert loop_run(run()) == [2, 1]


def test_many_commits_at_once_all_resolve(store: Store, loop_run: Run) -> None:
    async def run() -> None:
        await asyncio.gather(*(store.commit(JournalEntry(n, "INTENT", f"R{n}")) for n in range(300)))
        await store.flush()

    loop_run(run())
    assert [entry.time_ns for entry in store.journal()] == list(range(300))
    assert [entry.time_ns for entry in store.journal(order_id="R7")] == [7]


def test_a_caller_that_gave_up_harms_nobody(store: Store, loop_run: Run) -> None:
    async def run() -> None:
        store.commit(JournalEntry(1, "INTENT")).cancel()
        await store.commit(JournalEntry(2, "SENT"))

    loop_run(run())
    assert len(store.journal()) == 2


def test_a_loop_that_closed_meanwhile_harms_nobody(store: Store) -> None:
    async def leave() -> None:
        store.commit(JournalEntry(1, "INTENT"))

    for _ in range(20):
        asyncio.run(leave())
    store.close()
    assert store.failure is not None


@pytest.mark.logs_warnings
def test_a_failed_commit_says_so_and_nothing_more_is_taken(location: Location, behind: Behind, nouns: Any, loop_run: Run) -> None:
    store = Store.open(location)

    async def run() -> None:
        await store.commit(JournalEntry(1, "INTENT"))
        behind("DROP TABLE fills")
        with pytest.raises(StoreFailed, match=r"did not take it: .*fills"):
            await store.commit(nouns.fill(), JournalEntry(2, "SENT"))
        with pytest.raises(StoreFailed):
            await store.commit(JournalEntry(3, "INTENT"))
        with pytest.raises(StoreFailed):
            await store.flush()

    loop_run(run())
    assert store.failure is not None
    with pytest.raises(StoreFailed, match="took nothing more"):
        store.write(JournalEntry(4, "INTENT"))
    assert [entry.time_ns for entry in store.journal()] == [1], "the line beside the failed fill must not be kept either"
    with pytest.raises(StoreFailed):
        store.close()
    store.close()


@pytest.mark.logs_warnings
def test_rows_that_were_lost_in_silence_are_told_at_the_close(location: Location, behind: Behind, nouns: Any) -> None:
    store = Store.open(location)
    behind("DROP TABLE fills")
    store.write(nouns.fill())
    with pytest.raises(StoreFailed, match="fills"):
        store.close()


@pytest.mark.logs_warnings
def test_a_number_that_no_database_holds_fails_the_commit(location: Location, nouns: Any, loop_run: Run) -> None:
    store = Store.open(location)

    async def run() -> None:
        with pytest.raises(StoreFailed):
            await store.commit(replace(nouns.fill(), price_units=1 << 70))

    loop_run(run())
    with pytest.raises(StoreFailed):
        store.close()


def test_a_closed_store_takes_and_gives_nothing(location: Location, loop_run: Run) -> None:
    store = Store.open(location)
    store.close()
    store.close()
    with pytest.raises(StoreFailed, match="closed"):
        store.write(JournalEntry(1, "INTENT"))
    with pytest.raises(StoreFailed, match="closed"):
        store.journal()

    async def run() -> None:
        with pytest.raises(StoreFailed, match="closed"):
            await store.commit(JournalEntry(1, "INTENT"))

    loop_run(run())


def test_what_the_store_does_not_know_is_refused_at_once(store: Store) -> None:
    with pytest.raises(TypeError, match="does not know str"):
        store.write("an order")  # type: ignore[arg-type]
    assert store.failure is None


KILLED = """
import asyncio, os, sys
from engine.store import JournalEntry, Store

async def main():
    store = Store.open(sys.argv[1])
    for n in range(1, 500):
        await store.commit(JournalEntry(n, "INTENT", f"R{n}"))
        print(n, flush=True)
        if n == 40:
            os.kill(os.getpid(), 9)

asyncio.run(main())
"""


def test_a_killed_process_loses_nothing_that_it_was_told_is_safe(location: Location) -> None:
    done = subprocess.run([sys.executable, "-c", KILLED, str(location)], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == -9, done.stderr
    told = int(done.stdout.split()[-1])
    store = Store.open(location)
    assert told == 40
    assert [entry.order_id for entry in store.journal()][:told] == [f"R{n}" for n in range(1, told + 1)]
    assert store.verify_journal() == len(store.journal())
    store.close()


LEFT_OPEN = """
import sys
from engine.store import JournalEntry, Store

store = Store.open(sys.argv[1])
store.write(*(JournalEntry(n, "INTENT") for n in range(2000)))
sys.exit("the trader pulled the plug")
"""


def test_a_process_that_ends_without_closing_writes_what_was_queued_and_ends(location: Location) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LEFT_OPEN, str(location)], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 1
    store = Store.open(location)
    assert len(store.journal()) == 2000
    store.close()


def test_a_store_that_nobody_closed_is_told(location: Location) -> None:
    store = Store.open(location)
    writer = store._writer
    assert writer is not None
    with pytest.warns(ResourceWarning, match="not closed"):
        del store
    writer.stop()


def test_no_thread_is_left_after_the_close(location: Location) -> None:
    store = Store.open(location)
    assert any(thread.name == "shikra-store" for thread in threading.enumerate())
    store.close()
    assert not any(thread.name == "shikra-store" for thread in threading.enumerate())

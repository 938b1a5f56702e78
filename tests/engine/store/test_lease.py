"""One terminal an account on a real server: the second is refused by the name of the first; who lost it learns whether others traded."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from engine.clock import ManualClock
from engine.core.errors import UserError
from engine.core.model import TradingState
from engine.engine_settings import EngineSettings
from engine.safety.lease_watch import LOOK_S
from engine.store import SessionRow, Store, StoreFailed
from engine.store.database import to_url
from engine.store.lease import LEASES, Lease
from engine.trading_engine import TradingEngine
from tests.engine.store.conftest import on_server

NOON_NS = 1_795_415_400_000_000_000  # 2026-11-23 12:00 in India
ROOT = Path(__file__).resolve().parents[3]
HOLD = """
import sys
from engine.store.database import to_url
from engine.store.lease import Lease
Lease(to_url(sys.argv[1]), "zerodha").take()
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def lease(url: str) -> Iterator[Callable[..., Lease]]:
    """Return a function that makes the lease of one terminal; all are released in the end."""
    made: list[Lease] = []

    def make(account: str = "zerodha") -> Lease:
        made.append(Lease(to_url(url), account))
        return made[-1]

    yield make
    for one in made:
        one.release()


def cut(url: str) -> int:
    """End the connections that hold a lease; returns how many there were."""
    with on_server(url) as server:
        holders = f"SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND classid = {LEASES}"
        ended = server.execute(text(f"SELECT pg_terminate_backend(pid, 10000) FROM ({holders}) AS holders")).scalars().all()
    assert all(ended)
    return len(ended)


def note_run(url: str, run_id: str, account: str = "zerodha") -> None:
    """Leave the line of a run that has begun."""
    store = Store.open(url)
    store.write(SessionRow(run_id, account, "live", "zerodha", NOON_NS))
    store.close()


def test_the_second_is_refused_by_the_name_of_the_first_and_comes_in_after_it(lease: Callable[..., Lease]) -> None:
    first, second = lease(), lease()
    first.take()
    with pytest.raises(UserError, match=f'only terminal that trades for "zerodha" in postgresql://.*shikra, process {os.getpid()} on'):
        second.take()
    first.renew("ours")
    first.release()
    first.release()
    second.take()


def test_each_account_and_each_database_has_a_lease_of_its_own(lease: Callable[..., Lease], postgres: str) -> None:
    elsewhere = Lease(to_url(postgres), "zerodha")
    for one in (lease("zerodha"), lease("paper-zerodha")):
        one.take()
    with pytest.raises(StoreFailed, match="who trades"):
        elsewhere.take()  # it has no tables: but nobody was in the way
    elsewhere.release()


def test_a_lost_connection_is_made_anew_when_nobody_else_has_traded(lease: Callable[..., Lease], url: str) -> None:
    note_run(url, "before")
    first, second = lease(), lease()
    first.take()
    note_run(url, "ours")
    note_run(url, "of another account", "paper")
    assert cut(url) == 1
    first.renew("ours")
    with pytest.raises(UserError, match="was the second"):
        second.take()


def test_while_another_holds_it_or_once_another_has_traded_it_is_not_ours_again(lease: Callable[..., Lease], url: str) -> None:
    first, second = lease(), lease()
    first.take()
    cut(url)
    second.take()
    with pytest.raises(UserError, match="was the second"):
        first.renew("ours")
    second.release()
    first.renew("ours")
    cut(url)
    second = lease()
    second.take()
    note_run(url, "theirs")
    second.release()
    for _ in range(2):
        with pytest.raises(UserError, match="another terminal has while the connection was lost"):
            first.renew("ours")
    lease().take()  # it stands in nobody's way


def test_a_connection_that_is_alive_and_holds_nothing_is_not_believed(lease: Callable[..., Lease]) -> None:
    first, second = lease(), lease()
    first.take()
    assert first._connection is not None
    first._connection.execute(text("SELECT pg_advisory_unlock_all()"))  # as when something between us hands out another connection
    second.take()
    with pytest.raises(UserError, match="was the second"):
        first.renew("ours")


def test_a_server_that_cannot_be_asked_is_told_without_the_password() -> None:
    lease = Lease(to_url("postgresql://trader:hush@127.0.0.1:1/shikra?sslpassword=hush"), "zerodha")
    with pytest.raises(StoreFailed, match=r"postgresql://trader:\*\*\*@127.0.0.1:1/shikra on who trades") as caught:
        lease.take()
    assert "hush" not in str(caught.value)
    with pytest.raises(StoreFailed, match="who trades"):
        lease.renew("ours")
    lease.release()
    lease.renew("ours")


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")
def test_a_terminal_that_was_killed_is_in_nobodys_way(lease: Callable[..., Lease], url: str) -> None:
    command = [sys.executable, "-c", HOLD, url]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        mine = lease()
        with pytest.raises(UserError, match=f"process {other.pid} on"):
            mine.take()
        other.send_signal(signal.SIGKILL)
    while True:  # the server sees the end of its connection when it sees it
        with suppress(UserError):
            mine.take()
            break


def engine_of(folder: Path, url: str, wall: ManualClock, broker: str = "simulated") -> TradingEngine:
    return TradingEngine(EngineSettings(folder, url, broker, {"seed": 1, "speed": 60.0} if broker == "simulated" else {}), wall=wall)


def test_two_terminals_of_one_account_do_not_both_trade_two_of_two_accounts_do(url: str, tmp_path: Path, loop_run: Any) -> None:
    async def whole() -> None:
        wall = ManualClock(NOON_NS)
        first, second, third = (engine_of(tmp_path / name, url, wall) for name in ("first", "second", "third"))
        await first.open()
        with pytest.raises(UserError, match='only terminal that trades for "simulated"'):
            await second.open()
        other = engine_of(tmp_path / "other", url, wall, "paper")
        await other.open()
        await other.close()
        await first.close()
        await third.open()
        await third.close()

    loop_run(whole())


def test_without_its_lease_a_terminal_stands_still_until_it_is_had_again(url: str, tmp_path: Path, loop_run: Any) -> None:
    async def whole() -> None:
        wall = ManualClock(NOON_NS)
        engine, other = engine_of(tmp_path, url, wall), Lease(to_url(url), "simulated")
        await engine.open()
        risk = engine.session.risk
        told: asyncio.Queue[TradingState] = asyncio.Queue()
        risk.trading_state_changed.connect(told.put_nowait)
        await asyncio.to_thread(cut, url)
        await asyncio.to_thread(other.take)
        wall.advance(LOOK_S)
        assert await asyncio.wait_for(told.get(), 60) is TradingState.HALTED
        assert "was the second" in risk.reason
        risk.resume("I want to")
        assert risk.state is TradingState.HALTED, "no person takes it back"
        await asyncio.to_thread(other.release)
        wall.advance(LOOK_S)
        assert await asyncio.wait_for(told.get(), 60) is TradingState.ACTIVE
        await engine.close()

    loop_run(whole())

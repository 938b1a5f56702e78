"""A disk that fills up is told, then stops what is new, and lets it go on once there is room."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import sys
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.clock import ManualClock
from engine.core.model import TradingState
from engine.engine_settings import EngineSettings
from engine.safety.free_space import DISK, LEAST_MB, LITTLE_MB, LOOK_S, MB, FreeSpace
from engine.safety.machine import watch_machine
from engine.tasks import Tasks
from engine.trading_engine import TradingEngine

LoopRun = Callable[[Coroutine[Any, Any, Any]], Any]


class Account:
    """Notes what it is told."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.stopped: dict[str, str] = {}

    def reduce(self, reason: str, cause: str) -> None:
        self.stopped[cause] = reason

    def clear(self, cause: str) -> None:
        del self.stopped[cause]

    def tell(self, level: str, text: str) -> None:
        self.said.append(f"{level}: {text}")

    def space(self, folder: Path = Path("data"), **more: Any) -> FreeSpace:
        return FreeSpace(folder, self.reduce, self.clear, self.tell, **more)


@pytest.fixture
def account() -> Account:
    return Account()


def test_with_room_nothing_is_said(account: Account) -> None:
    account.space().look(LITTLE_MB * MB)
    assert (account.said, account.stopped) == ([], {})


def test_little_room_is_told_once_and_again_when_it_comes_back(account: Account) -> None:
    space = account.space()
    for free in (LITTLE_MB * MB - 1, LEAST_MB * MB, LITTLE_MB * MB, 300 * MB):
        space.look(free)
    assert [text.partition(" MB")[0] for text in account.said] == ["warning: Only 500", "warning: Only 300"]
    assert "disk of data" in account.said[0]
    assert account.stopped == {}


def test_hardly_any_room_opens_nothing_new_until_there_is_some(account: Account) -> None:
    space = account.space()
    space.look(LEAST_MB * MB - 1)
    first = account.stopped[DISK]
    space.look(5 * MB)
    assert account.stopped == {DISK: first}
    assert account.said == [], "the stop itself is told"
    space.look(LEAST_MB * MB)
    assert account.stopped == {}
    assert len(account.said) == 1, "there still is little"


@pytest.mark.logs_warnings
def test_it_looks_every_half_minute_and_bears_a_folder_that_does_not_answer(account: Account, loop_run: LoopRun) -> None:
    answers: Iterator[Any] = iter([OSError("gone"), 5 * MB, 900 * MB])
    asked: list[int] = []

    async def play() -> None:
        clock, over = ManualClock(0), asyncio.Event()

        def free(folder: Path) -> int:
            asked.append(clock.monotonic_ns())
            answer = next(answers)
            if isinstance(answer, OSError):
                raise answer
            return int(answer)

        async def sleep(seconds: float) -> None:
            clock.set(clock.now_ns() + round(seconds * 1e9))
            if len(asked) == 3:
                over.set()
                await asyncio.Event().wait()

        clock.sleep = sleep  # type: ignore[method-assign]  # time goes by at once
        tasks = Tasks()
        tasks.spawn(account.space(clock=clock, free=free).watch(), "free space", service=True)
        await over.wait()
        await tasks.close()

    loop_run(play())
    assert asked == [0, round(LOOK_S * 1e9), round(2 * LOOK_S * 1e9)]
    assert account.stopped == {}


def test_a_terminal_watches_its_own_folder(tmp_path: Path, loop_run: LoopRun, monkeypatch: pytest.MonkeyPatch) -> None:
    nearly_full = shutil.disk_usage(tmp_path)._replace(free=7 * MB)
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: nearly_full)

    async def play() -> None:
        engine, stopped = TradingEngine(EngineSettings(tmp_path)), asyncio.Event()
        engine.view.notice_given.connect(lambda level, text: stopped.set() if "MB are free" in text else None)
        await engine.open()
        await asyncio.wait_for(stopped.wait(), 60)
        engine.session.life.publish()
        status = engine.view.risk
        await engine.close()
        assert status is not None
        assert [(one.control, one.state, one.ends) for one in status.restraints if one.control == DISK] == [
            (DISK, TradingState.REDUCING, "once the disk has room again")
        ]

    loop_run(play())


@pytest.mark.skipif(sys.platform != "linux", reason="makes a small disk as Linux does")
def test_a_disk_that_is_really_full_is_seen(tmp_path: Path, account: Account, loop_run: LoopRun) -> None:
    small = tmp_path / "small"
    small.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=250m", "none", str(small)], capture_output=True, text=True, check=False)
    if made.returncode:
        pytest.skip(f"no small disk can be made here: {made.stderr.strip()}")
    try:
        room = shutil.disk_usage(small).free
        account.space().look(room)
        assert len(account.said) == 1
        (small / "filler").write_bytes(bytes(100 * MB))

        async def play() -> None:
            tasks, stopped = Tasks(), asyncio.Event()

            def reduce(reason: str, cause: str) -> None:
                account.reduce(reason, cause)
                stopped.set()

            watch_machine(tasks, small, reduce, account.clear, account.tell)
            await asyncio.wait_for(stopped.wait(), 20)
            await tasks.close()

        loop_run(play())
        assert str(small) in account.stopped[DISK]
    finally:
        subprocess.run(["umount", str(small)], check=True)

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from terminal.crash import CrashHooks

pytestmark = pytest.mark.logs_warnings


@pytest.fixture
def told() -> list[str]:
    return []


@pytest.fixture
def hooks(tmp_path: Path, told: list[str]) -> Iterator[CrashHooks]:
    made = CrashHooks(tmp_path / "logs", told.append)
    made.install()
    yield made
    made.remove()


def test_what_reached_the_top_is_logged_and_told(hooks: CrashHooks, told: list[str], caplog: pytest.LogCaptureFixture) -> None:
    sys.excepthook(ValueError, ValueError("odd"), None)
    assert told == [f"The terminal failed: odd. The details are in {hooks.path.with_name('shikra.log')}."]
    assert caplog.records[-1].levelname == "CRITICAL"


def test_ctrl_c_is_no_crash(hooks: CrashHooks, told: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    sys.excepthook(KeyboardInterrupt, KeyboardInterrupt(), None)
    assert told == []
    assert "KeyboardInterrupt" in capsys.readouterr().err


def test_a_thread_that_dies_is_told_by_name(hooks: CrashHooks, told: list[str]) -> None:
    def fail() -> None:
        raise RuntimeError

    thread = threading.Thread(target=fail, name="writer")
    thread.start()
    thread.join()
    assert told[0].startswith("Thread writer failed: RuntimeError.")


def test_the_event_loop_reports_a_callback_that_failed(hooks: CrashHooks, told: list[str], loop_run: Callable[[Any], Any]) -> None:
    def fail() -> None:
        raise RuntimeError("late")

    async def scene() -> None:
        loop = asyncio.get_running_loop()
        hooks.watch(loop)
        loop.call_soon(fail)
        await asyncio.sleep(0)
        loop.call_exception_handler({"message": "only words"})

    loop_run(scene())
    assert [text.partition(". ")[0] for text in told] == ["The event loop failed: late"]


def test_the_hooks_are_given_back(tmp_path: Path) -> None:
    before = sys.excepthook, threading.excepthook
    hooks = CrashHooks(tmp_path)
    hooks.install()
    assert sys.excepthook != before[0]
    hooks.remove()
    assert (sys.excepthook, threading.excepthook) == before

"""No coroutine is lost, and none fails unseen."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from engine.tasks import Tasks


def test_settle_waits_for_work_and_what_it_started_but_not_for_services(loop_run: Callable[..., Any]) -> None:
    async def scenario() -> list[str]:
        tasks, done = Tasks(), []

        async def second() -> None:
            await asyncio.sleep(0)
            done.append("second")

        async def first() -> None:
            await asyncio.sleep(0)
            tasks.spawn(second(), "second")
            done.append("first")

        tasks.spawn(asyncio.Event().wait(), "feed", service=True)
        tasks.spawn(first(), "first")
        await tasks.settle()
        assert tasks.living == 1
        await tasks.close()
        assert tasks.living == 0
        return done

    assert loop_run(scenario()) == ["first", "second"]


def test_a_failure_is_told_by_name(loop_run: Callable[..., Any]) -> None:
    async def scenario() -> list[tuple[str, str]]:
        seen: list[tuple[str, str]] = []
        tasks = Tasks(lambda name, error: seen.append((name, str(error))))

        async def fail() -> None:
            raise ValueError("no")

        tasks.spawn(fail(), "order A1")
        await tasks.settle()
        return seen

    assert loop_run(scenario()) == [("order A1", "no")]


@pytest.mark.logs_warnings
def test_a_failure_is_logged_when_nobody_asked_to_be_told(loop_run: Callable[..., Any], caplog: pytest.LogCaptureFixture) -> None:
    async def scenario() -> None:
        tasks = Tasks()

        async def fail() -> None:
            raise ValueError("no")

        tasks.spawn(fail(), "order A1")
        await tasks.settle()

    loop_run(scenario())
    assert "task order A1 failed" in caplog.text


def test_close_lets_work_end_even_when_called_from_work(loop_run: Callable[..., Any]) -> None:
    async def scenario() -> list[str]:
        tasks, done = Tasks(), []

        async def work() -> None:
            await asyncio.sleep(0)
            done.append("work")

        tasks.spawn(work(), "work")
        closing = tasks.spawn(tasks.close(), "closing")
        await closing
        await asyncio.sleep(0)
        return done

    assert loop_run(scenario()) == ["work"]

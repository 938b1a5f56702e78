"""Every coroutine that runs on its own is started here, so that none is lost, none fails unseen, and all can be awaited.

Work ends by itself (an order on its way); a service lives as long as its session (a feed). Replays wait for work, never for services.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

log = logging.getLogger(__name__)


class Tasks:
    """The living tasks of one session."""

    def __init__(self, on_failure: Callable[[str, BaseException], None] | None = None) -> None:
        """`on_failure(name, error)` is told of every task that ended by an exception; by default it is logged."""
        self._on_failure = on_failure or self._log_failure
        self._work: set[asyncio.Task[Any]] = set()
        self._services: set[asyncio.Task[Any]] = set()

    def spawn(self, coroutine: Coroutine[Any, Any, Any], name: str, *, service: bool = False) -> asyncio.Task[Any]:
        """Start a coroutine and keep hold of it; its exception is reported, never lost."""
        task = asyncio.get_running_loop().create_task(coroutine, name=name)
        kept = self._services if service else self._work
        kept.add(task)
        task.add_done_callback(lambda done: self._on_done(done, kept))
        return task

    @property
    def living(self) -> int:
        """Count work and services that have not ended."""
        return len(self._work) + len(self._services)

    async def settle(self) -> None:
        """Wait until no work is left, what was started meanwhile included. Not to be called from inside such work."""
        while self._work:
            await asyncio.wait(self._work)

    async def close(self) -> None:
        """Let work end, then stop the services."""
        current = asyncio.current_task()
        while pending := {task for task in self._work if task is not current}:
            await asyncio.wait(pending)
        services = {task for task in self._services if task is not current}
        for task in services:
            task.cancel()
        if services:
            await asyncio.gather(*services, return_exceptions=True)

    def _on_done(self, task: asyncio.Task[Any], kept: set[asyncio.Task[Any]]) -> None:
        kept.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._on_failure(task.get_name(), error)

    @staticmethod
    def _log_failure(name: str, error: BaseException) -> None:
        log.error("task %s failed", name, exc_info=error)

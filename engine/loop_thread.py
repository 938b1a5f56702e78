"""Runs the engine beside a plain script: an event loop in a thread of its own, which owns everything that is made on it.

Nothing made on the loop is touched from outside; `call` and `wait_for` carry a question in and the answer, or the exception, out.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class LoopThread:
    """One event loop in one thread, started by making it."""

    def __init__(self, name: str) -> None:
        self._loop = asyncio.new_event_loop()
        # A daemon: a script that forgets to stop its strategy can still end.
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    @property
    def is_current(self) -> bool:
        """Tell whether the caller runs on this loop already."""
        return threading.current_thread() is self._thread

    def call(self, function: Callable[..., T], *args: Any) -> T:
        """Call a function on the loop and return what it returns or raises; a caller on the loop just calls it."""
        if self.is_current:
            return function(*args)

        async def ask() -> T:
            return function(*args)

        return self.wait_for(ask())

    def wait_for(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine on the loop and return what it returns or raises. Not to be called on the loop itself."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()

    def stop(self) -> None:
        """Stop the loop and wait for the thread's end; twice does no harm."""
        if self._thread.is_alive() and not self.is_current:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_forever()
            self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        finally:
            self._loop.close()

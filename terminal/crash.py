"""When something breaks that nobody foresaw: it is written down with its traceback, and the trader is told; nothing dies in silence.

Hooks only report. What an unforeseen failure means for trading is decided where it happened, at the boundaries ARCHITECTURE.md names.
"""

from __future__ import annotations

import asyncio
import faulthandler
import logging
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import IO, Any

log = logging.getLogger(__name__)

Tell = Callable[[str], object]


class CrashHooks:
    """Catches what reached the top of the main thread, of other threads and of the event loop."""

    def __init__(self, folder: Path, tell: Tell | None = None) -> None:
        """Write hard crashes (a fault in native code) to `folder`/crash.log; `tell` shows one sentence to the trader."""
        self.tell = tell
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.path = folder / "crash.log"
        self._file: IO[str] | None = None

    def install(self) -> None:
        """Take over the hooks; `remove` gives them back."""
        self._file = self.path.open("a", encoding="utf-8")
        faulthandler.enable(self._file)
        self._previous = sys.excepthook, threading.excepthook
        sys.excepthook = self._on_main
        threading.excepthook = self._on_thread

    def remove(self) -> None:
        """Give the hooks back."""
        sys.excepthook, threading.excepthook = self._previous
        faulthandler.disable()
        if self._file is not None:
            self._file.close()
            self._file = None

    def watch(self, loop: asyncio.AbstractEventLoop) -> None:
        """Report what a callback of the event loop raised."""
        loop.set_exception_handler(self._on_loop)

    def report(self, where: str, error: BaseException) -> None:
        """Write the failure down and tell the trader."""
        log.critical("%s failed", where, exc_info=(type(error), error, error.__traceback__))
        if self.tell is not None:
            self.tell(f"{where} failed: {str(error) or type(error).__name__}. The details are in {self.path.with_name('shikra.log')}.")

    def _on_main(self, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt):
            sys.__excepthook__(kind, error, trace)
            return
        self.report("The terminal", error.with_traceback(trace))

    def _on_thread(self, args: threading.ExceptHookArgs) -> None:
        name = args.thread.name if args.thread is not None else "?"
        if args.exc_value is not None:
            self.report(f"Thread {name}", args.exc_value)

    def _on_loop(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        if error is not None:
            self.report("The event loop", error)
        else:
            log.error("event loop: %s", context.get("message"))

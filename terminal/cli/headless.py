"""Trades without a window: the same engine, strategies and rules, with a live status on the console, until Ctrl+C or the file's end.

Qt is here only as signals; the loop is a plain one.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import signal
from contextlib import suppress

from terminal.cli.plan import engine_settings
from terminal.cli.smoke import smoke
from terminal.cli.status_lines import EVERY_S, ConsoleStatus
from terminal.crash import CrashHooks
from terminal.desk import Desk
from terminal.logs import LineHandler, start_logging, stop_logging
from terminal.settings import Settings, data_folder, make_folder
from terminal.stopwatch import since_start_s

log = logging.getLogger(__name__)


def headless(arguments: argparse.Namespace) -> int:
    """Trade until it is ended; returns the exit code. Raises TradingError for what cannot be used."""
    folder = data_folder(arguments.data_dir)
    settings = Settings.load(folder)
    plan = engine_settings(arguments, settings, folder)
    make_folder(folder)
    handler = start_logging(folder / "logs", settings["log_level"])
    crash = CrashHooks(folder / "logs")
    crash.install()
    try:
        return asyncio.run(_live(Desk(settings, plan, crash, with_api=arguments.api), crash, is_smoke=arguments.smoke))
    finally:
        crash.remove()
        stop_logging(handler)


async def _live(desk: Desk, crash: CrashHooks, *, is_smoke: bool) -> int:
    loop = asyncio.get_running_loop()
    crash.watch(loop)
    ended = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        with suppress(NotImplementedError):  # Windows: Ctrl+C arrives as KeyboardInterrupt there
            loop.add_signal_handler(number, ended.set)
    lines = LineHandler(lambda line: loop.call_soon_threadsafe(desk.view.on_log, line))
    logging.getLogger().addHandler(lines)
    status = ConsoleStatus(desk.view)
    try:
        await desk.open()
        log.info("trading without a window after %.2f s", since_start_s())
        if is_smoke:
            return await smoke(desk)
        desk.start_strategies()
        await _until_ended(desk, status, ended)
        return 0
    finally:
        await desk.close()
        status.refresh()
        stop_logging(lines)


async def _until_ended(desk: Desk, status: ConsoleStatus, ended: asyncio.Event) -> None:
    """Show the status once a second until the market or the trader ends it."""
    market = desk.tasks.spawn(desk.wait_until_done(), "market", service=True)
    while not ended.is_set() and not market.done():
        status.refresh()
        with suppress(TimeoutError):
            await asyncio.wait_for(ended.wait(), EVERY_S)

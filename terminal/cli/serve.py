"""Trades without a window or a status, for scripts and other tools: the engine and its REST API, until it is told to end.

It ends cleanly on SIGTERM and Ctrl+C: strategies stop, what is still open is listed, the journal is closed; nothing is cancelled.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import signal
import sys
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from engine.clock import SystemClock
from engine.core.errors import InvalidOption
from engine.engine_settings import EngineSettings
from terminal.arming import arm
from terminal.cli.plan import engine_settings
from terminal.connection import Connection
from terminal.crash import CrashHooks
from terminal.desk import LEAVE, Desk
from terminal.logs import start_logging, stop_logging
from terminal.settings import Settings, data_folder, make_folder

log = logging.getLogger(__name__)

DEMO_SPEED = 60.0


def serve(arguments: argparse.Namespace) -> int:
    """Serve until it is told to end; returns the exit code. Raises TradingError for what cannot be used."""
    folder = make_folder(data_folder(arguments.data_dir))
    settings = Settings.load(folder)
    plan = _plan(arguments, settings, folder)
    handler = start_logging(folder / "logs", settings["log_level"])
    crash = CrashHooks(folder / "logs")
    crash.install()
    try:
        return asyncio.run(_live(arguments, Desk(settings, plan, crash), crash))
    finally:
        crash.remove()
        stop_logging(handler)


def _plan(arguments: argparse.Namespace, settings: Settings, folder: Path) -> EngineSettings:
    if arguments.demo:
        if arguments.arm_live:
            raise InvalidOption("Expected --demo or --arm-live, was both: the demo market knows no real money; drop one.")
        options = {"seed": settings["market_seed"], "speed": DEMO_SPEED}
        return EngineSettings(
            folder, settings["database"], broker_options=options, capital=settings["capital"], charges=settings["charges"]
        )
    plan = engine_settings(arguments, settings, folder)
    if not arguments.arm_live:
        return replace(plan, mode="paper")
    if plan.broker == "simulated":
        raise InvalidOption("Expected a broker of real money with --arm-live, was the simulated one; connect to Zerodha first.")
    return replace(plan, mode="live")


async def _live(arguments: argparse.Namespace, desk: Desk, crash: CrashHooks) -> int:
    loop = asyncio.get_running_loop()
    crash.watch(loop)
    ended = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        with suppress(NotImplementedError):  # Windows: Ctrl+C arrives as KeyboardInterrupt there
            loop.add_signal_handler(number, ended.set)
    try:
        if arguments.arm_live:
            await _arm(desk)
        await desk.open()
        url = await desk.open_api(arguments.port)
        _say(arguments, url, desk.view.mode)
        await ended.wait()
        await desk.wind_up(LEAVE)
        _list_open(desk)
        return 0
    finally:
        await desk.close()


async def _arm(desk: Desk) -> None:
    """Arm real money until the log-in ends: whoever typed the flag at the console said so."""
    connection: Connection = desk.connection
    login = await connection.look()
    if not login.user_id:
        raise InvalidOption("Expected a log-in at Zerodha with --arm-live, was none; run `shikra login` first.")
    arm(desk.plan.data_dir, login.user_id, login.expires_ns)
    log.warning("real money of %s is armed until the log-in ends (now %d)", login.user_id, SystemClock().now_ns())


def _say(arguments: argparse.Namespace, url: str, mode: str) -> None:
    if arguments.json:
        print(json.dumps({"url": url, "mode": mode}), flush=True)
    else:
        print(f"The REST API answers at {url}, trading {mode}. A token: shikra token. Ctrl+C ends it.", flush=True)


def _list_open(desk: Desk) -> None:
    """Say what stays open at the broker."""
    orders = desk.view.working_orders()
    held = [position for position in desk.view.positions.values() if position.quantity]
    for order in orders:
        print(f"open order {order.id}: {order.request.side.name} {order.remaining} {order.instrument.key} {order.status}", file=sys.stderr)
    for position in held:
        print(f"open position: {position.quantity:+d} {position.instrument.key} {position.product}", file=sys.stderr)
    print(f"Ended; {len(orders)} orders and {len(held)} positions stay open.", file=sys.stderr)

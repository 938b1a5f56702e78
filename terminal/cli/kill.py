"""Stops every send of a terminal from outside: writes the latch, waits for the terminal's answer, and cancels by itself when none comes.

It works while the window hangs. Trading goes on only when a person takes the kill switch back, with a reason, in the risk panel.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import secrets
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from engine.core.errors import UserError
from engine.core.model import Order
from engine.kill_latch import KillLatch
from terminal.arming import is_armed
from terminal.connection import kite_options
from terminal.settings import Settings, data_folder, make_folder

FILE_NAME = "kill.latch"
NOTES = "kill.log"
"""What was sent past the terminal, a line of JSON for each order, on the disk before it left."""

BY_COMMAND = "by the command line"

ANSWERS_WITHIN_S = 1.0
"""A terminal that has not claimed the question by then hangs, or is not there."""

GOES_ON_WITHIN_S = 15.0
"""A terminal that has claimed it and says nothing new for so long hangs, too."""

LOOKS_S = 0.02

NOT_CLEAN = 1


def kill(arguments: argparse.Namespace) -> int:
    """Latch, and say what became of every order; returns 0 when nothing is left open, as far as is known, else 1."""
    folder = make_folder(data_folder(arguments.data_dir))
    latch, number = KillLatch(folder / FILE_NAME), f"{os.getpid()}-{secrets.token_hex(4)}"
    try:
        latch.set(arguments.reason or BY_COMMAND, flatten=arguments.flatten, number=number)
    except OSError as error:
        raise UserError(
            f"Expected a latch file that can be written, was {folder / FILE_NAME} ({error.strerror}); close the terminal instead."
        ) from error
    told = _ask(latch, number)
    if told is None or not told.get("is_over"):
        has_begun = told is not None
        told = dict(told or {}) | _alone(folder, arguments, may_close=not has_begun) | {"terminal": "hangs" if has_begun else "silent"}
    else:
        told["terminal"] = "answered"
    _say(told | {"latched": str(folder / FILE_NAME)}, arguments)
    return 0 if told.get("is_clean", True) else NOT_CLEAN


def _ask(latch: KillLatch, number: str) -> dict[str, Any] | None:
    """Wait for the terminal's answer: None when none claims the question, which is ours to act on then."""
    until_s = time.monotonic() + ANSWERS_WITHIN_S
    told = latch.heard(number)
    while told is None and time.monotonic() < until_s:
        time.sleep(LOOKS_S)
        told = latch.heard(number)
    if told is None and latch.claim(number):
        return None
    until_s = time.monotonic() + GOES_ON_WITHIN_S
    while time.monotonic() < until_s:
        fresh = latch.heard(number)
        if fresh and fresh != told:
            told, until_s = fresh, time.monotonic() + GOES_ON_WITHIN_S
            if told.get("is_over"):
                break
        time.sleep(LOOKS_S)
    return told or {}


def _alone(folder: Path, arguments: argparse.Namespace, *, may_close: bool) -> dict[str, Any]:
    """Cancel at the broker, past the terminal; says why not where there is no broker to ask."""
    settings = Settings.load(folder)
    if settings["broker"] != "zerodha" or not settings["api_key"]:
        return {"note": "no terminal answers, and the settings name no broker of real money: there is nothing to cancel from here"}
    return asyncio.run(_at_zerodha(settings, folder, arguments, may_close=may_close))


async def _at_zerodha(settings: Settings, folder: Path, arguments: argparse.Namespace, *, may_close: bool) -> dict[str, Any]:
    from engine.brokers.base import create_broker
    from engine.brokers.zerodha.orders import OUR_TAG
    from engine.core.errors import BrokerError
    from engine.kill.alone import Alone

    broker: Any = create_broker("zerodha", **kite_options(settings, folder))
    try:
        try:
            await broker.look_in()
        except BrokerError as error:
            return {"note": f"no terminal answers, and the broker does not let this command in: {error}", "is_clean": False}
        alone = Alone(broker, broker.clock, lambda tag: OUR_TAG.match(tag) is not None, _noter(folder / NOTES), secrets.token_bytes)
        flatten = arguments.flatten and may_close and is_armed(folder, broker.clock.now_ns())
        report = await alone.run(arguments.reason or BY_COMMAND, flatten=flatten)
        told = report.as_dict() | ({"note": alone.trouble, "is_clean": False} if alone.trouble else {})
        if arguments.flatten and not flatten:
            why = "the terminal had begun to close them and hangs" if not may_close else "real money is not armed here"
            told |= {"note": f"positions were not closed, for {why}; look at the broker's own page", "is_clean": False}
        return told
    finally:
        await broker.close()


def _noter(path: Path) -> Any:
    """Return what writes an order down, on the disk when it returns."""

    def note(order: Order) -> None:
        line = {"time_ns": order.created_ns, "order": order.id, "symbol": order.instrument.key, "side": order.request.side.name}
        with path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line | {"quantity": order.quantity}) + "\n")
            file.flush()
            os.fsync(file.fileno())

    return note


def _say(told: Mapping[str, Any], arguments: argparse.Namespace) -> None:
    if arguments.json:
        print(json.dumps(told))
        return
    print("Latched: nothing new is sent. " + _WHO[str(told["terminal"])])
    for one in told.get("orders", ()):
        filled, why = (f", {one['filled']} filled" if one["filled"] else ""), (f": {one['message']}" if one["message"] else "")
        what = "closing " if one["closes"] else ""
        print(f"  {one['fate']:<10}  {what}{one['side']} {one['quantity']} {one['symbol']} ({one['status'].lower()}{filled}){why}")
    if "orders" in told and not told["orders"]:
        print("  No order was open.")
    for one in told.get("positions", ()):
        print(f"  held        {one['quantity']:+d} {one['symbol']} {one['product']}")
    if note := told.get("note"):
        print(f"  {str(note)[:1].upper()}{str(note)[1:]}.")
    print("To go on, give the reason in the risk panel of the terminal.")


_WHO = {
    "answered": "The terminal has dealt with it:",
    "silent": "No terminal answered within a second; the broker was asked directly:",
    "hangs": "The terminal began and hangs; the broker was asked directly:",
}

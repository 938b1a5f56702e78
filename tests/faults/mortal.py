"""A terminal that is there to be killed: the real one, without a window, forked from a process that has imported everything.

So a restart costs a tenth of a second instead of ten. What it is to do is told it by lines of JSON; it answers by lines of JSON.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import select
import signal
import sys
import time
import traceback
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from engine import failpoints, heartbeat
from engine.core.errors import TradingError
from engine.core.model import Pending
from terminal.cli.arguments import parser
from terminal.cli.plan import engine_settings
from terminal.desk import Desk
from terminal.logs import start_logging, stop_logging
from terminal.settings import Settings
from tests.end_to_end.parts.by_clock import set_clock
from tests.faults.hand import Hand
from tests.faults.invariants import decisions_are_finite, fills_add_up, journal_is_a_chain, owners_add_up, risk_is_counted


@dataclass(frozen=True, slots=True)
class Birth:
    """What a terminal is born with."""

    home: Path
    words: tuple[str, ...]
    """Of its command line."""
    clock: tuple[int, int, float]
    """The market's time, at which reading of the machine's monotonic clock, and how many times as fast it runs."""
    kill_at: str = ""


class Mortal:
    """One terminal's process, seen from the one that bore it."""

    def __init__(self, birth: Birth) -> None:
        """Fork it; it opens at once."""
        told, self._tell = os.pipe()
        self._hear, said = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            os.close(self._tell)
            os.close(self._hear)
            _live_and_die(birth, told, said)
        os.close(told)
        os.close(said)
        self._heard = b""
        self._ended: int | None = None

    def answer(self, within_s: float) -> dict[str, Any] | None:
        """Wait for its next line; None when it has died, or says nothing in time."""
        until_s = time.monotonic() + within_s
        while b"\n" not in self._heard:
            if not select.select([self._hear], [], [], max(0.0, until_s - time.monotonic()))[0]:
                return None
            piece = os.read(self._hear, 65_536)
            if not piece:
                return None
            self._heard += piece
        line, _, self._heard = self._heard.partition(b"\n")
        return dict(json.loads(line))

    def ask(self, what: str, within_s: float = 10.0, **more: Any) -> dict[str, Any] | None:
        """Tell it something and wait for its answer; None when it has died."""
        with contextlib.suppress(BrokenPipeError):
            os.write(self._tell, (json.dumps({"what": what} | more) + "\n").encode())
            return self.answer(within_s)
        return None

    @property
    def was_killed(self) -> bool:
        """Tell whether it has died by a kill, and not by an end of its own."""
        return self.dies_within(1.0) and self._ended == -signal.SIGKILL

    def dies_within(self, seconds: float) -> bool:
        """Wait for it to die by itself."""
        until_s = time.monotonic() + seconds
        while time.monotonic() < until_s:
            if self._reap(os.WNOHANG):
                return True
            time.sleep(0.005)
        return False

    def kill(self) -> None:
        """End it as the operating system would, if it lives."""
        if not self._reap(os.WNOHANG):
            os.kill(self.pid, signal.SIGKILL)
            self._reap(0)
        os.close(self._tell)
        os.close(self._hear)

    def _reap(self, options: int) -> bool:
        if self._ended is None:
            found, status = os.waitpid(self.pid, options)
            self._ended = os.waitstatus_to_exitcode(status) if found else None
        return self._ended is not None


def _live_and_die(birth: Birth, told: int, said: int) -> None:
    """Be the terminal, in the forked process; never returns."""
    code = 1
    try:
        os.environ |= {"SHIKRA_HOME": str(birth.home), "SHIKRA_TEST_KEYRING": str(birth.home.parent / "ring.json")}
        set_clock(*birth.clock)
        heartbeat.LATE_S = 120.0  # a busy test machine is not what is being tested
        failpoints.arm(birth.kill_at)
        _halve_writes()
        handler = start_logging(birth.home / "logs", "warning")
        arguments = parser("").parse(list(birth.words))
        settings = Settings.load(birth.home)
        asyncio.run(_live(Desk(settings, engine_settings(arguments, settings, birth.home)), told, said))
        stop_logging(handler)
        code = 0
    finally:
        if code:
            (birth.home.parent / "died.txt").write_text(traceback.format_exc(), encoding="utf-8")
        os._exit(code)


def _halve_writes() -> None:
    """Pass a point when half of an order's words are on the wire: they leave in two pieces, the second of which may never come."""
    from http.client import HTTPConnection

    send_all = HTTPConnection.send

    def send(self: HTTPConnection, data: Any) -> None:
        is_order = isinstance(data, bytes) and (data.startswith(b"POST /orders") or getattr(self, "_has_more", False))
        if failpoints.reached is None or not is_order:
            send_all(self, data)
            return
        if data.startswith(b"POST /orders"):
            self._has_more = True  # type: ignore[attr-defined]
            send_all(self, data)
            return
        self._has_more = False  # type: ignore[attr-defined]
        send_all(self, data[: len(data) // 2])
        failpoints.reached("mid-write")
        send_all(self, data[len(data) // 2 :])

    HTTPConnection.send = send  # type: ignore[method-assign]


async def _live(desk: Desk, told: int, said: int) -> None:
    def say(**what: Any) -> None:
        os.write(said, (json.dumps(what) + "\n").encode())

    lines: asyncio.Queue[bytes] = asyncio.Queue()
    asyncio.get_running_loop().add_reader(told, lambda: lines.put_nowait(os.read(told, 4_096)))
    try:
        await desk.open()
    except TradingError as error:
        say(failed=str(error))
        return
    say(ready=True)
    while asked := await lines.get():
        command = json.loads(asked)
        match command["what"]:
            case "look":
                say(**_look(desk))
            case "rearm":
                desk.engine.rearm("looked at it")
                say(done=True)
            case "trade":
                desk.start_strategies()
                hand = Hand(desk.engine, command["keys"], command["seed"])
                desk.tasks.spawn(hand.trade(command["kill_after"], flatten=command["flatten"]), "a trader in a hurry", service=True)
                say(done=True)
            case "close":
                await desk.close()
                say(done=True)
                return


def _look(desk: Desk) -> dict[str, Any]:
    """Return what the terminal holds, and what of itself does not fit together."""
    session = desk.engine.session
    journal = session.store.journal(session.account_id)
    broken = chain(
        fills_add_up(session), owners_add_up(session), risk_is_counted(session), decisions_are_finite(session), journal_is_a_chain(journal)
    )
    return {
        "positions": {position.instrument.key: position.quantity for position in session.positions.positions if position.quantity},
        "is_latched": session.switch.is_latched,
        "state": session.risk.state.value,
        "busy": sum(order.pending is not Pending.NONE for order in session.orders.working()),
        "broken": list(broken),
    }


def preload() -> None:
    """Import and compile all that a terminal needs, so that those forked from here find it done."""
    os.environ["PYTHON_KEYRING_BACKEND"] = "shikra_test_keyring.FileKeyring"
    sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "end_to_end" / "parts"))
    for name in ("engine.trading_engine", "engine.brokers.zerodha.broker", "engine.brokers.zerodha.transport", "kiteconnect", "keyring"):
        __import__(name)
    __import__("alembic.command")
    from engine.compiling import compile_for_trading

    compile_for_trading()

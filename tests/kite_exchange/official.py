"""Drives the official clients, each in its own process, from a test."""

from __future__ import annotations

import json
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

from tests.kite_exchange.process import ROOT, RunningExchange


class Raised(Exception):
    """What the official client raised: the name of its class, its sentence, its code."""

    def __init__(self, kind: str, message: str, code: int | None) -> None:
        super().__init__(f"{kind}: {message} ({code})")
        self.kind = kind
        self.message = message
        self.code = code


class _Process:
    def __init__(self, module: str, *arguments: str) -> None:
        command = [sys.executable, "-W", "ignore", "-m", f"tests.kite_exchange.{module}", *arguments]
        self._process = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._in, self._out = self._process.stdin, self._process.stdout

    def _send(self, message: dict[str, Any]) -> None:
        self._in.write(json.dumps(message) + "\n")
        self._in.flush()

    def close(self) -> None:
        """End the process."""
        self._end()
        self._out.close()

    def _end(self) -> None:
        self._in.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


class OfficialRest(_Process):
    """KiteConnect: `client.call("orders")` does what `KiteConnect.orders()` does, or raises Raised; `timeout` sets its own."""

    def __init__(self, exchange: RunningExchange) -> None:
        super().__init__("official_rest", exchange.root, exchange.api_key)

    def call(self, name: str, *arguments: Any, **named: Any) -> Any:
        """Call a method of the client."""
        self._send({"name": name, "arguments": arguments, "named": named})
        told = json.loads(self._out.readline())
        if "raised" in told:
            raise Raised(told["raised"], told["message"], told["code"])
        return told["result"]


class OfficialTicker(_Process):
    """KiteTicker: its events in order, and its methods by name. `start` makes a new one in the same process."""

    def __init__(self) -> None:
        super().__init__("official_ticker")
        self._number = 0
        self._events: queue.Queue[dict[str, Any]] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        for line in self._out:
            self._events.put(json.loads(line))

    def start(self, exchange: RunningExchange, token: str) -> None:
        """Connect a new ticker; the one before is done for."""
        if self._number:
            self.do("close")
        self._number += 1
        self.do("new", self._number, exchange.ws_root, exchange.api_key, token)

    def do(self, name: str, *arguments: Any) -> None:
        """Call a method of the ticker on its reactor."""
        self._send({"name": name, "arguments": arguments})

    def wait(self, event: str, is_it: Callable[[dict[str, Any]], bool] = lambda facts: True, within_s: float = 20.0) -> dict[str, Any]:
        """Return the next event of a kind for which something holds; others before it are passed over.

        Raises:
            queue.Empty: it did not come.
        """
        until = time.monotonic() + within_s
        while True:
            facts = self._events.get(timeout=max(0.0, until - time.monotonic()))
            if facts["ticker"] == self._number and facts["event"] == event and is_it(facts):
                return facts

    def close(self) -> None:
        """End the process and its reader."""
        self._end()
        self._reader.join(5)
        self._out.close()

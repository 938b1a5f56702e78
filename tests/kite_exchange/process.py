"""Starts an exchange in a process of its own, for a test: `with start_exchange(market="walk") as exchange: ...`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.kite_exchange.options import to_arguments

ROOT = Path(__file__).resolve().parents[2]
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class ControlError(AssertionError):
    """A control command was wrong, or could not be done."""


class RunningExchange:
    """An exchange in another process.

    Attributes:
        root: `http://127.0.0.1:PORT`, for KiteConnect.
        ws_root: `ws://127.0.0.1:PORT`, for the ticker.
        api_key, api_secret, user_id: Of its one account.
        login_url: Where a browser would be sent.
    """

    def __init__(self, facts: dict[str, str]) -> None:
        self.root = facts["root"]
        self.ws_root = facts["ws_root"]
        self.control_root = facts["control_root"]
        self.api_key = facts["api_key"]
        self.api_secret = facts["api_secret"]
        self.user_id = facts["user_id"]
        self.pid = int(facts["pid"])
        self.login_url = f"{self.root}/connect/login?v=3&api_key={self.api_key}"

    def control(self, command: str, **arguments: Any) -> Any:
        """Run a control command (README.md lists them); returns its result.

        Raises:
            ControlError: it could not be done.
        """
        request = urllib.request.Request(f"{self.control_root}/control/{command}", json.dumps(arguments).encode(), method="POST")
        with _OPENER.open(request, timeout=60) as answer:
            told = json.load(answer)
        if "error" in told:
            raise ControlError(f"{command}: {told['error']}")
        return told["result"]

    def login(self) -> str:
        """Open a session without a browser; returns the access token."""
        return str(self.control("login"))

    def reset(self, **options: Any) -> None:
        """Begin anew with the options of the start, some of them changed; quicker than another process."""
        self.control("reset", **options)


@contextmanager
def start_exchange(**options: Any) -> Iterator[RunningExchange]:
    """Run an exchange with these options (see `Options`) until the block ends.

    Raises:
        RuntimeError: it did not start; with what it said.
    """
    command = [sys.executable, "-m", "tests.kite_exchange", "--until-eof", *to_arguments(options)]
    with tempfile.TemporaryFile() as complaints:
        process = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=complaints, env={**os.environ, "PYTHONPATH": str(ROOT)}
        )
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            line = process.stdout.readline()
            if not line:
                complaints.seek(0)
                raise RuntimeError(f"the exchange did not start:\n{complaints.read().decode(errors='replace')}")
            yield RunningExchange(json.loads(line))
        finally:
            process.stdin.close()
            _end(process)
            process.stdout.close()
        complaints.seek(0)
        said = complaints.read().decode(errors="replace")
        if "Traceback" in said:
            raise RuntimeError(f"the exchange stumbled:\n{said}")


def _end(process: subprocess.Popen[bytes]) -> None:
    started = time.monotonic()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        raise RuntimeError(f"the exchange did not end within {time.monotonic() - started:.0f} s") from None

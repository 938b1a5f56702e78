"""A terminal of its own at a Kite-protocol exchange: its settings, its keyring, its browser, and the processes it is run in."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from terminal.api.client import ApiError, Client
from terminal.settings import Settings
from tests.kite_exchange.browser import redirect_of
from tests.kite_exchange.process import RunningExchange

ROOT = Path(__file__).resolve().parents[2]
PARTS = Path(__file__).parent / "parts"
WITHIN_S = 60.0
WARNINGS = "error,ignore:The 'alias' attribute"
"""Every warning ends a terminal, but one that FastAPI hides from itself for a moment, while another thread may show it again."""
LOOKS_S = 0.05


def free_port() -> int:
    """Return a port that nobody has."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@dataclass
class KiteTerminal:
    """The terminal of one trader."""

    exchange: RunningExchange
    home: Path
    ring: Path
    """File of its keyring."""
    scale: float = 1.0
    api_port: int = field(default_factory=free_port)
    login_port: int = field(default_factory=free_port)

    def settle(self, **more: Any) -> None:
        """Write settings.toml, and register the redirect URL for the app."""
        self.home.mkdir(parents=True, exist_ok=True)
        facts = {
            "broker": "zerodha", "kite_root": self.exchange.root, "kite_ws_root": self.exchange.ws_root, "login_port": self.login_port,
            "api_port": self.api_port, "demo_strategy": False, "log_level": "debug",
        }  # fmt: skip
        Settings.load(self.home).change(**(facts | more))
        self.exchange.control("register_redirect", url=f"http://127.0.0.1:{self.login_port}/")

    def environment(self) -> dict[str, str]:
        """Return the environment of its processes."""
        return os.environ | {
            "SHIKRA_HOME": str(self.home),
            "SHIKRA_TEST_KEYRING": str(self.ring),
            "PYTHON_KEYRING_BACKEND": "shikra_test_keyring.FileKeyring",
            "PYTHONPATH": str(PARTS),
            "PYTHONWARNINGS": WARNINGS,
            "QT_QPA_PLATFORM": "offscreen",
            "BROWSER": f"{sys.executable} {PARTS / 'follow.py'} %s",
        }

    def command(self, *words: str) -> list[str]:
        """Return the command line of main.py by the exchange's time."""
        began_ns = time.monotonic_ns()
        now_ns = int(self.exchange.control("now")["time_ns"])
        between_ns = (began_ns + time.monotonic_ns()) // 2
        return [sys.executable, str(PARTS / "by_clock.py"), f"{now_ns},{between_ns},{self.scale}", *words]

    def type(self, answers: dict[str, str], *words: str) -> str:
        """Run it to its end on a console of its own, answering what it asks; returns what the console showed."""
        import pty  # Windows has none

        command, environment = self.command(*words), self.environment()
        child, console = pty.fork()
        if child == 0:
            os.chdir(ROOT)
            os.execve(sys.executable, command, environment)
        shown, waiting = "", dict(answers)
        with contextlib.suppress(OSError):  # Linux tells the end of a console so
            while piece := os.read(console, 4096):
                shown += piece.decode()
                for question in [one for one in waiting if one in shown]:
                    os.write(console, f"{waiting.pop(question)}\n".encode())
        os.close(console)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        assert code == 0, shown
        return shown

    def login(self, *words: str) -> str:
        """Log in by the browser; returns what was said."""
        done = subprocess.run(
            self.command("login", *words), cwd=ROOT, env=self.environment(), capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout + done.stderr

    def browsed(self) -> str:
        """Log in with a browser that has no door to come back to; returns the address that it ended at."""
        return redirect_of(self.exchange.login_url)

    @contextmanager
    def running(self, *words: str) -> Iterator[Running]:
        """Run it until the block ends, then end it as Ctrl+C does."""
        with open(self.home.parent / "out.txt", "ab") as out:
            process = subprocess.Popen(self.command(*words), cwd=ROOT, env=self.environment(), stdout=out, stderr=out)
            try:
                yield Running(self, process)
            finally:
                process.terminate()
                try:
                    process.wait(30)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
                    raise

    def said(self) -> str:
        """Return what its running processes printed."""
        return (self.home.parent / "out.txt").read_text(encoding="utf-8", errors="replace")

    def kept(self, query: str) -> list[dict[str, Any]]:
        """Return rows of its database."""
        line = sqlite3.connect(f"file:{self.home / 'shikra.db'}?mode=ro", uri=True)
        line.row_factory = sqlite3.Row
        try:
            return [dict(row) for row in line.execute(query)]
        finally:
            line.close()

    def token(self) -> str:
        """Return the access token that its keyring has."""
        kept = json.loads(self.ring.read_text(encoding="utf-8"))
        return str(json.loads(kept[f"shikra.zerodha {self.exchange.api_key}:token"])["access"])


@dataclass
class Running:
    """A process of it."""

    terminal: KiteTerminal
    process: subprocess.Popen[bytes]

    def until(self, what: str, is_so: Any) -> Any:
        """Look until something is so, and return it; that the process ends first is a failure."""
        until_s = time.monotonic() + WITHIN_S
        while time.monotonic() < until_s:
            if found := is_so():
                return found
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(LOOKS_S)
            assert self.process.poll() is None, self.terminal.said()
        raise AssertionError(f"waited for {what}: {self.terminal.said()[-3000:]}")

    def client(self) -> Client:
        """Return a client of its REST API, as soon as that answers."""

        def found() -> Client | None:
            try:
                return Client(f"http://127.0.0.1:{self.terminal.api_port}", folder=self.terminal.home)
            except ApiError:
                return None

        client: Client = self.until("the REST API", found)
        return client

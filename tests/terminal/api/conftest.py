"""A terminal that serves its REST API on the demo market, in a process of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from terminal.api.tokens import Scope, Tokens

ROOT = Path(__file__).resolve().parents[3]


@dataclass
class Server:
    """One that runs."""

    url: str
    folder: Path
    process: subprocess.Popen[str]

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    def token(self, scope: Scope = Scope.PAPER) -> str:
        return Tokens(self.folder).get(scope)

    def headers(self, scope: Scope = Scope.PAPER) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token(scope)}"}

    def client(self, scope: Scope = Scope.PAPER, **options: Any) -> httpx.Client:
        return httpx.Client(base_url=self.url, headers=self.headers(scope), timeout=60, trust_env=False, **options)


def start(folder: Path, *words: str) -> Server:
    environment = os.environ | {"SHIKRA_HOME": str(folder), "QT_QPA_PLATFORM": "offscreen"}
    process = subprocess.Popen(
        [sys.executable, "main.py", "serve", "--demo", "--json", *words],
        cwd=ROOT, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        _, complaints = process.communicate(timeout=60)
        raise RuntimeError(complaints)
    return Server(json.loads(line)["url"], folder, process)


def end(server: Server) -> str:
    """End it as the system would; returns what it said."""
    server.process.send_signal(signal.SIGTERM)
    _, said = server.process.communicate(timeout=60)
    assert server.process.returncode == 0, said
    return said


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("api")
    (folder / "settings.toml").write_text("[Trading]\ndemo_strategy = false\n", encoding="utf-8")
    running = start(folder, "--port", "0")
    try:
        yield running
    finally:
        if running.process.poll() is None:
            end(running)


@pytest.fixture
def client(server: Server) -> Iterator[httpx.Client]:
    with server.client() as made:
        yield made


@pytest.fixture
def strategy(client: httpx.Client, request: pytest.FixtureRequest) -> Iterator[str]:
    """One that stands still, under a name of the test's own."""
    body = {"name": request.node.name[:60], "strategy_type": "ema_crossover", "parameters": {"symbols": ["RELIANCE"]}}
    made = client.post("/api/strategies", json=body)
    assert made.status_code == 201, made.text
    yield made.json()["id"]
    client.post(f"/api/strategies/{made.json()['id']}/emergency-stop")

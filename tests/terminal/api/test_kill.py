"""The kill switch over the REST API; on a server of its own, for it stops all others' trading."""

from __future__ import annotations

from pathlib import Path

from terminal.api.tokens import Scope
from tests.terminal.api.conftest import Server, end, start


def test_the_kill_switch_stops_everything_and_says_why(tmp_path: Path) -> None:
    server = start(tmp_path, "--port", "0")
    try:
        _kill(server)
    finally:
        end(server)


def _kill(server: Server) -> None:
    with server.client(Scope.PAPER) as client:
        assert (client.get("/api/health").json()["status"], client.get("/api/risk").json()["reason"]) == ("ok", "")
        demo = client.get("/api/strategies").json()["strategies"][0]
        assert client.post("/api/kill", json={"reason": "enough", "flatten": True}).status_code == 200
        risk = client.get("/api/risk").json()
        assert (risk["state"], risk["reason"]) == ("HALTED", "enough")
        assert client.get("/api/health").json()["status"] == "halted"
        assert client.get(f"/api/strategies/{demo['id']}").json()["state"] == "STOPPED"

"""Who may come in: each of the ways in which a page, a stranger or a careless script could try, with real clients."""

from __future__ import annotations

import http.client
import socket
import stat
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from engine.clock import ManualClock
from engine.view import EngineView
from terminal.api.app import make_app
from terminal.api.gate import LOCKED_NS, MOST_BYTES, WRONG_TOKENS, Gate
from terminal.api.stream import Streams
from terminal.api.tokens import FILE_NAME, Scope, Tokens, proof_of
from terminal.options import OPTIONS
from tests.terminal.api.conftest import Server, end, start

BODY = {"name": "x", "parameters": {"symbols": ["TCS"]}}


def raw(server: Server, text: str, *, wait_s: float = 20.0) -> bytes:
    """Say something to the port, byte by byte as it stands, and return all of the answer."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=wait_s) as wire:
        wire.sendall(text.encode())
        parts = []
        while part := wire.recv(65_536):
            parts.append(part)
            if b"\r\n\r\n" in b"".join(parts) and b"Connection: close" not in text.encode():
                break
        return b"".join(parts)


def test_it_is_off_until_it_is_switched_on() -> None:
    assert next(option for option in OPTIONS if option.name == "api").default is False


def test_only_this_machine_is_answered(server: Server) -> None:
    listening = subprocess.run(["ss", "-ltnH"], capture_output=True, text=True, check=False).stdout if Path("/usr/bin/ss").exists() else ""
    ours = [line.split()[3] for line in listening.splitlines() if line.split()[3].endswith(f":{server.port}")]
    assert set(ours) <= {f"127.0.0.1:{server.port}"}
    with pytest.raises(ConnectionRefusedError), socket.create_connection(("::1", server.port), timeout=2):
        pass


@pytest.mark.parametrize("host", ["evil.example:{port}", "127.0.0.1", "localhost:1", "0.0.0.0:{port}", "127.0.0.1:{port}.evil.example", ""])
def test_a_name_that_was_bent_to_this_machine_is_refused(server: Server, host: str) -> None:
    answer = httpx.get(f"{server.url}/api/health", headers={**server.headers(), "Host": host.format(port=server.port)})
    assert answer.status_code in (400, 421)
    assert "shikra" not in answer.text.lower()


@pytest.mark.parametrize(
    "headers", [{"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}]
)
def test_a_page_of_another_site_is_refused_even_with_a_token(server: Server, headers: dict[str, str]) -> None:
    answer = httpx.post(f"{server.url}/api/strategies", headers=server.headers() | headers, json=BODY)
    assert (answer.status_code, answer.json()["error"]["type"]) == (403, "foreign_origin")
    url = server.url.replace("http", "ws", 1) + "/api/stream"
    with pytest.raises(InvalidStatus) as caught:
        connect(url, additional_headers=server.headers() | headers, proxy=None)
    assert caught.value.response.status_code == 403


@pytest.mark.parametrize("path", ["/api/strategies", "/docs", "/api/openapi.json", "/nothing", "/api/hello/x"])
def test_without_a_token_nothing_is_told(server: Server, path: str) -> None:
    for headers in ({}, {"Authorization": "Basic abc"}):
        answer = httpx.get(f"{server.url}{path}", headers=headers)
        assert answer.status_code == 401
        assert "server" not in answer.headers
        assert answer.json()["error"]["type"] == "no_token"
    assert httpx.get(f"{server.url}{path}?token={server.token()}").status_code == 401
    with pytest.raises(InvalidStatus):
        connect(server.url.replace("http", "ws", 1) + "/api/stream", proxy=None)


def test_an_old_token_is_worth_nothing(tmp_path: Path) -> None:
    tokens = Tokens(tmp_path)
    old = tokens.get(Scope.PAPER)
    assert tokens.get(Scope.PAPER) == old
    assert len(old) >= 43  # 256 bits
    elsewhere = Tokens(tmp_path)
    assert elsewhere.scope_of(old) is Scope.PAPER
    fresh = tokens.rotate(Scope.PAPER)
    assert elsewhere.scope_of(old) is None
    assert elsewhere.scope_of(fresh) is Scope.PAPER
    tokens.revoke()
    assert elsewhere.scope_of(fresh) is None
    assert stat.S_IMODE((tmp_path / FILE_NAME).stat().st_mode) == 0o600


def test_what_cannot_be_read_opens_nothing(tmp_path: Path) -> None:
    tokens = Tokens(tmp_path)
    token = tokens.get(Scope.READ)
    for text in ("", "[]", '{"root": "x"}'):
        (tmp_path / FILE_NAME).write_text(text, encoding="utf-8")
        assert Tokens(tmp_path).scope_of(token) is None


def test_many_wrong_tokens_lock_the_door_for_a_minute(tmp_path: Path, loop_run: Any) -> None:
    clock, tokens, answers = ManualClock(0), Tokens(tmp_path), []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})

    async def nothing() -> dict[str, Any]:
        return {"type": "http.request", "body": b""}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            answers.append(message["status"])

    def scope(token: str) -> dict[str, Any]:
        headers = [(b"host", b"127.0.0.1:8050"), (b"authorization", f"Bearer {token}".encode())]
        return {"type": "http", "method": "GET", "path": "/api/health", "headers": headers}

    gate, right = Gate(app, tokens, clock, 8050), tokens.get(Scope.READ)

    async def knock() -> None:
        for _ in range(WRONG_TOKENS):
            await gate(scope("wrong"), nothing, send)
        await gate(scope(right), nothing, send)
        clock.set(LOCKED_NS)
        await gate(scope(right), nothing, send)

    loop_run(knock())
    assert answers == [401] * WRONG_TOKENS + [429, 200]


@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "text/plain", "multipart/form-data; boundary=x", ""])
def test_a_form_is_no_json(server: Server, kind: str) -> None:
    answer = httpx.post(f"{server.url}/api/strategies", headers=server.headers() | {"Content-Type": kind}, content='{"name": "x"}')
    assert (answer.status_code, answer.json()["error"]["type"]) == (415, "not_json")


def test_a_browser_s_question_before_a_request_is_refused_and_nothing_is_allowed(server: Server, client: httpx.Client) -> None:
    answer = client.options("/api/strategies", headers={"Access-Control-Request-Method": "POST"})
    assert answer.status_code == 403
    for each in (answer, client.get("/api/health")):
        assert not [name for name in each.headers if name.lower().startswith("access-control")]


def test_a_token_for_looking_changes_nothing(server: Server, strategy: str) -> None:
    with server.client(Scope.READ) as reader:
        assert reader.get("/api/strategies").status_code == 200
        for method, path, body in (
            ("POST", "/api/strategies", BODY),
            ("DELETE", f"/api/strategies/{strategy}", None),
            ("POST", f"/api/strategies/{strategy}/deploy", {"mode": "paper"}),
            ("POST", "/api/kill", {}),
            ("DELETE", "/api/orders", None),
        ):
            answer = reader.request(method, path, json=body)
            assert (answer.status_code, answer.json()["error"]["type"]) == (403, "scope"), path


def test_a_large_body_is_refused(server: Server, client: httpx.Client) -> None:
    answer = client.post("/api/strategies", json=BODY | {"description": "x" * MOST_BYTES})
    assert (answer.status_code, answer.json()["error"]["type"]) == (413, "too_large")


def test_a_body_that_does_not_come_is_not_waited_for(server: Server) -> None:
    head = f"POST /api/strategies HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nAuthorization: Bearer {server.token()}\r\n"
    said = raw(server, head + "Content-Type: application/json\r\nContent-Length: 10\r\n\r\n{")
    assert b" 408 " in said.splitlines()[0]


def test_headers_that_do_not_come_are_not_waited_for(server: Server) -> None:
    assert raw(server, "GET /api/health HTTP/1.1\r\nHost: 127") == b""


@pytest.mark.parametrize(
    "path",
    [
        "/api/strategies/../../etc/passwd",
        "/api/strategies/%2e%2e%2f%2e%2e%2fetc",
        "/api/strategies/..%5c..%5cx",
        "/api/backtests/../tokens",
    ],
)
def test_no_path_leads_out(server: Server, path: str) -> None:
    wire = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    wire.request("GET", path, headers=server.headers())
    answer = wire.getresponse()
    assert answer.status in (404, 422)
    assert b"root:" not in answer.read()
    wire.close()


@pytest.mark.parametrize("kind", ["../../x.py", "/tmp/x.py", "x.py", "callback"])
def test_no_code_and_no_path_comes_in(client: httpx.Client, kind: str) -> None:
    answer = client.post("/api/strategies", json=BODY | {"strategy_type": kind})
    assert answer.status_code == 422
    assert "Expected" in answer.json()["error"]["message"] or "Unknown" in answer.json()["error"]["message"]


def test_the_server_proves_that_it_knows_the_token(server: Server) -> None:
    nonce = "n" * 20
    proofs = httpx.get(f"{server.url}/api/hello?nonce={nonce}").json()["proofs"]
    assert proof_of(server.token(), nonce) in proofs
    assert proof_of("another", nonce) not in proofs
    assert httpx.get(f"{server.url}/api/hello?nonce=short").status_code == 422


def test_a_port_that_is_taken_is_told_and_not_avoided(server: Server, tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match=f"Expected port {server.port} of this machine to be free"):
        start(tmp_path, "--port", str(server.port))


def test_it_ends_cleanly_and_says_what_stays_open(tmp_path: Path) -> None:
    running = start(tmp_path, "--port", "0")
    with running.client() as client:
        assert client.get("/api/health").json()["mode"] == "paper"
    assert "positions stay open" in end(running)


def test_real_money_needs_a_token_for_it_and_an_arming(tmp_path: Path, loop_run: Any) -> None:
    tokens, clock = Tokens(tmp_path), ManualClock(0)
    desk: Any = SimpleNamespace(view=SimpleNamespace(mode="live", strategies={}), actions=None, engine=None, is_armed=False)
    app = Gate(make_app(desk, tokens, Streams(EngineView(), clock), clock), tokens, clock, 8050)

    async def deploy(scope: Scope) -> tuple[int, str]:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://127.0.0.1:8050") as client:
            headers = {"Authorization": f"Bearer {tokens.get(scope)}"}
            answer = await client.post("/api/strategies/mine/deploy", headers=headers, json={"mode": "live"})
            return answer.status_code, answer.json()["error"]["type"]

    assert loop_run(deploy(Scope.PAPER)) == (403, "scope")
    assert loop_run(deploy(Scope.LIVE)) == (403, "not_armed")
    desk.is_armed = True
    assert loop_run(deploy(Scope.LIVE)) == (404, "no_strategy")
    desk.view.mode = "paper"
    assert loop_run(deploy(Scope.PAPER)) == (404, "no_strategy")

"""Strategies over the REST API, as a script drives them: the three calls of the README, and all that can be asked besides."""

from __future__ import annotations

import json
import threading
from typing import Any

import httpx
import pytest
from websockets.sync.client import connect

from terminal.api.client import ApiError, Client
from terminal.api.schemas import BacktestRequest, NewStrategy, Parameters
from terminal.api.server import HEADERS_S
from tests.terminal.api.conftest import Server

MINE = {
    "name": "My Strategy",
    "description": "Custom momentum strategy",
    "strategy_type": "custom",
    "parameters": {"timeframe": "5minute", "symbols": ["RELIANCE", "TCS"]},
}
EAGER = {"buy": {"left": "close", "is": "above", "right": 1}}


def made(client: httpx.Client, name: str, **more: Any) -> dict[str, Any]:
    answer = client.post("/api/strategies", json={"name": name, "parameters": {"symbols": ["INFY"]}} | more)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def events(server: Server, query: str = "") -> Any:
    return connect(f"{server.url.replace('http', 'ws', 1)}/api/stream{query}", additional_headers=server.headers(), proxy=None)


def test_the_three_calls_of_the_readme(server: Server, client: httpx.Client) -> None:
    created = client.post("/api/strategies", json=MINE).json()
    assert (created["name"], created["state"], created["parameters"]["timeframe"]) == ("My Strategy", "IDLE", "5minute")
    assert created["note"].startswith("No rules were given: it trades as ema_crossover does, with fast_ema 9, slow_ema 21")
    deployed = client.post(f"/api/strategies/{created['id']}/deploy", json={"mode": "paper"})
    assert deployed.status_code == 200
    assert deployed.json()["state"] in ("STARTING", "RUNNING")
    listed = {each["id"]: each for each in client.get("/api/strategies").json()["strategies"]}
    assert listed[created["id"]]["description"] == "Custom momentum strategy"
    assert listed[created["id"]]["parameters"]["symbols"] == ["RELIANCE", "TCS"]
    assert client.post(f"/api/strategies/{created['id']}/stop").json()["state"] == "STOPPED"
    assert client.delete(f"/api/strategies/{created['id']}").status_code == 200
    assert client.get(f"/api/strategies/{created['id']}").status_code == 404


def test_a_deployed_strategy_trades_the_demo_market_and_the_stream_tells(server: Server, client: httpx.Client) -> None:
    mine = made(client, "Eager", strategy_type="custom", parameters={"symbols": ["SBIN"], "rules": EAGER})
    with events(server, "?channels=orders,fills,strategies") as stream:
        assert json.loads(stream.recv(10))["type"] == "snapshot"
        assert client.post(f"/api/strategies/{mine['id']}/deploy", json={"mode": "paper"}).status_code == 200
        seen: list[dict[str, Any]] = []
        while not any(event["type"] == "fills" and event["data"]["owner"] == mine["id"] for event in seen):
            seen.append(json.loads(stream.recv(30)))
    numbers = [event["number"] for event in seen]
    assert numbers == sorted(set(numbers))
    assert client.get(f"/api/strategies/{mine['id']}").json()["open_positions"] == 1
    held = [p for p in client.get("/api/positions").json()["positions"] if p["symbol"] == "NSE:SBIN"]
    assert held[0]["quantity"] == 1
    assert client.delete(f"/api/strategies/{mine['id']}").status_code == 409
    with events(server, f"?channels=orders,fills&after={numbers[0] - 1}") as again:
        assert json.loads(again.recv(10))["number"] >= numbers[0]
    assert client.post(f"/api/strategies/{mine['id']}/emergency-stop").status_code == 200


def test_a_listener_may_hear_nothing_for_longer_than_a_request_may_take(server: Server) -> None:
    with events(server, "?channels=alerts") as stream:
        assert json.loads(stream.recv(10))["type"] == "snapshot"
        with pytest.raises(TimeoutError):
            stream.recv(HEADERS_S + 1.0)


def test_who_comes_back_too_late_begins_anew(server: Server) -> None:
    with events(server, "?after=999999999") as stream:
        snapshot = json.loads(stream.recv(10))
        assert snapshot["type"] == "snapshot"
        assert set(snapshot["data"]) == {"orders", "positions", "strategies", "alerts"}


def test_quotes_come_for_those_who_ask(server: Server, client: httpx.Client) -> None:
    with events(server, "?channels=ticks&symbols=NSE:RELIANCE") as stream:
        assert json.loads(stream.recv(10))["data"] == {}
        quotes: list[dict[str, Any]] = []
        while not quotes:
            quotes = json.loads(stream.recv(30))["data"]
    assert quotes[0]["symbol"] == "NSE:RELIANCE"
    assert quotes[0]["last_price"] > 0


@pytest.mark.parametrize("query", ["?channels=gossip", "?after=-1", "?token=x"])
def test_a_listener_that_makes_no_sense_is_told(server: Server, query: str) -> None:
    with events(server, query) as stream:
        with pytest.raises(Exception, match="Expected"):
            stream.recv(10)
        assert stream.close_code == 1008


def test_the_same_request_id_does_nothing_twice(server: Server, client: httpx.Client) -> None:
    body = {"name": "Once", "parameters": {"symbols": ["ITC"]}, "client_request_id": "once-0001"}
    first, second = client.post("/api/strategies", json=body), client.post("/api/strategies", json=body)
    assert first.json() == second.json()
    assert sum(each["name"] == "Once" for each in client.get("/api/strategies").json()["strategies"]) == 1
    other = client.post("/api/strategies", json=body | {"name": "Twice"})
    assert (other.status_code, other.json()["error"]["type"]) == (409, "other_request")


def test_two_scripts_at_once_make_one_strategy_of_one_request(server: Server) -> None:
    body = {"name": "Race", "parameters": {"symbols": ["ITC"]}, "client_request_id": "race-0001"}
    ids: list[str] = []

    def ask() -> None:
        with server.client() as own:
            ids.append(own.post("/api/strategies", json=body).json()["id"])

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(ids) == 8
    assert len(set(ids)) == 1


def test_a_strategy_is_changed_where_it_stands_still(client: httpx.Client, strategy: str) -> None:
    body = {"name": "Changed", "strategy_type": "rsi", "parameters": {"symbols": ["TCS"], "timeframe": "15minute", "period": 20}}
    changed = client.put(f"/api/strategies/{strategy}", json=body).json()
    assert (changed["id"], changed["name"], changed["parameters"]["period"], changed["parameters"]["timeframe"]) == (
        strategy,
        "Changed",
        20,
        "15minute",
    )
    assert client.put("/api/strategies/nobody", json=body).status_code == 404
    client.post(f"/api/strategies/{strategy}/deploy", json={})
    refused = client.put(f"/api/strategies/{strategy}", json=body)
    assert (refused.status_code, refused.json()["error"]["type"]) == (409, "conflict")
    assert client.post(f"/api/strategies/{strategy}/pause").json()["state"] == "PAUSED"
    assert client.post(f"/api/strategies/{strategy}/resume").json()["state"] == "RUNNING"


def test_where_this_terminal_does_not_trade_nothing_is_deployed(client: httpx.Client, strategy: str) -> None:
    answer = client.post(f"/api/strategies/{strategy}/deploy", json={"mode": "live"})
    assert (answer.status_code, answer.json()["error"]["type"]) == (409, "other_mode")


@pytest.mark.parametrize(
    ("body", "match"),
    [
        ({"name": "x"}, "Expected parameters, was not there"),
        ({"name": "x", "parameters": {"symbols": []}}, "Expected otherwise of parameters.symbols"),
        ({"name": "x", "parameters": {"symbols": ["NOSUCH"]}, "colour": "red"}, "Expected no field colour"),
        ({"name": "x", "strategy_type": "ema_crosover", "parameters": {"symbols": ["TCS"]}}, 'did you mean "ema_crossover"'),
        ({"name": "x", "strategy_type": "rsi", "parameters": {"symbols": ["TCS"], "fast": 3}}, 'Unknown parameter "fast"'),
        ({"name": "x", "parameters": {"symbols": ["TCS"], "rules": {"buy": 3}}}, "Expected a condition at buy"),
        ({"name": "x", "parameters": {"symbols": ["TCS"], "sizing": "risk"}}, "Expected max_risk_per_trade or max_position_size"),
    ],
)
def test_what_makes_no_sense_says_what_was_expected(client: httpx.Client, body: dict[str, Any], match: str) -> None:
    answer = client.post("/api/strategies", json=body)
    assert answer.status_code == 422
    assert match in answer.json()["error"]["message"]


def test_a_backtest_is_a_real_one(client: httpx.Client, strategy: str) -> None:
    job = client.post(f"/api/strategies/{strategy}/backtest", json={"days": 10, "capital": 200_000, "wait": True}).json()
    assert job["state"] == "done", job
    result = job["result"]
    assert result["bars"] > 1_000
    assert result["fills"]
    assert result["terms"]["capital"] == 200_000
    page = client.get(f"/api/backtests/{job['id']}/report")
    assert page.headers["content-type"].startswith("text/html")
    assert "Drawdown" in page.text or "drawdown" in page.text
    listed = client.get("/api/backtests").json()["jobs"]
    assert [each["result"] for each in listed] == [None] * len(listed)


def test_a_backtest_can_be_a_job_and_be_stopped(client: httpx.Client, strategy: str) -> None:
    job = client.post(f"/api/strategies/{strategy}/backtest", json={}).json()
    assert client.delete(f"/api/backtests/{job['id']}").status_code == 200
    assert client.get(f"/api/backtests/{job['id']}").json()["id"] == job["id"]
    assert client.get("/api/backtests/bt-999").status_code == 404


@pytest.mark.parametrize("body", [{"from_date": "2026-02-01", "to_date": "2026-01-01"}, {"from_date": "2026-13-01"}, {"days": 0}])
def test_days_that_make_no_sense_are_refused(client: httpx.Client, strategy: str, body: dict[str, Any]) -> None:
    assert client.post(f"/api/strategies/{strategy}/backtest", json=body).status_code == 422


def test_days_without_bars_are_told(client: httpx.Client, strategy: str) -> None:
    job = client.post(
        f"/api/strategies/{strategy}/backtest", json={"from_date": "2001-01-01", "to_date": "2001-02-01", "wait": True}
    ).json()
    assert job["state"] == "failed"
    assert "Expected bars of NSE:RELIANCE" in job["message"]


def test_the_client_drives_all_of_it(server: Server) -> None:
    with Client(server.url, folder=server.folder) as shikra:
        new = NewStrategy(name="By the client", strategy_type="ema_crossover", parameters=Parameters(symbols=["LT"]))
        mine = shikra.create(new)
        assert shikra.deploy(mine.id).state in ("STARTING", "RUNNING")
        while shikra.strategy(mine.id).state == "STARTING":
            pass  # each question takes the server a moment; it starts within its own time
        assert shikra.pause(mine.id).state == "PAUSED"
        assert shikra.resume(mine.id).state == "RUNNING"
        assert shikra.stop(mine.id).state == "STOPPED"
        assert shikra.update(mine.id, new.model_copy(update={"name": "Again"})).name == "Again"
        assert shikra.backtest(mine.id, BacktestRequest(days=5)).state == "done"
        assert mine.id in {each.id for each in shikra.strategies()}
        assert shikra.strategy(mine.id).name == "Again"
        assert "ema_crossover" in {each.name for each in shikra.templates()}
        assert shikra.health().status in ("ok", "halted")
        assert shikra.risk().mode == "paper"
        assert isinstance(shikra.orders(), list)
        assert isinstance(shikra.positions(), list)
        assert {each.owner for each in shikra.owners()} <= {"hand", "external", *(each.id for each in shikra.strategies())}
        assert next(shikra.events())["type"] == "snapshot"
        shikra.delete(mine.id)
        with pytest.raises(ApiError, match="Expected the id of a strategy") as caught:
            shikra.strategy(mine.id)
        assert (caught.value.status, caught.value.kind) == (404, "no_strategy")


def test_a_stranger_on_the_port_never_sees_the_token(server: Server) -> None:
    with pytest.raises(ApiError, match="does not know the token"):
        Client(server.url, token="another")
    with pytest.raises(ApiError, match="was no answer"):
        Client("http://127.0.0.1:9", token="x")

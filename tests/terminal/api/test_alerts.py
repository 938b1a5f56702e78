"""Alerts over the REST API: added, listed, told, acknowledged, forgotten."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from websockets.sync.client import connect

from terminal.api.tokens import Scope
from tests.terminal.api.conftest import Server


def listed(client: httpx.Client) -> dict[str, Any]:
    answer = client.get("/api/alerts")
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def test_an_alert_is_added_once_listed_and_forgotten(client: httpx.Client) -> None:
    body = {"key": "RELIANCE", "value": 99_999.0, "note": "far away", "client_request_id": "alert-request-1"}
    made = [client.post("/api/alerts", json=body) for _ in range(2)]
    assert [answer.status_code for answer in made] == [201, 201], made[0].text
    alert = made[0].json()
    assert alert == made[1].json() | {"state": alert["state"]}
    assert (alert["title"], alert["key"], alert["told"]) == ("RELIANCE above 99,999.00", "NSE:RELIANCE", 0)
    assert [each["id"] for each in listed(client)["alerts"] if each["note"] == "far away"] == [alert["id"]]
    assert client.delete(f"/api/alerts/{alert['id']}").status_code == 200
    gone = client.delete(f"/api/alerts/{alert['id']}")
    assert (gone.status_code, gone.json()["error"]["type"]) == (404, "no_alert")


def told_of(stream: Any, alert_id: str) -> Any:
    """The next event about an alert."""
    while (event := json.loads(stream.recv(30)))["data"]["alert_id"] != alert_id:
        pass
    return event


def test_an_alarm_is_told_as_it_happens_and_acknowledged_by_the_api(server: Server, client: httpx.Client) -> None:
    url = f"{server.url.replace('http', 'ws', 1)}/api/stream?channels=alerts"
    with connect(url, additional_headers=server.headers(), proxy=None) as stream:
        assert json.loads(stream.recv(10))["type"] == "snapshot"
        made = client.post("/api/alerts", json={"kind": "pnl", "subject": "account", "side": "below", "value": 1e9, "level": "critical"})
        assert made.status_code == 201, made.text
        told = told_of(stream, made.json()["id"])
        assert (told["type"], told["data"]["level"], told["data"]["is_waiting"]) == ("alerts", "critical", True)
        waiting = [event for event in listed(client)["events"] if event["alert_id"] == made.json()["id"]]
        with connect(url, additional_headers=server.headers(), proxy=None) as late:
            missed = json.loads(late.recv(10))["data"]["alerts"]
        assert waiting[0]["id"] in {event["id"] for event in missed}
        seen = client.post(f"/api/alerts/events/{waiting[0]['id']}/acknowledge").json()
        assert told_of(stream, made.json()["id"])["data"]["acknowledged_by"] == "REST API"
    assert (seen["is_waiting"], seen["acknowledged_by"]) == (False, "REST API")
    assert client.post("/api/alerts/events/nobody/acknowledge").status_code == 404
    client.delete(f"/api/alerts/{made.json()['id']}")


@pytest.mark.parametrize(
    "body",
    [
        {"key": "RELIANC", "value": 5.0},
        {"value": 5.0},
        {"key": "RELIANCE", "value": -5.0},
        {"kind": "indicator", "key": "TCS", "subject": "emma(3)"},
        {"kind": "weather"},
        {"key": "RELIANCE", "value": "NaN"},
        {"key": "RELIANCE", "value": 1.0, "levle": "info"},
    ],
)
def test_what_makes_no_sense_is_refused(client: httpx.Client, body: dict[str, Any]) -> None:
    answer = client.post("/api/alerts", json=body)
    assert answer.status_code in (409, 422), answer.text
    assert answer.json()["error"]["message"].startswith("Expected") or "nknown" in answer.json()["error"]["message"]


def test_reading_is_not_enough_to_add_one(server: Server) -> None:
    with server.client(Scope.READ) as reader:
        assert reader.get("/api/alerts").status_code == 200
        assert reader.post("/api/alerts", json={"key": "TCS", "value": 5.0}).status_code == 403

"""What a listener of the stream gets that comes back, and what happens to one that does not keep up."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from engine.clock import ManualClock
from engine.view import EngineView
from terminal.api.stream import KEPT, WAITING, Client, Streams
from tests.engine.fakes import a_fill

BUSY = WAITING + 500


@pytest.fixture
def view(qapp: object) -> EngineView:
    return EngineView()


@pytest.fixture
def streams(view: EngineView) -> Iterator[Streams]:
    made = Streams(view, ManualClock(0))
    yield made
    made.close()


def listener(*channels: str) -> Client:
    return Client(frozenset(channels), frozenset())


def test_who_comes_back_after_a_busy_time_gets_all_of_it(streams: Streams, view: EngineView) -> None:
    for number in range(BUSY):
        view.on_fill(a_fill(1, number + 1, 100.0))
    client = listener("fills")
    streams._begin(client, 1)
    assert not client.is_late, "what it missed waits; it was not slow"
    told = [json.loads(event.text()) for event in client.events]
    assert [event["number"] for event in told] == list(range(2, BUSY + 1))
    assert (told[0]["type"], told[0]["data"]["quantity"]) == ("fills", 2)
    assert client.snapshot == ""


def test_what_lies_too_far_back_is_begun_anew_with_how_everything_stands(streams: Streams, view: EngineView) -> None:
    for number in range(KEPT + 2):
        view.on_fill(a_fill(1, number + 1, 100.0))
    for after, is_known in ((2, True), (1, False), (None, False), (KEPT + 3, False)):
        client = listener("fills", "positions")
        streams._begin(client, after)
        assert bool(client.events) is is_known
        assert bool(client.snapshot) is not is_known
        if not is_known:
            assert json.loads(client.snapshot) == {"type": "snapshot", "number": KEPT + 2, "data": {"positions": []}}


def test_one_that_does_not_keep_up_is_to_be_let_go(streams: Streams, view: EngineView) -> None:
    slow, other = listener("fills"), listener("orders")
    streams._clients |= {slow, other}
    for number in range(WAITING):
        view.on_fill(a_fill(1, number + 1, 100.0))
    assert not slow.is_late
    view.on_fill(a_fill(1, 1, 100.0))
    assert slow.is_late
    assert not other.is_late
    assert not other.events
    streams._clients.clear()

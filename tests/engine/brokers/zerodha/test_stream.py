"""The feed over real sockets: it subscribes, notices silence, comes back with everything it had, and leaves nothing behind."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable, Coroutine
from http import HTTPStatus
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from websockets.frames import Frame, Opcode

from engine.brokers.zerodha import codec, wire
from engine.brokers.zerodha.stream import KiteFeed
from engine.clock import SystemClock
from engine.core.errors import AuthenticationError, InvalidOption
from engine.core.model import LinkState
from tests.engine.brokers.zerodha.feed_server import HEARTBEAT, FeedServer, Rig, rig, turn, until
from tests.engine.brokers.zerodha.frames import RELIANCE, USDINR, frame, ltp, packet

Story: TypeAlias = Callable[[FeedServer, Rig], Awaitable[None]]
Play: TypeAlias = Callable[[Story], None]

ROOT = Path(__file__).resolve().parents[4]

CONNECTING, LIVE, DISCONNECTED, RELOGIN = LinkState.CONNECTING, LinkState.LIVE, LinkState.DISCONNECTED, LinkState.RELOGIN


@pytest.fixture(autouse=True)
def compiled(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Count how often the decoder would be compiled; compiling it would take longer than all that is tested here."""
    calls: list[str] = []
    monkeypatch.setattr(codec, "prepare", lambda: calls.append("prepare"))
    return calls


@pytest.fixture
def play(loop_run: Callable[[Coroutine[Any, Any, Any]], Any]) -> Play:
    """Tell a story with a server and a feed; nothing may be left living, and nothing may have failed unasked."""

    def run(story: Story) -> None:
        async def whole() -> None:
            async with rig() as (server, r):
                await story(server, r)
            assert r.failures == []

        loop_run(whole())

    return run


def test_it_opens_with_key_and_token_and_says_so(play: Play) -> None:
    async def story(server: FeedServer, r: Rig) -> None:
        await r.feed.open()
        assert server.paths == ["/?api_key=secret-key&access_token=secret-token"]
        assert r.links == [(CONNECTING, ""), (LIVE, "")]
        assert r.gaps == []
        await r.feed.open()
        assert len(server.sockets) == 1

    play(story)


def test_mode_follows_every_subscription_in_batches(play: Play) -> None:
    async def story(server: FeedServer, r: Rig) -> None:
        await r.feed.open()
        await r.feed.subscribe(range(1, 1_201), "quote")
        await until(lambda: len(server.asked[0]) == 6)
        assert [(message["a"], len(message["v"])) for message in server.asked[0][::2]] == [("subscribe", n) for n in (500, 500, 200)]
        assert [(m["a"], m["v"][0], len(m["v"][1])) for m in server.asked[0][1::2]] == [("mode", "quote", n) for n in (500, 500, 200)]
        assert server.modes() == r.feed.subscribed == dict.fromkeys(range(1, 1_201), "quote")

    play(story)


def test_only_what_changes_is_asked(play: Play) -> None:
    async def story(server: FeedServer, r: Rig) -> None:
        await r.feed.open()
        await r.feed.subscribe([1, 2, 3])
        await r.feed.subscribe([2, 3])
        await r.feed.subscribe([3], "ltp")
        await r.feed.unsubscribe([1, 99])
        await r.feed.unsubscribe([1])
        await until(lambda: len(server.asked[0]) == 5)
        await turn()
        assert server.asked[0][2:] == [
            {"a": "subscribe", "v": [3]},
            {"a": "mode", "v": ["ltp", [3]]},
            {"a": "unsubscribe", "v": [1]},
        ]
        assert server.modes() == r.feed.subscribed == {2: "full", 3: "ltp"}

    play(story)


def test_what_was_subscribed_before_opening_is_asked_on_opening(play: Play) -> None:
    async def story(server: FeedServer, r: Rig) -> None:
        await r.feed.subscribe([5])
        assert r.links == []
        await r.feed.open()
        await until(lambda: server.modes() == {5: "full"})

    play(story)


def test_a_wrong_mode_and_more_than_nine_thousand_are_refused_whole(play: Play) -> None:
    async def story(server: FeedServer, r: Rig) -> None:
        with pytest.raises(InvalidOption, match="Expected a mode of the feed"):
            await r.feed.subscribe([1], "fast")
        with pytest.raises(InvalidOption, match="Expected at most 9,000"):
            await r.feed.subscribe(range(9_001))
        assert r.feed.subscribed == {}

    play(story)


def test_a_second_and_third_socket_take_what_the_first_cannot(play: Play) -> None:
    async def story(server: FeedServer, r: Rig) -> None:
        await r.feed.open()
        await r.feed.subscribe(range(9_000), "ltp")
        await until(lambda: len(server.modes()) == 9_000)
        assert sorted(len({t for m in asked if m["a"] == "subscribe" for t in m["v"]}) for asked in server.asked) == [3_000] * 3
        assert r.links == [(CONNECTING, ""), (LIVE, "")], "sockets that are being added do not put the feed in doubt"
        await until(lambda: all(link.state is LIVE for link in r.feed._links))
        server.cut(1)
        await until(lambda: len(server.sockets) == 4 and r.is_live)
        await until(lambda: len(server.modes()) == 9_000)
        assert r.links[2:] == [(DISCONNECTED, "the feed was cut"), (LIVE, "")]
        assert len(r.gaps[0][0]) == 3_000

    play(story)


def test_frames_are_handed_on_one_by_one_with_what_is_sound_in_them(play: Play) -> None:
    async def story(server: FeedServer, r: Rig) -> None:
        await r.feed.open()
        await server.send(ltp(RELIANCE, 290_005))
        await server.send(HEARTBEAT)
        await server.send(frame([packet(8, USDINR, [834_525_000]), b"damaged", packet(44, RELIANCE, [1])]))
        await server.send(frame([b"damaged"]))
        await until(lambda: r.feed.counts.damaged_packets == 2)
        assert [rows["last_price"].tolist() for rows in r.frames] == [[2900.05], [83.4525, 0.01]]
        assert (r.feed.counts.frames, r.feed.counts.packets) == (2, 3)
        assert r.notes == ["The feed sent a damaged frame; what was sound in it is used, and further ones are only counted."]
        assert r.is_live

    play(story)


def test_texts_are_sorted(play: Play) -> None:
    async def story(server: FeedServer, r: Rig) -> None:
        await r.feed.open()
        for text in (
            '{"type":"order","data":{"order_id":"1"}}',
            '{"type":"order","data":{"order_id":"1"}}',
            '{"type":"error","data":"Subscription limit exceeded"}',
            '{"type":"message","data":"Maintenance at 17:00"}',
            '{"type":"instruments_meta","data":{}}',
            "<html>",
        ):
            await server.send(text)
        await until(lambda: len(r.notes) == 3)
        assert r.updates == [{"order_id": "1"}] * 2, "an update that comes twice is told twice: merging it is the order manager's"
        assert r.notes == [
            "Subscription limit exceeded",
            "Maintenance at 17:00",
            "The feed sent a text that is not JSON; it was put aside.",
        ]
        assert (r.feed.counts.updates, r.feed.counts.damaged_texts) == (2, 1)

    play(story)


@pytest.mark.parametrize("sign_of_life", [HEARTBEAT, ltp(RELIANCE, 1), '{"type":"message","data":"x"}'])
def test_any_frame_is_life(play: Play, sign_of_life: bytes | str) -> None:
    async def story(server: FeedServer, r: Rig) -> None:
        await r.feed.open()
        await r.pass_time(30, beat=lambda: server.send(sign_of_life))
        assert len(server.sockets) == 1
        assert r.is_live

    play(story)


def test_silence_of_five_seconds_is_death_and_the_next_connection_comes_at_once_with_everything(play: Play) -> None:
    async def story(server: FeedServer, r: Rig) -> None:
        await r.feed.open()
        await r.feed.subscribe([1, 2], "full")
        await r.feed.subscribe([3], "ltp")
        await r.pass_time(90, beat=server.beat)
        heard_ns = r.clock.now_ns()
        await r.pass_time(4.75)
        assert r.is_live
        await r.pass_time(0.5)
        assert r.links[2:] == [(DISCONNECTED, "the feed was silent for 5 s"), (LIVE, "")]
        assert server.modes() == {1: "full", 2: "full", 3: "ltp"}
        ((tokens, from_ns, to_ns),) = r.gaps
        assert (sorted(tokens), from_ns) == ([1, 2, 3], heard_ns)
        assert to_ns - from_ns == pytest.approx(5e9, abs=0.3e9)
        await until(lambda: server.sockets[0].close_code is not None)
        assert server.sockets[1].close_code is None, "of the dead connection nothing is left, and the living one lives"

    play(story)


def test_a_pong_is_no_life_but_the_library_answers_pings(play: Play) -> None:
    async def story(server: FeedServer, r: Rig) -> None:
        await r.feed.open()
        await (await server.sockets[0].ping())
        await r.pass_time(5.5)
        assert len(server.sockets) == 2

    play(story)


def test_a_loop_that_was_away_itself_reads_before_it_judges(play: Play) -> None:
    async def story(server: FeedServer, r: Rig) -> None:
        await r.feed.open()
        for _ in range(3):
            await server.send(HEARTBEAT)
            r.clock.advance(20)  # a window that was dragged, a machine that slept: all at once it is later
            await turn()
            await r.pass_time(2)
            assert len(server.sockets) == 1
        for _ in range(2):
            r.clock.advance(20)
            await turn()
        assert len(server.sockets) == 2, "a feed that is dead as well is noticed, even by a loop that is always late"

    play(story)


def test_a_flapping_server_is_dialled_ever_more_rarely_and_a_minute_of_health_is_forgiven(play: Play) -> None:
    async def story(server: FeedServer, r: Rig) -> None:
        await r.feed.open()
        waits = []
        for _ in range(12):
            count, began_ns = len(server.sockets), r.clock.now_ns()
            server.cut()
            await until(lambda: not r.is_live)
            while not r.is_live:
                await r.pass_time(0.25)
            assert len(server.sockets) == count + 1
            waits.append((r.clock.now_ns() - began_ns) / 1e9)
        assert waits[0] <= 0.25
        assert max(waits) > 8
        assert max(waits) <= 30.25
        await r.pass_time(61, beat=server.beat)
        server.cut()
        await until(lambda: not r.is_live)
        await turn()
        assert r.is_live
        assert [reason for state, reason in r.links if "; dialling again in " in reason]

    play(story)


def test_it_waits_for_a_server_that_is_down_and_comes_back_with_it(play: Play) -> None:
    async def story(server: FeedServer, r: Rig) -> None:
        await server.stop()
        await r.feed.open()
        assert r.feed.state is DISCONNECTED
        assert r.feed.reason == "the feed cannot be reached (Connect call failed ('127.0.0.1', %d))" % server.port  # noqa: UP031
        await r.feed.subscribe([7])
        await r.pass_time(60)
        await server.listen()
        await r.pass_time(31, beat=server.beat)
        assert r.is_live
        assert server.modes() == {7: "full"}
        assert r.gaps == [], "before the first connection nothing was missed"

    play(story)


@pytest.mark.parametrize("status", [429, 500, 502, 503, 307])
def test_another_answer_than_a_refusal_is_tried_again(play: Play, status: int) -> None:
    async def story(server: FeedServer, r: Rig) -> None:
        server.status = HTTPStatus(status)
        await r.feed.open()
        await turn()
        assert r.links[1] == (DISCONNECTED, f"the feed answered {status}")
        await r.pass_time(40)
        assert 4 <= len(server.paths) <= 20
        server.status = HTTPStatus.SWITCHING_PROTOCOLS
        await r.pass_time(31, beat=server.beat)
        assert r.is_live

    play(story)


@pytest.mark.parametrize("status", [403, 401])
def test_a_refused_session_stops_it_and_asks_for_a_login(play: Play, status: int) -> None:
    async def story(server: FeedServer, r: Rig) -> None:
        await r.feed.open()
        await r.feed.subscribe([1])
        await r.pass_time(10, beat=server.beat)
        server.status = HTTPStatus(status)
        server.cut()
        await until(lambda: r.feed.state is RELOGIN)
        assert "log in again" in r.feed.reason
        await r.pass_time(120)
        assert len(server.paths) == 2, "a dead token is not tried again and again"
        await r.feed.subscribe([2])
        await turn()
        assert len(server.paths) == 2
        with pytest.raises(AuthenticationError, match="log in again"):
            await r.feed.open()
        server.status, r.token = HTTPStatus.SWITCHING_PROTOCOLS, "new-token"
        await r.feed.open()
        await until(lambda: server.modes() == {1: "full", 2: "full"})
        assert server.paths[-1].endswith("access_token=new-token")
        assert r.links[-1] == (LIVE, "")
        assert r.gaps[0][2] - r.gaps[0][1] == pytest.approx(120e9, abs=1.5e9)

    play(story)


def test_a_login_also_frees_a_socket_that_carries_nothing_any_more(play: Play) -> None:
    async def story(server: FeedServer, r: Rig) -> None:
        await r.feed.open()
        await r.feed.subscribe(range(3_001))
        await until(lambda: len(server.modes()) == 3_001)
        server.status = HTTPStatus.FORBIDDEN
        server.cut(0)
        server.cut(1)
        await until(lambda: [link.state for link in r.feed._links[:2]] == [RELOGIN, RELOGIN])
        await r.feed.unsubscribe([3_000])
        server.status = HTTPStatus.SWITCHING_PROTOCOLS
        await r.feed.open()
        assert r.is_live

    play(story)


def test_without_a_token_it_asks_for_a_login_without_dialling(play: Play) -> None:
    async def story(server: FeedServer, r: Rig) -> None:
        r.token = None
        with pytest.raises(AuthenticationError, match="Nobody is logged in"):
            await r.feed.open()
        assert server.paths == []
        assert r.links[-1] == (RELOGIN, "Nobody is logged in; log in first.")

    play(story)


def test_a_server_that_takes_the_call_and_says_nothing_is_given_seven_seconds(play: Play) -> None:
    async def story(server: FeedServer, r: Rig) -> None:
        await server.stop()
        calls: list[asyncio.StreamWriter] = []
        mute = await asyncio.start_server(lambda reader, writer: calls.append(writer), "127.0.0.1", server.port)
        opening = asyncio.ensure_future(r.feed.open())
        await until(lambda: calls)
        await r.pass_time(6.75)
        assert not opening.done()
        await r.pass_time(1)
        await opening
        assert r.links[1][1] == "the feed did not answer for 7 s"
        mute.close()
        for writer in calls:
            writer.close()
        await mute.wait_closed()
        await server.listen()
        await r.pass_time(10)
        assert r.is_live

    play(story)


def test_too_many_damaged_frames_cost_the_connection(play: Play) -> None:
    async def story(server: FeedServer, r: Rig) -> None:
        await r.feed.open()
        for _ in range(19):
            await server.send(frame([b"?"]))
        await until(lambda: r.feed.counts.damaged_packets == 19)
        assert len(server.sockets) == 1
        await server.send("?")
        await until(lambda: len(server.sockets) == 2)
        assert (DISCONNECTED, "the feed sent 20 damaged frames") in r.links
        await server.send(frame([b"?"]))
        await until(lambda: r.feed.counts.damaged_packets == 20)
        await turn()
        assert len(server.sockets) == 2, "a new connection begins with a clean record"

    play(story)


def test_a_frame_larger_than_any_is_not_taken(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "MAX_FRAME", 1_000)

    async def story(server: FeedServer, r: Rig) -> None:
        await r.feed.open()
        await server.send(bytes(1_001))
        await until(lambda: len(server.sockets) == 2)
        assert r.frames == []

    play(story)


@pytest.mark.parametrize("kind", ["binary", "text"])
def test_a_cut_at_any_byte_yields_nothing_half_and_costs_one_connection(play: Play, kind: str) -> None:
    whole = frame([packet(8, RELIANCE, [100]), packet(44, RELIANCE, [100])])
    order = b'{"type":"order","data":{"order_id":"7"}}'
    data = (Frame(Opcode.BINARY, whole) if kind == "binary" else Frame(Opcode.TEXT, order)).serialize(mask=False, extensions=[])

    async def story(server: FeedServer, r: Rig) -> None:
        await r.feed.subscribe([RELIANCE])
        await r.feed.open()
        for size in range(len(data) + 1):
            count = len(server.sockets)
            socket = server.sockets[-1]
            socket.transport.write(data[:size])
            await turn(5)
            socket.transport.close()
            await until(lambda: not r.is_live)
            await r.pass_time(0.25)
            while not r.is_live:
                await r.pass_time(1)
            await until(lambda: server.modes() == {RELIANCE: "full"})
            assert len(server.sockets) == count + 1
        assert [len(rows) for rows in r.frames] == ([2] if kind == "binary" else [])
        assert r.updates == ([] if kind == "binary" else [{"order_id": "7"}])
        assert r.feed.counts.damaged_packets == r.feed.counts.damaged_texts == 0

    play(story)


def test_a_reader_that_fails_is_reported_and_costs_the_connection(loop_run: Callable[..., Any]) -> None:
    async def story() -> None:
        async with rig() as (server, r):
            await r.feed.open()
            await r.feed.subscribe([1])
            r.on_frame = lambda rows: rows["no such field"]
            await server.send(ltp(1, 1))
            await until(lambda: len(server.sockets) == 2 and r.is_live)
            assert [type(error) for error in r.failures] == [ValueError]
            assert (DISCONNECTED, "a fault of this terminal interrupted the feed") in r.links
            r.on_frame = r.frames.append
            await server.send(ltp(1, 1))
            await until(lambda: r.frames)

    loop_run(story())


@pytest.mark.parametrize("moment", ["never opened", "live", "waiting", "dialling", "refused", "silent"])
def test_closing_leaves_nothing_at_any_moment_and_keeps_the_subscriptions(play: Play, moment: str) -> None:
    async def story(server: FeedServer, r: Rig) -> None:
        await r.feed.subscribe([1])
        if moment == "waiting":
            await server.stop()
            await r.feed.open()
            await r.pass_time(20)
        elif moment == "refused":
            server.status = HTTPStatus.FORBIDDEN
            with pytest.raises(AuthenticationError):
                await r.feed.open()
        elif moment == "dialling":
            opening = asyncio.ensure_future(r.feed.open())
            await turn(3)
        elif moment != "never opened":
            await r.feed.open()
        if moment == "silent":
            server.sockets[0].transport.pause_reading()
        await r.feed.close()
        await r.feed.close()
        if moment == "dialling":
            await opening
        if moment != "never opened":
            assert r.links[-1] == (DISCONNECTED, "")
        assert [task for task in asyncio.all_tasks() if task.get_name().startswith("feed")] == []
        server.status = HTTPStatus.SWITCHING_PROTOCOLS
        if moment == "waiting":
            await server.listen()
        await r.feed.open()
        await until(lambda: server.modes() == {1: "full"})

    play(story)


def test_a_good_bye_is_said_on_closing(play: Play) -> None:
    async def story(server: FeedServer, r: Rig) -> None:
        await r.feed.open()
        await r.feed.close()
        await until(lambda: server.sockets[0].close_code is not None)
        assert server.sockets[0].close_code == 1000

    play(story)


def test_opening_prepares_the_decoder_beside_the_loop(play: Play, compiled: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(server: FeedServer, r: Rig) -> None:
        monkeypatch.setattr(codec.decode_into, "_call", codec.decode_into.py_func)
        await r.feed.open()
        await until(lambda: compiled == ["prepare"])
        monkeypatch.setattr(codec.decode_into, "_call", lambda data, rows: 0)
        await r.feed.close()
        await r.feed.open()
        await turn()
        assert compiled == ["prepare"], "what is ready is left alone"

    play(story)


def test_an_unencrypted_root_elsewhere_is_refused_before_anything_is_sent() -> None:
    def nothing(*_: Any) -> None:
        raise AssertionError

    with pytest.raises(InvalidOption, match="use wss"):
        KiteFeed(
            "ws://example.com", "k", lambda: "t", SystemClock(), on_frame=nothing, on_update=nothing, on_link=nothing, on_message=nothing
        )


ON_QT = """
import asyncio
import qasync
from PySide6.QtWidgets import QApplication
from engine.brokers.zerodha import codec
from tests.engine.brokers.zerodha.feed_server import rig, until

codec.prepare = lambda: None

async def story():
    async with rig() as (server, r):
        await r.feed.open()
        await r.feed.subscribe(range(1, 3001))
        await until(lambda: len(server.modes()) == 3000)
        server.cut()
        await until(lambda: len(server.sockets) == 2 and len(server.modes()) == 3000)
        await r.pass_time(6.5)
        await until(lambda: len(server.sockets) == 3 and r.is_live)
    assert r.failures == []
    assert asyncio.all_tasks() == {asyncio.current_task()}
    print("done")

app = QApplication([])
qasync.run(story())
"""


def test_it_runs_on_the_windows_loop_too() -> None:
    environment = os.environ | {"QT_QPA_PLATFORM": "offscreen", "QT_API": "pyside6", "PYTHONPATH": str(ROOT)}
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", ON_QT], capture_output=True, text=True, timeout=60, env=environment, check=False
    )
    assert run.stdout == "done\n", run.stderr

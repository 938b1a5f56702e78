"""The line to the market goes wrong in every way it can, over real sockets against the exchange; what must follow is asserted."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Callable
from random import Random
from typing import Any

import numpy as np
import pytest

from engine.brokers.zerodha import codec
from engine.core.errors import AuthenticationError
from engine.core.model import Exchange, Instrument, LinkState
from engine.market_data import MarketDataHandler
from engine.view import QuoteBoard
from tests.faults.feed_rig import FeedRig, feed_rig

Run = Callable[..., Any]

FAULTS = 50
APART_S = 90.0


@pytest.fixture(autouse=True)
def _not_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compiling the decoder would take longer than what is tested here."""
    monkeypatch.setattr(codec, "prepare", lambda: None)


async def go_wrong(rig: FeedRig, random: Random) -> str:
    """Let one thing happen to the line; returns what it was."""
    subscribers = rig.server.hub.subscribers
    some = random.sample(subscribers, random.randint(1, len(subscribers)))
    what = random.choice(["killed", "reset", "half open", "cut in mid-frame", "restarted"])
    if what == "half open":
        for one in some:
            one.is_silent = True
    elif what == "cut in mid-frame":
        for one in some:
            one.cut_at = random.randint(1, 30)
        await rig.command("send_text", text=json.dumps({"type": "message", "data": "maintenance tonight"}))
        for one in some:
            one.is_silent = True  # whatever was on its way to a socket that is cut is lost
    elif what == "restarted":
        await rig.command("go_down")
        await rig.turn()
        await rig.pass_time(random.choice([0.25, 0.5, 0.75, 1.0]))
        await rig.command("come_up")
    else:
        for one in some:
            one.transport.abort() if what == "reset" else one.transport.close()
    await rig.turn()
    return what


async def fifty_faults(seed: int) -> list[tuple[float, str]]:
    """Run a day of faults; returns how long each took to heal."""
    random = Random(seed)
    took = []
    async with feed_rig(seed, instruments=3_400) as rig:
        tokens = rig.tokens
        await rig.feed.open()
        await rig.feed.subscribe(tokens[:1_500], "full")
        await rig.feed.subscribe(tokens[1_500:3_100], "quote")
        await rig.feed.subscribe(tokens[3_100:], "ltp")
        await rig.until_whole(5)
        for _ in range(FAULTS):
            await rig.pass_time(APART_S + 2 * random.randint(0, 5), step_s=2.0)
            assert rig.is_whole, "a healthy line stays up"
            began_ns = rig.clock.now_ns()
            count = len(rig.gaps)
            what = await go_wrong(rig, random)
            await rig.until_whole(30)
            took.append(((rig.clock.now_ns() - began_ns) / 1e9, what))
            assert len(rig.gaps) > count, "what was missed is told"
            assert rig.gaps[-1][2] - rig.gaps[-1][1] <= 10e9
            await rig.feed.unsubscribe(random.sample(tokens, 3))
            await rig.feed.subscribe(random.sample(tokens, 3), random.choice(["ltp", "quote", "full"]))
            await rig.turn()
            assert rig.is_whole
    return took


def test_fifty_faults_at_random_are_healed_within_six_seconds_and_nothing_is_forgotten(loop_run: Run) -> None:
    took = loop_run(fifty_faults(20_261_123))
    assert len(took) == FAULTS
    assert {what for _, what in took} == {"killed", "reset", "half open", "cut in mid-frame", "restarted"}
    assert np.percentile([seconds for seconds, _ in took], 99) <= 6.0, sorted(took)[-5:]
    quick = [seconds for seconds, what in took if what in ("killed", "reset", "cut in mid-frame")]
    assert max(quick) <= 0.25, "what is seen to break is dialled again at once"


def test_a_dead_token_in_mid_session_asks_once_for_a_login_and_the_login_restores_everything(loop_run: Run) -> None:
    async def story() -> None:
        async with feed_rig() as rig:
            await rig.feed.open()
            await rig.feed.subscribe(rig.tokens[:50])
            await rig.until_whole(5)
            await rig.command("expire")
            await rig.turn(200)
            assert rig.feed.state is LinkState.RELOGIN
            await rig.pass_time(120, step_s=1.0)
            dials = [call for call in rig.server.calls if call["kind"] == "stream"]
            assert len(dials) == 2, "no storm of dead tokens"
            with pytest.raises(AuthenticationError, match="log in again"):
                await rig.feed.open()
            rig.token = rig.server.exchange.sessions.open().token
            await rig.feed.open()
            await rig.until_whole(5)
            assert rig.links[-1] == (LinkState.LIVE, "")
            ((tokens, from_ns, to_ns),) = rig.gaps
            assert len(tokens) == 50
            assert to_ns - from_ns >= 120e9

    loop_run(story())


def test_a_plan_without_data_is_told_as_such(loop_run: Run) -> None:
    async def story() -> None:
        async with feed_rig(data_plan=False) as rig:
            with pytest.raises(AuthenticationError, match="the plan has no market data"):
                await rig.feed.open()

    loop_run(story())


@pytest.mark.parametrize(
    "fault",
    [
        {"how": "error", "status": 503},
        {"how": "error", "status": 429, "error_type": "NetworkException"},
        {"how": "html", "status": 502},
        {"how": "redirect", "status": 302},
        {"how": "drop"},
        {"how": "drop", "with_reset": True},
        {"how": "silence"},
    ],
    ids=lambda fault: "-".join(str(value) for value in fault.values()),
)
def test_a_handshake_that_goes_wrong_is_tried_again(fault: dict[str, Any], loop_run: Run) -> None:
    async def story() -> None:
        async with feed_rig() as rig:
            await rig.feed.subscribe(rig.tokens[:10])
            await rig.command("fault", kind="stream", count=3, **fault)
            opening = asyncio.ensure_future(rig.feed.open())
            await rig.until_whole(60)
            await opening
            assert rig.feed.state is LinkState.LIVE

    loop_run(story())


def test_heartbeats_without_ticks_keep_the_line_and_mark_each_instrument_stale(loop_run: Run) -> None:
    async def story() -> None:
        async with feed_rig() as rig:
            listings = [one for one in rig.server.exchange.catalogue.listings if one.exchange == "NSE" and not one.is_index][:3]
            shares = [Instrument(Exchange.NSE, one.symbol, one.token, has_derivatives=True) for one in listings]
            handler = MarketDataHandler(QuoteBoard(), rig.clock)
            handler.subscribe(shares)
            rig.on_frame = handler.on_ticks
            await rig.feed.open()
            await rig.feed.subscribe([share.token for share in shares])
            await rig.until_whole(5)
            assert handler.stale() == []
            await rig.pass_time(4)
            await rig.command("set_price", symbol=shares[0].symbol, price=float(listings[0].price) / 10_000)
            await rig.turn()
            await rig.pass_time(3)
            assert handler.stale() == shares[1:], "one alone went on ticking"
            await rig.command("stop_ticks")
            await rig.pass_time(30)
            assert handler.stale() == shares
            assert rig.feed.state is LinkState.LIVE, "heartbeats are life"
            assert len(rig.links) == 2

    loop_run(story())


def test_order_updates_come_through_doubled_late_and_beside_ticks(loop_run: Run) -> None:
    async def story() -> None:
        async with feed_rig() as rig:
            await rig.feed.open()
            await rig.command("updates", duplicate=1.0)
            listing = next(one for one in rig.server.exchange.catalogue.listings if one.exchange == "NSE" and not one.is_index)
            order_id = await rig.command(
                "place_elsewhere",
                exchange="NSE",
                tradingsymbol=listing.symbol,
                transaction_type="BUY",
                quantity=1,
                order_type="LIMIT",
                product="MIS",
                validity="DAY",
                price=listing.price / 10_000 + 5,
            )
            await rig.pass_time(2)
            mine = [update for update in rig.updates if update["order_id"] == order_id]
            assert mine
            assert mine[0] == mine[1], "told twice, handed on twice: merging is not the feed's"
            assert rig.feed.counts.updates == len(rig.updates)

    loop_run(story())


def test_garbage_is_counted_and_costs_the_line_only_when_it_goes_on(loop_run: Run) -> None:
    async def story() -> None:
        random = np.random.default_rng(1)
        async with feed_rig() as rig:
            await rig.feed.open()
            await rig.feed.subscribe(rig.tokens[:5])
            await rig.until_whole(5)
            for size in (2, 3, 11, 200, 70_000):
                payload = bytes([255, 255]) + random.bytes(size)
                await rig.command("send_binary", payload=base64.b64encode(payload).decode())
            await rig.turn(200)
            assert rig.feed.counts.damaged_packets >= 5
            assert rig.is_whole
            assert len(rig.links) == 2
            assert len(rig.notes) == 1
            for _ in range(20):
                await rig.command("send_binary", payload=base64.b64encode(b"\xff\xff\x00").decode())
            await rig.turn(200)
            assert len(rig.links) == 4, "what sends nothing but damage is dialled again"
            await rig.until_whole(5)

    loop_run(story())


def test_a_token_nobody_knows_does_not_disturb_the_others(loop_run: Run) -> None:
    async def story() -> None:
        async with feed_rig() as rig:
            await rig.feed.open()
            await rig.feed.subscribe([7, *rig.tokens[:5]])
            await rig.turn(200)
            assert set(rig.carried()) == set(rig.tokens[:5])
            assert rig.feed.state is LinkState.LIVE

    loop_run(story())

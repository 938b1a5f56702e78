"""Whatever is subscribed and given back, and whenever the connection goes, Kite ends up with exactly what is wanted."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from random import Random
from typing import Any

import pytest

from engine.brokers.zerodha import codec, link
from tests.engine.brokers.zerodha.feed_server import FeedServer, Rig, rig, turn, until

TOKENS = range(1, 40)


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make messages short, so that restoring takes many, and compile nothing."""
    monkeypatch.setattr(link, "BATCH", 3)
    monkeypatch.setattr(codec, "prepare", lambda: None)


async def meddle(random: Random, server: FeedServer, r: Rig) -> None:
    """Do one thing that a trader or a bad line may do."""
    some = random.sample(TOKENS, random.randint(1, 12))
    match random.randrange(5):
        case 0 | 1:
            await r.feed.subscribe(some, random.choice(["ltp", "quote", "full"]))
        case 2:
            await r.feed.unsubscribe(some)
        case 3 if server.sockets:
            server.cut()
        case _:
            await turn(random.randint(0, 12))


async def story(seed: int) -> None:
    random = Random(seed)
    async with rig() as (server, r):
        await r.feed.open()
        for _ in range(40):
            # Several at once: a strategy subscribes while the line is being restored.
            await asyncio.gather(*(meddle(random, server, r) for _ in range(random.randint(1, 3))))
            r.clock.advance(random.choice([0.0, 0.3, 2.0]))
            await turn(random.randint(0, 8))
        while not r.is_live:
            await r.pass_time(1, beat=server.beat)
        await until(lambda: server.modes() == r.feed.subscribed)
        await turn()
        assert server.modes() == r.feed.subscribed
        assert r.failures == []


@pytest.mark.parametrize("seed", range(12))
def test_no_subscription_and_no_mode_is_ever_forgotten(seed: int, loop_run: Callable[..., Any]) -> None:
    loop_run(story(seed))

"""A loop that stands still opens nothing new until it keeps time again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from engine import heartbeat
from engine.clock import ManualClock
from engine.core.model import TradingState
from engine.engine_settings import EngineSettings
from engine.heartbeat import BEAT_S, GOOD_BEATS, Heartbeat
from engine.trading_engine import TradingEngine

LoopRun = Callable[[Coroutine[Any, Any, Any]], Any]


@pytest.fixture(autouse=True)
def _strict(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heartbeat, "LATE_S", 0.5)


class Account:
    """Notes what it is told."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.state = TradingState.ACTIVE

    def reduce(self, reason: str, cause: str) -> None:
        self.told.append(reason)
        self.state = TradingState.REDUCING

    def clear(self, cause: str) -> None:
        self.state = TradingState.ACTIVE


def test_a_late_beat_reduces_and_beats_in_time_take_it_back() -> None:
    account = Account()
    heart = Heartbeat(account.reduce, account.clear, ManualClock())
    heart.look(0.5)
    assert account.state is TradingState.ACTIVE
    heart.look(0.51)
    assert account.told == ["the terminal stood still for 0.5 s; it goes on by itself once it keeps time again"]
    for _ in range(GOOD_BEATS - 1):
        heart.look(0.0)
    heart.look(3.0)
    for _ in range(GOOD_BEATS - 1):
        heart.look(0.0)
    assert account.state is TradingState.REDUCING
    heart.look(0.0)
    assert account.state is TradingState.ACTIVE
    heart.look(0.0)
    assert len(account.told) == 2


def test_it_beats_by_its_clock(loop_run: LoopRun) -> None:
    async def scenario() -> None:
        account, clock = Account(), ManualClock()
        beating = asyncio.ensure_future(Heartbeat(account.reduce, account.clear, clock).beat())
        for seconds in [BEAT_S, BEAT_S, BEAT_S + 2.0, *[BEAT_S] * (GOOD_BEATS - 1)]:
            await asyncio.sleep(0)
            clock.advance(seconds)
            await asyncio.sleep(0)
        assert (len(account.told), account.state) == (1, TradingState.REDUCING)
        await asyncio.sleep(0)
        clock.advance(BEAT_S)
        await asyncio.sleep(0)
        assert account.state is TradingState.ACTIVE
        beating.cancel()
        await asyncio.gather(beating, return_exceptions=True)

    loop_run(scenario())


def test_the_terminal_lets_only_exits_pass_until_its_loop_keeps_time(
    loop_run: LoopRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(heartbeat, "BEAT_S", 0.0)
    monkeypatch.setattr(heartbeat, "LATE_S", -1.0)

    async def until(engine: TradingEngine, state: TradingState) -> None:
        while engine.session.risk.state is not state:  # noqa: ASYNC110  # the heart beats by the machine's own clock
            await asyncio.sleep(0)

    async def scenario() -> None:
        engine = TradingEngine(EngineSettings(tmp_path / "data"))
        told: list[str] = []
        engine.view.notice_given.connect(lambda level, text: told.append(text))
        await engine.open()
        await until(engine, TradingState.REDUCING)
        assert "the terminal stood still for" in told[-1]
        monkeypatch.setattr(heartbeat, "LATE_S", 120.0)
        await until(engine, TradingState.ACTIVE)
        await engine.close()

    loop_run(scenario())

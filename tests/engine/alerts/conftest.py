"""An alert engine over a real session, its clocks moved by the test; and a channel that keeps what it is given."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import numpy as np
import pytest

from engine.alerts.alert_engine import AlertEngine
from engine.alerts.channels import Channel, Message
from engine.core.records import BAR, Rows
from engine.store.rows import AlertRow, JournalEntry
from tests.engine.fakes import OPEN_NS, RELIANCE, TCS, FakeBroker, FakeStore
from tests.engine.sessions import SessionBench


class KeepingStore(FakeStore):
    """A store that gives its alerts back."""

    def alerts(self, account: str, kind: str, most: int = 1_000) -> list[AlertRow]:
        kept: dict[str, AlertRow] = {}
        for row in self.of(AlertRow):
            kept[row.id] = row
        return [row for row in kept.values() if row.kind == kind and row.data][-most:]

    def notes(self, kind: str) -> list[dict[str, Any]]:
        return [dict(row.payload) for row in self.rows if isinstance(row, JournalEntry) and row.kind == kind]


class Ear(Channel):
    """Keeps what it hears; fails when told so."""

    def __init__(self, *, is_remote: bool = False) -> None:
        super().__init__()
        self.is_remote = is_remote
        self.heard: list[str] = []
        self.problem = ""

    def send(self, message: Message) -> None:
        self.heard.append(message.text)
        self.on_outcome(self.problem)


class AlertBench(SessionBench):
    """A session with alerts."""

    def __init__(self, **more: Any) -> None:
        more.setdefault("store", KeepingStore())
        super().__init__(**more)
        assert self.view is not None
        self.view.set_catalogue([RELIANCE, TCS])
        self.alerts = AlertEngine(self.session, self.view)
        self.ears = {name: Ear(is_remote=name == "remote") for name in ("sound", "desktop", "remote")}
        for name, ear in self.ears.items():
            self.alerts.notices.add_channel(name, ear)
        self.past: Rows = np.empty(0, dtype=BAR)

    async def open(self) -> AlertBench:
        await super().open()

        async def bars_of(instrument: object, interval_s: int) -> Rows:
            return self.past

        await self.alerts.open(bars_of)
        return self

    async def add(self, **given: Any) -> str:
        """Add an alert, by default for RELIANCE above 105, and let it begin to watch."""
        alert_id = self.alerts.add({"kind": "price", "key": "NSE:RELIANCE", "value": 105.0} | given)
        await self.turns()
        return alert_id

    async def turns(self) -> None:
        import asyncio

        for _ in range(10):
            await asyncio.sleep(0)

    def state(self, alert_id: str) -> str:
        return str(self.alerts.alerts[alert_id].state)

    def told(self) -> list[str]:
        """List the alerts' own sentences."""
        return [event.text for event in self.alerts.notices.events.values() if event.alert_id]

    def seconds(self, count: float) -> None:
        """Let the wall's and the market's time pass, with a look at the end."""
        self.wall.advance(count)
        self.broker.clock.advance(count)
        self.alerts.look()

    def minute(self, number: int, close: float) -> None:
        """Close a minute bar of RELIANCE."""
        rows = np.zeros(1, dtype=BAR)
        rows["time_ns"], rows["instrument"] = OPEN_NS + number * 60 * 10**9, self.session.board.slot(RELIANCE.key)
        for word in ("open", "high", "low", "close"):
            rows[word] = close
        self.session.market_data.bars_closed.emit(60, rows)


@pytest.fixture
def with_alerts(loop_run: Callable[..., Any]) -> Callable[..., None]:
    """Open a bench, run a coroutine with it, close it."""

    def run(play: Callable[[AlertBench], Awaitable[None]], **more: Any) -> None:
        async def whole() -> None:
            bench = await AlertBench(**more).open()
            try:
                await play(bench)
            finally:
                bench.alerts.close()
                await bench.close()

        loop_run(whole())

    return run


__all__ = ["AlertBench", "FakeBroker", "KeepingStore"]

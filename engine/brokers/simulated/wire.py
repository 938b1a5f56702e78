"""The line from the exchange back to the session: order updates, in order, after they were written down.

Updates are never handed over inside the call that caused them, as on a real line: they wait for the loop's next turn, or until a
replayed market delivers them itself before it goes on.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

from engine.brokers.base import BrokerSink
from engine.core.model import OrderUpdate


class Wire:
    """Order updates on their way to one sink."""

    def __init__(self) -> None:
        self._sink: BrokerSink | None = None
        self._commit: Callable[[], None] = lambda: None
        self._waiting: deque[OrderUpdate] = deque()
        self._next_turn: asyncio.Handle | None = None

    def connect(self, sink: BrokerSink, commit: Callable[[], None]) -> None:
        """Deliver to this sink; `commit` makes durable what the updates tell of."""
        self._sink = sink
        self._commit = commit

    @property
    def has_news(self) -> bool:
        """Tell whether updates wait."""
        return bool(self._waiting)

    def send(self, update: OrderUpdate) -> None:
        """Put an update on the line; without a sink it is lost, as on any line (the order list still has it)."""
        if self._sink is None:
            return
        self._waiting.append(update)
        if self._next_turn is None:
            self._next_turn = asyncio.get_running_loop().call_soon(self.deliver)

    def deliver(self) -> None:
        """Hand over all that waits, what is sent meanwhile included."""
        if self._next_turn is not None:
            self._next_turn.cancel()
            self._next_turn = None
        sink = self._sink
        if sink is None:
            return
        self._commit()
        while self._waiting:
            sink.on_order_update(self._waiting.popleft())

    async def settle(self) -> None:
        """Deliver, and wait until the session has dealt with all of it and with what came of that."""
        sink = self._sink
        if sink is None:
            return
        while True:
            self.deliver()
            await sink.settle()
            if not self._waiting:
                return

    def close(self) -> None:
        """Cut the line; what waits is lost."""
        if self._next_turn is not None:
            self._next_turn.cancel()
            self._next_turn = None
        self._waiting.clear()
        self._sink = None

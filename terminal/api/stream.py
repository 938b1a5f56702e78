"""What happens, as it happens, over a websocket: orders, fills, positions, strategies, alerts, and quotes for those who ask.

Every event has a number. Who comes back says the last one seen and gets what was missed, or is told to begin anew. Quotes are only
ever the latest; a client that does not keep up with the rest is let go, so that it cannot slow the terminal down.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from fastapi import WebSocket, WebSocketDisconnect
from PySide6.QtCore import QObject

from engine.clock import Clock, ist
from engine.core.alerts import AlertEvent
from engine.core.model import Fill, Order, Position, StrategyStatus
from engine.tasks import Tasks
from engine.view import EngineView
from terminal.api.words import event_words, fill_words, order_words, position_words, strategy_words

CHANNELS = ("orders", "fills", "positions", "strategies", "alerts", "ticks")
USUAL = "orders,fills,positions,strategies,alerts"
"""What is told to who asks for nothing."""
KEPT = 2_000
"""Events that one who comes back can catch up on: many minutes of a busy day; they are kept as what they tell of, without words."""
WAITING = 1_000
"""Events that may wait for a client before it is let go."""
QUOTES_S = 0.1
MOST_CLIENTS = 16
TOO_SLOW, TOO_MANY, NOT_UNDERSTOOD, GOING = 1013, 1013, 1008, 1001


WORDS: Mapping[str, Callable[[Any], Mapping[str, Any]]] = {
    "orders": order_words,
    "fills": fill_words,
    "positions": position_words,
    "strategies": strategy_words,
    "alerts": event_words,
}
"""How what an event tells of is put into words, by channel."""


class Event(NamedTuple):
    """One thing that happened; its words are made when it is sent, for most of them are never asked for."""

    number: int
    channel: str
    of: Order | Fill | Position | StrategyStatus | AlertEvent

    def text(self) -> str:
        """Return the message."""
        return json.dumps({"type": self.channel, "number": self.number, "data": WORDS[self.channel](self.of)})


class Client:
    """One listener, and what waits for it."""

    def __init__(self, channels: frozenset[str], symbols: frozenset[str]) -> None:
        self.channels, self.symbols = channels, symbols
        self.events: deque[Event] = deque()
        self.snapshot = ""
        """How everything stands, which goes out before the events."""
        self.changed: set[int] = set()
        self.is_late = False
        self.wake = asyncio.Event()

    def put(self, event: Event) -> None:
        """Let an event wait for it."""
        if event.channel not in self.channels:
            return
        if len(self.events) >= WAITING:
            self.is_late = True
        else:
            self.events.append(event)
        self.wake.set()


class Streams(QObject):
    """All listeners of one terminal."""

    def __init__(self, view: EngineView, clock: Clock) -> None:
        super().__init__()
        self._view, self._clock = view, clock
        self._kept: deque[Event] = deque(maxlen=KEPT)
        self._last = 0
        self._clients: set[Client] = set()
        self._tasks = Tasks()
        self._is_open = True
        self._heard = (
            (view.order_changed, self._on_order),
            (view.order_filled, self._on_fill),
            (view.position_changed, self._on_position),
            (view.strategy_changed, self._on_strategy),
            (view.alert_told, self._on_alert),
            (view.ticks_received, self._on_ticks),
        )
        for signal, slot in self._heard:
            signal.connect(slot)

    def close(self) -> None:
        """Let every listener go."""
        for signal, slot in self._heard:
            signal.disconnect(slot)
        self._is_open = False
        for client in self._clients:
            client.wake.set()

    async def serve(self, socket: WebSocket) -> None:
        """Serve one listener until it leaves; ?after=NUMBER catches up, ?channels=orders,ticks and ?symbols=NSE:TCS choose."""
        await socket.accept()
        try:
            client, after = _asked(socket.query_params)
        except ValueError as error:
            await socket.close(NOT_UNDERSTOOD, str(error)[:120])
            return
        if len(self._clients) >= MOST_CLIENTS:
            await socket.close(TOO_MANY, "too many listeners")
            return
        self._begin(client, after)
        self._clients.add(client)
        listening = self._tasks.spawn(_until_gone(socket, client), "listener", service=True)
        try:
            await self._send_on(socket, client, listening)
        except (WebSocketDisconnect, RuntimeError):
            pass  # it is gone
        finally:
            self._clients.discard(client)
            listening.cancel()

    def _begin(self, client: Client, after: int | None) -> None:
        """Let wait what a listener missed; or, where that is not known any more, how everything stands."""
        oldest = self._kept[0].number if self._kept else self._last + 1
        if after is not None and oldest - 1 <= after <= self._last:
            # However many they are: that so much waits is not for its being slow.
            client.events.extend(event for event in self._kept if event.number > after and event.channel in client.channels)
        else:
            client.snapshot = json.dumps({"type": "snapshot", "number": self._last, "data": self._snapshot(client)})
        client.wake.set()

    def _snapshot(self, client: Client) -> dict[str, Any]:
        view = self._view
        everything: dict[str, Any] = {
            "orders": [order_words(order) for order in view.orders.values()],
            "positions": [position_words(position) for position in view.positions.values()],
            "strategies": [strategy_words(status) for status in view.strategies.values()],
            "alerts": [event_words(event) for event in view.alert_events.values() if event.is_waiting],
        }
        return {name: rows for name, rows in everything.items() if name in client.channels}

    async def _send_on(self, socket: WebSocket, client: Client, listening: asyncio.Task[None]) -> None:
        while not listening.done():
            await client.wake.wait()
            client.wake.clear()
            if not self._is_open:
                await socket.close(GOING, "the terminal closes")
                return
            if client.snapshot:
                await socket.send_text(client.snapshot)
                client.snapshot = ""
            while client.events:
                await socket.send_text(client.events.popleft().text())
            if client.is_late:
                await socket.close(TOO_SLOW, "too slow: come back with after=NUMBER")
                return
            if client.changed:
                await socket.send_text(json.dumps({"type": "ticks", "number": self._last, "data": self._quotes(client)}))
                await asyncio.sleep(QUOTES_S)

    def _quotes(self, client: Client) -> list[dict[str, Any]]:
        changed, client.changed = client.changed, set()
        quotes = (self._view.board.quote(slot) for slot in sorted(changed))
        return [
            {
                "symbol": quote.instrument.key,
                "last_price": quote.last_price,
                "volume": quote.volume,
                "bid": quote.bid,
                "ask": quote.ask,
                "time": ist(quote.time_ns).isoformat(),
            }
            for quote in quotes
            if not client.symbols or quote.instrument.key in client.symbols
        ]

    def _tell(self, channel: str, of: Order | Fill | Position | StrategyStatus | AlertEvent) -> None:
        self._last += 1
        event = Event(self._last, channel, of)
        self._kept.append(event)
        for client in self._clients:
            client.put(event)

    def _on_order(self, order: Order) -> None:
        self._tell("orders", order)

    def _on_fill(self, fill: Fill) -> None:
        self._tell("fills", fill)

    def _on_position(self, position: Position) -> None:
        self._tell("positions", position)

    def _on_strategy(self, status: StrategyStatus) -> None:
        self._tell("strategies", status)

    def _on_alert(self, event: AlertEvent) -> None:
        self._tell("alerts", event)

    def _on_ticks(self, slots: Any) -> None:
        for client in self._clients:
            if "ticks" in client.channels:
                client.changed.update(slots.tolist())
                client.wake.set()


def _asked(given: Mapping[str, str]) -> tuple[Client, int | None]:
    """Read what a listener wants; raises ValueError that says what was expected."""
    unknown = next((name for name in given if name not in ("after", "channels", "symbols")), None)
    if unknown is not None:
        raise ValueError("Expected only after, channels and symbols.")
    channels = frozenset(given.get("channels", USUAL).split(","))
    if not channels <= set(CHANNELS):
        raise ValueError(f"Expected channels among {', '.join(CHANNELS)}.")
    text = given.get("after")
    if text is not None and not (text.isdecimal() and len(text) < 18):
        raise ValueError("Expected after to be the number of an event.")
    symbols = frozenset(symbol for symbol in given.get("symbols", "").split(",") if symbol)
    return Client(channels, symbols), None if text is None else int(text)


async def _until_gone(socket: WebSocket, client: Client) -> None:
    """Wait until the listener leaves; what it says is not looked at."""
    try:
        while True:
            await socket.receive_text()
    except (WebSocketDisconnect, KeyError, RuntimeError):
        pass
    finally:
        client.wake.set()

"""Commands that make things go wrong, and those that see what has come."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

from tests.kite_exchange.control import command
from tests.kite_exchange.stream import MODES
from tests.kite_exchange.wire import CLOSE, end

if TYPE_CHECKING:
    from tests.kite_exchange.server import Server

# What goes wrong.


@command
def fault(server: Server, how: str, **fields: Any) -> int:
    """Script a fault of HTTP calls or of the websocket's handshake (`kind="stream"`); returns its number."""
    return server.faults.add(how=how, **fields)


@command
def faults(server: Server) -> list[dict[str, Any]]:
    """Return the faults that still wait."""
    return server.faults.facts()


@command
def clear_faults(server: Server, number: int = 0) -> None:
    """Forget one fault, or all; updates flow again too, sockets speak again."""
    server.faults.clear(number)
    if not number:
        updates(server)
        for one in server.hub.subscribers:
            one.is_silent = one.is_without_ticks = False
            one.cut_at = None
        server.hub.muted[:] = False


@command
def updates(server: Server, drop: float = 0.0, duplicate: float = 0.0, hold: float = 0.0) -> None:
    """Let order updates be lost, doubled or held back with these probabilities."""
    faults = server.hub.update_faults
    faults.drop, faults.duplicate, faults.hold = drop, duplicate, hold


@command
def release_updates(server: Server, shuffle: bool = False) -> int:
    """Send the updates that were held back; returns how many."""
    held = server.hub.update_faults.release(shuffle)
    for each in held:
        server.hub.send_text(json.dumps({"type": "order", "data": each}))
    return len(held)


@command
def sockets(server: Server) -> list[dict[str, Any]]:
    """Return the open websockets: what they listen to, what they were sent."""
    return [one.facts() for one in server.hub.subscribers]


@command
async def wait_for(server: Server, sockets: int = 0, tokens: int = 0, calls: int = 0, path: str = "", within_s: float = 10.0) -> bool:
    """Wait (real seconds) for so many websockets, subscribed tokens and calls of a path; False if it does not come to that."""

    def is_there() -> bool:
        subscribers = server.hub.subscribers
        return (
            len(subscribers) >= sockets
            and sum(int((one.modes > 0).sum()) for one in subscribers) >= tokens
            and sum(1 for one in server.calls if not path or one["path"] == path) >= calls
        )

    return await server.until(is_there, within_s)


@command
async def wait_for_mode(server: Server, mode: str, tokens: int, within_s: float = 10.0) -> bool:
    """Wait until exactly so many tokens, over all websockets, are subscribed in a mode."""
    place = MODES.index(mode) + 1
    return await server.until(lambda: sum(int((one.modes == place).sum()) for one in server.hub.subscribers) == tokens, within_s)


@command
def go_silent(server: Server, silent: bool = True, number: int = 0) -> None:
    """Keep the open websockets (or the one with this number), send not a byte more on them: half open."""
    for one in server.hub.some(number):
        one.is_silent = silent


@command
def stop_ticks(server: Server, stopped: bool = True, symbols: list[str] | None = None) -> None:
    """Send heartbeats and updates, but no ticks; with symbols, none of those instruments."""
    for symbol in symbols or ():
        server.hub.muted[server.exchange.listing(symbol).row] = stopped
    if symbols is None:
        for one in server.hub.subscribers:
            one.is_without_ticks = stopped


@command
def close_sockets(server: Server, code: int = 1000, reason: str = "", abruptly: bool = False, reset: bool = False, number: int = 0) -> int:
    """Close the open websockets (or the one with this number), with a close frame or without; returns how many."""
    closed = server.hub.some(number)
    for one in closed:
        if not abruptly and not reset:
            one.write(CLOSE, code.to_bytes(2, "big") + reason.encode(), server.exchange.clock.now_ns)
        end(one.transport, reset)
    return len(closed)


@command
def cut_connections(server: Server, reset: bool = False) -> int:
    """Close every HTTP connection that stands, idle ones too; returns how many. Websockets stay."""
    return server.cut_connections(reset)


@command
def cut_frame(server: Server, at: int, number: int = 0) -> None:
    """Cut the next frame of each open websocket (or of the one with this number) at a byte, then close."""
    for one in server.hub.some(number):
        one.cut_at = at


@command
def send_text(server: Server, text: str) -> None:
    """Send any text on the open websockets."""
    server.hub.send_text(text)


@command
def send_binary(server: Server, payload: str) -> None:
    """Send any bytes (base64) on the open websockets."""
    server.hub.send_binary(base64.b64decode(payload))


@command
def calls(server: Server, path: str = "", method: str = "", kind: str = "") -> list[dict[str, Any]]:
    """Return the calls that have come, oldest first."""
    return [one for one in server.calls if one["path"].startswith(path) and method in ("", one["method"]) and kind in ("", one["kind"])]


@command
def forget_calls(server: Server) -> None:
    """Forget the calls that have come."""
    server.calls.clear()

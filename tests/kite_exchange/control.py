"""What a test may ask of the exchange behind Kite's back: one command, one function. README.md has the list."""

from __future__ import annotations

import base64
import inspect
import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from aiohttp import web

from tests.kite_exchange.catalogue import units
from tests.kite_exchange.errors import KiteError

if TYPE_CHECKING:
    from tests.kite_exchange.server import Server

Command = Callable[..., Any]
COMMANDS: dict[str, Command] = {}


def command(function: Command) -> Command:
    """Make a function a command, under its own name."""
    COMMANDS[function.__name__] = function
    return function


async def handle(server: Server, request: web.Request) -> web.Response:
    """Run a command; a wrong one says why."""
    name = request.match_info["command"]
    arguments = json.loads(await request.read() or b"{}")
    try:
        if name not in COMMANDS:
            raise ValueError(f"no command {name}; there are {sorted(COMMANDS)}")
        result = COMMANDS[name](server, **arguments)
        if inspect.isawaitable(result):
            result = await result
    except KiteError as error:
        return web.json_response({"error": f"{error.error_type}: {error.message}"})
    except (ValueError, TypeError, LookupError) as error:
        return web.json_response({"error": f"{type(error).__name__}: {error}"})
    server.wake.set()
    return web.json_response({"result": result})


# The exchange as a whole.


@command
def ping(server: Server) -> str:
    """Say that it is there."""
    return "pong"


@command
def reset(server: Server, **changes: Any) -> dict[str, Any]:
    """Begin anew, with some options changed; every connection is cut."""
    server.exchange.end_session()
    server.begin(server.options.changed(**changes))
    return {"now": server.exchange.clock.stamp()}


@command
def configure(server: Server, **changes: Any) -> None:
    """Change options of the running exchange (those that are read as it goes: data_plan, ip_registered, hours, ...)."""
    changed = server.options.changed(**changes)
    server.options = server.exchange.options = changed
    server.limits.are_on = changed.rate_limits


@command
async def stop(server: Server) -> None:
    """End the process."""
    server.stopped.set()


@command
async def go_down(server: Server) -> None:
    """Close the port and cut all connections: new ones are refused."""
    await server.go_down()


@command
async def come_up(server: Server) -> None:
    """Listen on the same port again."""
    await server.listen()


# Time.


@command
def now(server: Server) -> dict[str, Any]:
    """Return the exchange's time."""
    return {"time_ns": server.exchange.clock.now_ns, "ist": server.exchange.clock.stamp()}


@command
async def advance(server: Server, seconds: float) -> dict[str, Any]:
    """Let exchange time pass at once, with all that falls due on the way."""
    await server.advance(seconds)
    return now(server)


@command
def set_scale(server: Server, scale: float) -> None:
    """Run so many times as fast as the machine's clock; 0 stands still."""
    server.exchange.clock.set_scale(scale)


@command
async def drain(server: Server, within_s: float = 10.0) -> bool:
    """Wait until all calls are answered and every websocket client has read everything; False if one does not answer a ping."""
    return await server.drain(within_s)


# Login.


@command
def login(server: Server) -> str:
    """Open a session without the browser; returns the access token."""
    return server.exchange.sessions.open().token


@command
def register_redirect(server: Server, url: str) -> None:
    """Register the redirect URL of the app."""
    server.exchange.redirect_url = url


@command
def answer_login(server: Server, status: str) -> None:
    """Let logins end like this: success, or cancelled."""
    server.exchange.login_answer = status


@command
def expire(server: Server, token: str = "") -> None:
    """End one session, or all: REST answers TokenException, the websockets are closed."""
    server.exchange.end_session(token)


# The market.


@command
def set_price(server: Server, symbol: str, price: float, quantity: int = 1) -> None:
    """Let an instrument (`NSE:INFY`, or `INFY`) trade at a price in rupees."""
    server.exchange.set_price(symbol, str(price), quantity)


@command
def set_prices(server: Server, prices: dict[str, float]) -> None:
    """Let several instruments trade, one after another."""
    for symbol, price in prices.items():
        server.exchange.set_price(symbol, str(price))


@command
def set_depth(server: Server, symbol: str, buy: list[list[float]], sell: list[list[float]]) -> None:
    """Show these levels, [price, quantity, orders], best first, until the next price."""
    server.exchange.set_depth(symbol, buy, sell)


@command
def set_band(server: Server, symbol: str, lower: float, upper: float) -> None:
    """Set the circuit limits."""
    row = server.exchange.listing(symbol).row
    server.exchange.board.lower[row], server.exchange.board.upper[row] = units(str(lower)), units(str(upper))


@command
def rest_other(server: Server, symbol: str, side: str, price: float, quantity: int) -> int:
    """Let somebody else place a limit order; returns what of it still waits."""
    exchange = server.exchange
    return exchange.desk.queue(exchange.listing(symbol).row).add("", 1 if side == "BUY" else -1, units(str(price)), quantity)


@command
def quote(server: Server, symbol: str) -> dict[str, Any]:
    """Return the full quote of an instrument, without a limit."""
    from tests.kite_exchange.rest_market import full_quote

    return full_quote(server.exchange, server.exchange.listing(symbol))


@command
def listings(server: Server, exchange: str = "", count: int = 100_000) -> list[dict[str, Any]]:
    """Return key, token, kind, lot and last price of the first instruments."""
    last = server.exchange.board.last
    return [
        {
            "key": one.key,
            "token": one.token,
            "kind": one.kind,
            "segment": one.segment,
            "lot": one.lot,
            "last_price": int(last[one.row]) / 10_000,
        }
        for one in server.exchange.catalogue.listings
        if exchange in ("", one.exchange)
    ][:count]


# Orders and the account.


@command
def place_elsewhere(server: Server, **form: Any) -> str:
    """Place an order as from the broker's own app: it has no tag of ours and another `placed_by` way."""
    exchange = server.exchange
    text = {name: str(value) for name, value in form.items()}
    order = exchange.intake.order_of(text.pop("variety", "regular"), text, int(text["quantity"]), app_id=0)
    exchange.desk.accept(order)
    return order.order_id


@command
def cancel_elsewhere(server: Server, order_id: str) -> None:
    """Cancel an order as from the broker's own app."""
    server.exchange.desk.cancel(server.exchange.desk.find(order_id).variety, order_id)


@command
def reject_order(server: Server, order_id: str, message: str) -> None:
    """Reject an order that is in the order book."""
    server.exchange.desk.reject(server.exchange.desk.find(order_id), message)


@command
def reject_next(server: Server, message: str, **where: Any) -> None:
    """Let the next order be accepted over HTTP and then be REJECTED in the order book."""
    server.exchange.desk.reject_next(message, {name: str(value) for name, value in where.items()})


@command
def appear_late(server: Server, seconds: float, **where: Any) -> None:
    """Keep the next order out of the order book for so long, though it is at work."""
    server.exchange.late.append((seconds, {name: str(value) for name, value in where.items()}))


@command
def open_market(server: Server) -> None:
    """Send the after-market orders to the exchange."""
    server.exchange.desk.release_amo()


@command
def close_market(server: Server) -> None:
    """Cancel all that still works."""
    server.exchange.desk.end_day()


@command
def set_funds(server: Server, equity: float | None = None, commodity: float | None = None) -> None:
    """Set the cash of the purses, in rupees."""
    for name, amount in (("equity", equity), ("commodity", commodity)):
        if amount is not None:
            server.exchange.account.cash[name] = units(str(amount))


@command
def set_holding(server: Server, symbol: str, quantity: int, price: float, t1: int = 0, authorised: int = -1) -> None:
    """Put shares into the demat account; `authorised` -1 = all may be sold."""
    server.exchange.account.hold(server.exchange.listing(symbol), quantity, units(str(price)), t1, authorised)


@command
def ledger(server: Server) -> dict[str, Any]:
    """Return what really happened: positions, orders, trades, P&L, charges, cash, as exact text."""
    return server.exchange.account.ledger()


@command
def orders(server: Server) -> list[dict[str, Any]]:
    """Return all orders, also those that the order book does not show yet."""
    return [server.exchange.desk.row(one) for one in server.exchange.desk.orders.values()]


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
def go_silent(server: Server, silent: bool = True) -> None:
    """Keep the open websockets, send not a byte more on them: half open."""
    for one in server.hub.subscribers:
        one.is_silent = silent


@command
def stop_ticks(server: Server, stopped: bool = True) -> None:
    """Send heartbeats and updates, but no ticks."""
    for one in server.hub.subscribers:
        one.is_without_ticks = stopped


@command
def close_sockets(server: Server, code: int = 1000, reason: str = "", abruptly: bool = False, reset: bool = False) -> int:
    """Close the open websockets, with a close frame or without; returns how many."""
    from tests.kite_exchange.server import end

    closed = list(server.hub.subscribers)
    for one in closed:
        if not abruptly and not reset:
            one.write(0x8, code.to_bytes(2, "big") + reason.encode(), server.exchange.clock.now_ns)
        end(one.transport, reset)
    return len(closed)


@command
def cut_frame(server: Server, at: int) -> None:
    """Cut the next frame of each open websocket at a byte, then close."""
    for one in server.hub.subscribers:
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

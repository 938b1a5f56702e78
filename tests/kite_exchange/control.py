"""What a test may ask of the exchange behind Kite's back: one command, one function. README.md has the list."""

from __future__ import annotations

import asyncio
import inspect
import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from aiohttp import web

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
    for _ in range(2):  # what was closed is closed by the time the test goes on
        await asyncio.sleep(0)
    return web.json_response({"result": result})


# The exchange as a whole.


@command
def ping(server: Server) -> str:
    """Say that it is there."""
    return "pong"


@command
def reset(server: Server, **changes: Any) -> dict[str, Any]:
    """Begin anew with the options of the start, some of them changed; every websocket is cut, nobody is logged in."""
    server.exchange.end_session()
    server.begin(server.started_with.changed(**changes))
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
    return {"time_ns": server.exchange.clock.now_ns, "ist": server.exchange.clock.stamp()}


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

"""Runs the exchange: `python -m tests.kite_exchange --port N`. Prints one line of JSON when it is ready."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import threading

from aiohttp import web

from tests.kite_exchange import control, control_faults, control_market  # noqa: F401 -- the last two register their commands
from tests.kite_exchange.options import Options, parse_options
from tests.kite_exchange.server import Server


async def run(options: Options) -> None:
    """Listen until told to stop, or until standard input ends."""
    server = Server(options)
    await server.open()
    commands = web.Application(client_max_size=50_000_000)

    async def on_command(request: web.Request) -> web.Response:
        return await control.handle(server, request)

    commands.router.add_post("/control/{command}", on_command)
    runner = web.AppRunner(commands, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", options.control_port).start()
    loop = asyncio.get_running_loop()
    if sys.platform != "win32":
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, server.stopped.set)
    if options.until_eof:
        threading.Thread(target=_watch_input, args=(loop, server.stopped), daemon=True).start()
    ticking = loop.create_task(server.run_clock())
    root = f"127.0.0.1:{server.port}"
    control_root = f"http://127.0.0.1:{runner.addresses[0][1]}"
    safe = "s" if options.certificate else ""
    ready = {"root": f"http{safe}://{root}", "ws_root": f"ws{safe}://{root}", "control_root": control_root}
    ready |= {"api_key": options.api_key, "api_secret": options.api_secret, "user_id": options.user_id, "pid": str(os.getpid())}
    print(json.dumps(ready), flush=True)
    await server.stopped.wait()
    ticking.cancel()
    await asyncio.gather(ticking, return_exceptions=True)
    await server.close()
    await runner.cleanup()


def _watch_input(loop: asyncio.AbstractEventLoop, stopped: asyncio.Event) -> None:
    sys.stdin.buffer.read()
    loop.call_soon_threadsafe(stopped.set)


if __name__ == "__main__":
    asyncio.run(run(parse_options(sys.argv[1:])))

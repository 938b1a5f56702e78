"""The exchange on the network: Kite's paths and the websocket on one port, control on another.

One loop, one writer: every call runs to its end before the next. What falls due later is run by the exchange's clock, here.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections import deque
from collections.abc import Callable
from typing import Any

from aiohttp import web

from tests.kite_exchange import rest_account, rest_market, rest_more, rest_orders  # noqa: F401 -- they register their routes
from tests.kite_exchange.calls import ROUTES, Answer, Call, Route, refusal, success
from tests.kite_exchange.clock import SECOND
from tests.kite_exchange.errors import BAD_SESSION, NO_PERMISSION, KiteError
from tests.kite_exchange.exchange import Exchange
from tests.kite_exchange.faults import Fault, Faults
from tests.kite_exchange.limits import Limits
from tests.kite_exchange.options import Options
from tests.kite_exchange.stream import Hub
from tests.kite_exchange.wire import end

NO_IP = "IP address is not registered for placing orders. Add it to the allowed addresses of your app."
CALLS_KEPT = 20_000


class Server:
    """Listens, hands calls to the exchange, and lets faults happen."""

    def __init__(self, options: Options) -> None:
        self.started_with = options
        self.port = options.port
        self._runner: web.AppRunner | None = None
        self._site: web.TCPSite | None = None
        self.wake = asyncio.Event()
        self.running = 0
        self.stopped = asyncio.Event()
        self._stirred = asyncio.Event()
        self.begin(options)

    def begin(self, options: Options) -> None:
        """Start from nothing: a fresh exchange, no faults, no sessions."""
        self.options = options
        self.exchange = Exchange(options)
        self.hub = Hub(self.exchange)
        self.faults = Faults(options.seed)
        self.limits = Limits(self.exchange.clock, options.rate_limits)
        self.calls: deque[dict[str, Any]] = deque(maxlen=CALLS_KEPT)
        self.hub.on_stir = self._stirred.set

    # Listening.

    async def open(self) -> None:
        """Listen on the port; port 0 finds a free one and keeps it."""
        app = web.Application(client_max_size=10_000_000)
        for one in ROUTES:
            app.router.add_route(one.method, one.path, self._handler(one))
        app.router.add_get("/", self._websocket)
        app.router.add_route("*", "/{tail:.*}", self._handler(Route("*", "*", _not_found, needs_session=False)))
        self._runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=0.1, keepalive_timeout=75)
        await self._runner.setup()
        await self.listen()

    async def listen(self) -> None:
        """Open the listening socket again; nothing happens if it is open."""
        assert self._runner is not None
        if self._site is not None:
            return
        context = None
        if self.started_with.certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(self.started_with.certificate)
        self._site = web.TCPSite(self._runner, "127.0.0.1", self.port, reuse_address=True, ssl_context=context)
        await self._site.start()
        self.port = self._runner.addresses[0][1]

    async def go_down(self) -> None:
        """Close the listening socket and cut every connection: new ones are refused until `listen`."""
        assert self._runner is not None
        if self._site is not None:
            await self._site.stop()
            self._site = None
        for transport in self._transports():
            transport.abort()

    def _transports(self) -> list[asyncio.Transport]:
        assert self._runner is not None
        connections = self._runner.server.connections if self._runner.server else ()
        return [one.transport for one in connections if isinstance(one.transport, asyncio.Transport)]

    def cut_connections(self, with_reset: bool) -> int:
        """End every HTTP connection that stands; the websockets stay."""
        streams = [one.transport for one in self.hub.subscribers]
        cut = [one for one in self._transports() if one not in streams]
        for transport in cut:
            end(transport, with_reset)
        return len(cut)

    async def close(self) -> None:
        """End it all."""
        await self.go_down()
        if self._runner is not None:
            await self._runner.cleanup()

    # Time.

    async def run_clock(self) -> None:
        """Run timers as they fall due, for ever."""
        while True:
            clock = self.exchange.clock
            if clock.run_next(clock.now_ns):
                await asyncio.sleep(0)  # calls are answered between two timers, however fast the clock runs
                continue
            due_ns = clock.next_due_ns()
            self.wake.clear()
            timeout = max(0.0, (due_ns - clock.now_ns) / SECOND / clock.scale) if due_ns is not None and clock.scale > 0 else None
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.wake.wait(), timeout)

    async def advance(self, seconds: float) -> None:
        """Let so much exchange time pass at once; every timer on the way runs at its own time."""
        clock = self.exchange.clock
        target_ns = clock.now_ns + int(seconds * SECOND)
        ran = 0
        while clock.run_next(target_ns):
            ran += 1
            if ran % 64 == 0 or self.hub.is_behind():
                await self.hub.ease()
        clock.skip(max(0, target_ns - clock.now_ns))
        self.wake.set()

    async def until(self, is_so: Callable[[], bool], within_s: float) -> bool:
        """Wait (real seconds) until something is so; it is looked at whenever a call or a message has come or ended."""
        try:
            async with asyncio.timeout(within_s):
                while not is_so():
                    self._stirred.clear()
                    await self._stirred.wait()
        except TimeoutError:
            return False
        return True

    async def drain(self, within_s: float) -> bool:
        """Wait until no call is being answered and every websocket client has read what was sent to it."""
        return await self.until(lambda: self.running == 0, within_s) and await self.hub.flush(within_s)

    async def sleep(self, seconds: float) -> None:
        """Wait for exchange time to pass."""
        done = asyncio.Event()
        self.exchange.clock.call_later(seconds, done.set)
        self.wake.set()
        await done.wait()

    # Answering.

    def _handler(self, route: Route) -> Any:
        async def handle(request: web.Request) -> web.StreamResponse:
            try:
                call = await Call.read(request)
            except ConnectionResetError:
                return web.Response(status=400)  # whoever asked is gone in the middle of a word: nothing is done, nobody is told
            call.kind = route.kind
            self.calls.append({**call.facts(), "at": self.exchange.clock.stamp(), "time_ns": self.exchange.clock.now_ns})
            self.running += 1
            self._stirred.set()
            try:
                return await self._respond(request, route, call)
            finally:
                self.running -= 1
                self._stirred.set()

        return handle

    async def _respond(self, request: web.Request, route: Route, call: Call) -> web.StreamResponse:
        fault = self.faults.meet(call)
        if fault is None:
            answer = self._execute(route, call)
        elif fault.how == "token":
            self.exchange.end_session()
            answer = self._execute(route, call)
        else:
            done = self._execute(route, call) if fault.when == "after" else None
            if fault.how == "delay":
                await self.sleep(fault.seconds)
            if done is None and fault.how in ("delay", "cut"):
                done = self._execute(route, call)
            answer = done if done is not None and fault.how in ("delay", "cut") else await self._go_wrong(request, fault)
            if fault.how == "cut":
                self._send_raw(request, answer, fault.at, fault.with_reset)
            elif answer.content_type is None:  # aiohttp would put one in
                self._send_raw(request, answer, None, with_reset=False)
        return answer.response(self.exchange.clock.http_date())

    async def _go_wrong(self, request: web.Request, fault: Fault) -> Answer:
        transport = request.transport
        if fault.how == "silence":
            self.running -= 1  # it will not end: nobody should wait for it
            self._stirred.set()
            while transport is not None and not transport.is_closing():  # noqa: ASYNC110 -- nothing tells when a client leaves
                await asyncio.sleep(0.02)
            self.running += 1
        elif fault.how == "drop" and transport is not None:
            end(transport, fault.with_reset)
        return fault.answer()

    def _send_raw(self, request: web.Request, answer: Answer, at: int | None, with_reset: bool) -> None:
        """Write an answer's bytes, up to one of them or all, and close."""
        assert isinstance(request.transport, asyncio.Transport)
        request.transport.write(answer.raw(self.exchange.clock.http_date())[:at])
        end(request.transport, with_reset)

    def _execute(self, route: Route, call: Call) -> Answer:
        exchange = self.exchange
        try:
            if route.needs_session:
                call.token = exchange.sessions.check_header(call.headers.get("Authorization", ""))
            self.limits.check(route.kind)
            if route.needs_data and not self.options.data_plan:
                raise KiteError("PermissionException", NO_PERMISSION)
            if route.needs_ip and not self.options.ip_registered:
                raise KiteError("PermissionException", NO_IP)
            data = route.handler(exchange, call)
        except KiteError as error:
            return refusal(error)
        finally:
            self.wake.set()
        return data if isinstance(data, Answer) else success(data)

    async def _websocket(self, request: web.Request) -> web.StreamResponse:
        call = await Call.read(request)
        call.kind = "stream"
        self.calls.append({"method": "GET", "path": "/", "kind": "stream", "at": self.exchange.clock.stamp()})
        fault = self.faults.meet(call)
        if fault is not None:
            if fault.how == "delay":
                await self.sleep(fault.seconds)
            else:
                return (await self._go_wrong(request, fault)).response(self.exchange.clock.http_date())
        token = call.query.get("access_token", "")
        if not self.exchange.sessions.is_good(call.query.get("api_key", ""), token):
            return refusal(KiteError("TokenException", BAD_SESSION)).response(self.exchange.clock.http_date())
        if not self.options.data_plan:
            return refusal(KiteError("PermissionException", NO_PERMISSION)).response(self.exchange.clock.http_date())
        return await self.hub.serve(request, token)


def _not_found(exchange: Exchange, call: Call) -> None:
    raise KiteError("GeneralException", "Route not found", 404)

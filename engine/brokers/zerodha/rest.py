"""Zerodha's REST API by its official client, off the loop: calls wait their turn, and each ends in an answer or a BrokerError.

Exits, entries and questions have threads of their own, so that slow answers never stand before an exit. `open` imports the client.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from engine.brokers.zerodha.limiter import Call, Limiter
from engine.brokers.zerodha.outcome import error_of_meaning
from engine.brokers.zerodha.secrets import Secret, Spoken
from engine.core.errors import AuthenticationError, ConnectionLost, RateLimited

ROOT = "https://api.kite.trade"

TIMEOUTS_S = (3.0, 7.0)
"""Until there is a connection, and between two bytes of an answer."""

READ_TRIES = 2
"""A question may be asked again at once: the connection it went out on may have been closed while it lay idle."""

TURNS = 3
"""A question that came when it was too much is asked so often in all, after a rest each time."""

_THREADS = {"exits": 8, "entries": 8, "questions": 4}
_NOT_UNDERSTOOD = (KeyError, TypeError, ValueError, AttributeError, IndexError)
"""What the official client raises when a success lacks what it looks for."""


class KiteRest:
    """The REST side of one account."""

    def __init__(
        self,
        api_key: str,
        limiter: Limiter,
        *,
        root: str = ROOT,
        proxies: Mapping[str, str] | None = None,
        timeouts_s: tuple[float, float] = TIMEOUTS_S,
        now_ns: Callable[[], int] | None = None,
    ) -> None:
        """Nothing is imported or opened before `open`. `root` is the API's address; raises InvalidOption for an unsafe one.

        `now_ns` tells the time that the broker's is held against.
        """
        self._now_ns = now_ns
        self.limiter = limiter
        self.spoken = Spoken()
        """What no answer may say back."""
        self.on_dead_token: Callable[[str], None] = lambda reason: None
        """Told, on the loop, that a call found the session dead."""
        self._api_key, self._root, self._proxies, self._timeouts_s = api_key, root.rstrip("/"), proxies, timeouts_s
        self._token: Secret | None = None
        self._kite: Any = None
        self._pools: dict[str, ThreadPoolExecutor] = {}

    def open(self) -> None:
        """Import the official client and make one; for a worker thread, it takes a third of a second. Twice does no harm."""
        if self._kite is not None:
            return
        from kiteconnect import KiteConnect

        from engine.brokers.zerodha.transport import HardSession, require_safe_root

        logging.getLogger("urllib3").setLevel(logging.WARNING)  # it would write addresses with tokens
        kite = KiteConnect(self._api_key, root=require_safe_root(self._root))
        kite.reqsession.close()
        kite.reqsession = HardSession(self._timeouts_s, self._proxies, sum(_THREADS.values()), self._now_ns, self.spoken)
        if self._token is not None:
            kite.set_access_token(self._token.value)
        self._pools = {name: ThreadPoolExecutor(count, f"kite {name}") for name, count in _THREADS.items()}
        self._kite = kite

    @property
    def skew_s(self) -> float | None:
        """By how many seconds the broker's clock was ahead of ours at its last answer; None before the first."""
        return self._kite.reqsession.skew_s if self._kite is not None else None

    def close(self) -> None:
        """Close all connections; waits for calls that are out, at most as long as their time-outs."""
        kite, self._kite = self._kite, None
        for pool in self._pools.values():
            pool.shutdown(wait=True, cancel_futures=True)
        self._pools = {}
        if kite is not None:
            kite.reqsession.close()

    def use_token(self, token: Secret | None) -> None:
        """Speak with this access token from now on."""
        self._token = token
        if token is not None:
            self.spoken.add(token.value)
        if self._kite is not None:
            self._kite.set_access_token(token.value if token is not None else None)

    async def read(self, call: Call, method: str, /, *args: Any, **options: Any) -> Any:
        """Ask by a method of the official client; raises BrokerErrors. What was not answered, or came too fast, is asked again."""
        unanswered = refused = 0
        while True:
            await self.limiter.turn(call)
            try:
                return await self._run("questions", call, method, args, options)
            except ConnectionLost:
                unanswered += 1
                if unanswered == READ_TRIES:
                    raise
            except RateLimited:
                refused += 1
                if refused == TURNS:
                    raise

    async def write(
        self,
        method: str,
        /,
        *args: Any,
        is_urgent: bool = False,
        is_new_order: bool = False,
        last_look: Callable[[], str] | None = None,
        **options: Any,
    ) -> Any:
        """Place, change or cancel by a method of the official client, once; raises BrokerErrors, OutcomeUnknown among them.

        `last_look` is asked in the sending thread, when nothing is left to wait for; what it says against it is raised as ConnectionLost.
        """
        self._require_token()
        await self.limiter.turn(Call.ORDER, is_urgent=is_urgent, is_new_order=is_new_order, last_look=last_look)
        answer = await self._run("exits" if is_urgent else "entries", Call.ORDER, method, args, options, last_look)
        if not answer:
            raise error_of_meaning(ValueError(), True)
        return answer

    def ask_now(self, method: str, /, *args: Any) -> Any:
        """Call a method of the official client in the caller's thread, past the limiter: for the log-in only."""
        self.open()
        return self._ask(False, method, args, {})

    async def _run(
        self,
        lane: str,
        call: Call,
        method: str,
        args: tuple[Any, ...],
        options: dict[str, Any],
        last_look: Callable[[], str] | None = None,
    ) -> Any:
        self._require_token()
        pool = self._pools.get(lane)
        if pool is None:
            raise AuthenticationError("Expected an open session with Zerodha, was none; connect first.")
        try:
            ask = partial(self._ask, lane != "questions", method, args, options, last_look)
            answer = await asyncio.get_running_loop().run_in_executor(pool, ask)
        except RateLimited:
            self.limiter.refused(call)
            raise
        except AuthenticationError as error:
            self.on_dead_token(str(error))
            raise
        self.limiter.answered(call)
        return answer

    def _ask(
        self, is_write: bool, method: str, args: tuple[Any, ...], options: dict[str, Any], last_look: Callable[[], str] | None = None
    ) -> Any:
        if last_look is not None and (why := last_look()):
            raise ConnectionLost(why)
        try:
            return getattr(self._kite, method)(*args, **options)
        except _NOT_UNDERSTOOD as error:
            raise error_of_meaning(error, is_write) from None

    def _require_token(self) -> None:
        if self._token is None:
            raise AuthenticationError("Expected a session with Zerodha, was none; log in: Connect in the window, or `shikra login`.")

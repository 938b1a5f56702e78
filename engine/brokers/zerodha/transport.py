"""The wire under the official Kite client: a session of `requests` that follows no redirect, asks no proxy and repeats nothing.

Every answer is judged here, before the client reads it, so that what reaches it is a success. To be imported when a session opens.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

from requests import RequestException, Response, Session
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError

from engine.brokers.zerodha.outcome import Reply, error_of_exception, error_of_reply
from engine.brokers.zerodha.secrets import Spoken
from engine.core.errors import InvalidOption

_WRITES = ("/orders", "/gtt", "/portfolio")
"""Beginnings of the paths where anything but a GET does something."""

_LOG_IN = "/session/token"
"""The one path whose answer is a secret."""

_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


class HardSession(Session):
    """One session for one account."""

    def __init__(
        self,
        timeouts_s: tuple[float, float],
        proxies: Mapping[str, str] | None = None,
        pool: int = 16,
        now_ns: Callable[[], int] | None = None,
        spoken: Spoken | None = None,
    ) -> None:
        """`timeouts_s`: until there is a connection, and between two bytes of an answer.

        `proxies` as `requests` takes them; those of the environment are not looked at. `now_ns` tells the time that the broker's is
        held against; `spoken` is struck out of all answers.
        """
        super().__init__()
        self.skew_s: float | None = None
        """By how many seconds the broker's clock was ahead of ours at its last answer; None before the first."""
        self._now_ns = now_ns
        self._spoken = spoken if spoken is not None else Spoken()
        self.trust_env = False
        self._timeouts_s = timeouts_s
        self._chosen_proxies = dict(proxies or {})
        for prefix in ("https://", "http://"):
            self.mount(prefix, HTTPAdapter(pool_connections=2, pool_maxsize=pool, max_retries=0))

    def request(self, method: str, url: str | bytes, *args: Any, **options: Any) -> Response:
        """Send one request once; raises the BrokerErrors of `outcome` for everything but a success."""
        options |= {"allow_redirects": False, "verify": True, "timeout": self._timeouts_s, "proxies": self._chosen_proxies}
        is_write = method != "GET" and urlsplit(str(url)).path.startswith(_WRITES)
        asked_ns = self._now_ns() if self._now_ns is not None else 0
        try:
            response = super().request(method, url, *args, **options)
            self._look_at_clock(response.headers.get("date", ""), asked_ns)
            reply = Reply(response.status_code, self._spoken.strike_bytes(response.content), response.headers.get("content-type", ""))
        except (RequestException, HTTPError, OSError) as failure:
            raise error_of_exception(failure, is_write) from None
        if (error := error_of_reply(reply, is_write)) is not None:
            raise error
        if urlsplit(str(url)).path != _LOG_IN:
            response._content = reply.body  # where the client reads it
        if "csv" not in reply.content_type:
            response.headers["content-type"] = "application/json"
        return response

    def _look_at_clock(self, said: str, asked_ns: int) -> None:
        """Hold the time of an answer, in whole seconds, against ours half-way between asking and hearing."""
        if self._now_ns is None:
            return
        try:
            told_s = parsedate_to_datetime(said).timestamp()
        except ValueError:
            return
        self.skew_s = told_s + 0.5 - (asked_ns + self._now_ns()) / 2e9


def require_safe_root(root: str) -> str:
    """Return the root of an API without its last slash; raises InvalidOption for one that would send tokens in the clear."""
    parts = urlsplit(root)
    is_safe = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)
    if not is_safe or not parts.hostname:
        raise InvalidOption(f"Expected an https address for Zerodha's API, was {root!r}; only on this machine itself it may be http.")
    return root.rstrip("/")

"""Who is logged in: request tokens that work once and for a few minutes, access tokens that die at six in the morning."""

from __future__ import annotations

import hashlib
import random
import string
from dataclasses import dataclass
from datetime import timedelta

from tests.kite_exchange.clock import SECOND, Clock, day_ns
from tests.kite_exchange.errors import BAD_SESSION, KiteError
from tests.kite_exchange.options import Options

REQUEST_LIVES_S = 300


@dataclass(slots=True)
class Session:
    """One access token and until when it is good."""

    token: str
    expires_ns: int
    login_time: str


class Sessions:
    """The tokens of the one account."""

    def __init__(self, options: Options, clock: Clock) -> None:
        self._options = options
        self._clock = clock
        self._random = random.Random(options.seed)
        self._requests: dict[str, int] = {}
        self.live: dict[str, Session] = {}

    def _word(self) -> str:
        return "".join(self._random.choices(string.ascii_letters + string.digits, k=32))

    def request_token(self) -> str:
        """Issue the token of a login redirect."""
        token = self._word()
        self._requests[token] = self._clock.now_ns + REQUEST_LIVES_S * SECOND
        return token

    def exchange(self, api_key: str, request_token: str, checksum: str) -> Session:
        """Turn a request token into a session.

        Raises:
            KiteError: wrong key, wrong secret, or a token that is unknown, used or too old.
        """
        if api_key != self._options.api_key:
            raise KiteError("TokenException", "Invalid `api_key`.")
        expires_ns = self._requests.get(request_token, 0)
        if expires_ns <= self._clock.now_ns:
            self._requests.pop(request_token, None)
            raise KiteError("TokenException", "Token is invalid or has expired.")
        text = f"{api_key}{request_token}{self._options.api_secret}"
        if checksum != hashlib.sha256(text.encode()).hexdigest():
            raise KiteError("TokenException", "Invalid `checksum`.")
        del self._requests[request_token]
        return self.open()

    def open(self) -> Session:
        """Begin a session, which ends at 06:00 in India."""
        now = self._clock.ist()
        day = now.date() if now.hour < 6 else now.date() + timedelta(days=1)
        session = Session(self._word(), day_ns(day) + 6 * 3600 * SECOND, self._clock.stamp())
        self.live[session.token] = session
        return session

    def is_good(self, api_key: str, token: str) -> bool:
        """Whether this pair may call now."""
        session = self.live.get(token)
        return (
            api_key == self._options.api_key
            and session is not None
            and (self._clock.now_ns < session.expires_ns or not self._options.sessions_expire)
        )

    def check_header(self, header: str) -> str:
        """Return the access token of an `Authorization` header.

        Raises:
            KiteError: not a live session.
        """
        word, _, pair = header.partition(" ")
        api_key, _, token = pair.partition(":")
        if word != "token" or not self.is_good(api_key, token):
            raise KiteError("TokenException", BAD_SESSION)
        return token

    def kill(self, token: str = "") -> None:
        """End one session, or all."""
        if token:
            self.live.pop(token, None)
        else:
            self.live.clear()

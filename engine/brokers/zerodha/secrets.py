"""API secret and access token: in memory while they are used, in the operating system's keyring between two runs, nowhere else.

A secret never shows itself by accident: not in a repr, not in an f-string, not in a log. `value` is the one way to it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import TypeVar

from engine.clock import IST, ist
from engine.keyrings import Keyring, MemoryKeyring, Secret, ask, system_keyring

__all__ = ["SERVICE", "Keyring", "MemoryKeyring", "Secret", "Spoken", "Token", "Vault", "expiry_ns", "system_keyring"]

T = TypeVar("T")

SERVICE = "shikra.zerodha"

LEAST_SECRET = 8
"""Characters of the shortest secret; Kite's have 32."""

STRUCK = "***"
"""What stands in a secret's place."""

TOKENS_END = time(6, 0)
"""India's time at which every access token dies."""


@dataclass(frozen=True, slots=True)
class Token:
    """A session's access token, whose it is, and when it dies."""

    access: Secret
    user_id: str
    user_name: str
    expires_ns: int


def expiry_ns(login_ns: int) -> int:
    """Return when the token of a log-in dies: the next 06:00 in India."""
    login = ist(login_ns)
    day = login.date() if login.time() < TOKENS_END else login.date() + timedelta(days=1)
    return round(datetime.combine(day, TOKENS_END, IST).timestamp()) * 1_000_000_000


class Spoken:
    """Every secret that was sent to Zerodha: whatever comes back is to have none of them in it, for it is kept, shown and passed on."""

    def __init__(self) -> None:
        self._values: tuple[str, ...] = ()

    def add(self, secret: str) -> None:
        """Know one more; from any thread. One that is too short to be told from an ordinary word is none."""
        if len(secret) >= LEAST_SECRET and secret not in self._values:
            self._values = (*self._values, secret)

    def strike(self, text: str) -> str:
        """Strike them out of a text."""
        for value in self._values:
            text = text.replace(value, STRUCK)
        return text

    def strike_bytes(self, body: bytes) -> bytes:
        """Strike them out of a body."""
        for value in self._values:
            body = body.replace(value.encode(), STRUCK.encode())
        return body


class Vault:
    """The secrets of one API key in a keyring."""

    def __init__(self, api_key: str, keyring: Keyring | None = None) -> None:
        """Without a keyring the system's is asked for when it is first needed."""
        self._api_key = api_key
        self._keyring = keyring

    @property
    def api_secret(self) -> Secret:
        """Return the API secret, empty when none is kept; raises AuthenticationError when there is no keyring."""
        return Secret(self._get("secret") or "")

    def keep_api_secret(self, secret: Secret) -> None:
        """Keep the API secret; raises AuthenticationError when there is no keyring."""
        self._set("secret", secret.value)

    def token(self, now_ns: int) -> Token | None:
        """Return the token if it is alive; a dead one is forgotten. Raises AuthenticationError when there is no keyring."""
        kept = self._get("token")
        if kept is None:
            return None
        try:
            said = json.loads(kept)
            token = Token(Secret(said["access"]), said["user_id"], said["user_name"], int(said["expires_ns"]))
        except (ValueError, KeyError, TypeError):
            self.forget_token()
            return None
        if now_ns >= token.expires_ns:
            self.forget_token()
            return None
        return token

    def keep_token(self, token: Token) -> None:
        """Keep the token until it dies; raises AuthenticationError when there is no keyring."""
        fields = {"access": token.access.value, "user_id": token.user_id, "user_name": token.user_name, "expires_ns": token.expires_ns}
        self._set("token", json.dumps(fields))

    def forget_token(self) -> None:
        """Forget the token, if any is kept."""
        self._delete("token")

    def forget_all(self) -> None:
        """Forget API secret and token."""
        self._delete("token")
        self._delete("secret")

    def _get(self, what: str) -> str | None:
        return self._ask(lambda keyring: keyring.get_password(SERVICE, f"{self._api_key}:{what}"))

    def _set(self, what: str, value: str) -> None:
        self._ask(lambda keyring: keyring.set_password(SERVICE, f"{self._api_key}:{what}", value))

    def _delete(self, what: str) -> None:
        if self._get(what) is not None:
            self._ask(lambda keyring: keyring.delete_password(SERVICE, f"{self._api_key}:{what}"))

    def _ask(self, question: Callable[[Keyring], T]) -> T:
        if self._keyring is None:
            self._keyring = system_keyring()
        return ask(self._keyring, question)

"""API secret and access token: in memory while they are used, in the operating system's keyring between two runs, nowhere else.

A secret never shows itself by accident: not in a repr, not in an f-string, not in a log. `value` is the one way to it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Protocol, TypeVar

from engine.clock import IST, ist
from engine.core.errors import AuthenticationError

T = TypeVar("T")

SERVICE = "shikra.zerodha"

TOKENS_END = time(6, 0)
"""India's time at which every access token dies."""

_UNSAFE = ("keyring.backends.fail", "keyring.backends.null", "keyrings.alt")
"""Keyrings that keep nothing, or keep it in the clear."""

_NO_KEYRING = (
    "Expected a keyring of the operating system to keep secrets in, was {was}; unlock or install one (Secret Service on Linux), "
    "or hand the API secret to create_broker and log in anew each time."
)


class Secret:
    """A value that is used and never shown."""

    __slots__ = ("value",)

    def __init__(self, value: str) -> None:
        self.value = value

    def __repr__(self) -> str:
        """Hide it."""
        return "Secret(***)"

    __str__ = __repr__

    def __bool__(self) -> bool:
        """Tell whether there is any."""
        return bool(self.value)


class Keyring(Protocol):
    """What of a keyring is used; the module `keyring` offers it, and a test's own."""

    def get_password(self, service: str, username: str) -> str | None:
        """Return what is kept under a name, None when nothing is."""
        ...

    def set_password(self, service: str, username: str, password: str) -> None:
        """Keep something under a name."""
        ...

    def delete_password(self, service: str, username: str) -> None:
        """Forget what is kept under a name."""
        ...


class MemoryKeyring:
    """Keeps secrets as long as this process lives: for tests, and where the system has no keyring."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        """Return what is kept under a name, None when nothing is."""
        return self._kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        """Keep something under a name."""
        self._kept[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        """Forget what is kept under a name."""
        self._kept.pop((service, username), None)


def system_keyring() -> Keyring:
    """Return the operating system's keyring; raises AuthenticationError when there is none that encrypts what it keeps."""
    import keyring
    from keyring.errors import KeyringError

    try:
        backend = keyring.get_keyring()
        is_real = float(backend.priority) >= 1
    except (KeyringError, RuntimeError):
        raise AuthenticationError(_NO_KEYRING.format(was="none")) from None
    if not is_real or type(backend).__module__.startswith(_UNSAFE):
        raise AuthenticationError(_NO_KEYRING.format(was="none that keeps them safe"))
    return backend


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
        if isinstance(self._keyring, MemoryKeyring):
            return question(self._keyring)
        from keyring.errors import KeyringError

        try:
            return question(self._keyring)
        except KeyringError as error:
            raise AuthenticationError(_NO_KEYRING.format(was=f"one that refuses ({type(error).__name__})")) from None

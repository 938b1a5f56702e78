"""The operating system's keyring, and values that never show themselves: for every part that has a secret to keep.

A secret never shows itself by accident: not in a repr, not in an f-string, not in a log. `value` is the one way to it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

from engine.core.errors import AuthenticationError

T = TypeVar("T")

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


def ask(keyring: Keyring, question: Callable[[Keyring], T]) -> T:
    """Ask a keyring; raises AuthenticationError when it refuses."""
    if isinstance(keyring, MemoryKeyring):
        return question(keyring)
    from keyring.errors import KeyringError

    try:
        return question(keyring)
    except KeyringError as error:
        raise AuthenticationError(_NO_KEYRING.format(was=f"one that refuses ({type(error).__name__})")) from None

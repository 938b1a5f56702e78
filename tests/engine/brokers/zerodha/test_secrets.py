"""Secrets: kept in a keyring only, gone at six, and never shown."""

from __future__ import annotations

import logging
from datetime import UTC, datetime

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.errors import KeyringLocked

from engine.brokers.zerodha.secrets import SERVICE, MemoryKeyring, Secret, Token, Vault, expiry_ns, system_keyring
from engine.core.errors import AuthenticationError


def at(day: int, hour: int, minute: int = 0) -> int:
    """Return a time of India's clock in November 2026."""
    return int(datetime(2026, 11, day, hour, minute, tzinfo=UTC).timestamp() - 19_800) * 1_000_000_000


@pytest.mark.parametrize(
    ("login", "end"), [(at(23, 9), at(24, 6)), (at(23, 5, 59), at(23, 6)), (at(23, 6), at(24, 6)), (at(22, 23), at(23, 6))]
)
def test_a_token_dies_at_the_next_six_in_the_morning(login: int, end: int) -> None:
    assert expiry_ns(login) == end


def test_a_secret_is_never_shown(caplog: pytest.LogCaptureFixture) -> None:
    secret = Secret("s3cr3t")
    token = Token(secret, "AB1234", "Asha", 1)
    with caplog.at_level(logging.INFO):
        logging.getLogger("test").info("%s %r %s", secret, secret, token)
    assert "s3cr3t" not in caplog.text + f"{secret} {token!r}"
    assert secret.value == "s3cr3t"
    assert not Secret("")


def test_a_token_is_kept_until_it_dies_and_then_forgotten() -> None:
    ring = MemoryKeyring()
    vault = Vault("KEY", ring)
    assert vault.token(0) is None
    vault.keep_token(Token(Secret("tok"), "AB1234", "Asha", 100))
    found = Vault("KEY", ring).token(99)
    assert found is not None
    assert (found.access.value, found.user_id, found.user_name, found.expires_ns) == ("tok", "AB1234", "Asha", 100)
    assert Vault("OTHER", ring).token(99) is None
    assert vault.token(100) is None
    assert ring.get_password(SERVICE, "KEY:token") is None


def test_what_is_kept_and_makes_no_sense_is_forgotten() -> None:
    ring = MemoryKeyring()
    ring.set_password(SERVICE, "KEY:token", "{}")
    assert Vault("KEY", ring).token(0) is None
    assert ring.get_password(SERVICE, "KEY:token") is None


def test_the_api_secret_is_kept_and_forgotten() -> None:
    vault = Vault("KEY", MemoryKeyring())
    assert not vault.api_secret
    vault.keep_api_secret(Secret("s"))
    assert vault.api_secret.value == "s"
    vault.forget_all()
    vault.forget_all()
    assert not vault.api_secret


class Backend(KeyringBackend):
    """A keyring of the system that works, or is locked."""

    priority = 5  # type: ignore[assignment]
    locked = False

    def get_password(self, service: str, username: str) -> str | None:
        if self.locked:
            raise KeyringLocked("SECRET")
        return "kept"

    def set_password(self, service: str, username: str, password: str) -> None: ...


def test_the_system_keyring_is_used_when_it_is_safe(monkeypatch: pytest.MonkeyPatch) -> None:
    backend = Backend()
    monkeypatch.setattr(keyring, "get_keyring", lambda: backend)
    assert system_keyring() is backend
    assert Vault("KEY").api_secret.value == "kept"
    backend.locked = True
    with pytest.raises(AuthenticationError, match="refuses") as caught:
        _ = Vault("KEY").api_secret
    assert "SECRET" not in str(caught.value)


def test_a_keyring_that_keeps_nothing_is_refused_with_a_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    from keyring.backends.fail import Keyring as Failing
    from keyring.backends.null import Keyring as Null

    class Plain(Backend):
        """Keeps secrets in the clear."""

    Plain.__module__ = "keyrings.alt.file"
    for backend in (Failing(), Null(), Plain()):
        monkeypatch.setattr(keyring, "get_keyring", lambda backend=backend: backend)
        with pytest.raises(AuthenticationError, match=r"unlock or install one.*log in anew"):
            system_keyring()

"""A keyring in a file, for terminals of tests.

`PYTHON_KEYRING_BACKEND=shikra_test_keyring.FileKeyring` chooses it, SHIKRA_TEST_KEYRING names its file.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

from keyring.backend import KeyringBackend


class FileKeyring(KeyringBackend):
    """Keeps passwords in the clear, so that a test can read and plant them; another process sees a change at once."""

    priority = 5  # type: ignore[assignment]  # a plain number serves as the property that the base class has

    def _read(self) -> dict[str, str]:
        path = Path(os.environ["SHIKRA_TEST_KEYRING"])
        return dict(json.loads(path.read_text(encoding="utf-8"))) if path.exists() else {}

    def _write(self, kept: dict[str, str]) -> None:
        path = Path(os.environ["SHIKRA_TEST_KEYRING"])
        fresh = path.with_suffix(f".{os.getpid()}")
        fresh.write_text(json.dumps(kept), encoding="utf-8")
        fresh.replace(path)

    def get_password(self, service: str, username: str) -> str | None:
        """Return a password, None when there is none."""
        return self._read().get(f"{service} {username}")

    def set_password(self, service: str, username: str, password: str) -> None:
        """Keep a password."""
        self._write(self._read() | {f"{service} {username}": password})

    def delete_password(self, service: str, username: str) -> None:
        """Forget a password."""
        self._write({name: kept for name, kept in self._read().items() if name != f"{service} {username}"})

"""The keys to the REST API: one for looking, one for paper, one for real money; random, kept for their owner alone, changed at will.

A token is sent in a header, never in an address. The file is read again whenever it changed, so that another process may make or
revoke one while the server runs.
"""

from __future__ import annotations

import hmac
import json
import secrets
from enum import IntEnum
from pathlib import Path

from engine.core.errors import InvalidOption, UserError, did_you_mean
from terminal.settings import write_whole

FILE_NAME = "api_tokens.json"
BYTES = 32


class Scope(IntEnum):
    """What a token may do; each may also do what the lower ones may."""

    READ = 1
    PAPER = 2
    LIVE = 3


def scope_named(name: str) -> Scope:
    """Return the scope of a name: read, paper or live; raises InvalidOption."""
    names = {scope.name.lower(): scope for scope in Scope}
    if name not in names:
        raise InvalidOption(f'Expected a scope of {", ".join(names)}, was "{name}"{did_you_mean(name, names)}')
    return names[name]


class Tokens:
    """The tokens of one data folder."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE_NAME
        self._stamp = (0, 0)
        self._kept: dict[Scope, str] = {}

    def get(self, scope: Scope) -> str:
        """Return the token of a scope, made now if there is none; raises UserError when it cannot be kept."""
        self._look()
        return self._kept[scope] if scope in self._kept else self.rotate(scope)

    def rotate(self, scope: Scope) -> str:
        """Make another token for a scope; the old one is worth nothing any more."""
        self._look()
        self._kept[scope] = secrets.token_urlsafe(BYTES)
        self._write()
        return self._kept[scope]

    def revoke(self) -> None:
        """Let no token be worth anything any more."""
        self._kept = {}
        self._write()

    def scope_of(self, token: str) -> Scope | None:
        """Return what a token may do, None for one that is not known; takes the same time for every wrong one."""
        self._look()
        given, found = token.encode(), None
        for scope, kept in self._kept.items():
            if hmac.compare_digest(given, kept.encode()):
                found = scope
        return found

    def proofs(self, nonce: str) -> list[str]:
        """Return, for each token, the proof that this is the server that knows it: HMAC-SHA256 of the client's random word."""
        self._look()
        return [proof_of(token, nonce) for token in self._kept.values()]

    def _look(self) -> None:
        try:
            status = self._path.stat()
        except FileNotFoundError:
            self._kept, self._stamp = {}, (0, 0)
            return
        stamp = (status.st_mtime_ns, status.st_ino)
        if stamp == self._stamp:
            return
        try:
            said = json.loads(self._path.read_text(encoding="utf-8"))
            self._kept = {scope_named(name): str(token) for name, token in said.items()}
        except (OSError, ValueError, AttributeError, InvalidOption):
            # What cannot be read opens nothing.
            self._kept = {}
        self._stamp = stamp

    def _write(self) -> None:
        try:
            write_whole(self._path, json.dumps({scope.name.lower(): token for scope, token in self._kept.items()}))
        except OSError as error:
            raise UserError(f"Expected a data folder that can be written, was {self._path.parent} ({error.strerror}).") from error
        self._stamp = (0, 0)


def proof_of(token: str, nonce: str) -> str:
    """Return HMAC-SHA256 of a random word under a token, in hex."""
    return hmac.new(token.encode(), nonce.encode(), "sha256").hexdigest()

"""Remembers what was asked under which request id, over a restart too: a script that asks again gets the same answer, nothing twice."""

from __future__ import annotations

import hashlib
from typing import Any

from pydantic import BaseModel

from engine.store import Setting
from terminal.api.backend import Backend
from terminal.api.gate import Refused

KEPT = "api_requests"
MOST = 1_000


class Requests:
    """The request ids of one desk."""

    def __init__(self, backend: Backend, kept: str = KEPT) -> None:
        """`kept` is the setting that remembers them; each group of endpoints has its own."""
        self._backend = backend
        self._kept = kept
        self._known: dict[str, list[str]] | None = None

    def answer_to(self, request_id: str | None, what: str, body: BaseModel) -> str | None:
        """Return what was made under this id, None when it is new; raises Refused when it was used for something else."""
        if request_id is None:
            return None
        known = self._all().get(request_id)
        if known is None:
            return None
        if known[0] != _print_of(what, body):
            raise Refused(
                409, "other_request", f"Expected a client_request_id of its own, was {request_id} of another request; make a new one."
            )
        return known[1]

    def keep(self, request_id: str | None, what: str, body: BaseModel, answer: str) -> None:
        """Remember what was made under this id."""
        if request_id is None:
            return
        known = self._all()
        known[request_id] = [_print_of(what, body), answer]
        while len(known) > MOST:
            del known[next(iter(known))]
        self._backend.engine.session.store.write(Setting(self._kept, dict(known)))

    def _all(self) -> dict[str, list[str]]:
        if self._known is None:
            kept: Any = self._backend.engine.session.store.settings().get(self._kept)
            self._known = dict(kept) if isinstance(kept, dict) else {}
        return self._known


def _print_of(what: str, body: BaseModel) -> str:
    return hashlib.sha256(f"{what}\n{body.model_dump_json()}".encode()).hexdigest()

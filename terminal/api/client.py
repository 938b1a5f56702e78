"""Drives a running terminal from a script of the same user: `with Client() as shikra: shikra.deploy(...)`.

Before it shows its token it has the server prove that it knows it, so that a stranger on the port learns nothing. What the terminal
refuses is raised as ApiError, with its sentence.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

import requests
from pydantic import BaseModel
from requests.adapters import HTTPAdapter
from urllib3 import Retry

from engine.core.errors import TradingError
from engine.folders import home_folder
from terminal.api import schemas
from terminal.api.owners import OwnerInfo, OwnerList
from terminal.api.risk import RiskInfo
from terminal.api.tokens import Scope, Tokens, proof_of

M = TypeVar("M", bound=BaseModel)

URL = "http://127.0.0.1:8050"
TIMEOUT_S = 10.0
BACKTEST_S = 600.0


class ApiError(TradingError):
    """The terminal refused; `status` is that of HTTP, `kind` its word for the reason."""

    def __init__(self, status: int, kind: str, message: str) -> None:
        super().__init__(message)
        self.status, self.kind = status, kind


class Client:
    """One terminal, seen from a script."""

    def __init__(self, url: str = URL, token: str | None = None, *, folder: Path | None = None) -> None:
        """Without a token the one for paper of this user's data folder is taken. Raises ApiError when nobody, or a stranger, answers."""
        self._url = url.rstrip("/")
        self._token = token if token is not None else Tokens(folder or home_folder()).get(Scope.PAPER)
        self._session = requests.Session()
        self._session.trust_env = False
        # A connection may be let go of just when it is used again: what only reads is asked once more, what changes something never.
        self._session.mount("http://", HTTPAdapter(max_retries=Retry(1, connect=0, redirect=0, status=0, allowed_methods=("GET",))))
        self._verify()
        self._session.headers["Authorization"] = f"Bearer {self._token}"

    def __enter__(self) -> Client:
        """Use it in a `with` block."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Close the connection."""
        self.close()

    def close(self) -> None:
        """Close the connection."""
        self._session.close()

    def strategies(self) -> list[schemas.Strategy]:
        """List all strategies."""
        return self._ask("GET", "/api/strategies", schemas.StrategyList).strategies

    def strategy(self, strategy_id: str) -> schemas.Strategy:
        """Return one strategy."""
        return self._ask("GET", f"/api/strategies/{strategy_id}", schemas.Strategy)

    def templates(self) -> list[schemas.TemplateInfo]:
        """List the templates with their parameters."""
        return self._ask("GET", "/api/strategies/templates", schemas.TemplateList).templates

    def create(self, new: schemas.NewStrategy) -> schemas.Strategy:
        """Make a strategy; it stands still."""
        return self._ask("POST", "/api/strategies", schemas.Strategy, new)

    def update(self, strategy_id: str, new: schemas.NewStrategy) -> schemas.Strategy:
        """Put another one in its place."""
        return self._ask("PUT", f"/api/strategies/{strategy_id}", schemas.Strategy, new)

    def delete(self, strategy_id: str) -> None:
        """Forget a strategy that stands still and holds nothing."""
        self._ask("DELETE", f"/api/strategies/{strategy_id}", schemas.Done)

    def deploy(self, strategy_id: str, mode: schemas.Mode = "paper") -> schemas.Strategy:
        """Start it, on paper or live."""
        return self._ask("POST", f"/api/strategies/{strategy_id}/deploy", schemas.Strategy, schemas.Deploy(mode=mode))

    def stop(self, strategy_id: str) -> schemas.Strategy:
        """Stop it; its position stays."""
        return self._ask("POST", f"/api/strategies/{strategy_id}/stop", schemas.Strategy)

    def pause(self, strategy_id: str) -> schemas.Strategy:
        """Let it open nothing more."""
        return self._ask("POST", f"/api/strategies/{strategy_id}/pause", schemas.Strategy)

    def resume(self, strategy_id: str) -> schemas.Strategy:
        """Let it open positions again."""
        return self._ask("POST", f"/api/strategies/{strategy_id}/resume", schemas.Strategy)

    def emergency_stop(self, strategy_id: str) -> schemas.Strategy:
        """Stop it, cancel its orders and close its position."""
        return self._ask("POST", f"/api/strategies/{strategy_id}/emergency-stop", schemas.Strategy)

    def backtest(self, strategy_id: str, request: schemas.BacktestRequest | None = None) -> schemas.Job:
        """Backtest it and wait for the result."""
        asked = (request or schemas.BacktestRequest()).model_copy(update={"wait": True})
        return self._ask("POST", f"/api/strategies/{strategy_id}/backtest", schemas.Job, asked, timeout_s=BACKTEST_S)

    def orders(self) -> list[schemas.OrderInfo]:
        """List the orders."""
        return self._ask("GET", "/api/orders", schemas.OrderList).orders

    def positions(self) -> list[schemas.PositionInfo]:
        """List the net positions."""
        return self._ask("GET", "/api/positions", schemas.PositionList).positions

    def owners(self) -> list[OwnerInfo]:
        """List what each strategy, the hand, and whoever is outside holds and has made."""
        return self._ask("GET", "/api/owners", OwnerList).owners

    def risk(self) -> RiskInfo:
        """Return what the account may do, and who is held back."""
        return self._ask("GET", "/api/risk", RiskInfo)

    def health(self) -> schemas.Health:
        """Tell whether it works."""
        return self._ask("GET", "/api/health", schemas.Health)

    def kill(self, reason: str, *, flatten: bool = False) -> None:
        """Stop all trading now."""
        self._ask("POST", "/api/kill", schemas.Done, schemas.Reason(reason=reason, flatten=flatten))

    def events(self, after: int | None = None, channels: str = "orders,fills,positions,strategies,alerts") -> Iterator[dict[str, Any]]:
        """Walk over what happens, as it happens; `after` is the number of the last event that was seen."""
        from websockets.sync.client import connect

        url = f"{self._url.replace('http', 'ws', 1)}/api/stream?channels={channels}" + ("" if after is None else f"&after={after}")
        with connect(url, additional_headers={"Authorization": f"Bearer {self._token}"}, proxy=None) as socket:
            for text in socket:
                yield json.loads(text)

    def _verify(self) -> None:
        nonce = secrets.token_urlsafe(24)
        proof = self._ask("GET", f"/api/hello?nonce={nonce}", schemas.Proof)
        if proof_of(self._token, nonce) not in proof.proofs:
            raise ApiError(
                0, "stranger", f"Expected the terminal at {self._url}, was something that does not know the token; was it revoked?"
            )

    def _ask(self, method: str, path: str, model: type[M], body: BaseModel | None = None, *, timeout_s: float = TIMEOUT_S) -> M:
        given = None if body is None else body.model_dump(mode="json", exclude_none=True)
        try:
            answer = self._session.request(method, self._url + path, json=given, timeout=timeout_s, allow_redirects=False)
        except requests.RequestException as error:
            raise ApiError(
                0, "no_answer", f"Expected a terminal at {self._url}, was no answer ({type(error).__name__}); start one."
            ) from None
        try:
            said = answer.json()
        except ValueError:
            raise ApiError(answer.status_code, "no_json", f"Expected JSON of {path}, was something else; who has that port?") from None
        if not answer.ok:
            error_said = said.get("error", {}) if isinstance(said, dict) else {}
            raise ApiError(answer.status_code, str(error_said.get("type", "")), str(error_said.get("message", answer.reason)))
        return model.model_validate(said)

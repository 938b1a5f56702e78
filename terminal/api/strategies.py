"""Strategies over the REST API: made, changed, deployed, stopped, through the same door as a click.

The same request id again gives the same answer. A strategy that was made stands still until it is deployed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from engine.clock import Clock
from engine.core.errors import InvalidOption
from engine.core.model import StrategyStatus
from engine.core.registry import TEMPLATES
from engine.executor.config import CALLBACK, WITHOUT_RULES
from terminal.api.backend import Backend
from terminal.api.gate import Refused
from terminal.api.requests import Requests
from terminal.api.schemas import (
    MINUTES,
    Deploy,
    Done,
    NewStrategy,
    Strategy,
    StrategyId,
    StrategyList,
    TemplateInfo,
    TemplateList,
    TemplateParameter,
)
from terminal.api.tokens import Tokens
from terminal.api.words import strategy_words

_FRAMES = {minutes: name for name, minutes in MINUTES.items()}


class StrategyRoutes:
    """Handlers of /api/strategies."""

    def __init__(self, backend: Backend, tokens: Tokens, clock: Clock) -> None:
        self._backend = backend
        self._requests = Requests(backend)

    async def list_all(self) -> StrategyList:
        """List all strategies, those that stand still too."""
        return StrategyList(strategies=[self._told(strategy_id) for strategy_id in self._backend.view.strategies])

    async def one(self, strategy_id: StrategyId) -> Strategy:
        """Show one strategy with its figures."""
        return self._told(strategy_id)

    async def status(self, strategy_id: StrategyId) -> Strategy:
        """Show how one stands."""
        return self._told(strategy_id)

    async def templates(self) -> TemplateList:
        """List the templates and what each can be run with."""
        made = [
            TemplateInfo(
                name=template.name,
                title=template.title,
                parameters=[
                    TemplateParameter(name=p.name, default=p.default, low=p.low, high=p.high, is_whole=p.is_whole)
                    for p in template.parameters
                ],
            )
            for _, template in TEMPLATES.items()
        ]
        return TemplateList(templates=made, timeframes=list(MINUTES))

    async def create(self, body: NewStrategy) -> Strategy:
        """Make a strategy; a custom one trades by its rules, or without any as the EMA crossover does."""
        known = self._requests.answer_to(body.client_request_id, "create", body)
        if known is None or known not in self._backend.view.strategies:
            known = str(self._backend.actions.ask("strategy.add", config_of(body)))
            self._requests.keep(body.client_request_id, "create", body, known)
        return self._told(known)

    async def update(self, strategy_id: StrategyId, body: NewStrategy) -> Strategy:
        """Put another one in its place, under the same id."""
        self._status(strategy_id)
        self._backend.actions.ask("strategy.change", (strategy_id, config_of(body)))
        return self._told(strategy_id)

    async def delete(self, strategy_id: StrategyId) -> Done:
        """Forget it; its orders and fills stay."""
        name = self._status(strategy_id).name
        self._backend.actions.ask("strategy.remove", strategy_id)
        return Done(message=f"{name} is forgotten.")

    async def deploy(self, strategy_id: StrategyId, body: Deploy) -> Strategy:
        """Start it where the terminal trades."""
        status, mode = self._status(strategy_id), self._backend.view.mode
        if self._requests.answer_to(body.client_request_id, f"deploy {strategy_id}", body) is not None:
            return self._told(strategy_id)
        if body.mode != mode:
            raise Refused(
                409, "other_mode", f"Expected mode {mode}, for there this terminal trades, was {body.mode}; connect it otherwise first."
            )
        self._backend.actions.ask("strategy.start", status.id)
        await asyncio.sleep(0)  # it begins in the background: its first step is to say so
        self._requests.keep(body.client_request_id, f"deploy {strategy_id}", body, strategy_id)
        return self._told(strategy_id)

    async def stop(self, strategy_id: StrategyId) -> Strategy:
        """Stop it; a position stays, and so does its protection."""
        return self._asked("strategy.stop", strategy_id)

    async def pause(self, strategy_id: StrategyId) -> Strategy:
        """Let it open nothing more; its exits go on."""
        return self._asked("strategy.pause", strategy_id)

    async def resume(self, strategy_id: StrategyId) -> Strategy:
        """Let it open positions again."""
        return self._asked("strategy.resume", strategy_id)

    async def emergency_stop(self, strategy_id: StrategyId) -> Strategy:
        """Stop it, cancel its orders and close its position."""
        return self._asked("strategy.emergency_stop", strategy_id)

    def _asked(self, action: str, strategy_id: str) -> Strategy:
        self._status(strategy_id)
        self._backend.actions.ask(action, strategy_id)
        return self._told(strategy_id)

    def _status(self, strategy_id: str) -> StrategyStatus:
        status = self._backend.view.strategies.get(strategy_id)
        if status is None:
            raise Refused(404, "no_strategy", f'Expected the id of a strategy, was "{strategy_id}"; GET /api/strategies lists them.')
        return status

    def _told(self, strategy_id: str) -> Strategy:
        status, given = self._status(strategy_id), self._backend.engine.strategies.given(strategy_id)
        config, risk = given["strategy_config"], given["risk_config"]
        return Strategy(
            **strategy_words(status),
            description=str(config.get("description", "")),
            strategy_type=status.strategy_type,
            parameters=_parameters(status, config),
            risk=dict(risk),
            note=_note(status, config),
        )


def config_of(body: NewStrategy) -> dict[str, Any]:
    """Turn a body into the dicts of the public API; one unit is traded where nothing says how much."""
    if body.strategy_type == CALLBACK:
        raise InvalidOption("Expected a template or custom as strategy_type, was callback: no code comes in by the API; give rules.")
    given = body.parameters
    own = dict(given.__pydantic_extra__ or {})
    risk = body.risk.model_dump(exclude_none=True)
    by_risk = "max_risk_per_trade" in risk or "max_position_size" in risk
    config = {
        "name": body.name,
        "description": body.description,
        "strategy_type": body.strategy_type,
        "symbols": list(given.symbols),
        "exchange": given.exchange,
        "product": given.product,
        "sizing": given.sizing or ("risk" if by_risk else "fixed:1"),
        "exit_after": given.exit_after,
        "exit_at": given.exit_at,
        "parameters": own | {"scan_interval": MINUTES[given.timeframe]},
    }
    return {"strategy_config": config | ({"rules": given.rules} if given.rules is not None else {}), "risk_config": risk}


def _parameters(status: StrategyStatus, config: Mapping[str, Any]) -> dict[str, Any]:
    scan = dict(config.get("parameters") or {}).get("scan_interval", config.get("scan_interval", 1))
    told = {"timeframe": _FRAMES.get(int(scan), f"{int(scan)}minute"), "symbols": [key.partition(":")[2] for key in status.symbols]}
    told |= {name: config[name] for name in ("exchange", "product", "sizing", "rules") if config.get(name) is not None}
    told |= {name: config[name] for name in ("exit_after", "exit_at") if config.get(name)}
    return told | dict(status.parameters)


def _note(status: StrategyStatus, config: Mapping[str, Any]) -> str:
    notes = []
    if status.strategy_type == "custom" and config.get("rules") is None:
        figures = ", ".join(f"{name} {value:g}" for name, value in status.parameters.items())
        notes.append(f"No rules were given: it trades as {WITHOUT_RULES} does, with {figures}.")
    if config.get("sizing") == "fixed:1":
        notes.append("One unit is traded at a time; give sizing, or risk, for more.")
    return " ".join(notes)

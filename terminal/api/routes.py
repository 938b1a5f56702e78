"""Every endpoint of the REST API, one row each: what it answers to, who does it, and what a token must allow."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from terminal.api.account import AccountRoutes
from terminal.api.alerts import AlertRoutes
from terminal.api.backtests import BacktestRoutes
from terminal.api.strategies import StrategyRoutes
from terminal.api.tokens import Scope

READ, PAPER = Scope.READ, Scope.PAPER

GROUPS: dict[str, Callable[..., Any]] = {
    "strategies": StrategyRoutes,
    "backtests": BacktestRoutes,
    "account": AccountRoutes,
    "alerts": AlertRoutes,
}
"""Who does it, by name; made of a desk, its tokens and the clock."""


@dataclass(frozen=True, slots=True)
class Route:
    """One endpoint; `is_trade`: in live mode it needs a token of scope live, and real money armed."""

    method: str
    path: str
    group: str
    name: str
    scope: Scope | None
    title: str
    is_trade: bool = False
    status: int = 200


ROUTES = (
    Route("GET", "/api/strategies", "strategies", "list_all", READ, "List all strategies"),
    Route("GET", "/api/strategies/templates", "strategies", "templates", READ, "List the templates with their parameters"),
    Route("GET", "/api/strategies/{strategy_id}", "strategies", "one", READ, "Show one strategy"),
    Route("POST", "/api/strategies", "strategies", "create", PAPER, "Make a strategy; it stands still", status=201),
    Route("PUT", "/api/strategies/{strategy_id}", "strategies", "update", PAPER, "Change a strategy that stands still"),
    Route("DELETE", "/api/strategies/{strategy_id}", "strategies", "delete", PAPER, "Forget a strategy that holds nothing"),
    Route("POST", "/api/strategies/{strategy_id}/deploy", "strategies", "deploy", PAPER, "Start it, on paper or live", is_trade=True),
    Route("POST", "/api/strategies/{strategy_id}/stop", "strategies", "stop", PAPER, "Stop it; its position stays"),
    Route("POST", "/api/strategies/{strategy_id}/pause", "strategies", "pause", PAPER, "Open nothing more; exits go on"),
    Route("POST", "/api/strategies/{strategy_id}/resume", "strategies", "resume", PAPER, "Open positions again", is_trade=True),
    Route("POST", "/api/strategies/{strategy_id}/emergency-stop", "strategies", "emergency_stop", PAPER, "Stop, cancel and close"),
    Route("GET", "/api/strategies/{strategy_id}/status", "strategies", "status", READ, "Show how one stands"),
    Route("POST", "/api/strategies/{strategy_id}/backtest", "backtests", "start", READ, "Backtest it: a job, or the result"),
    Route("GET", "/api/backtests", "backtests", "list_all", READ, "List the backtests"),
    Route("GET", "/api/backtests/{job_id}", "backtests", "one", READ, "Show a backtest, with its result once it is done"),
    Route("DELETE", "/api/backtests/{job_id}", "backtests", "cancel", READ, "Stop a backtest"),
    Route("GET", "/api/backtests/{job_id}/report", "backtests", "report", READ, "The report of a backtest, as one HTML page"),
    Route("GET", "/api/orders", "account", "orders", READ, "List the orders"),
    Route("DELETE", "/api/orders/{order_id}", "account", "cancel_order", PAPER, "Cancel an order"),
    Route("DELETE", "/api/orders", "account", "cancel_all", PAPER, "Cancel all orders"),
    Route("GET", "/api/positions", "account", "positions", READ, "List the net positions"),
    Route("GET", "/api/owners", "account", "owners", READ, "List what each owner holds and has made"),
    Route("GET", "/api/risk", "account", "risk", READ, "Show what the account may do, its limits, and who is held back"),
    Route("POST", "/api/kill", "account", "kill", PAPER, "Stop all trading now"),
    Route("GET", "/api/alerts", "alerts", "list_all", READ, "List the alerts and what was told"),
    Route("POST", "/api/alerts", "alerts", "create", PAPER, "Add an alert", status=201),
    Route("DELETE", "/api/alerts/{alert_id}", "alerts", "delete", PAPER, "Forget an alert"),
    Route("POST", "/api/alerts/events/{event_id}/acknowledge", "alerts", "acknowledge", PAPER, "Note that an alarm was seen"),
    Route("GET", "/api/health", "account", "health", READ, "Tell whether it works"),
    Route("GET", "/api/hello", "account", "hello", None, "Prove that this server knows the token"),
)

"""Strategies: add one from a template, start it, let it rest, stop it.

A strategy that was added stands still until it is started by hand.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.core.errors import UserError
from engine.view import StrategyFile
from terminal.actions import Context, action


@action("strategy.new", title="New strategy...", keys="Ctrl+N", menu="Strategy")
def new(context: Context, payload: object) -> None:
    """Open the form for a new strategy."""
    context.window.show_dialog("strategy")


@action("strategy.add", title="Add a strategy")
def add(context: Context, payload: Mapping[str, Any]) -> Any:
    """Add a strategy: {"strategy_config": {...}, "risk_config": {...}, ...} as in the public API."""
    path = str(dict(payload.get("strategy_config") or {}).get("strategy_type", ""))
    return _add_file(context, path, payload) if path.endswith(".py") else context.engine.add_strategy(payload)


async def _add_file(context: Context, path: str, payload: Mapping[str, Any]) -> str:
    """Add one whose file has to be read first, by a process that the loop does not wait for."""
    await context.engine.read_strategy(path)
    return context.engine.add_strategy(payload)


@action("strategy.read", title="Read a strategy file")
async def read(context: Context, payload: str) -> None:
    """Find out what the file at that path is, by a process that the loop does not wait for; the view tells it."""
    try:
        template, findings = await context.engine.read_strategy(payload)
    except UserError as error:
        context.view.on_strategy_file(StrategyFile(payload, fault=str(error)))
    except OSError as error:
        context.view.on_strategy_file(StrategyFile(payload, fault=f"Expected a file that can be read at {payload}, but: {error.strerror}."))
    else:
        context.view.on_strategy_file(StrategyFile(payload, template, tuple(findings)))


@action("strategy.change", title="Change a strategy")
def change(context: Context, payload: tuple[str, Mapping[str, Any]]) -> None:
    """Put another strategy in the place of one that stands still: (id, what `strategy.add` takes)."""
    context.engine.change_strategy(*payload)


@action("strategy.start", title="Start the strategy")
def start(context: Context, payload: str) -> Any:
    """Start one by its id."""
    return context.engine.start_strategy(payload)


@action("strategy.approve", title="Approve the strategy's code as it is now")
def approve(context: Context, payload: str) -> Any:
    """Arm the changed file of a stopped one by its id: until then it does not trade real money."""
    return context.engine.approve_strategy(payload)


@action("strategy.pause", title="Pause: exits go on, nothing new is opened")
def pause(context: Context, payload: str) -> Any:
    """Pause one by its id."""
    return context.engine.pause_strategy(payload)


@action("strategy.resume", title="Resume the strategy")
def resume(context: Context, payload: str) -> Any:
    """Resume one by its id."""
    return context.engine.resume_strategy(payload)


@action("strategy.stop", title="Stop the strategy; its position stays")
def stop(context: Context, payload: str) -> Any:
    """Stop one by its id."""
    return context.engine.stop_strategy(payload)


@action("strategy.emergency_stop", title="Emergency stop: cancel its orders, close its position")
def emergency_stop(context: Context, payload: str) -> Any:
    """Stop one by its id, cancel its orders and close its position."""
    return context.engine.emergency_stop_strategy(payload)


@action("strategy.let_trade", title="Let a stopped strategy trade again")
def let_trade(context: Context, payload: Mapping[str, Any]) -> Any:
    """Take back what its limits have stopped of {"owner"}, for {"reason"}; without one it is asked for in the window first."""
    owner, reason = str(payload["owner"]), str(payload.get("reason") or "").strip()
    if not reason:
        return context.window.open_let_trade(owner)
    return context.engine.let_trade(owner, reason)


@action("strategy.remove", title="Remove the strategy")
def remove(context: Context, payload: str) -> Any:
    """Remove a stopped one by its id."""
    return context.engine.remove_strategy(payload)

"""Alerts: made, changed, silenced, seen; and where the far ones go. Nothing here trades."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from engine.core.errors import AuthenticationError, UserError
from terminal.actions import Context, action


@action("alert.new", title="New alert...", keys="A", scope="grid", menu="Trade")
def new(context: Context, payload: Mapping[str, Any] | None) -> None:
    """Open the form of an alert, filled in as the payload says; with "alert_id" it changes that one."""
    context.window.open_alert(dict(payload or {}))


@action("alert.add", title="Add an alert")
def add(context: Context, payload: Mapping[str, Any]) -> Any:
    """Add an alert as `engine.core.alerts.OPTIONS` describe it; returns its id."""
    return context.engine.alerts.add(payload)


@action("alert.change", title="Change an alert")
def change(context: Context, payload: tuple[str, Mapping[str, Any]]) -> None:
    """Put another alert in the place of one: (id, what it is made of)."""
    context.engine.alerts.change(*payload)


@action("alert.remove", title="Forget the focused alert")
def remove(context: Context, payload: str) -> None:
    """Forget an alert by its id."""
    context.engine.alerts.remove(payload)


@action("alert.pause", title="Silence an alert")
def pause(context: Context, payload: str) -> None:
    """Let an alert be silent."""
    context.engine.alerts.pause(payload)


@action("alert.resume", title="Arm an alert again")
def resume(context: Context, payload: str) -> None:
    """Arm an alert that was paused or is over."""
    context.engine.alerts.resume(payload)


@action("alert.acknowledge", title="Acknowledge all alarms", keys="Ctrl+Shift+A", menu="Trade")
def acknowledge(context: Context, payload: Mapping[str, Any] | None) -> Any:
    """Note that {"ids": [...], "by": ...} were seen; without ids, all that wait."""
    given = payload or {}
    return context.engine.alerts.notices.acknowledge(given.get("ids"), str(given.get("by", "hand")))


@action("alert.test", title="Send a test message by a channel")
def test(context: Context, payload: str) -> None:
    """Send a message by one channel."""
    context.engine.alerts.notices.test(payload)
    context.view.notify("info", f"A test message went to {payload}.")


@action("alert.keep_address", title="Keep an address for messages to afar")
async def keep_address(context: Context, payload: str) -> None:
    """Keep an address as apprise writes it, in the keyring; beside the loop, for the keyring may ask the trader."""
    await asyncio.to_thread(context.engine.alerts.remote.addresses.add, payload)
    await list_addresses(context, None)


@action("alert.forget_address", title="Forget an address for messages to afar")
async def forget_address(context: Context, payload: int) -> None:
    """Forget the address at a place of the list."""
    await asyncio.to_thread(context.engine.alerts.remote.addresses.remove, payload)
    await list_addresses(context, None)


@action("alert.list_addresses", title="List the addresses for messages to afar")
async def list_addresses(context: Context, payload: object) -> None:
    """Tell the kinds of the addresses that are kept, never the addresses; or why they cannot be read."""
    try:
        kinds = await asyncio.to_thread(context.engine.alerts.remote.addresses.kinds)
    except (AuthenticationError, UserError) as error:
        context.view.on_addresses((), str(error))
        return
    context.view.on_addresses(kinds)

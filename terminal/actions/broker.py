"""The broker: connect, log in and out, and choose where the terminal trades.

Choosing opens the terminal anew on that market; what is open there stays as it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from terminal.actions import Context, action


@action("broker.connect", title="Connect to a broker...", menu="Terminal")
def connect(context: Context, payload: object) -> Any:
    """Open the dialog in which one logs in."""
    context.window.show_dialog("connect")
    return context.connection.look()


@action("broker.login", title="Log in at the broker")
def log_in(context: Context, payload: Mapping[str, str]) -> Any:
    """Open the browser for {"api_key": ..., "api_secret": ...}; an empty secret means the one in the keyring."""
    return context.connection.log_in(payload["api_key"], payload.get("api_secret", ""))


@action("broker.paste", title="Log in with the address that the browser ended at")
def paste(context: Context, payload: str) -> Any:
    """Log in with what was pasted."""
    return context.connection.log_in_with(payload)


@action("broker.logout", title="Log out at the broker", menu="Terminal")
def log_out(context: Context, payload: object) -> Any:
    """End the session at the broker; the feed ends with it."""
    return context.connection.log_out()


@action("broker.use", title="Trade at another broker")
def use(context: Context, payload: Mapping[str, str]) -> None:
    """Open the terminal anew at {"broker": ..., "mode": ...}."""
    context.connection.use(payload["broker"], payload["mode"])
    context.window.restart()

"""The market watch: which symbols are followed; the list is remembered."""

from __future__ import annotations

from typing import Any

from terminal.actions import Context, action


@action("watch.add", title="Add a symbol to the market watch")
def add(context: Context, payload: str) -> Any:
    """Follow an instrument by its key."""
    watched = tuple(context.settings["watch"])
    if payload not in watched:
        context.settings.change(watch=(*watched, payload))
    return context.engine.watch([payload])


@action("watch.remove", title="Remove a symbol from the market watch")
def remove(context: Context, payload: str) -> Any:
    """Follow an instrument no more."""
    context.settings.change(watch=tuple(key for key in context.settings["watch"] if key != payload))
    return context.engine.unwatch([payload])

"""The whole account: flatten everything, stop everything, and let trading go on.

Both need a held key, so that a slip of the hand does neither; neither ever waits for a question to be answered.
"""

from __future__ import annotations

from typing import Any

from terminal.actions import Context, action


@action("account.flatten", title="Flatten: cancel all, close all positions", keys="Ctrl+Shift+F", guard="hold or twice", menu="Trade")
def flatten(context: Context, payload: object) -> Any:
    """Cancel every order and close every position."""
    context.view.notify("warning", "Flattening: cancelling all orders and closing all positions.")
    return context.engine.flatten()


@action("account.kill", title="KILL: stop all trading now", keys="Ctrl+Shift+K", guard="hold", menu="Trade")
def kill(context: Context, payload: object) -> Any:
    """Latch the kill switch: strategies stop, every order is cancelled, nothing new is sent until it is resumed by hand."""
    given = payload if isinstance(payload, dict) else {}
    return context.engine.kill(str(given.get("reason") or "by hand"), flatten=bool(given.get("flatten")))


@action("account.resume", title="Resume trading after a halt", menu="Trade")
def resume(context: Context, payload: object) -> Any:
    """Release the kill switch or a halt, for {"reason": ...}; without one it is asked for in the window first."""
    given = payload if isinstance(payload, dict) else {}
    if reason := str(given.get("reason") or "").strip():
        return context.engine.rearm(reason)
    return context.window.show_dialog("resume")

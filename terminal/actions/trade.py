"""Orders by hand: tickets, sending, changing, cancelling, closing a position.

A key opens a ticket or cancels; nothing here but `order.submit` sends, and only what a ticket made.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.core.model import Order, OrderChange, OrderRequest, Position
from terminal.actions import Context, action


@action("ticket.open", title="Order ticket", keys="F9", menu="Trade")
def open_ticket(context: Context, payload: Mapping[str, Any] | None) -> None:
    """Open a ticket: {"key": "NSE:RELIANCE", "side": 1, -1 or 0}; without a payload for the instrument last looked at."""
    given = payload or {}
    context.window.open_ticket(str(given.get("key", "")), int(given.get("side", 0)))


@action("ticket.buy", title="Buy ticket for the focused row", keys="B F1", scope="grid")
def open_buy(context: Context, payload: Mapping[str, Any] | None) -> None:
    """Open a buy ticket for {"key": ...}."""
    open_ticket(context, {**(payload or {}), "side": 1})


@action("ticket.sell", title="Sell ticket for the focused row", keys="S F2", scope="grid")
def open_sell(context: Context, payload: Mapping[str, Any] | None) -> None:
    """Open a sell ticket for {"key": ...}."""
    open_ticket(context, {**(payload or {}), "side": -1})


@action("order.submit", title="Send the order ticket", keys="Ctrl+Return Ctrl+Enter", scope="ticket")
def submit(context: Context, payload: OrderRequest) -> Order:
    """Send what a ticket holds; the order comes back as INTENT, or DENIED with its reason."""
    return context.engine.submit(payload)


@action("order.modify", title="Change an order", keys="M", scope="grid")
def modify(context: Context, payload: tuple[str, OrderChange]) -> Any:
    """Change a working order: (order id, OrderChange)."""
    order_id, change = payload
    return context.engine.modify(order_id, change)


@action("order.cancel", title="Cancel the selected order", keys="Del", scope="grid")
def cancel(context: Context, payload: str) -> Any:
    """Cancel one order by its id."""
    return context.engine.cancel(payload)


@action("order.cancel_symbol", title="Cancel all orders of the focused symbol", keys="Shift+Del", scope="grid")
def cancel_symbol(context: Context, payload: Mapping[str, Any]) -> Any:
    """Cancel all working orders of {"key": ...}."""
    return context.engine.cancel_all(key=payload["key"])


@action("order.cancel_all", title="Cancel ALL open orders", keys="Ctrl+Shift+X", menu="Trade")
def cancel_all(context: Context, payload: Mapping[str, Any] | None) -> Any:
    """Cancel every working order, or those of {"owner": ..., "key": ...}; always allowed."""
    given = dict(payload or {})
    count = len([order for order in context.view.working_orders() if given.get("key") in (None, order.instrument.key)])
    context.view.notify("info", f"Cancelling {count} open {'order' if count == 1 else 'orders'}." if count else "No open orders to cancel.")
    return context.engine.cancel_all(**given)


@action("position.close", title="Close the position", scope="grid")
def close_position(context: Context, payload: Position) -> Any:
    """Close one position at the market."""
    return context.engine.close_position(payload)


@action("position.protect", title="Protect the position again", scope="grid")
def protect_position(context: Context, payload: Position) -> Any:
    """Place anew the stop and the target that one position lacks."""
    return context.engine.protect(payload)

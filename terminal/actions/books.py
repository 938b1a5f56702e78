"""Whose lots are whose, and whether our books are the broker's: assigned, compared, looked at. No order is sent from here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.core.model import Product
from terminal.actions import Context, action


@action("lot.assign", title="Give a lot to another owner")
def assign(context: Context, payload: Mapping[str, Any]) -> None:
    """Give what {"key", "product", "from"} holds, or "quantity" of it, to the owner "to"."""
    product, quantity = Product(str(payload["product"])), int(payload.get("quantity", 0))
    context.engine.owners.assign(str(payload["key"]), product, str(payload["from"]), str(payload["to"]), quantity)


@action("lot.assign_order", title="Give a working order to another owner")
def assign_order(context: Context, payload: tuple[str, str]) -> Any:
    """Let what an order still fills belong to another owner: (order id, owner)."""
    return context.engine.owners.assign_order(*payload)


@action("books.show", title="Compared with the broker...", menu="Trade")
def show(context: Context, payload: object) -> None:
    """Show what comparing with the broker's books has found."""
    context.window.show_dialog("books")


@action("books.compare", title="Compare with the broker now")
async def compare(context: Context, payload: object) -> None:
    """Compare the books with the broker's now."""
    report = await context.engine.session.compare()
    context.view.notify("info", f"Compared with the broker: {report}.")


@action("books.acknowledge", title="Acknowledge a difference")
def acknowledge(context: Context, payload: str) -> None:
    """Let an instrument be traded again whose position differed from the broker's, by its key."""
    if context.engine.session.acknowledge(payload):
        context.view.on_difference_seen(payload)
        context.view.notify("info", f"{payload} may be opened again: its difference was acknowledged.")

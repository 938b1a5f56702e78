"""What a kill came to: of each order whether it is done, still open or unknown, and which positions are still there.

The same words go to the screen, into the journal and to the console that asked.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from engine.core.model import Order, OrderStatus, Pending, Position

S = OrderStatus

_UNSURE = frozenset({S.INTENT, S.SENT, S.UNKNOWN})
_UNANSWERED = frozenset({Pending.CANCEL_UNKNOWN, Pending.MODIFY_UNKNOWN})
SHOWN = 12
"""So many orders are named on the screen; the journal and the console name all."""


class Fate(StrEnum):
    """What is known of an order that was to be cancelled."""

    DONE = "done"
    OPEN = "still open"
    UNKNOWN = "unknown"


def fate_of(order: Order) -> Fate:
    """Return it: done once nothing more can come of the order, as far as the broker has said."""
    if order.status.is_terminal:
        return Fate.DONE
    return Fate.UNKNOWN if order.status in _UNSURE or order.pending in _UNANSWERED else Fate.OPEN


@dataclass(frozen=True, slots=True)
class Outcome:
    """One order."""

    order: Order
    is_exit: bool = False
    """It was sent to close a position, and not there before."""

    @property
    def fate(self) -> Fate:
        """Return what is known of it."""
        return fate_of(self.order)

    def __str__(self) -> str:
        """Say it in one line."""
        order = self.order
        filled = f", {order.filled} filled" if order.filled else ""
        why = f": {order.message}" if order.message and self.fate is not Fate.DONE else ""
        what = "closing " if self.is_exit else ""
        terms = f"{order.request.side.name} {order.quantity} {order.instrument.symbol}"
        return f"{self.fate.upper()}  {what}{terms} ({order.status.lower()}{filled}){why}"

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON holds it."""
        order = self.order
        return {
            "order": order.id,
            "broker_order": order.broker_order_id,
            "symbol": order.instrument.key,
            "side": order.request.side.name,
            "quantity": order.quantity,
            "filled": order.filled,
            "owner": order.request.owner,
            "closes": self.is_exit,
            "fate": str(self.fate),
            "status": str(order.status),
            "message": order.message,
        }


@dataclass(frozen=True, slots=True)
class KillReport:
    """All orders of one kill, and what is held after it."""

    reason: str
    orders: tuple[Outcome, ...] = ()
    held: tuple[Position, ...] = ()
    flatten: bool = False
    is_over: bool = False
    """Nothing more is done by itself."""

    @property
    def is_clean(self) -> bool:
        """Tell whether every order is done, and every position closed where that was asked."""
        return all(one.fate is Fate.DONE for one in self.orders) and not (self.flatten and self.held)

    def __str__(self) -> str:
        """Say in one sentence how it stands."""
        counts = [(sum(one.fate is fate for one in self.orders), str(fate)) for fate in Fate]
        orders = ", ".join(f"{count} {name}" for count, name in counts if count) or "none were open"
        held = ", ".join(f"{book.quantity:+d} {book.instrument.symbol}" for book in self.held[:SHOWN]) or "none"
        return f"Kill switch ({self.reason}). Orders: {orders}. Positions: {held}."

    def lines(self) -> Iterable[str]:
        """List the orders, those that need a person first."""
        urgency = {Fate.UNKNOWN: 0, Fate.OPEN: 1, Fate.DONE: 2}
        return [str(one) for one in sorted(self.orders, key=lambda one: urgency[one.fate])]

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON holds it."""
        return {
            "reason": self.reason,
            "flatten": self.flatten,
            "is_over": self.is_over,
            "is_clean": self.is_clean,
            "orders": [one.as_dict() for one in self.orders],
            "positions": [
                {"symbol": book.instrument.key, "product": str(book.product), "owner": book.owner, "quantity": book.quantity}
                for book in self.held
            ],
        }

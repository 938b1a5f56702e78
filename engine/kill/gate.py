"""The last word before an order leaves: not while something has stopped its owner or the account, here or from another process.

Asked twice: when its line is on the disk, and again in the thread that sends, after whatever it had to wait for.
"""

from __future__ import annotations

from engine.core.model import Order, TradingState
from engine.kill.outside import Outside
from engine.session_parts import SessionParts


class Gate:
    """The gate of one session."""

    def __init__(self, parts: SessionParts, outside: Outside) -> None:
        self._parts, self._outside = parts, outside

    def why_not(self, order: Order) -> str:
        """Say why an order may not leave, empty when it may; heeds the kill switch of another process first."""
        risk = self._parts.risk
        if self._parts.latch.is_set:
            self._outside.heed()
        held_back = "" if order.request.is_exit else risk.holds_back(order.request.owner)
        return f"Not sent: {held_back}." if held_back else ""

    def last_look(self, order: Order) -> str:
        """Say why it may not leave after all; reads only, for it is asked in any thread."""
        risk, latch = self._parts.risk, self._parts.latch
        if order.request.is_exit:
            return ""
        if risk.state is TradingState.ACTIVE and latch.is_set:
            return f"Not sent: {latch.reason or 'new risk was stopped'}."
        held_back = risk.holds_back(order.request.owner)
        return f"Not sent: {held_back}." if held_back else ""

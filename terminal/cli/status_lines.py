"""The live status of a terminal without a window: a few lines that say what the window would.

On a terminal they are written over; into a file or pipe goes one line whenever something happened, and one a minute.
"""

from __future__ import annotations

import sys
from time import monotonic
from typing import IO

from engine.core.model import Fill, LogLine, Order, OrderStatus
from engine.view import EngineView
from widgets.base import numbers

EVERY_S = 1.0
QUIET_S = 60.0
WATCHED = 6


def lines_of(view: EngineView) -> list[str]:
    """Return the status as it is now."""
    board = view.board
    prices = "  ".join(
        f"{board.instruments[slot].symbol} {numbers.price(float(board.last_price[slot]))}" for slot in range(min(WATCHED, len(board)))
    )
    working = len(view.working_orders())
    made = [
        f"{view.mode.upper()}  {view.broker_name}  {view.phase_text or view.phase}  {numbers.day_clock(view.now_ns)}",
        f"prices     {prices or 'waiting for the first'}",
        *(
            f"strategy   {s.name} ({s.state.lower()})  {numbers.count(s.orders, 'order')}, {numbers.count(s.fills, 'fill')},"
            f" net {numbers.signed_money(s.net_units)}"
            for s in view.strategies.values()
        ),
        f"orders     {numbers.count(working, 'open order')}, {numbers.count(len(view.fills), 'fill')}",
        *(
            f"position   {p.instrument.symbol} {numbers.grouped(p.quantity)} {p.product}  {numbers.signed_money(p.net_units)}"
            for p in view.positions.values()
            if p.quantity
        ),
    ]
    if view.account is not None:
        made.append(f"day        {numbers.signed_money(view.account.day_pnl_units)} after charges")
    return made


class ConsoleStatus:
    """Writes what happens to a stream."""

    def __init__(self, view: EngineView, stream: IO[str] | None = None) -> None:
        self._view = view
        self._stream = stream or sys.stdout
        self._is_screen = self._stream.isatty()
        self._height = 0
        self._told = monotonic()
        view.order_filled.connect(self._on_fill)
        view.order_changed.connect(self._on_order)
        view.notice_given.connect(self._on_notice)
        view.log_added.connect(self._on_log)

    def refresh(self) -> None:
        """Write the status anew: over the last one on a terminal, else once a minute."""
        if self._is_screen:
            self._clear()
            lines = lines_of(self._view)
            self._stream.write("".join(f"{line}\n" for line in lines))
            self._height = len(lines)
        elif monotonic() - self._told >= QUIET_S:
            self._say(" | ".join(lines_of(self._view)))
        self._stream.flush()

    def _clear(self) -> None:
        if self._height:
            self._stream.write(f"\x1b[{self._height}A\x1b[0J")
            self._height = 0

    def _say(self, text: str) -> None:
        self._clear()
        self._told = monotonic()
        self._stream.write(f"{text}\n")
        self._stream.flush()

    def _on_fill(self, fill: Fill) -> None:
        at = numbers.clock(fill.time_ns)
        charges = numbers.money(fill.charges_units)
        self._say(
            f"{at}  {fill.side.name} {numbers.grouped(fill.quantity)} {fill.instrument.symbol} at {numbers.price(fill.price)}"
            f"  charges {charges}  {fill.owner}"
        )

    def _on_order(self, order: Order) -> None:
        if order.status in (OrderStatus.DENIED, OrderStatus.REJECTED, OrderStatus.UNKNOWN, OrderStatus.NOT_PLACED):
            self._say(f"order {order.instrument.symbol} {order.status.lower()}: {order.message}")

    def _on_notice(self, level: str, text: str) -> None:
        self._say(f"{level}: {text}")

    def _on_log(self, line: LogLine) -> None:
        if line.level in ("error", "critical"):
            self._say(f"{line.level}: {line.text}")

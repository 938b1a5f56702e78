"""A trader in a hurry: places, changes and cancels orders of every kind, and presses the kill switch where that is wanted.

What it does follows from its seed and from what the account holds; it looks at nothing else.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from random import Random

from engine.core.errors import InvalidOrder, UserError
from engine.core.model import Instrument, Order, OrderChange, OrderRequest, OrderStatus, OrderType, Pending, Product, Purpose, Side
from engine.trading_engine import TradingEngine

S = OrderStatus
REST_S = 0.02
MOST_HELD = 60
MOST_RESTING = 8


class Hand:
    """One trader at one engine."""

    def __init__(self, engine: TradingEngine, keys: list[str], seed: int) -> None:
        self._engine, self._random = engine, Random(seed)
        self._instruments = [engine.session.instrument(key) for key in keys]

    async def trade(self, kill_after: int, *, flatten: bool) -> None:
        """Do one thing after another until the end; after `kill_after` of them (0 = never) press the kill switch."""
        done = 0
        while True:
            one = self._random.choices((self._take, self._rest, self._change, self._cancel, self._close), (4, 4, 3, 2, 1))[0]
            with suppress(InvalidOrder, UserError):  # it has just ended, or is on its way
                one(self._random.choice(self._instruments))
            done += 1
            if done == kill_after:
                self._engine.kill("a trader in a hurry", flatten)
            await asyncio.sleep(REST_S * self._random.random() * 2)

    def _last(self, instrument: Instrument) -> float:
        board = self._engine.session.board
        slot = board.slot(instrument.key)
        return 0.0 if slot is None else float(board.last_price[slot])

    def _working(self, is_wanted: Callable[[Order], bool]) -> list[Order]:
        return [order for order in self._engine.session.orders.working() if order.request.owner == "hand" and is_wanted(order)]

    def _submit(self, instrument: Instrument, side: Side, order_type: OrderType, **more: float) -> None:
        last = self._last(instrument)
        if last > 0.0:
            quantity = self._random.randint(1, 12)
            request = OrderRequest(instrument, side, quantity, order_type, Product.MIS, reference_price=last, **more)  # type: ignore[arg-type]
            self._engine.submit(request)

    def _take(self, instrument: Instrument) -> None:
        """Buy or sell at the market, sometimes with protection."""
        held = self._engine.session.position(instrument, Product.MIS, "hand").quantity
        side = Side.SELL if held > MOST_HELD else Side.BUY if held < -MOST_HELD else self._random.choice((Side.BUY, Side.SELL))
        last = self._last(instrument)
        more = {"stop": float(round(last * (1 - 0.02 * side)))} if self._random.random() < 0.4 else {}
        self._submit(instrument, side, OrderType.MARKET, **more)

    def _rest(self, instrument: Instrument) -> None:
        """Let a limit rest a little away, or take what is offered."""
        if len(self._working(lambda order: order.request.purpose is Purpose.ENTRY)) >= MOST_RESTING:
            self._cancel(instrument)
            return
        side, away = self._random.choice((Side.BUY, Side.SELL)), self._random.choice((0.01, 0.005, -0.001))
        self._submit(instrument, side, OrderType.LIMIT, price=float(round(self._last(instrument) * (1 - away * side))))

    def _resting(self) -> list[Order]:
        return self._working(
            lambda order: order.status in (S.OPEN, S.PARTIAL) and order.pending is Pending.NONE and order.request.purpose is Purpose.ENTRY
        )

    def _change(self, instrument: Instrument) -> None:
        """Move a limit, or change how much is wanted."""
        if resting := self._resting():
            order = self._random.choice(resting)
            if self._random.random() < 0.5 and order.price:
                self._engine.modify(order.id, OrderChange(price=float(round(order.price * self._random.choice((0.998, 1.002))))))
            else:
                self._engine.modify(order.id, OrderChange(quantity=order.filled + self._random.randint(1, 12)))

    def _cancel(self, instrument: Instrument) -> None:
        """Take an order back."""
        if resting := self._resting():
            self._engine.cancel(self._random.choice(resting).id)

    def _close(self, instrument: Instrument) -> None:
        """Close what is held of an instrument."""
        self._engine.session.flatten("hand", instrument.key, Product.MIS)

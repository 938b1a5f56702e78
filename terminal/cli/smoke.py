"""The quickest proof that everything works: prices come in, an order goes out, is filled, and the position is closed again.

Runs on a simulated market only; what it bought it sells.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from engine.core.model import OrderRequest, OrderStatus, Product, Purpose, Side, TradingState

if TYPE_CHECKING:
    from terminal.desk import Desk

log = logging.getLogger(__name__)

PATIENCE_S = 30.0
STEP_S = 0.05
TRIES = 5


async def smoke(desk: Desk) -> int:
    """Buy one share by hand and sell it again; returns 0 when all of it happened, 1 when something did not in half a minute."""
    view = desk.view
    try:
        await _until("prices", lambda: any(i.is_tradable and view.last_price(i.key) > 0 for i in view.board.instruments))
        instrument = next(i for i in view.board.instruments if i.is_tradable and view.last_price(i.key) > 0)
        for side, purpose in ((Side.BUY, Purpose.ENTRY), (Side.SELL, Purpose.EXIT)):
            await _trade(desk, OrderRequest(instrument, side, instrument.lot_size, product=Product.MIS, purpose=purpose))
    except TimeoutError as error:
        print(f"shikra: {error}", file=sys.stderr)
        return 1
    log.info("smoke: bought and sold %s, %d fills", instrument.symbol, len(view.fills))
    return 0


async def _trade(desk: Desk, request: OrderRequest) -> None:
    """Send an order until it is filled; raises TimeoutError when it is not.

    The start itself may hold the loop up: until that keeps time again new risk waits, and an order that was on its way is surely not sent.
    """
    for _ in range(TRIES):
        await _until("a loop that keeps time", lambda: desk.engine.session.risk.state is not TradingState.REDUCING)
        order = desk.actions.run("order.submit", request)
        order_id = order.id if order is not None else ""
        await _until(f"{request.side.name.lower()} to end", partial(_has_ended, desk, order_id))
        ended = desk.view.orders.get(order_id)
        if ended is not None and ended.status is OrderStatus.FILLED:
            return
        if ended is None or ended.status is not OrderStatus.NOT_PLACED:
            break
    raise TimeoutError(f"Expected an order that is filled, was {ended.status if ended else 'none'}: {ended.message if ended else ''}")


def _has_ended(desk: Desk, order_id: str) -> bool:
    order = desk.view.orders.get(order_id)
    return order is None or order.status.is_terminal


async def _until(what: str, is_so: Callable[[], bool]) -> None:
    """Wait until something is so; raises TimeoutError that says what was waited for."""
    waited_s = 0.0
    while not is_so():
        if waited_s >= PATIENCE_S:
            raise TimeoutError(f"Expected {what} within {PATIENCE_S:g} s, was nothing; look at the log.")
        await asyncio.sleep(STEP_S)
        waited_s += STEP_S

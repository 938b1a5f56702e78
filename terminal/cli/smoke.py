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


async def smoke(desk: Desk) -> int:
    """Buy one share by hand and sell it again; returns 0 when all of it happened, 1 when something did not in half a minute."""
    view = desk.view
    try:
        await _until("prices", lambda: any(i.is_tradable and view.last_price(i.key) > 0 for i in view.board.instruments))
        instrument = next(i for i in view.board.instruments if i.is_tradable and view.last_price(i.key) > 0)
        # The start itself may have held the loop up: then new risk waits until it keeps time again.
        await _until("a loop that keeps time", lambda: desk.engine.session.risk.state is not TradingState.REDUCING)
        for side, purpose in ((Side.BUY, Purpose.ENTRY), (Side.SELL, Purpose.EXIT)):
            request = OrderRequest(instrument, side, instrument.lot_size, product=Product.MIS, purpose=purpose)
            order = desk.actions.run("order.submit", request)
            order_id = order.id if order is not None else ""
            await _until(f"{side.name.lower()} to be filled", partial(_is_filled, desk, order_id))
    except TimeoutError as error:
        print(f"shikra: {error}", file=sys.stderr)
        return 1
    log.info("smoke: bought and sold %s, %d fills", instrument.symbol, len(view.fills))
    return 0


def _is_filled(desk: Desk, order_id: str) -> bool:
    order = desk.view.orders.get(order_id)
    if order is None or (order.status.is_terminal and order.status is not OrderStatus.FILLED):
        raise TimeoutError(f"Expected an order that is filled, was {order.status if order else 'none'}: {order.message if order else ''}")
    return order.status is OrderStatus.FILLED


async def _until(what: str, is_so: Callable[[], bool]) -> None:
    """Wait until something is so; raises TimeoutError that says what was waited for."""
    waited_s = 0.0
    while not is_so():
        if waited_s >= PATIENCE_S:
            raise TimeoutError(f"Expected {what} within {PATIENCE_S:g} s, was nothing; look at the log.")
        await asyncio.sleep(STEP_S)
        waited_s += STEP_S

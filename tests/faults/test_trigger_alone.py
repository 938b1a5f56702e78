"""A trigger that a person laid at the broker by hand is reached while Shikra trades: what it sold is never sold again."""

from __future__ import annotations

from typing import Any

import pytest

from engine.brokers.triggers import Gtt, Leg
from engine.core.model import EXTERNAL, HAND, OrderStatus, Product, Purpose, Side
from tests.engine.brokers.zerodha.trading import Floor, run
from tests.kite_exchange.process import RunningExchange

S = OrderStatus
KEY = "NSE:INFY"
pytestmark = pytest.mark.logs_warnings


async def lay(floor: Floor, quantity: int = 10) -> None:
    """Lay a trigger beside Shikra, as its owner does on Kite's own page: to sell once 1450 is reached."""
    leg = Leg(1450.0, Side.SELL, quantity, 1440.0)
    await floor.broker.gtts.place(Gtt(floor.request().instrument, (leg,), 1500.0))


def test_what_it_sold_is_sold_no_second_time(loop_run: Any, exchange: RunningExchange) -> None:
    async def scenario(floor: Floor) -> None:
        await floor.sees(floor.submit(product=Product.CNC), S.FILLED)
        await floor.agrees()
        await lay(floor)
        exchange.control("set_price", symbol=KEY, price=1449.0)
        await floor.until(lambda: not any(floor.truth().values()))
        await floor.session.compare()
        await floor.agrees()
        (sold,) = [order for order in floor.session.orders.orders if order.request.side is Side.SELL]
        assert (sold.request.owner, sold.status, sold.filled) == (EXTERNAL, S.FILLED, 10)
        sent = len(floor.posts())
        assert floor.exit(product=Product.CNC).status is S.DENIED
        floor.session.flatten()
        await floor.session.settle()
        assert len(floor.posts()) == sent, "neither an exit nor a flatten sells what is gone"
        assert not any(floor.truth().values())

    run(loop_run, exchange, scenario)


def test_beside_a_stop_of_ours_the_position_never_turns(loop_run: Any, exchange: RunningExchange) -> None:
    async def scenario(floor: Floor) -> None:
        await floor.sees(floor.submit(product=Product.CNC, stop=1430.0), S.FILLED)
        await floor.until(
            lambda: any(o.request.purpose is Purpose.STOP and o.status is S.TRIGGER for o in floor.session.orders.working(HAND))
        )
        await lay(floor)
        exchange.control("set_price", symbol=KEY, price=1449.0)
        await floor.session.compare()
        await floor.agrees()
        exchange.control("set_price", symbol=KEY, price=1425.0)
        await floor.until(lambda: not any(floor.truth().values()))
        await floor.session.compare()
        await floor.agrees()
        await floor.until(lambda: not floor.session.orders.working())
        exchange.control("set_price", symbol=KEY, price=1400.0)
        await floor.session.compare()
        await floor.agrees()
        assert not any(floor.truth().values())
        sold = [order.filled for order in floor.session.orders.orders if order.request.side is Side.SELL]
        assert sum(sold) == 10, "trigger and stop together sold once what was bought"

    run(loop_run, exchange, scenario)

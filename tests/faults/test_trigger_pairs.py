"""Positions that are carried over nights, protected by a pair of stop and target at an exchange that speaks Kite."""

from __future__ import annotations

from typing import Any

import pytest

from engine.core.model import HAND, Order, OrderStatus, Product, Purpose
from engine.store.rows import Setting
from tests.engine.brokers.zerodha.trading import Floor, run
from tests.kite_exchange.process import RunningExchange

S = OrderStatus
KEY = "NSE:INFY"
BOOK = (KEY, Product.CNC, HAND)
pytestmark = pytest.mark.logs_warnings


async def protected(floor: Floor, quantity: int = 10) -> Order:
    """Hold shares for delivery with a stop and a target."""
    infy = floor.request().instrument
    await floor.session.subscribe([infy])
    await floor.until(lambda: floor.session.risk.desk.last_price(KEY) > 0.0)
    return await floor.sees(floor.submit(quantity=quantity, product=Product.CNC, stop=1450.0, target=1600.0), S.FILLED)


def laid(floor: Floor) -> list[int]:
    """List how much each active pair covers, as the session knows it."""
    return [abs(pair.quantity) for pair in floor.session.exits.triggers._laid.values() if pair.number]


async def at_broker(floor: Floor) -> list[tuple[str, list[tuple[float, int]]]]:
    """List the pairs as the exchange has them: status, and trigger and quantity of each leg."""
    return [(one.status, [(leg.trigger_price, leg.quantity) for leg in one.legs]) for one in await floor.broker.gtts.all()]


def resting(floor: Floor) -> list[Order]:
    return floor.session.orders.working(HAND)


def stopped(floor: Floor) -> bool:
    """Tell whether an order of the day protects all; the broker takes no second one over the same shares."""
    return [(one.request.purpose, one.status, one.remaining) for one in resting(floor)] == [(Purpose.STOP, S.TRIGGER, 10)]


def test_it_is_laid_over_what_is_held_resized_and_taken_back(loop_run: Any, exchange: RunningExchange) -> None:
    async def scenario(floor: Floor) -> None:
        await protected(floor)
        await floor.until(lambda: laid(floor) == [10])
        assert await at_broker(floor) == [("active", [(1450.0, 10), (1600.0, 10)])]
        assert not resting(floor), "no order of the day beside it"
        floor.session.exits.cover.look()
        await floor.sees(floor.exit(4, product=Product.CNC), S.FILLED)
        await floor.until(lambda: laid(floor) == [6])
        assert await at_broker(floor) == [("active", [(1450.0, 6), (1600.0, 6)])]
        floor.session.guard.move(floor.request().instrument, Product.CNC, HAND, stop=1460.0)
        await floor.session.settle()
        assert await at_broker(floor) == [("active", [(1460.0, 6), (1600.0, 6)])]
        await floor.sees(floor.exit(6, product=Product.CNC), S.FILLED)
        await floor.until(lambda: not laid(floor))
        assert [status for status, _ in await at_broker(floor)] == ["deleted"]
        kinds = floor.store.kinds()
        assert kinds.index("TRIGGER_PLACE") < kinds.index("TRIGGER_PLACED") < kinds.index("TRIGGER_CHANGE") < kinds.index("TRIGGER_CANCEL")

    run(loop_run, exchange, scenario)


@pytest.mark.parametrize(("price", "purpose"), [(1440.0, Purpose.STOP), (1610.0, Purpose.TARGET)])
def test_one_that_is_reached_closes_its_owner_s_position(loop_run: Any, exchange: RunningExchange, price: float, purpose: Purpose) -> None:
    async def scenario(floor: Floor) -> None:
        await protected(floor)
        await floor.until(lambda: laid(floor) == [10])
        exchange.control("set_price", symbol=KEY, price=price)
        await floor.until(lambda: not floor.held())
        await floor.agrees()
        closed = floor.session.orders.orders[-1]
        assert (closed.request.owner, closed.request.purpose, closed.status) == (HAND, purpose, S.FILLED)
        assert floor.session.positions.open_books() == [], "nobody holds the other side of it"
        assert "TRIGGER_FIRED" in floor.store.kinds()
        await floor.session.settle()
        await floor.until(lambda: not floor.session.exits.triggers._laid)

    run(loop_run, exchange, scenario)


@pytest.mark.parametrize("when", ["after", "before"])
def test_after_a_lost_answer_it_is_known_by_what_it_asks_or_orders_protect(loop_run: Any, exchange: RunningExchange, when: str) -> None:
    async def scenario(floor: Floor) -> None:
        exchange.control("fault", how="drop", path="/gtt/triggers", method="POST", when=when)
        await protected(floor)
        if when == "after":
            await floor.until(lambda: laid(floor) == [10])
            assert len(await at_broker(floor)) == 1
            assert not resting(floor)
        else:
            await floor.until(lambda: stopped(floor))
            assert await at_broker(floor) == []

    run(loop_run, exchange, scenario)


def test_one_that_somebody_took_back_is_told_and_orders_protect(loop_run: Any, exchange: RunningExchange) -> None:
    async def scenario(floor: Floor) -> None:
        await protected(floor)
        await floor.until(lambda: laid(floor) == [10])
        (pair,) = floor.session.exits.triggers._laid.values()
        said: list[str] = []
        floor.session.exits.triggers._warn = said.append
        await floor.broker.gtts.delete(pair.number)
        await floor.until(lambda: stopped(floor))
        assert any("is deleted at the broker" in text for text in said)

    run(loop_run, exchange, scenario)


def test_the_kill_switch_takes_it_back(loop_run: Any, exchange: RunningExchange) -> None:
    async def scenario(floor: Floor) -> None:
        await protected(floor)
        await floor.until(lambda: laid(floor) == [10])
        floor.session.kill("enough")
        await floor.until(lambda: not laid(floor))
        assert [status for status, _ in await at_broker(floor)] == ["deleted"]
        assert not resting(floor)

    run(loop_run, exchange, scenario)


def test_what_lies_at_the_broker_outlives_a_restart_with_its_prices(loop_run: Any, exchange: RunningExchange) -> None:
    async def scenario(floor: Floor) -> None:
        await protected(floor)
        await floor.until(lambda: laid(floor) == [10])
        floor.session.guard.move(floor.request().instrument, Product.CNC, HAND, stop=1460.0)
        await floor.session.settle()
        before = await at_broker(floor)
        kept = [row for row in floor.store.of(Setting) if row.name.startswith("triggers")][-1]
        triggers = floor.session.exits.triggers
        triggers._laid.clear()
        triggers._wanted.clear()
        triggers._is_ready = False
        floor.store.rows.append(kept)
        triggers.take_up()
        floor.session.guard.rebuild(floor.session.positions.open_books(), floor.session.orders.orders)
        await triggers.begin()
        await floor.session.settle()
        assert laid(floor) == [10]
        assert await at_broker(floor) == before == [("active", [(1460.0, 10), (1600.0, 10)])]

    run(loop_run, exchange, scenario)

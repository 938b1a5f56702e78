"""Exits whose answer is lost, at an exchange that speaks Kite: sent once more at most, and never so that a position could turn round."""

from __future__ import annotations

from typing import Any

import pytest

from engine.core.model import Order, OrderStatus
from tests.engine.brokers.zerodha.trading import Floor, run
from tests.kite_exchange.process import RunningExchange

S = OrderStatus
pytestmark = pytest.mark.logs_warnings


def sells(floor: Floor) -> list[tuple[int, str]]:
    """List the exits as the exchange has them: quantity, end."""
    rows = floor.exchange.control("orders")
    return [(row["quantity"], row["status"]) for row in rows if row["transaction_type"] == "SELL" and row["tradingsymbol"] == "INFY"]


def seconds(floor: Floor) -> list[Order]:
    return [order for order in floor.session.orders.orders if order.request.group and order.request.is_exit]


async def lose(floor: Floor, when: str, quantity: int, **more: Any) -> Order:
    """Hold 10, and send an exit whose answer is lost before or after the exchange took it."""
    await floor.sees(floor.submit(), S.FILLED)
    await floor.agrees()
    floor.exchange.control("fault", how="drop", when=when, path="/orders/*", method="POST")
    if when == "after":
        floor.exchange.control("updates", drop=1.0)
    order = floor.exit(quantity, **more)
    # It may be found again within a moment: what was written stays to be seen, the state itself may be past.
    await floor.until(lambda: "UNKNOWN" in floor.store.kinds(order.id))
    return order


def never_turned(floor: Floor) -> bool:
    """Tell whether what was traded never came to less than nothing, execution by execution."""
    held, trades = 0, floor.exchange.control("ledger")["trades"]
    for trade in trades:
        if trade["tradingsymbol"] == "INFY":
            held += int(trade["quantity"]) * (1 if trade["transaction_type"] == "BUY" else -1)
            if held < 0:
                return False
    return bool(trades)


async def looks(floor: Floor, count: int) -> None:
    """Wait until the broker's positions were read so often again."""
    seen = len(floor.exchange.control("calls", path="/portfolio/positions"))
    await floor.until(lambda: len(floor.exchange.control("calls", path="/portfolio/positions")) >= seen + count)


def test_an_exit_that_was_taken_is_found_and_none_follows(loop_run: Any, exchange: RunningExchange) -> None:
    async def scenario(floor: Floor) -> None:
        first = await lose(floor, "after", 10)
        await floor.sees(first, S.FILLED)
        await floor.agrees()
        await floor.until(lambda: not floor.session.exits.second._busy)
        assert sells(floor) == [(10, "COMPLETE")]
        assert not seconds(floor)

    run(loop_run, exchange, scenario)


def test_while_one_that_filled_is_out_of_sight_none_follows(loop_run: Any, exchange: RunningExchange) -> None:
    async def scenario(floor: Floor) -> None:
        exchange.control("appear_late", seconds=100, transaction_type="SELL")
        first = await lose(floor, "after", 4)
        await looks(floor, 3)
        assert floor.now(first).status is S.UNKNOWN
        assert not seconds(floor), "the broker holds less than we do: it may have filled"
        exchange.control("advance", seconds=101)
        await floor.sees(first, S.FILLED)
        await floor.agrees()
        assert sells(floor) == [(4, "COMPLETE")]
        assert never_turned(floor)

    run(loop_run, exchange, scenario)


def test_beside_one_that_rests_out_of_sight_only_so_much_goes_that_both_may_fill(loop_run: Any, exchange: RunningExchange) -> None:
    async def scenario(floor: Floor) -> None:
        exchange.control("appear_late", seconds=100, transaction_type="SELL")
        first = await lose(floor, "after", 7, price=1510.0)
        await floor.until(lambda: len(sells(floor)) == 2)
        exchange.control("set_price", symbol="NSE:INFY", price=1520.0)
        exchange.control("advance", seconds=101)
        exchange.control("updates", drop=0.0)
        await floor.sees(first, S.FILLED)
        await floor.agrees()
        assert sells(floor) == [(7, "COMPLETE"), (3, "COMPLETE")]
        assert [(order.request.group, order.quantity) for order in seconds(floor)] == [(first.id, 3)]
        assert never_turned(floor)

    run(loop_run, exchange, scenario)


def test_a_part_that_was_really_lost_goes_out_again_and_fills(loop_run: Any, exchange: RunningExchange) -> None:
    async def scenario(floor: Floor) -> None:
        first = await lose(floor, "before", 4)
        await floor.until(lambda: seconds(floor))
        (second,) = seconds(floor)
        await floor.sees(second, S.FILLED)
        await floor.agrees()
        assert sells(floor) == [(4, "COMPLETE")]
        assert "SECOND_TRY" in floor.store.kinds()
        report = await floor.session.life.books.compare("close", is_patient=False)
        assert report.profits == (), "the profit of the part that was closed is the broker's, too"
        assert first.id != second.id

    run(loop_run, exchange, scenario)


def test_all_of_it_that_was_really_lost_goes_out_again_once_that_is_proven(loop_run: Any, exchange: RunningExchange) -> None:
    async def scenario(floor: Floor) -> None:
        first = await lose(floor, "before", 10)
        await looks(floor, 2)
        assert not seconds(floor), "nobody knows yet that it is lost"
        # Something that is newer than the order proves that the list is fresh.
        exchange.control("advance", seconds=4)
        form = {"exchange": "NSE", "tradingsymbol": "SBIN", "transaction_type": "SELL", "quantity": 1, "product": "MIS"}
        exchange.control("place_elsewhere", **form, order_type="LIMIT", price=960.0)
        await floor.sees(first, S.NOT_PLACED)
        await floor.until(lambda: seconds(floor))
        await floor.sees(seconds(floor)[0], S.FILLED)
        await floor.agrees()
        assert floor.truth()["NSE:INFY"] == 0
        assert sells(floor) == [(10, "COMPLETE")]

    run(loop_run, exchange, scenario)

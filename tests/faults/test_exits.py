"""Exits that the exchange does not take, or lets rest: tried again until they fill, at an exchange that speaks Kite."""

from __future__ import annotations

from typing import Any

import pytest

from engine.core.model import OrderStatus, OrderType
from tests.engine.brokers.zerodha.trading import Floor, run
from tests.faults.test_kill import over
from tests.kite_exchange.process import RunningExchange

S = OrderStatus
pytestmark = pytest.mark.logs_warnings
LPP = "Your order price is outside the limit price protection (LPP) range."
FREEZE = "Order quantity exceeds the freeze quantity."


def told(floor: Floor) -> list[tuple[str, int, str]]:
    """List the exits as the exchange has them: type, quantity, end."""
    rows = floor.exchange.control("orders")
    return [(row["order_type"], row["quantity"], row["status"]) for row in rows if row["transaction_type"] == "SELL"]


@pytest.mark.parametrize(("message", "parts"), [(LPP, [10]), (FREEZE, [5, 5])])
def test_a_refused_exit_leaves_at_another_price_or_in_parts(
    message: str, parts: list[int], loop_run: Any, exchange: RunningExchange
) -> None:
    async def scenario(floor: Floor) -> None:
        await floor.sees(floor.submit(), S.FILLED)
        exchange.control("reject_next", message=message, transaction_type="SELL")
        (refused,) = floor.session.flatten()
        await floor.sees(refused, S.REJECTED)
        assert floor.held() == {"NSE:INFY": 10}, "it stays on the screen"
        await floor.until(lambda: not floor.held())
        await floor.agrees()
        assert told(floor)[0][2] == "REJECTED"
        assert told(floor)[1:] == [("LIMIT", quantity, "COMPLETE") for quantity in parts]

    run(loop_run, exchange, scenario)


def test_a_flatten_that_is_refused_again_and_again_is_told_and_the_position_stays(loop_run: Any, exchange: RunningExchange) -> None:
    async def scenario(floor: Floor) -> None:
        await floor.sees(floor.submit(), S.FILLED)
        for _ in range(5):
            exchange.control("reject_next", message=LPP, transaction_type="SELL")
        floor.session.flatten()
        said: list[str] = []
        floor.session.warn = said.append  # type: ignore[method-assign]
        await floor.until(lambda: any("are still held" in text and "LPP" in text for text in said))
        assert floor.held() == {"NSE:INFY": 10}
        assert [order.request.order_type for order in floor.session.orders.orders[1:]] == [OrderType.MARKET, *[OrderType.LIMIT] * 4]

    run(loop_run, exchange, scenario)


def test_the_kill_s_exits_are_tried_again_too_and_close_once(loop_run: Any, exchange: RunningExchange) -> None:
    async def scenario(floor: Floor) -> None:
        await floor.sees(floor.submit(), S.FILLED)
        exchange.control("reject_next", message=LPP, transaction_type="SELL")
        floor.session.kill("storm", flatten=True)
        await over(floor)
        await floor.agrees()
        assert floor.truth() == {"NSE:INFY": 0}
        assert [end for _, _, end in told(floor)] == ["REJECTED", "COMPLETE"]
        assert floor.session.switch.report.is_clean

    run(loop_run, exchange, scenario)

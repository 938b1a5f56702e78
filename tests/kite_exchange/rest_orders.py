"""Orders and trades over HTTP."""

from __future__ import annotations

from typing import Any

from tests.kite_exchange.calls import Call, route
from tests.kite_exchange.exchange import Exchange
from tests.kite_exchange.orders import Order


@route("POST", "/orders/{variety}", kind="order", needs_ip=True)
def place(exchange: Exchange, call: Call) -> Any:
    """Place an order."""
    return exchange.intake.place(call.values["variety"], call.form)


@route("PUT", "/orders/{variety}/{order_id}", kind="change", needs_ip=True)
def modify(exchange: Exchange, call: Call) -> Any:
    """Change an order."""
    exchange.amendments.modify(call.values["variety"], call.values["order_id"], call.form)
    return {"order_id": call.values["order_id"]}


@route("DELETE", "/orders/{variety}/{order_id}", kind="change", needs_ip=True)
def cancel(exchange: Exchange, call: Call) -> Any:
    """Withdraw an order."""
    exchange.amendments.cancel(call.values["variety"], call.values["order_id"])
    return {"order_id": call.values["order_id"]}


@route("GET", "/orders")
def orders(exchange: Exchange, call: Call) -> list[dict[str, Any]]:
    """Show the day's orders, in no promised order: the newest come first here."""
    return [exchange.desk.row(one) for one in reversed(exchange.visible())]


@route("GET", "/orders/{order_id}")
def history(exchange: Exchange, call: Call) -> list[dict[str, Any]]:
    """Show the states an order went through."""
    return _visible(exchange, call).history


@route("GET", "/trades")
def trades(exchange: Exchange, call: Call) -> list[dict[str, Any]]:
    """Show the day's executions."""
    now = exchange.clock.now_ns
    return [one.row() for one in exchange.desk.trades if one.order.visible_ns <= now]


@route("GET", "/orders/{order_id}/trades")
def order_trades(exchange: Exchange, call: Call) -> list[dict[str, Any]]:
    """Show the executions of one order."""
    order = _visible(exchange, call)
    return [one.row() for one in exchange.desk.trades if one.order is order]


def _visible(exchange: Exchange, call: Call) -> Order:
    order = exchange.desk.find(call.values["order_id"])
    return order if order.visible_ns <= exchange.clock.now_ns else exchange.desk.find("")

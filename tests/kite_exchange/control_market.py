"""Commands over the market, the orders and the account."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.kite_exchange import notes
from tests.kite_exchange.catalogue import rupees, units
from tests.kite_exchange.control import command
from tests.kite_exchange.rest_market import full_quote

if TYPE_CHECKING:
    from tests.kite_exchange.server import Server

# The market.


@command
def set_price(server: Server, symbol: str, price: float, quantity: int = 1) -> None:
    """Let an instrument (`NSE:INFY`, or `INFY`) trade at a price in rupees."""
    server.exchange.set_price(symbol, str(price), quantity)


@command
def set_prices(server: Server, prices: dict[str, float]) -> None:
    """Let several instruments trade, one after another."""
    for symbol, price in prices.items():
        server.exchange.set_price(symbol, str(price))


@command
def set_depth(server: Server, symbol: str, buy: list[list[float]], sell: list[list[float]]) -> None:
    """Show these levels, [price, quantity, orders], best first, until the next price."""
    server.exchange.set_depth(symbol, buy, sell)


@command
def set_band(server: Server, symbol: str, lower: float, upper: float) -> None:
    """Set the circuit limits."""
    row = server.exchange.listing(symbol).row
    server.exchange.board.lower[row], server.exchange.board.upper[row] = units(str(lower)), units(str(upper))


@command
def rest_other(server: Server, symbol: str, side: str, price: float, quantity: int) -> int:
    """Let somebody else place a limit order; returns what of it still waits."""
    exchange = server.exchange
    return exchange.desk.queue(exchange.listing(symbol).row).add("", 1 if side == "BUY" else -1, units(str(price)), quantity)


@command
def quote(server: Server, symbol: str) -> dict[str, Any]:
    """Return the full quote of an instrument, without a limit."""
    return full_quote(server.exchange, server.exchange.listing(symbol))


@command
def listings(server: Server, exchange: str = "", count: int = 100_000) -> list[dict[str, Any]]:
    """Return key, token, kind, lot and last price of the first instruments."""
    last = server.exchange.board.last
    return [
        {
            "key": one.key,
            "token": one.token,
            "kind": one.kind,
            "segment": one.segment,
            "lot": one.lot,
            "last_price": rupees(int(last[one.row])),
        }
        for one in server.exchange.catalogue.listings
        if exchange in ("", one.exchange)
    ][:count]


# Orders and the account.


@command
def place_elsewhere(server: Server, **form: Any) -> str:
    """Place an order as from the broker's own app."""
    exchange = server.exchange
    text = {name: str(value) for name, value in form.items()}
    order = exchange.intake.order_of(text.pop("variety", "regular"), text, int(text["quantity"]), app_id=0)
    exchange.desk.accept(order)
    return order.order_id


@command
def cancel_elsewhere(server: Server, order_id: str) -> None:
    """Cancel an order as from the broker's own app."""
    server.exchange.amendments.cancel(server.exchange.desk.find(order_id).variety, order_id)


@command
def disguise(server: Server, order_id: str, **fields: Any) -> None:
    """Let an order's row and updates say something else (a new status, a field nobody knows); without fields, the truth again."""
    server.exchange.desk.find(order_id).disguise = fields


@command
def tell_again(server: Server, order_id: str) -> None:
    """Send the update of an order once more, as it stands."""
    server.exchange.desk.tell(server.exchange.desk.find(order_id))


@command
def reject_order(server: Server, order_id: str, message: str) -> None:
    """Reject an order that is in the order book."""
    server.exchange.desk.reject(server.exchange.desk.find(order_id), message)


@command
def reject_next(server: Server, message: str, **where: Any) -> None:
    """Let the next order be accepted over HTTP and then be REJECTED in the order book."""
    server.exchange.desk.reject_next(message, {name: str(value) for name, value in where.items()})


@command
def appear_late(server: Server, seconds: float, **where: Any) -> None:
    """Keep the next order out of the order book for so long, though it is at work; no update tells of it till then."""
    server.exchange.late.append((seconds, {name: str(value) for name, value in where.items()}))


@command
def square_off(server: Server) -> list[str]:
    """Let the broker close all MIS positions at the market; returns the order numbers."""
    return server.exchange.days.square_off()


@command
def next_day(server: Server) -> None:
    """Close the books of the day without waiting for the morning: MIS squared off, shares delivered, orders gone."""
    server.exchange.days.turn()


@command
def open_market(server: Server) -> None:
    """Send the after-market orders to the exchange."""
    server.exchange.desk.release_amo()


@command
def close_market(server: Server) -> None:
    """Cancel all that still works."""
    server.exchange.desk.end_day()


@command
def set_funds(server: Server, equity: float | None = None, commodity: float | None = None) -> None:
    """Set the cash of the purses, in rupees."""
    for name, amount in (("equity", equity), ("commodity", commodity)):
        if amount is not None:
            server.exchange.account.cash[name] = units(str(amount))


@command
def set_holding(server: Server, symbol: str, quantity: int, price: float, t1: int = 0, authorised: int = -1) -> None:
    """Put shares into the demat account; `authorised` -1 = all may be sold."""
    server.exchange.account.hold(server.exchange.listing(symbol), quantity, units(str(price)), t1, authorised)


@command
def ledger(server: Server) -> dict[str, Any]:
    """Return what really happened: positions, orders, trades, P&L, charges, cash, as exact text."""
    return server.exchange.account.ledger()


@command
def contract_note(server: Server) -> dict[str, Any]:
    """Return the day's charges as the broker bills them in the end: CNC of one day as intraday, tax and stamp in whole rupees."""
    return notes.contract_note(server.exchange.desk.orders.values())


@command
def orders(server: Server) -> list[dict[str, Any]]:
    """Return all orders, also those that the order book does not show yet."""
    return [server.exchange.desk.row(one) for one in server.exchange.desk.orders.values()]

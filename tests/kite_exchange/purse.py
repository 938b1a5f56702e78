"""The account's books at the exchange: who may deal, what a deal changes, and what all of it has come to."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from tests.kite_exchange import checks
from tests.kite_exchange.account import Holding, Position
from tests.kite_exchange.catalogue import UNIT, Listing, plain, units
from tests.kite_exchange.charges import Charges, charges_of
from tests.kite_exchange.errors import KiteError, wrong_input
from tests.kite_exchange.funds import held_by, margins_row, need_of, segment_of
from tests.kite_exchange.orders import Order, Trade

if TYPE_CHECKING:
    from tests.kite_exchange.exchange import Exchange


class Account:
    """Positions, holdings and two purses of cash, in units."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self.cash = {"equity": units(exchange.options.funds), "commodity": units(exchange.options.funds)}
        self.positions: dict[tuple[str, str, str], Position] = {}
        self.holdings: dict[str, Holding] = {}

    def position(self, listing: Listing, product: str) -> Position:
        """Return the position of an instrument in a product, made when new."""
        key = (listing.exchange, listing.symbol, product)
        if key not in self.positions:
            self.positions[key] = Position(listing, product)
        return self.positions[key]

    def hold(self, listing: Listing, quantity: int, price: int, t1: int = 0, authorised: int = -1) -> None:
        """Put shares into the demat account."""
        self.holdings[listing.key] = Holding(listing, quantity, price, t1, authorised=authorised)

    # Who may deal.

    def refusal_of(self, order: Order) -> KiteError | None:
        """Return why an order cannot be afforded; None if it can."""
        if order.side < 0 and order.product in ("CNC", "MTF"):
            return self._shares_refusal(order)
        need, free = self.need(order), self.free(segment_of(order.listing))
        if need > free:
            return KiteError(
                "MarginException",
                f"Insufficient funds. Required margin is {Decimal(need) / UNIT:.2f} but available margin is {Decimal(free) / UNIT:.2f}. "
                "Check the orderbook for open orders.",
            )
        return None

    def _shares_refusal(self, order: Order) -> KiteError | None:
        holding = self.holdings.get(order.listing.key)
        held = holding.sellable if holding and order.product == "CNC" else 0
        held += max(0, self.position(order.listing, order.product).net)
        selling = sum(
            one.remaining for one in self._working()
            if one.side < 0 and one.product == order.product and one.listing is order.listing and one is not order
        )  # fmt: skip
        if order.quantity > held - selling:
            return KiteError(
                "HoldingException",
                f"Insufficient holdings: {held - selling} of {order.listing.symbol} can be sold, {order.quantity} asked.",
            )
        if holding is not None and 0 <= holding.authorised < order.quantity:
            lacking = order.quantity - holding.authorised
            return KiteError("OrderException", f"{lacking} quantity needs authorisation at depository.", 428)
        return None

    def _working(self) -> list[Order]:
        return [one for one in self._exchange.desk.orders.values() if not one.is_final]

    def need(self, order: Order) -> int:
        """Return what an order would bind: nothing for the part that closes a position."""
        position = self.positions.get((order.listing.exchange, order.listing.symbol, order.product))
        closes = min(order.remaining, abs(position.net)) if position and position.net * order.side < 0 else 0
        price = order.price or order.trigger or int(self._exchange.board.last[order.listing.row])
        return need_of(order.listing, order.product, order.side, order.remaining - closes, price).total

    def reserved(self, segment: str) -> int:
        """Return what the working orders bind."""
        return sum(self.need(one) for one in self._working() if segment_of(one.listing) == segment and not self._sells_shares(one))

    @staticmethod
    def _sells_shares(order: Order) -> bool:
        return order.side < 0 and order.product in ("CNC", "MTF")

    def free(self, segment: str) -> int:
        """Return the money that may still be bound."""
        held = self._of(segment)
        realised = sum(one.realised * one.listing.multiplier for one in held if one.product != "CNC")
        return self.cash[segment] - sum(held_by(one).total for one in held) - self.reserved(segment) + realised

    def _of(self, segment: str) -> list[Position]:
        return [one for one in self.positions.values() if segment_of(one.listing) == segment]

    # Dealing.

    def deal(self, trade: Trade) -> None:
        """Take one execution into the books."""
        order = trade.order
        self.position(order.listing, order.product).deal(order.side, trade.quantity, trade.price)
        holding = self.holdings.get(order.listing.key)
        if holding is not None and order.product == "CNC":
            holding.used = max(0, holding.used - order.side * trade.quantity)

    def convert(self, form: Mapping[str, str]) -> bool:
        """Move a part of a position to another product."""
        listing = checks.listing_of(self._exchange.catalogue, form)
        side = 1 if checks.one_of(form, "transaction_type", ("BUY", "SELL")) == "BUY" else -1
        checks.one_of(form, "position_type", ("day", "overnight"))
        quantity = checks.whole(form, "quantity")
        old = checks.one_of(form, "old_product", checks.PRODUCTS[listing.kind])
        new = checks.one_of(form, "new_product", checks.PRODUCTS[listing.kind])
        position = self.positions.get((listing.exchange, listing.symbol, old))
        if position is None or position.net * side < quantity or quantity <= 0 or old == new:
            raise wrong_input("Invalid quantity: more than the open position of this product.")
        price = abs(position.cost // position.net)
        if side < 0 and new == "CNC":
            raise KiteError("HoldingException", "A short position cannot be converted to CNC.")
        position.deal(-side, quantity, price)
        self.position(listing, new).deal(side, quantity, price)
        return True

    def settle(self) -> None:
        """End the day: MIS is squared off by the caller; CNC goes to the holdings, what is carried becomes overnight."""
        board = self._exchange.board
        carried: dict[tuple[str, str, str], Position] = {}
        for key, one in self.positions.items():
            self.cash[segment_of(one.listing)] += one.realised * one.listing.multiplier
            close = int(board.last[one.listing.row])
            if one.product == "CNC":
                self._deliver(one)
            elif one.net:
                price = abs(one.cost // one.net)
                carried[key] = Position(one.listing, one.product, one.net, price, close, net=one.net, cost=one.net * price)
        self.positions = carried

    def _deliver(self, one: Position) -> None:
        self.cash["equity"] -= one.cost
        holding = self.holdings.setdefault(one.listing.key, Holding(one.listing, 0, 0))
        quantity, worth = holding.quantity + holding.t1, (holding.quantity + holding.t1) * holding.price
        holding.quantity += holding.t1 + min(one.net, 0)
        holding.t1, holding.used = max(one.net, 0), 0
        if one.net > 0:
            holding.price = (worth + one.cost) // (quantity + one.net)
        if holding.quantity + holding.t1 == 0:
            del self.holdings[one.listing.key]

    # Accounts of it.

    def margins(self) -> dict[str, Any]:
        """Return `/user/margins`."""
        return {name: margins_row(self.cash[name], self._of(name), self.reserved(name)) for name in ("equity", "commodity")}

    def order_charges(self, order: Order) -> Charges:
        """Return an order's charges on what it has filled, in whole paise."""
        return charges_of(order.listing, order.product, order.side, order.value * order.listing.multiplier).in_paise()

    def ledger(self) -> dict[str, Any]:
        """Return what really happened today: exact decimal text in rupees, quantities whole.

        Of each position: net, average, realised by average cost, unrealised at the last price. Of each order: filled, value, charges.
        """
        positions = [self._position_facts(one) for one in self.positions.values()]
        orders = [self._order_facts(one) for one in self._exchange.desk.orders.values()]
        realised = sum((Decimal(one["realised"]) for one in positions), Decimal(0))
        unrealised = sum((Decimal(one["unrealised"]) for one in positions), Decimal(0))
        charges = sum((Decimal(one["charges"]) for one in orders), Decimal(0))
        return {
            "positions": positions,
            "orders": orders,
            "trades": [{**one.row(), "price": plain(one.price), "time_ns": one.time_ns} for one in self._exchange.desk.trades],
            "realised": str(realised),
            "unrealised": str(unrealised),
            "charges": str(charges),
            "net_pnl": str(realised + unrealised - charges),
            "cash": {name: _exact(amount) for name, amount in self.cash.items()},
        }

    def _position_facts(self, one: Position) -> dict[str, Any]:
        last, many = int(self._exchange.board.last[one.listing.row]), one.listing.multiplier
        return {
            "exchange": one.listing.exchange,
            "tradingsymbol": one.listing.symbol,
            "product": one.product,
            "net": one.net,
            "realised": _exact(one.realised * many),
            "unrealised": _exact((one.net * last - one.cost) * many),
            "last_price": plain(last),
        }

    def _order_facts(self, one: Order) -> dict[str, Any]:
        return {
            "order_id": one.order_id,
            "tag": one.tag,
            "tradingsymbol": one.listing.symbol,
            "exchange": one.listing.exchange,
            "product": one.product,
            "side": "BUY" if one.side > 0 else "SELL",
            "status": one.status,
            "quantity": one.quantity,
            "filled": one.filled,
            "value": _exact(one.value * one.listing.multiplier),
            "charges": str(self.order_charges(one).total) if one.filled else "0",
        }


def _exact(amount: int) -> str:
    return str(Decimal(amount) / UNIT)

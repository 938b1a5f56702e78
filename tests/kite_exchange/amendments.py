"""Changing one's mind: orders modified and withdrawn, at once or after the exchange's own time, in which a fill may come first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.kite_exchange import checks
from tests.kite_exchange.errors import wrong_input
from tests.kite_exchange.orders import Order

if TYPE_CHECKING:
    from tests.kite_exchange.exchange import Exchange


@dataclass(frozen=True, slots=True)
class Wish:
    """What an order is to become."""

    order_type: str
    quantity: int
    price: int
    trigger: int
    protection: str
    validity: str


class Amendments:
    """Modifies and cancels the orders of the desk."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    def _find(self, variety: str, order_id: str, modifications: int | None = None) -> Order:
        order = self._exchange.desk.find(order_id)
        checks.check_modifiable(order.status, order.is_final, order.modifications if modifications is None else modifications)
        if variety != order.variety:
            raise wrong_input("Invalid `variety`.")
        return order

    def _send(self, order: Order, kept: str, wish: Wish | None) -> None:
        latency = self._exchange.options.order_latency

        def arrive() -> None:
            if not order.is_final:
                self._arrive(order, kept, wish)

        if latency > 0:
            self._exchange.clock.call_later(latency, arrive)
        else:
            arrive()

    def _arrive(self, order: Order, kept: str, wish: Wish | None) -> None:
        if wish is None:
            self._exchange.desk.withdraw(order, None)
        elif wish.quantity <= order.filled:
            self._exchange.desk.to(order, "NOT MODIFIED")
            self._exchange.desk.to(order, kept)
            self._exchange.desk.tell(order)
        else:
            self._apply(order, wish)

    # Modify.

    def modify(self, variety: str, order_id: str, form: Mapping[str, str]) -> None:
        """Change what the form names; a larger quantity or another price loses the place in the queue."""
        order = self._find(variety, order_id)
        wish = self._read(order, form)
        kept = order.status
        for step in ("MODIFY VALIDATION PENDING", "MODIFY PENDING"):
            self._exchange.desk.to(order, step)
        self._send(order, kept, wish)

    def _read(self, order: Order, form: Mapping[str, str]) -> Wish:
        order_type = checks.one_of(form, "order_type", checks.ORDER_TYPES, order.order_type)
        if order_type != order.order_type and order_type in ("SL", "SL-M") and not order.stop_type:
            raise wrong_input("A LIMIT order cannot be modified to an SL order.")
        quantity = checks.whole(form, "quantity", order.quantity)
        price = checks.money(form, "price") if "price" in form else order.price
        trigger = checks.money(form, "trigger_price") if "trigger_price" in form else order.trigger
        self._check(order, order_type, quantity, price, trigger)
        protection = checks.check_protection(form, order_type) if order_type != order.order_type else order.protection
        return Wish(order_type, quantity, price, trigger, protection, checks.one_of(form, "validity", checks.VALIDITIES, order.validity))

    def _check(self, order: Order, order_type: str, quantity: int, price: int, trigger: int) -> None:
        checks.check_quantity(order.listing, quantity)
        checks.check_freeze(order.listing, quantity)
        if quantity <= order.filled:
            raise wrong_input(f"Quantity cannot be less than or equal to the filled quantity of {order.filled}.")
        last = int(self._exchange.board.last[order.listing.row])
        waits = order_type in ("SL", "SL-M") and order.stop_type
        kind = order_type if order.stop_type else ("LIMIT" if order_type == "SL" else order_type)
        checks.check_prices(order.listing, order.side, kind, 0 if kind in ("MARKET", "SL-M") else price, trigger if waits else 0, last)

    def _apply(self, order: Order, wish: Wish) -> None:
        desk = self._exchange.desk
        is_same = (wish.price, wish.trigger, wish.order_type) == (order.price, order.trigger, order.order_type)
        keeps_place = is_same and wish.quantity <= order.quantity
        order.quantity, order.price, order.trigger = wish.quantity, wish.price, wish.trigger
        order.order_type, order.protection, order.validity = wish.order_type, wish.protection, wish.validity
        order.modifications += 1
        desk.to(order, "MODIFIED")
        told_as = self._exchange.options.partial_update
        if order.exchange_id is None:
            desk.to(order, "AMO REQ RECEIVED")
        elif order.stop_type and order.order_type in ("SL", "SL-M"):
            order.stop_type = order.order_type
            desk.to(order, "TRIGGER PENDING")
        elif keeps_place and desk.queue(order.listing.row).reduce(order.order_id, order.remaining):
            desk.to(order, "OPEN")
        else:
            desk.leave(order)
            desk.tell(order, told_as)
            desk.work(order)
            return
        desk.tell(order, told_as)

    # Cancel.

    def cancel(self, variety: str, order_id: str) -> None:
        """Withdraw an order at its owner's wish."""
        order = self._find(variety, order_id, modifications=0)
        kept = order.status
        self._exchange.desk.to(order, "CANCEL PENDING")
        self._send(order, kept, None)

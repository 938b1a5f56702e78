"""An order's life at the exchange: accepted, queued, triggered, filled, changed, withdrawn.

Every change of state goes through `to`, which writes the history; what the client is told of comes from `tell`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.kite_exchange.catalogue import plain
from tests.kite_exchange.errors import KiteError, wrong_input
from tests.kite_exchange.intake import protected_price, protection_percent
from tests.kite_exchange.matching import Queue
from tests.kite_exchange.orders import Order, Trade

if TYPE_CHECKING:
    from tests.kite_exchange.exchange import Exchange


class Desk:
    """Keeps all orders and trades of the day, and works them on the queues."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self.orders: dict[str, Order] = {}
        self.trades: list[Trade] = []
        self.queues: dict[int, Queue] = {}
        self._stops: dict[int, list[Order]] = {}
        self._rejections: list[tuple[str, dict[str, str]]] = []

    # Coming in.

    def accept(self, order: Order) -> None:
        """Take an order over; a refusal for want of money or shares may come at once.

        Raises:
            KiteError: refused before it has a place in the order book.
        """
        exchange = self._exchange
        refusal = exchange.account.refusal_of(order)
        if refusal is not None and (refusal.status == 428 or exchange.options.margin_refusal == "http"):
            raise refusal
        is_closed = exchange.options.hours and not exchange.days.is_open(order.listing.exchange)
        if is_closed and order.variety != "amo" and order.app_id:
            raise wrong_input("Markets are closed right now. Use AMO or GTT to place the order for the next session.")
        if order.limit == 0 and self._is_outside_band(order) and exchange.options.circuit_refusal == "http":
            raise wrong_input(self._band_message(order))
        order.visible_ns = max(order.visible_ns, exchange.clock.now_ns + exchange.late_ns(order))
        self.orders[order.order_id] = order
        if order.variety == "amo":
            self.to(order, "AMO REQ RECEIVED")
            return
        self.to(order, "PUT ORDER REQ RECEIVED")
        self.to(order, "VALIDATION PENDING")
        if refusal is not None:
            self.reject(order, refusal.message)
            return
        self.to(order, "OPEN PENDING")
        if exchange.options.order_latency > 0:
            exchange.clock.call_later(exchange.options.order_latency, lambda: self._reach_exchange(order))
        else:
            self._reach_exchange(order)

    def reject_next(self, message: str, where: dict[str, str]) -> None:
        """Let the next order whose row has these values be rejected in the order book."""
        self._rejections.append((message, where))

    def _reach_exchange(self, order: Order) -> None:
        row = order.row()
        for rejection in self._rejections:
            if all(str(row.get(name)) == value for name, value in rejection[1].items()):
                self._rejections.remove(rejection)
                self.reject(order, rejection[0])
                return
        if self._is_outside_band(order):
            self.reject(order, self._band_message(order))
            return
        order.exchange_id = f"1{order.order_id}"
        if order.stop_type:
            self.to(order, "TRIGGER PENDING")
            self._stops.setdefault(order.listing.row, []).append(order)
        else:
            self.work(order)
        if order.validity == "TTL":
            self._exchange.clock.call_later(order.ttl_minutes * 60, lambda: self._lapse(order))

    def _lapse(self, order: Order) -> None:
        if not order.is_final:
            self.withdraw(order, "Validity expired")

    def _is_outside_band(self, order: Order) -> bool:
        board, row = self._exchange.board, order.listing.row
        return any(price and not board.lower[row] <= price <= board.upper[row] for price in (order.price, order.trigger))

    def _band_message(self, order: Order) -> str:
        board, row = self._exchange.board, order.listing.row
        low, high = plain(int(board.lower[row])), plain(int(board.upper[row]))
        return f"17070 : The price is out of the current execution range: {low} to {high}."

    # At work.

    def queue(self, row: int) -> Queue:
        """Return the queue of an instrument."""
        if row not in self.queues:
            self.queues[row] = Queue(self._exchange.board, row, self.filled)
        return self.queues[row]

    def work(self, order: Order) -> None:
        """Bring an order to its queue: a market order at the edge of its protection."""
        listing = order.listing
        last = int(self._exchange.board.last[listing.row])
        if order.order_type in ("MARKET", "SL-M"):
            percent = protection_percent(listing, last, order.protection)
            order.limit = protected_price(listing, order.side, last, percent)
            if self._exchange.options.protected_as == "LIMIT":
                order.asked_type, order.order_type, order.price = order.order_type, "LIMIT", order.limit
            order.tags += ["mktp", f"mktp:{percent:.2f}"]
        else:
            order.limit = order.price
        self.to(order, "OPEN")
        self.queue(listing.row).add(order.order_id, order.side, order.limit, order.remaining, order.validity != "IOC")
        if order.validity == "IOC" and not order.is_final:
            self.withdraw(order, "Order cancelled by the exchange: IOC")

    def filled(self, owner: str, quantity: int, price: int) -> None:
        """Book one execution of an order; somebody else's is none of ours."""
        if not owner:
            return
        exchange = self._exchange
        order = self.orders[owner]
        order.filled += quantity
        order.value += quantity * price
        trade = Trade(f"{len(self.trades) + 70_000_001}", order, quantity, price, exchange.clock.stamp(), exchange.clock.now_ns)
        self.trades.append(trade)
        exchange.account.deal(trade)
        partial = order.status if order.status in ("CANCEL PENDING", "MODIFY PENDING") else "OPEN"
        self.to(order, "COMPLETE" if order.filled == order.quantity else partial)
        self.tell(order, "" if order.is_final else exchange.options.partial_update)
        if order.is_final and "iceberg" in order.meta:
            self._next_leg(order)

    def _next_leg(self, order: Order) -> None:
        iceberg = order.meta["iceberg"]
        left = iceberg["remaining_quantity"]
        if left <= 0:
            return
        exchange = self._exchange
        quantity = min(iceberg["leg_quantity"], left)
        asked_type = order.asked_type or order.order_type
        following = Order(
            exchange.intake.next_id(), order.listing, order.side, "iceberg", order.product, asked_type, order.validity, quantity,
            order.price, order.trigger, protection=order.protection, tag=order.tag, placed_by=order.placed_by, app_id=order.app_id,
            meta={"iceberg": {**iceberg, "leg": iceberg["leg"] + 1, "remaining_quantity": left - quantity}},
            time=exchange.clock.stamp(), opened_day=order.opened_day,
        )  # fmt: skip
        self.accept(following)

    def busy_rows(self) -> set[int]:
        """Return the rows where an order waits."""
        return {row for row, queue in self.queues.items() if queue.waiting()} | {row for row, stops in self._stops.items() if stops}

    def on_prices(self, rows: list[int]) -> None:
        """After prices moved: stops trigger by the last price, resting orders meet the new depth."""
        board = self._exchange.board
        for row in rows:
            stops = self._stops.get(row)
            if stops:
                last = int(board.last[row])
                for order in [one for one in stops if (last - one.trigger) * one.side >= 0]:
                    stops.remove(order)
                    order.stop_type = ""
                    self.work(order)
            if row in self.queues:
                self.queues[row].meet_market()

    # Going out.

    def leave(self, order: Order) -> None:
        """Take an order off the queue, or from among the stops."""
        stops = self._stops.get(order.listing.row, [])
        if order in stops:
            stops.remove(order)
            order.stop_type = ""
        else:
            self.queue(order.listing.row).remove(order.order_id)

    def withdraw(self, order: Order, message: str | None) -> None:
        """End an order with what it has filled."""
        self.leave(order)
        order.cancelled = order.quantity - order.filled
        order.message = message
        self.to(order, "CANCELLED AMO" if order.variety == "amo" and order.exchange_id is None and message is None else "CANCELLED")
        if order.status == "CANCELLED AMO":
            self.to(order, "CANCELLED")
        self.tell(order)

    def reject(self, order: Order, message: str) -> None:
        """Refuse an order that is in the order book already."""
        self.leave(order)
        order.message = message
        self.to(order, "REJECTED")
        self.tell(order)

    def release_amo(self, name: str = "") -> None:
        """Send the orders that waited for the market, or one exchange, to open."""
        for order in list(self.orders.values()):
            if order.status == "AMO REQ RECEIVED" and name in ("", order.listing.exchange):
                self.to(order, "PUT ORDER REQ RECEIVED")
                self.to(order, "OPEN PENDING")
                self._reach_exchange(order)

    def end_day(self, name: str = "") -> None:
        """Cancel what still works, on one exchange or all; nothing is kept overnight but what waits for the opening."""
        for order in list(self.orders.values()):
            if not order.is_final and order.status != "AMO REQ RECEIVED" and name in ("", order.listing.exchange):
                self.withdraw(order, "Order cancelled by the exchange at the end of the day")

    def forget(self) -> None:
        """Open the order book of a new day; what waits for the opening stays."""
        self.orders = {order.order_id: order for order in self.orders.values() if not order.is_final}
        self.trades = []
        self.queues = {}
        self._stops = {}

    # Saying so.

    def find(self, order_id: str) -> Order:
        """Return an order; an unknown number is refused."""
        order = self.orders.get(order_id)
        if order is None:
            raise KiteError("OrderException", "Order not found.", 404)
        return order

    def row(self, order: Order) -> dict[str, Any]:
        """Return an order's row of the order book."""
        row = order.row()
        if self._exchange.options.warts and order.status == "CANCELLED":
            row["pending_quantity"] = order.cancelled
        return row

    def to(self, order: Order, status: str) -> None:
        """Bring an order into a state, and write it into its history."""
        order.status = status
        order.exchange_time = self._exchange.clock.stamp() if order.exchange_id else None
        order.note()

    def tell(self, order: Order, status: str = "") -> None:
        """Send the update of an order, as it stands or under another status; none while the order is out of sight."""
        if order.visible_ns > self._exchange.clock.now_ns:
            return
        row = self.row(order)
        self._exchange.publish({**row, "status": status or row["status"]})

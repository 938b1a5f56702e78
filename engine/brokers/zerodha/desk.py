"""Places, changes and cancels at Zerodha, each once; what one order became there may be several, and all of them are meant.

A write that is answered in any way but a definite one leaves its outcome unknown: nothing here asks again.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from engine.brokers.zerodha.order_watch import OrderWatch
from engine.brokers.zerodha.orders import STATUSES
from engine.brokers.zerodha.placing import require_changeable, require_takeable, slices, to_change, to_parameters
from engine.brokers.zerodha.rest import KiteRest
from engine.brokers.zerodha.slicing import to_slices
from engine.core.errors import BrokerError, NotPermitted, OrderRejected, RateLimited
from engine.core.model import Order, OrderChange, OrderType

_TYPES = {str(order_type): order_type for order_type in OrderType}
_BUSY = "being processed"
"""What the broker says of an order that is on its way: it can be asked again."""


class OrderDesk:
    """The writing side of one account."""

    def __init__(self, rest: KiteRest, watch: OrderWatch) -> None:
        self.barred = ""
        """Why the broker takes no orders from here; empty when it does. Exits are tried all the same."""
        self.last_look: Callable[[Order], str] = lambda order: ""
        """Says why an order or a change may not leave after all, at the last moment."""
        self._rest, self._watch = rest, watch

    async def place(self, order: Order) -> str:
        """Place an order with its id as tag; returns the broker's id, of the first slice if there are several."""
        request = order.request
        require_takeable(request)
        if self.barred and not request.is_exit:
            raise OrderRejected(self.barred)
        fields = to_parameters(order)
        is_sliced = request.is_sliced and slices(request.quantity, request.instrument) > 1
        if is_sliced:
            self._watch.totals[order.id] = request.quantity
        try:
            method = "place_autoslice_order" if is_sliced else "place_order"
            look = partial(self.last_look, order)
            answer = await self._rest.write(method, **fields, is_urgent=request.is_exit, is_new_order=True, last_look=look)
        except NotPermitted as error:
            self.barred = str(error)
            raise
        finally:
            self._watch.nudge()
        order_id = self._first_of(order, answer) if is_sliced else str(answer)
        self._watch.placed(order_id)
        return order_id

    async def modify(self, order: Order, change: OrderChange) -> None:
        """Ask for a change, of all live slices where there are several; their quantities cannot be changed."""
        order_ids = self._live_ids(order)
        if len(order_ids) > 1 and change.quantity is not None:
            raise OrderRejected("Expected one order at the broker, was one in several slices; cancel it and place another quantity.")
        failure: BrokerError | None = None
        for order_id in order_ids:
            order_type = _TYPES.get(str(self._watch.rows.get(order_id, {}).get("order_type")), order.request.order_type)
            require_changeable(order, change, order_type)
            fields = to_change(order, change, order_type)
            variety, is_exit, look = self._variety(order, order_id), order.request.is_exit, partial(self.last_look, order)
            self._watch.wrote(order_id)
            try:
                await self._rest.write("modify_order", variety, order_id, **fields, is_urgent=is_exit, last_look=look)
            except BrokerError as error:
                failure = failure or error
            finally:
                self._watch.wrote(order_id)
        if failure is not None:
            raise failure

    async def cancel(self, order: Order) -> None:
        """Ask for the cancel of all that the order became; raises the first error once all were asked for."""
        failure: BrokerError | None = None
        for order_id in self._live_ids(order):
            self._watch.wrote(order_id)
            try:
                await self._rest.write("cancel_order", self._variety(order, order_id), order_id, is_urgent=True)
            except OrderRejected as error:
                busy = RateLimited(f"Zerodha is still at work on the order: {error}") if _BUSY in str(error) else error
                failure = failure or busy
            except BrokerError as error:
                failure = failure or error
            finally:
                self._watch.wrote(order_id)
        if failure is not None:
            raise failure

    def _first_of(self, order: Order, answer: object) -> str:
        sliced = to_slices(answer)
        instrument = order.instrument
        most = instrument.freeze_quantity // instrument.lot_size * instrument.lot_size
        self._watch.totals[order.id] = sliced.placed(order.request.quantity, most)
        return sliced.first

    def _live_ids(self, order: Order) -> list[str]:
        """Return the broker's orders that may still fill; where none is known to, the one that is known at all."""
        found = self._watch.ids_of(order.id, order.broker_order_id)
        live = [order_id for order_id in found if self._is_live(order_id)] or found
        if not live:
            raise OrderRejected("Expected an order that the broker has a number for, was one without; it is looked up first.")
        return live

    def _is_live(self, order_id: str) -> bool:
        row = self._watch.rows.get(order_id)
        status = STATUSES.get(str(row.get("status")), (None, None))[0] if row is not None else None
        return status is None or not status.is_terminal

    def _variety(self, order: Order, order_id: str) -> str:
        row = self._watch.rows.get(order_id, {})
        return str(row.get("variety") or order.request.variety.value)

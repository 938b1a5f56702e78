"""Every order of the account in its latest state, found by our id or the broker's; each change goes into the journal and is told.

Keeps, writes and tells; what an order becomes is decided by the lifecycle.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from engine import failpoints
from engine.clock import Clock
from engine.core.errors import InvalidOrder
from engine.core.lifecycle import transition
from engine.core.model import BrokerFill, Fill, Order, OrderChange, OrderStatus, OrderUpdate, Pending, Product, Validity
from engine.store.rows import JournalEntry, StoreFailed, StoreRow

if TYPE_CHECKING:
    from engine.store import Store

_NO_TRADES: Mapping[str, int] = {}


class OrderLog:
    """Orders by id, and their journal."""

    def __init__(self, store: Store, clock: Clock, tell: Callable[[Order], None], fail: Callable[[str], None]) -> None:
        """`tell` hears of each order's new state, `fail` that the database takes nothing more."""
        self.all: dict[str, Order] = {}
        self.fills: list[Fill] = []
        self.store = store
        self.clock = clock
        self.fail = fail
        self._tell = tell
        self._working: dict[str, Order] = {}
        self._by_broker: dict[str, str] = {}
        self._trades: dict[str, dict[str, int]] = {}
        self._traded: dict[str, int] = {}

    def keep(self, order: Order) -> Order:
        """Keep an order's latest state, without a word."""
        self.all[order.id] = order
        if order.status.is_working:
            self._working[order.id] = order
        else:
            self._working.pop(order.id, None)
        if order.broker_order_id:
            self._by_broker[order.broker_order_id] = order.id
        return order

    def tell(self, order: Order) -> Order:
        """Keep an order's new state and tell it."""
        self._tell(self.keep(order))
        return order

    def change(self, order: Order, kind: str, payload: dict[str, Any] | None = None) -> Order:
        """Keep an order's new state, write it down and tell it."""
        self.record(kind, order, payload or {})
        if failpoints.reached is not None and kind == "ACK":
            failpoints.reached("after ack")
        return self.tell(order)

    def record(self, kind: str, order: Order, payload: dict[str, Any], fills: Iterable[Fill] = ()) -> None:
        """Write down what became of an order, whole: its row and its executions could be made anew of the journal alone."""
        said = payload | {"now": wording_of_state(order)}
        if booked := [wording_of_fill(fill) for fill in fills]:
            said["booked"] = booked
        self.write(self.entry(kind, order.id, said), order, *fills)

    def conclude(self, order_id: str, status: OrderStatus, message: str) -> Order:
        """Put an order into its next status on our own evidence; raises InvalidTransition where the lifecycle has no way."""
        order = transition(self.get(order_id), status, self.clock.now_ns(), message=message, pending=Pending.NONE)
        return self.change(order, status.value, {"message": message})

    def entry(self, kind: str, order_id: str, payload: dict[str, Any] | None = None) -> JournalEntry:
        """Make a line of the journal, as of now."""
        return JournalEntry(self.clock.now_ns(), kind, order_id, payload or {})

    def write(self, *rows: StoreRow) -> None:
        """Queue rows; what the broker says is dealt with also when the database takes nothing more."""
        try:
            self.store.write(*rows)
        except StoreFailed as failure:
            self.fail(str(failure))

    def get(self, order_id: str) -> Order:
        """Return an order; raises InvalidOrder when there is none of that id."""
        try:
            return self.all[order_id]
        except KeyError:
            raise InvalidOrder(f"Expected the id of an order, was {order_id!r}; it may belong to another account.") from None

    def find(self, update: OrderUpdate) -> Order | None:
        """Return the order an update speaks of: by the broker's id, or by our tag."""
        order = self.all.get(self._by_broker.get(update.broker_order_id, update.tag))
        if order is not None and update.broker_order_id:
            # A slice or a fork of the same order at the broker: whatever it says belongs here, too.
            self._by_broker[update.broker_order_id] = order.id
            for part in update.parts:
                self._by_broker[part] = order.id
        return order

    def incarnations(self, order_id: str) -> list[str]:
        """List the broker's ids of all that an order became there, as far as is known."""
        return [broker_id for broker_id, ours in self._by_broker.items() if ours == order_id]

    def working(self, owner: str | None = None, key: str | None = None) -> list[Order]:
        """List the orders that may still fill, oldest first, of one owner or instrument if given."""
        return [
            order
            for order in self._working.values()
            if owner in (None, order.request.owner) and key in (None, order.request.instrument.key)
        ]

    def working_in(self, key: str, product: Product, owner: str) -> list[Order]:
        """List an owner's orders in an instrument and product that may still fill, oldest first."""
        found = []
        for order in self._working.values():
            request = order.request
            if request.instrument.key == key and request.product is product and request.owner == owner:
                found.append(order)
        return found

    def trades(self, order_id: str) -> Mapping[str, int]:
        """Return the quantity of each known trade of an order, by trade id."""
        return self._trades.get(order_id, _NO_TRADES)

    def traded(self, order_id: str) -> int:
        """Return what the known trades of an order come to."""
        return self._traded.get(order_id, 0)

    def book(self, fill: Fill) -> None:
        """Keep an execution; of one order there may be many thousand, and each costs the same."""
        self.fills.append(fill)
        self._trades.setdefault(fill.order_id, {})[fill.trade_id] = fill.quantity
        self._traded[fill.order_id] = self._traded.get(fill.order_id, 0) + fill.quantity

    def unbook(self, order_id: str, trade_ids: Collection[str]) -> None:
        """Forget executions that true ones take the place of."""
        trades = self._trades.get(order_id, {})
        self._traded[order_id] = self._traded.get(order_id, 0) - sum(trades.pop(trade_id) for trade_id in trade_ids)
        self.fills[:] = [fill for fill in self.fills if fill.order_id != order_id or fill.trade_id not in trade_ids]

    def restore(self, orders: Iterable[Order], fills: Iterable[Fill]) -> None:
        """Take in orders and fills of before."""
        for order in orders:
            self.keep(order)
        for fill in fills:
            self.book(fill)


def wording(order: Order) -> dict[str, Any]:
    """Return what an order asks, as the journal keeps it: what is usual is left out."""
    request = order.request
    said: dict[str, Any] = {
        "key": request.instrument.key,
        "owner": request.owner,
        "purpose": str(request.purpose),
        "side": int(request.side),
        "quantity": int(order.quantity),
        "order_type": str(request.order_type),
        "product": str(request.product),
        "price": order.price,
        "trigger_price": order.trigger_price,
        "reference_price": request.reference_price,
        "created_ns": order.created_ns,
    }
    if request.stop is not None:
        said["stop"] = request.stop
    if request.target is not None:
        said["target"] = request.target
    if request.trail is not None:
        said["trail"] = request.trail
    if request.group:
        said["group"] = request.group
    if request.disclosed_quantity:
        said["disclosed_quantity"] = request.disclosed_quantity
    if request.validity is not Validity.DAY:
        said["validity"] = request.validity.value
    return said


def wording_of_state(order: Order) -> dict[str, Any]:
    """Return what has become of an order, as the journal keeps it."""
    return {
        "status": order.status.value,
        "pending": order.pending.value,
        "broker_order_id": order.broker_order_id,
        "owner": order.request.owner,
        "purpose": order.request.purpose.value,
        "quantity": int(order.quantity),
        "price": order.price,
        "trigger_price": order.trigger_price,
        "filled": int(order.filled),
        "filled_value_units": int(order.filled_value_units),
        "message": order.message,
        "modifications": order.modifications,
        "updated_ns": order.updated_ns,
    }


def wording_of_fill(fill: Fill) -> list[Any]:
    """Return an execution as the journal keeps it, in the order of `engine.store.rebuild.BOOKED`."""
    return [
        fill.trade_id, fill.order_id, fill.instrument.key, int(fill.side), int(fill.quantity), int(fill.price_units),
        int(fill.charges_units), fill.time_ns, fill.product.value, fill.owner, fill.purpose.value,
    ]  # fmt: skip


def wording_of_change(change: OrderChange) -> dict[str, Any]:
    """Return what a change asks, as the journal keeps it."""
    said = {"quantity": change.quantity, "price": change.price, "trigger_price": change.trigger_price}
    return {name: value for name, value in said.items() if value is not None} | (
        {"order_type": change.order_type.value} if change.order_type is not None else {}
    )


def wording_of_update(update: OrderUpdate, order: Order, new_fills: Iterable[BrokerFill]) -> dict[str, Any]:
    """Return what the broker said and what was made of it, as the journal keeps it; of its trades only those that are new."""
    said: dict[str, Any] = {
        "broker_order_id": update.broker_order_id,
        "said": update.raw_status or (update.status.value if update.status else ""),
        "status": order.status.value,
        "filled": int(order.filled),
        "trades": [[fill.trade_id, int(fill.quantity), float(fill.price)] for fill in new_fills],
        "message": update.message,
    }
    return said | ({"row": update.raw} if update.raw else {})

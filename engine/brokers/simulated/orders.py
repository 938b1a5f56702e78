"""An order as the exchange keeps it, from its receipt to its last fill, and what is reported of it.

Only the exchange changes one; brokers and sessions see OrderUpdates.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from engine.core.grid import price_units
from engine.core.model import (
    EXTERNAL,
    BrokerFill,
    Instrument,
    Order,
    OrderRequest,
    OrderStatus,
    OrderType,
    OrderUpdate,
    Pending,
    Product,
    Side,
    Validity,
)

RAW_STATUS = {
    OrderStatus.ACKED: "PUT ORDER REQ RECEIVED",
    OrderStatus.TRIGGER: "TRIGGER PENDING",
    OrderStatus.OPEN: "OPEN",
    OrderStatus.PARTIAL: "OPEN",
    OrderStatus.FILLED: "COMPLETE",
    OrderStatus.CANCELLED: "CANCELLED",
    OrderStatus.EXPIRED: "CANCELLED",
    OrderStatus.REJECTED: "REJECTED",
}
"""How Indian brokers spell the states."""

LIMITED = frozenset({OrderType.LIMIT, OrderType.SL})
STOPS = frozenset({OrderType.SL, OrderType.SL_M})


@dataclass(frozen=True, slots=True)
class Terms:
    """When and at what price an order may trade."""

    order_type: OrderType
    price: float | None = None
    trigger_price: float | None = None


@dataclass(slots=True, eq=False)
class ExchangeOrder:
    """One order in the exchange's hands; `eq=False` because two orders are the same only when they are one."""

    id: str
    tag: str
    number: int
    """Its place among all orders of this exchange; grows for ever."""
    instrument: Instrument
    side: Side
    quantity: int
    order_type: OrderType
    product: Product
    validity: Validity
    price: float | None
    trigger_price: float | None
    status: OrderStatus = OrderStatus.ACKED
    is_triggered: bool = False
    filled: int = 0
    value_units: int = 0
    """Sum of price times quantity of its fills."""
    charges_units: int = 0
    """Of its fills."""
    message: str = ""
    created_ns: int = 0
    updated_ns: int = 0
    placed_ns: int = 0
    """The step of a replay in which it took its present place in the queue."""
    placed_stage: int = 0
    delay_bars: int = 0
    """Bars that go by from its receipt until it has come to the market."""
    is_sliced: bool = False
    """More than the freeze quantity is meant, and is filled and charged in slices of it."""
    fills: list[BrokerFill] = field(default_factory=list)
    slice_value_units: int = 0
    """Of the fills of its present slice: each is charged as an order of its own."""
    slice_charges_units: int = 0

    def add_to_slice(self, value_units: int, filled: int) -> None:
        """Put a fill's money into the present slice, or where `filled`, what had filled before, ends one, into the next."""
        if self.instrument.freeze_quantity and filled % self.instrument.freeze_quantity == 0:
            self.slice_value_units = self.slice_charges_units = 0
        self.slice_value_units += value_units

    @classmethod
    def received(cls, order: Order, order_id: str, number: int, now_ns: int) -> ExchangeOrder:
        """Take over what a session sent."""
        request = order.request
        return cls(
            id=order_id,
            tag=order.id,
            number=number,
            instrument=request.instrument,
            side=request.side,
            quantity=request.quantity,
            order_type=request.order_type,
            product=request.product,
            validity=request.validity,
            price=request.price if request.order_type in LIMITED else None,
            trigger_price=request.trigger_price if request.order_type in STOPS else None,
            created_ns=now_ns,
            updated_ns=now_ns,
            placed_ns=now_ns,
            is_sliced=request.is_sliced,
        )

    @property
    def terms(self) -> Terms:
        """When and at what price it may trade."""
        return Terms(self.order_type, self.price, self.trigger_price)

    @terms.setter
    def terms(self, terms: Terms) -> None:
        """Change when and at what price it may trade."""
        self.order_type, self.price, self.trigger_price = terms.order_type, terms.price, terms.trigger_price

    @property
    def remaining(self) -> int:
        """Quantity that may still fill."""
        return 0 if self.status.is_terminal else self.quantity - self.filled

    @property
    def is_waiting(self) -> bool:
        """Tell whether it is a stop whose trigger was not reached yet."""
        return self.order_type in STOPS and not self.is_triggered

    @property
    def limit_units(self) -> int | None:
        """Worst price at which it may trade, in units; None for an order at market."""
        return price_units(self.price) if self.order_type in LIMITED and self.price is not None else None

    @property
    def resting_status(self) -> OrderStatus:
        """Status of it while it waits: for its trigger, for a first fill, or for the rest."""
        if self.filled:
            return OrderStatus.PARTIAL
        return OrderStatus.TRIGGER if self.is_waiting else OrderStatus.OPEN

    def update(self, fills: tuple[BrokerFill, ...] = ()) -> OrderUpdate:
        """Say what is new of it: the fills given, and everything else as it stands."""
        return self._update(fills, is_snapshot=False, request=None)

    def snapshot(self) -> OrderUpdate:
        """Say all of it, as a row of the order list does."""
        return self._update(tuple(self.fills), is_snapshot=True, request=self._request())

    def _update(self, fills: tuple[BrokerFill, ...], is_snapshot: bool, request: OrderRequest | None) -> OrderUpdate:
        return OrderUpdate(
            broker_order_id=self.id,
            tag=self.tag,
            status=self.status,
            filled=self.filled,
            fills=fills,
            pending=Pending.NONE,
            quantity=self.quantity,
            price=self.price,
            trigger_price=self.trigger_price,
            message=self.message,
            raw_status=RAW_STATUS[self.status],
            time_ns=self.updated_ns,
            is_snapshot=is_snapshot,
            request=request,
        )

    def _request(self) -> OrderRequest:
        """Rebuild what it asks; whose order it is, an exchange does not know."""
        return OrderRequest(
            instrument=self.instrument,
            side=self.side,
            quantity=self.quantity,
            order_type=self.order_type,
            product=self.product,
            price=self.price,
            trigger_price=self.trigger_price,
            validity=self.validity,
            owner=EXTERNAL,
        )

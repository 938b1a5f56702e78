"""An order as it stands in a ticket: what is missing or wrong with it, what is unwise about it, what it will cost.

Pure: the ticket writes what was typed in here and shows what comes back. A fault keeps the order from being sent; advice does not.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from engine.core.errors import InvalidOrder
from engine.core.grid import is_on_tick
from engine.core.model import Instrument, OrderRequest, OrderType, Product, Quote, Side, Validity
from widgets.base import numbers

FAR_PCT = 3.0
"""A limit this far from the last price is remarked upon."""


@dataclass(frozen=True, slots=True)
class Draft:
    """What stands in the fields of a ticket."""

    instrument: Instrument
    side: Side | None
    quantity: Decimal | None
    order_type: OrderType = OrderType.MARKET
    product: Product = Product.MIS
    price: float | None = None
    trigger: float | None = None
    stop: float | None = None
    target: float | None = None
    validity: Validity = Validity.DAY
    minutes: float | None = None
    """So long after it filled what it opens is closed; None = not by time."""

    @property
    def has_price(self) -> bool:
        """Tell whether this type of order names its price."""
        return self.order_type in (OrderType.LIMIT, OrderType.SL)

    @property
    def has_trigger(self) -> bool:
        """Tell whether this type of order waits for a trigger."""
        return self.order_type in (OrderType.SL, OrderType.SL_M)

    @property
    def _sign(self) -> int:
        return int(self.side or 0)

    @property
    def _verb(self) -> str:
        return self.side.name.lower() if self.side is not None else "order"

    def fault(self, quote: Quote | None) -> tuple[str, str]:
        """Return the field that cannot be sent, and why; two empty texts when all is well."""
        if not self.instrument.is_tradable:
            return "instrument", f"{self.instrument.symbol} is an index: it can be watched, not traded."
        if self.side is None:
            return "side", "Choose Buy or Sell."
        return self._quantity_fault() or self._price_fault() or self._protection_fault(quote) or ("", "")

    def _quantity_fault(self) -> tuple[str, str] | None:
        lot, quantity = self.instrument.lot_size, self.quantity
        if quantity is None or quantity <= 0 or quantity != int(quantity):
            return "quantity", "Give the quantity as a whole number."
        if int(quantity) % lot:
            return "quantity", f"Expected whole lots of {lot}, was {numbers.grouped(int(quantity))}."
        freeze = self.instrument.freeze_quantity
        if freeze and quantity > freeze:
            return "quantity", f"The exchange takes at most {numbers.grouped(freeze)} in one order."
        return None

    def _price_fault(self) -> tuple[str, str] | None:
        wanted = (("price", self.price, self.has_price), ("trigger", self.trigger, self.has_trigger))
        for name, value, is_needed in wanted:
            if is_needed and (fault := self._off_grid(value, f"a {name} price" if name == "trigger" else "a price")):
                return name, fault
        is_stop_limit = self.order_type is OrderType.SL and self.price is not None and self.trigger is not None
        if is_stop_limit and self._sign * (self.price or 0.0) < self._sign * (self.trigger or 0.0):
            return "price", f"A stop that {self._verb}s needs its price {'above' if self._sign > 0 else 'below'} its trigger."
        return None

    def _off_grid(self, value: float | None, what: str) -> str:
        tick = self.instrument.tick_size
        if value is None or value <= 0:
            return f"Give {what}."
        return "" if is_on_tick(value, float(tick)) else f"Expected {what} in steps of {tick}, was {value:g}."

    def _protection_fault(self, quote: Quote | None) -> tuple[str, str] | None:
        base = self.reference(quote)
        for name, value, way in (("stop", self.stop, -1), ("target", self.target, 1)):
            if value is None:
                continue
            if fault := self._off_grid(value, f"a {name} price"):
                return name, fault
            if base and way * self._sign * (value - base) <= 0:
                place = "above" if way * self._sign > 0 else "below"
                return name, f"The {name} of a {self._verb} belongs {place} {numbers.price(base)}."
        return None

    def advice(self, quote: Quote | None) -> str:
        """Return what a careful colleague would remark; "" when nothing."""
        if quote is None or not quote.last_price or self.side is None:
            return "No quote yet: value and charges are not known." if quote is None or not quote.last_price else ""
        if self.has_trigger and self.trigger and self._sign * (quote.last_price - self.trigger) >= 0:
            return f"The last price is already {'above' if self._sign > 0 else 'below'} the trigger: it acts at once."
        best = quote.ask if self._sign > 0 else quote.bid
        if self.order_type is OrderType.LIMIT and self.price:
            if best and self._sign * (self.price - best) >= 0:
                return f"Crosses the spread: it fills at once, near {numbers.price(best)}."
            away = 100.0 * (self.price - quote.last_price) / quote.last_price
            if abs(away) > FAR_PCT:
                return f"The price is {numbers.percent(away, 1)} from the last."
        if self.order_type is OrderType.MARKET and self.quantity and (shown := self.shown(quote)) and self.quantity > shown:
            return f"Only {numbers.grouped(shown)} shown in five levels: expect to pay beyond them."
        return ""

    def shown(self, quote: Quote) -> int:
        """Return the quantity on offer for this side in the levels that are known."""
        return sum(quantity for _, quantity in (quote.asks if self.side == Side.BUY else quote.bids))

    def reference(self, quote: Quote | None) -> float:
        """Return the price the order is reckoned at: its own, its trigger, or the last; 0 when none is known."""
        if self.has_price and self.price:
            return self.price
        if self.has_trigger and self.trigger:
            return self.trigger
        return quote.last_price if quote is not None else 0.0

    def request(self, quote: Quote | None) -> OrderRequest:
        """Make the request that is sent, of a draft without fault; InvalidOrder without side or quantity."""
        if self.side is None or self.quantity is None:
            raise InvalidOrder("Expected a side and a quantity, was an unfinished ticket; fill it in.")
        return OrderRequest(
            instrument=self.instrument,
            side=self.side,
            quantity=int(self.quantity),
            order_type=self.order_type,
            product=self.product,
            price=self.price if self.has_price else None,
            trigger_price=self.trigger if self.has_trigger else None,
            validity=self.validity,
            close_after_s=60.0 * (self.minutes or 0.0),
            reference_price=quote.last_price if quote is not None and quote.last_price else None,
            stop=self.stop,
            target=self.target,
        )

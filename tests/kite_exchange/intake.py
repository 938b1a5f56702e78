"""From a form to an order: what every variety asks for, slices and legs included."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from tests.kite_exchange import checks
from tests.kite_exchange.catalogue import UNIT, Listing
from tests.kite_exchange.errors import KiteError, wrong_input
from tests.kite_exchange.orders import Order

if TYPE_CHECKING:
    from tests.kite_exchange.exchange import Exchange

AUTO_SHARES = ((100, "2"), (500, "1"), (None, "0.5"))
AUTO_OPTIONS = ((10, "5"), (100, "3"), (500, "2"), (None, "1"))


def protection_percent(listing: Listing, last: int, asked: str) -> Decimal:
    """Return the width of the protection in percent; -1 is the exchange's own by price."""
    if Decimal(asked) != -1:
        return Decimal(asked)
    for below, percent in AUTO_OPTIONS if listing.kind in ("CE", "PE") else AUTO_SHARES:
        if below is None or last < below * UNIT:
            return Decimal(percent)
    raise AssertionError


def protected_price(listing: Listing, side: int, last: int, percent: Decimal) -> int:
    """Return the limit a protected market order works at: the last price and the band, cut to the grid inside it."""
    edge = int(last * (100 + side * percent) / 100)
    cut = edge // listing.tick * listing.tick
    return max(listing.tick, cut if side > 0 or cut == edge else cut + listing.tick)


class Intake:
    """Reads forms into orders and numbers them."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._numbered = 0

    def next_id(self) -> str:
        """Return a fresh order number: the day and a running number, 16 digits."""
        self._numbered += 1
        return f"{self._exchange.clock.ist():%y%m%d}{self._numbered:010d}"

    def order_of(self, variety: str, form: Mapping[str, str], quantity: int, app_id: int = 1) -> Order:
        """Make the order a form describes, refused if anything in it is wrong.

        Raises:
            KiteError: the refusal.
        """
        exchange = self._exchange
        listing = checks.listing_of(exchange.catalogue, form)
        side = 1 if checks.one_of(form, "transaction_type", ("BUY", "SELL")) == "BUY" else -1
        product, order_type, validity, minutes = checks.check_terms(form, listing, variety)
        checks.check_quantity(listing, quantity)
        price, trigger = checks.money(form, "price"), checks.money(form, "trigger_price")
        if order_type in ("MARKET", "SL-M"):
            price = 0
        if order_type in ("MARKET", "LIMIT"):
            trigger = 0
        checks.check_prices(listing, side, order_type, price, trigger, int(exchange.board.last[listing.row]))
        protection = checks.check_protection(form, order_type) if app_id else (form.get("market_protection") or "-1")
        return Order(
            self.next_id(), listing, side, variety, product, order_type, validity, quantity, price, trigger,
            disclosed=checks.check_disclosed(form, quantity), ttl_minutes=minutes, protection=protection, tag=checks.check_tag(form),
            placed_by=exchange.options.user_id, app_id=app_id, stop_type=order_type if order_type in ("SL", "SL-M") else "",
            time=exchange.clock.stamp(), opened_day=exchange.clock.today().isoformat(),
        )  # fmt: skip

    def place(self, variety: str, form: Mapping[str, str]) -> Any:
        """Place what a form asks for; returns Kite's `data`."""
        if variety not in checks.VARIETIES:
            raise wrong_input("Invalid `variety`.")
        exchange = self._exchange
        quantity = checks.whole(form, "quantity")
        if form.get("autoslice") == "true":
            return self._slices(variety, form, quantity)
        if variety == "iceberg":
            return self._iceberg(form, quantity)
        order = self.order_of(variety, form, quantity)
        checks.check_freeze(order.listing, quantity)
        exchange.desk.accept(order)
        return {"order_id": order.order_id}

    def _iceberg(self, form: Mapping[str, str], quantity: int) -> Any:
        listing = checks.listing_of(self._exchange.catalogue, form)
        legs, leg = checks.check_iceberg(form, quantity, listing)
        order = self.order_of("iceberg", form, leg)
        if order.order_type not in ("LIMIT", "SL", "MARKET"):
            raise wrong_input("Invalid `order_type`.")
        checks.check_freeze(listing, leg)
        order.meta = {
            "iceberg": {"leg": 1, "legs": legs, "leg_quantity": leg, "total_quantity": quantity, "remaining_quantity": quantity - leg}
        }
        self._exchange.desk.accept(order)
        return {"order_id": order.order_id}

    def _slices(self, variety: str, form: Mapping[str, str], quantity: int) -> Any:
        listing = checks.listing_of(self._exchange.catalogue, form)
        checks.check_quantity(listing, quantity)
        size = listing.freeze // listing.lot * listing.lot if listing.freeze else quantity
        sizes = [min(size, quantity - start) for start in range(0, quantity, size)]
        if len(sizes) > checks.MOST_SLICES:
            raise wrong_input(f"Order needs {len(sizes)} slices; at most {checks.MOST_SLICES} are allowed.")
        parent = self.next_id()
        children: list[dict[str, Any]] = []
        for part in sizes:
            try:
                order = self.order_of(variety, form, part)
                order.tags += ["autoslice", f"autoslice:{parent}"]
                self._exchange.desk.accept(order)
                children.append({"order_id": order.order_id})
            except KiteError as error:
                children.append(
                    {"error": {"code": error.status, "error_type": error.error_type, "message": error.message, "data": error.data}}
                )
        if self._exchange.options.autoslice_shape == "flat":
            return children
        return {"order_id": parent, "children": children}

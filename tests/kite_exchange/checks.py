"""What is wrong with an order, found before it goes to the exchange: a refusal here leaves nothing in the order book."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation

from tests.kite_exchange.catalogue import Catalogue, Listing, plain, units
from tests.kite_exchange.errors import NO_PROTECTION, KiteError, wrong_input

Form = Mapping[str, str]
VARIETIES = ("regular", "amo", "iceberg")
PRODUCTS = {"EQ": ("CNC", "MIS", "MTF"), "FUT": ("NRML", "MIS"), "CE": ("NRML", "MIS"), "PE": ("NRML", "MIS")}
ORDER_TYPES = ("MARKET", "LIMIT", "SL", "SL-M")
VALIDITIES = ("DAY", "IOC", "TTL")
MOST_SLICES = 10


def one_of(form: Form, name: str, allowed: tuple[str, ...], default: str | None = None) -> str:
    """Read a field that has fixed values."""
    value = form.get(name, default)
    if value is None:
        raise wrong_input(f"Missing or empty field `{name}`")
    if value not in allowed:
        raise wrong_input(f"Invalid `{name}`.")
    return value


def whole(form: Form, name: str, default: int | None = None) -> int:
    """Read a whole number."""
    value = form.get(name)
    if value is None or value == "":
        if default is None:
            raise wrong_input(f"Missing or empty field `{name}`")
        return default
    if not re.fullmatch(r"-?\d+", value):
        raise wrong_input(f"Invalid `{name}`.")
    return int(value)


def money(form: Form, name: str) -> int:
    """Read a price as units; 0 when it is left out. An exponent, a NaN or more than four decimals is refused."""
    value = form.get(name) or "0"
    if not re.fullmatch(r"\d+(\.\d+)?", value):
        raise wrong_input(f"Invalid `{name}`.")
    try:
        return units(value)
    except (ValueError, InvalidOperation) as error:
        raise wrong_input(f"Invalid `{name}`.") from error


def listing_of(catalogue: Catalogue, form: Form) -> Listing:
    """Find the instrument an order names."""
    exchange, symbol = form.get("exchange"), form.get("tradingsymbol")
    if not exchange or not symbol:
        raise wrong_input(f"Missing or empty field `{'tradingsymbol' if exchange else 'exchange'}`")
    listing = catalogue.by_key.get(f"{exchange}:{symbol}")
    if listing is None or listing.is_index:
        raise wrong_input("The instrument you are placing an order for has either expired or does not exist.")
    return listing


def check_quantity(listing: Listing, quantity: int) -> None:
    """Refuse nothing, a broken lot."""
    if quantity <= 0:
        raise wrong_input("Invalid `quantity`.")
    if quantity % listing.lot:
        raise wrong_input(f"Quantity should be in multiples of {listing.lot} (lot size).")


def check_freeze(listing: Listing, quantity: int) -> None:
    """Refuse more than one order may hold."""
    if listing.freeze and quantity > listing.freeze:
        raise wrong_input(
            f"Quantity {quantity} of {listing.symbol} exceeds the exchange's freeze quantity of {listing.freeze}. "
            "Split the order, or place it with autoslice or as an iceberg."
        )


def check_grid(listing: Listing, price: int) -> None:
    """Refuse a price off the tick grid."""
    if price % listing.tick:
        raise wrong_input(
            f"Tick size for this script is {plain(listing.tick)}. Kindly enter price in the multiple of tick size for this script"
        )


def check_prices(listing: Listing, side: int, order_type: str, price: int, trigger: int, last: int) -> None:
    """Refuse prices that are missing, off the grid, or on the wrong side of each other."""
    if order_type in ("LIMIT", "SL") and price <= 0:
        raise wrong_input("Missing or empty field `price`")
    if order_type in ("SL", "SL-M") and trigger <= 0:
        raise wrong_input("Missing or empty field `trigger_price`")
    check_grid(listing, price)
    check_grid(listing, trigger)
    if order_type not in ("SL", "SL-M"):
        return
    buys = side > 0
    if order_type == "SL" and (price - trigger) * side < 0:
        raise wrong_input(
            f"Trigger price for stoploss {'buy' if buys else 'sell'} orders should be {'lower' if buys else 'higher'} than the price."
        )
    if (trigger - last) * side <= 0:
        raise wrong_input(
            f"Trigger price for stoploss {'buy' if buys else 'sell'} orders should be {'above' if buys else 'below'} the last traded price "
            f"({plain(last)})."
        )


def check_protection(form: Form, order_type: str) -> str:
    """Return the market protection; a market order without one is refused."""
    value = form.get("market_protection") or "0"
    if order_type not in ("MARKET", "SL-M"):
        return "0"
    if not re.fullmatch(r"-?\d+(\.\d+)?", value) or not (Decimal(value) == -1 or 0 <= Decimal(value) <= 100):
        raise wrong_input("Invalid `market_protection`.")
    if Decimal(value) == 0:
        raise wrong_input(NO_PROTECTION)
    return value


def check_terms(form: Form, listing: Listing, variety: str) -> tuple[str, str, str, int]:
    """Return product, order type, validity and its minutes."""
    product = one_of(form, "product", PRODUCTS[listing.kind])
    order_type = one_of(form, "order_type", ORDER_TYPES)
    validity = one_of(form, "validity", VALIDITIES, "DAY")
    minutes = whole(form, "validity_ttl", 0)
    if validity == "TTL" and not 1 <= minutes <= 1440:
        raise wrong_input("Invalid `validity_ttl`.")
    if listing.exchange == "MCX" and validity == "IOC":
        raise wrong_input("IOC orders are not allowed via API for MCX.")
    if listing.kind in ("CE", "PE") and order_type == "SL-M":
        raise wrong_input("SL-M orders are not allowed for options. Use an SL order with a limit price.")
    if variety == "amo" and validity != "DAY":
        raise wrong_input("Only DAY validity is allowed for after market orders.")
    return product, order_type, validity, minutes


def check_tag(form: Form) -> str | None:
    """Return the tag, at most 20 characters."""
    tag = form.get("tag")
    if tag and len(tag) > 20:
        raise wrong_input("Invalid `tag`. It should be at most 20 characters.")
    return tag or None


def check_iceberg(form: Form, quantity: int, listing: Listing) -> tuple[int, int]:
    """Return legs and quantity of a leg."""
    legs, leg = whole(form, "iceberg_legs"), whole(form, "iceberg_quantity")
    if not 2 <= legs <= 50:
        raise wrong_input("Invalid `iceberg_legs`.")
    if leg <= 0 or leg % listing.lot or -(-quantity // leg) != legs:
        raise wrong_input("Invalid `iceberg_quantity`.")
    return legs, leg


def check_disclosed(form: Form, quantity: int) -> int:
    """Return the disclosed quantity: none, or a tenth of the order at least."""
    disclosed = whole(form, "disclosed_quantity", 0)
    if disclosed < 0 or disclosed > quantity or 0 < disclosed * 10 < quantity:
        raise wrong_input("Disclosed quantity should be at least 10% of the order quantity.")
    return disclosed


def check_modifiable(status: str, is_final: bool, modifications: int) -> None:
    """Refuse to touch an order that is done, on its way, or has been changed too often."""
    if is_final:
        raise KiteError("OrderException", f"Order cannot be modified or cancelled as it is {status.lower()}.", 400)
    if status not in ("OPEN", "TRIGGER PENDING", "AMO REQ RECEIVED"):
        raise KiteError("OrderException", "Order cannot be modified or cancelled as it is being processed. Try later.", 400)
    if modifications >= 25:
        raise KiteError("OrderException", "Maximum allowed order modifications exceeded.", 400)

"""Candles, GTTs and the calculators of margins and charges over HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from tests.kite_exchange import checks
from tests.kite_exchange.calls import Call, route
from tests.kite_exchange.candles import MINUTES, MOST_DAYS, read_moment
from tests.kite_exchange.catalogue import Listing, rupees, units
from tests.kite_exchange.charges import charges_of
from tests.kite_exchange.errors import KiteError, wrong_input
from tests.kite_exchange.exchange import Exchange
from tests.kite_exchange.funds import Need, need_of, segment_of


@route("GET", "/instruments/historical/{token}/{interval}", kind="history", needs_data=True)
def historical(exchange: Exchange, call: Call) -> dict[str, Any]:
    """Give candles."""
    interval = call.values["interval"]
    if interval not in MINUTES:
        raise wrong_input("invalid interval")
    listing = exchange.catalogue.by_token.get(int(call.values["token"])) if call.values["token"].isdigit() else None
    if listing is None:
        raise wrong_input("invalid token")
    first, last = read_moment(call.query.get("from", ""), "from"), read_moment(call.query.get("to", ""), "to")
    if last < first:
        raise wrong_input("to date should be after the from date")
    if (last - first).total_seconds() > MOST_DAYS[interval] * 86_400:
        raise wrong_input(f"interval exceeds max limit: {MOST_DAYS[interval]} days")
    if call.query.get("continuous") == "1" and (interval != "day" or listing.exchange not in ("NFO", "MCX") or listing.kind != "FUT"):
        raise wrong_input("continuous data is available for day candles of NFO and MCX futures only")
    return {"candles": exchange.history.candles(listing, interval, first, last, call.query.get("oi") == "1")}


@route("GET", "/gtt/triggers")
def triggers(exchange: Exchange, call: Call) -> list[dict[str, Any]]:
    """List the GTTs."""
    return [one.row for one in exchange.triggers.all.values()]


@route("POST", "/gtt/triggers")
def place_trigger(exchange: Exchange, call: Call) -> dict[str, int]:
    """Set up a GTT."""
    return {"trigger_id": exchange.triggers.place(call.form)}


def _number(call: Call) -> int:
    if not call.values["number"].isdigit():
        raise wrong_input("Invalid `trigger_id`.")
    return int(call.values["number"])


@route("GET", "/gtt/triggers/{number}")
def trigger(exchange: Exchange, call: Call) -> dict[str, Any]:
    """Show a GTT."""
    return exchange.triggers.find(_number(call)).row


@route("PUT", "/gtt/triggers/{number}")
def replace_trigger(exchange: Exchange, call: Call) -> dict[str, int]:
    """Change a GTT."""
    return {"trigger_id": exchange.triggers.replace(_number(call), call.form)}


@route("DELETE", "/gtt/triggers/{number}")
def delete_trigger(exchange: Exchange, call: Call) -> dict[str, int]:
    """Delete a GTT."""
    return {"trigger_id": exchange.triggers.delete(_number(call))}


# Calculators.


def _rows(call: Call) -> list[dict[str, str]]:
    rows = call.json()
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise wrong_input("Invalid JSON payload.")
    return [{name: str(value) for name, value in row.items() if value is not None} for row in rows]


def _read(exchange: Exchange, row: Mapping[str, str]) -> tuple[Listing, int, str, int, int]:
    """Return listing, side, product, quantity, price in units (the last price where none is given)."""
    listing = checks.listing_of(exchange.catalogue, row)
    side = 1 if checks.one_of(row, "transaction_type", ("BUY", "SELL")) == "BUY" else -1
    product = checks.one_of(row, "product", checks.PRODUCTS[listing.kind])
    price = checks.money(row, "price") or int(exchange.board.last[listing.row])
    quantity = checks.whole(row, "quantity")
    checks.check_quantity(listing, quantity)
    return listing, side, product, quantity, price


def _margin(exchange: Exchange, row: Mapping[str, str], is_compact: bool) -> tuple[dict[str, Any], Need, Listing, int]:
    listing, side, product, quantity, price = _read(exchange, row)
    need = need_of(listing, product, side, quantity, price)
    charges = charges_of(listing, product, side, quantity * price * listing.multiplier)
    answer = {
        "type": segment_of(listing),
        "tradingsymbol": listing.symbol,
        "exchange": listing.exchange,
        "span": rupees(need.span),
        "exposure": rupees(need.exposure),
        "option_premium": rupees(need.premium),
        "additional": 0,
        "bo": 0,
        "cash": 0,
        "var": rupees(need.var),
        "pnl": {"realised": 0, "unrealised": 0},
        "leverage": 5 if product == "MIS" and listing.kind == "EQ" else 1,
        "charges": charges.as_kite(),
        "total": rupees(need.total),
    }
    if is_compact:
        answer = {name: answer[name] for name in ("type", "tradingsymbol", "exchange", "charges", "total")}
    return answer, need, listing, side


@route("POST", "/margins/orders")
def order_margins(exchange: Exchange, call: Call) -> list[dict[str, Any]]:
    """Say what each order would bind."""
    return [_margin(exchange, row, call.query.get("mode") == "compact")[0] for row in _rows(call)]


@route("POST", "/margins/basket")
def basket_margins(exchange: Exchange, call: Call) -> dict[str, Any]:
    """Say what the orders would bind together; a sold option or future is half as risky beside a bought one of the same underlying."""
    made = [_margin(exchange, row, is_compact=False) for row in _rows(call)]
    initial = sum(need.total for _, need, _, _ in made)
    bought = {listing.underlying for _, _, listing, side in made if side > 0 and listing.underlying}
    if call.query.get("consider_positions", "true").lower() == "true":
        bought |= {one.listing.underlying for one in exchange.account.positions.values() if one.net > 0 and one.listing.underlying}
    spared = sum(need.span // 2 for _, need, listing, side in made if side < 0 and listing.underlying in bought)
    part = {"span": 0, "exposure": 0, "option_premium": 0, "additional": 0, "bo": 0, "cash": 0, "var": 0, "leverage": 0}
    totals = {"type": "", "tradingsymbol": "", "exchange": "", **part, "pnl": {"realised": 0, "unrealised": 0}}
    answer = {
        "initial": {**totals, "total": rupees(initial)},
        "final": {**totals, "total": rupees(initial - spared)},
        "orders": [answer for answer, _, _, _ in made],
        "charges": {"total": 0, "brokerage": 40},
    }
    return {name: answer[name] for name in ("initial", "final")} if call.query.get("mode") == "compact" else answer


@route("POST", "/charges/orders")
def contract_note(exchange: Exchange, call: Call) -> list[dict[str, Any]]:
    """Say what each executed order costs."""
    notes = []
    for row in _rows(call):
        listing, side, product, quantity, _ = _read(exchange, {**row, "price": "0"})
        try:
            price = Decimal(row.get("average_price", "0"))
            value = units(price * quantity) * listing.multiplier
        except (ValueError, ArithmeticError) as error:
            raise KiteError("InputException", "Invalid `average_price`.") from error
        if value <= 0:
            raise wrong_input("Invalid `average_price`.")
        notes.append(
            {
                "transaction_type": row["transaction_type"],
                "tradingsymbol": listing.symbol,
                "exchange": listing.exchange,
                "variety": row.get("variety", "regular"),
                "product": product,
                "order_type": row.get("order_type", ""),
                "quantity": quantity,
                "price": float(price),
                "charges": charges_of(listing, product, side, value).as_kite(stamp_to="1"),
            }
        )
    return notes

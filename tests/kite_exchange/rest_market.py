"""Instruments and quotes over HTTP."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tests.kite_exchange.calls import Answer, Call, route
from tests.kite_exchange.catalogue import Listing, rupees
from tests.kite_exchange.clock import IST
from tests.kite_exchange.errors import wrong_input
from tests.kite_exchange.exchange import Exchange


@route("GET", "/instruments")
@route("GET", "/instruments/{exchange}")
def instruments(exchange: Exchange, call: Call) -> Answer:
    """Give the dump, gzipped."""
    wanted = call.values.get("exchange")
    if wanted not in exchange.dumps:
        exchange.dumps[wanted] = exchange.catalogue.dump(exchange.board.close.tolist(), wanted)
    return Answer(200, exchange.dumps[wanted], "text/csv", {"Content-Encoding": "gzip"})


@route("GET", "/quote", kind="quote", needs_data=True)
def quote(exchange: Exchange, call: Call) -> dict[str, Any]:
    """Give full quotes, five levels deep; an unknown key is silently absent."""
    return _each(exchange, call, 500, full_quote)


@route("GET", "/quote/ohlc", kind="quote", needs_data=True)
def ohlc(exchange: Exchange, call: Call) -> dict[str, Any]:
    """Give the day's open, high, low, the previous close and the last price."""
    return _each(exchange, call, 1000, lambda exchange, one: {**last_quote(exchange, one), "ohlc": _ohlc(exchange, one)})


@route("GET", "/quote/ltp", kind="quote", needs_data=True)
def ltp(exchange: Exchange, call: Call) -> dict[str, Any]:
    """Give last prices."""
    return _each(exchange, call, 1000, last_quote)


def _each(exchange: Exchange, call: Call, most: int, make: Callable[[Exchange, Listing], dict[str, Any]]) -> dict[str, Any]:
    keys = call.many.get("i", [])
    if not keys:
        raise wrong_input("Missing or empty field `i`")
    if len(keys) > most:
        raise wrong_input(f"Too many instruments: {len(keys)}, at most {most}.")
    found = {key: exchange.catalogue.by_key.get(key) for key in keys}
    found |= {key: exchange.catalogue.by_token.get(int(key)) for key in keys if key.isdigit()}
    return {key: make(exchange, one) for key, one in found.items() if one is not None}


def last_quote(exchange: Exchange, one: Listing) -> dict[str, Any]:
    """Return token and last price."""
    return {"instrument_token": one.token, "last_price": rupees(int(exchange.board.last[one.row]))}


def _ohlc(exchange: Exchange, one: Listing) -> dict[str, float]:
    return {name: rupees(int(getattr(exchange.board, name)[one.row])) for name in ("open", "high", "low", "close")}


def _time(exchange: Exchange, seconds: int) -> str | None:
    moment = exchange.clock.ist().fromtimestamp(seconds, IST)
    return moment.strftime("%Y-%m-%d %H:%M:%S") if seconds else None


def full_quote(exchange: Exchange, one: Listing) -> dict[str, Any]:
    """Return all that `/quote` shows of an instrument."""
    board, row = exchange.board, one.row
    sides = [
        [
            {"price": rupees(int(price)), "quantity": int(quantity), "orders": int(orders)}
            for price, quantity, orders in zip(
                board.depth_price[row, side], board.depth_quantities[row, side], board.depth_orders[row, side], strict=True
            )
        ]
        for side in (0, 1)
    ]
    quote = {
        "instrument_token": one.token,
        "timestamp": _time(exchange, int(board.exchange_time[row])) or exchange.clock.stamp(),
        "last_price": rupees(int(board.last[row])),
        "ohlc": _ohlc(exchange, one),
        "net_change": 0,
    }
    if one.is_index:
        return quote
    return {
        **quote,
        "last_trade_time": _time(exchange, int(board.trade_time[row])),
        "last_quantity": int(board.last_quantity[row]),
        "buy_quantity": int(board.depth_quantities[row, 0].sum()),
        "sell_quantity": int(board.depth_quantities[row, 1].sum()),
        "volume": int(board.volume[row]),
        "average_price": rupees(int(board.average(np.array([row]))[0])),
        "oi": int(board.oi[row]),
        "oi_day_high": int(board.oi_high[row]),
        "oi_day_low": int(board.oi_low[row]),
        "lower_circuit_limit": rupees(int(board.lower[row])),
        "upper_circuit_limit": rupees(int(board.upper[row])),
        "depth": {"buy": sides[0], "sell": sides[1]},
    }

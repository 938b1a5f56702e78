"""Holds a terminal's database and API against the exchange's ledger, and says in sentences what differs."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from typing import Any

from terminal.api.client import Client
from tests.end_to_end.kite_terminal import KiteTerminal
from tests.kite_exchange.process import RunningExchange

UNITS = 10_000
ENDED = {"FILLED": "COMPLETE", "CANCELLED": "CANCELLED", "REJECTED": "REJECTED", "EXPIRED": "CANCELLED"}
LIVE = {"OPEN", "PARTIAL", "TRIGGER", "ACKED"}


def breaches(exchange: RunningExchange, terminal: KiteTerminal, client: Client | None = None) -> list[str]:
    """Return what is lost, doubled or different; empty when the books agree and nothing is unknown."""
    truth = exchange.control("ledger")
    orders = {row["id"]: row for row in terminal.kept("SELECT * FROM orders WHERE status != 'DENIED'")}
    found = [*_orders(truth, orders), *_fills(truth, terminal), *_positions(truth, terminal, client)]
    return found or _journal(terminal, truth)


def _orders(truth: dict[str, Any], orders: dict[str, Any]) -> list[str]:
    found = [f"{count} orders at the broker for the one attempt {tag}" for tag, count in _tags(truth).items() if count > 1]
    real = {one["tag"]: one for one in truth["orders"] if one["tag"]}
    found += [f"order {tag} at the broker is not known here" for tag in real.keys() - orders.keys()]
    for order_id, order in orders.items():
        status, one = order["status"], real.get(order_id)
        if one is None:
            if status not in ("NOT_PLACED", "REJECTED"):  # the latter was refused before the exchange put it down
                found.append(f"order {order_id} is {status} here and was never at the broker")
            continue
        is_same = status in LIVE if one["status"] not in ENDED.values() else ENDED.get(status) == one["status"]
        if not is_same or order["filled"] != one["filled"]:
            found.append(f"order {order_id} is {status} {order['filled']} here and {one['status']} {one['filled']} at the broker")
    return found


def _tags(truth: dict[str, Any]) -> Counter[str]:
    return Counter(one["tag"] for one in truth["orders"] if one["tag"] and not one.get("parent_order_id"))


def _fills(truth: dict[str, Any], terminal: KiteTerminal) -> list[str]:
    tags = {one["order_id"]: one["tag"] for one in truth["orders"]}
    real = Counter((tags[one["order_id"]], one["trade_id"], one["quantity"], Decimal(str(one["price"]))) for one in truth["trades"])
    rows = terminal.kept("SELECT * FROM fills")
    ours = Counter((row["order_id"], row["trade_id"], row["quantity"], Decimal(row["price_units"]) / UNITS) for row in rows)
    lost = [f"fill {fill} is lost" for fill in (real - ours) if fill[0]]
    return lost + [f"fill {fill} did not happen, or is here twice" for fill in ours - real]


def _positions(truth: dict[str, Any], terminal: KiteTerminal, client: Client | None) -> list[str]:
    real = {f"{one['exchange']}:{one['tradingsymbol']}": one["net"] for one in truth["positions"] if one["net"]}
    kept = {row["key"]: row["quantity"] for row in terminal.kept("SELECT * FROM positions") if row["quantity"]}
    found = [] if kept == real else [f"positions in the database are {kept}, at the broker {real}"]
    told = real if client is None else {one.symbol: one.quantity for one in client.positions() if one.quantity}
    return found if told == real else [*found, f"positions on screen are {told}, at the broker {real}"]


def _journal(terminal: KiteTerminal, truth: dict[str, Any]) -> list[str]:
    """Say which order of the broker's has no line from before it was sent."""
    intents = {row["order_id"] for row in terminal.kept("SELECT order_id FROM journal WHERE kind = 'INTENT'")}
    return [f"order {one['tag']} has no intent" for one in truth["orders"] if one["tag"] and one["tag"] not in intents]

"""A market at the exchange that makes an EMA crossover trade, and the comparison of a terminal's books with what really happened there."""

from __future__ import annotations

import time
from collections import defaultdict
from decimal import Decimal
from typing import Any

from terminal.api.client import Client
from terminal.api.schemas import NewStrategy, Parameters
from tests.end_to_end.kite_terminal import KiteTerminal, Running
from tests.kite_exchange.process import RunningExchange

PAISA = Decimal("0.01")
UNITS = 10_000
MINUTE_NS = 60 * 10**9
ENDED = {"FILLED": "COMPLETE", "CANCELLED": "CANCELLED", "REJECTED": "REJECTED"}


def crossover(keys: list[str]) -> NewStrategy:
    """Return an EMA crossover that turns round as soon as the price does, ten shares an order."""
    parameters = {"symbols": keys, "sizing": "fixed:10", "fast_ema": 2, "slow_ema": 5}
    return NewStrategy(name="Day", strategy_type="ema_crossover", parameters=Parameters(**parameters))


def shares(exchange: RunningExchange, count: int) -> list[str]:
    """Return shares of NSE."""
    listings = exchange.control("listings", exchange="NSE")
    return [row["key"] for row in listings if row["kind"] == "EQ" and row["segment"] != "INDICES"][:count]


def next_minute(exchange: RunningExchange) -> None:
    """Wait until the exchange's next minute has come, and the one before is told."""
    now_ns = int(exchange.control("now")["time_ns"])
    until_ns = (now_ns // MINUTE_NS + 1) * MINUTE_NS + 5 * 10**9
    while int(exchange.control("now")["time_ns"]) < until_ns:
        time.sleep(0.05)


def sway(exchange: RunningExchange, keys: list[str], minutes: int, running: Running) -> None:
    """Push the prices up and down, a minute each, each instrument against its neighbour; a minute's orders end within it."""
    start = {key: float(exchange.control("quote", symbol=key)["last_price"]) for key in keys}
    for minute in range(minutes):
        signs = [1 if (minute + place) % 2 else -1 for place in range(len(keys))]
        exchange.control(
            "set_prices", prices={key: round(start[key] * (1 + 0.01 * sign), 0) for key, sign in zip(keys, signs, strict=True)}
        )
        next_minute(exchange)
        running.until("the orders of the minute", lambda: all(order["status"] in ENDED.values() for order in exchange.control("orders")))


def still(exchange: RunningExchange, running: Running, client: Client) -> None:
    """Let the exchange's time all but stand still, and wait until the terminal has heard the last of it."""
    exchange.control("set_scale", scale=0.001)

    def has_heard() -> bool:
        truth = exchange.control("ledger")
        told = client.positions()
        return sum(Decimal(str(one.unrealised_pnl)) for one in told) == Decimal(truth["unrealised"])

    running.until("the last prices", has_heard)


def compare(exchange: RunningExchange, terminal: KiteTerminal, client: Client) -> dict[str, Any]:
    """Hold API and database of the terminal against the ledger, to the paisa; returns what both say."""
    truth = exchange.control("ledger")
    _compare_orders(truth, terminal, client)
    _compare_fills(truth, terminal)
    _compare_positions(truth, terminal, client)
    return {name: truth[name] for name in ("realised", "unrealised", "charges", "net_pnl")} | {"orders": len(truth["orders"])}


def _compare_orders(truth: dict[str, Any], terminal: KiteTerminal, client: Client) -> None:
    real = {
        one["tag"]: (f"{one['exchange']}:{one['tradingsymbol']}", one["side"], one["quantity"], one["filled"], one["status"])
        for one in truth["orders"]
    }
    # What a loop that came late held back never left: NOT_PLACED, and at the exchange there is nothing of it.
    sent = [one for one in client.orders() if one.status not in ("DENIED", "NOT_PLACED")]
    assert {one.id: (one.symbol, one.side, one.quantity, one.filled, ENDED[one.status]) for one in sent} == real
    rows = terminal.kept("SELECT * FROM orders WHERE status NOT IN ('DENIED', 'NOT_PLACED')")
    assert {row["id"]: (row["quantity"], row["filled"], Decimal(row["filled_value_units"]) / UNITS) for row in rows} == {
        one["tag"]: (one["quantity"], one["filled"], Decimal(one["value"])) for one in truth["orders"]
    }
    assert {row["id"]: row["broker_order_id"] for row in rows} == {one["tag"]: one["order_id"] for one in truth["orders"]}


def _compare_fills(truth: dict[str, Any], terminal: KiteTerminal) -> None:
    tags = {one["order_id"]: one["tag"] for one in truth["orders"]}
    real = sorted((tags[one["order_id"]], one["trade_id"], one["quantity"], Decimal(str(one["price"]))) for one in truth["trades"])
    fills = terminal.kept("SELECT * FROM fills")
    assert sorted((row["order_id"], row["trade_id"], row["quantity"], Decimal(row["price_units"]) / UNITS) for row in fills) == real
    # GST is 18 % of what was rounded to the paisa here, and of what was not there: half a paisa more or less, never more. The day's
    # contract note reckons it once for all orders together.
    charges: dict[str, Decimal] = defaultdict(Decimal)
    for row in fills:
        charges[row["order_id"]] += Decimal(row["charges_units"]) / UNITS
    for one in truth["orders"]:
        assert abs(charges[one["tag"]] - Decimal(one["charges"])) <= PAISA, one


def _compare_positions(truth: dict[str, Any], terminal: KiteTerminal, client: Client) -> None:
    real = {f"{one['exchange']}:{one['tradingsymbol']}": one for one in truth["positions"]}
    told = {one.symbol: one for one in client.positions()}
    rows = {row["key"]: row for row in terminal.kept("SELECT * FROM positions")}
    assert set(told) == set(real) == set(rows)
    for key, one in real.items():
        assert (told[key].quantity, rows[key]["quantity"]) == (one["net"], one["net"])
        assert Decimal(str(told[key].realised_pnl)) == Decimal(rows[key]["realised_units"]) / UNITS == Decimal(one["realised"]), key
        assert Decimal(str(told[key].unrealised_pnl)) == Decimal(one["unrealised"]), key

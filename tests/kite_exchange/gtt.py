"""Orders that wait for a price: good till triggered, for a year, one leg or two."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from itertools import count
from typing import TYPE_CHECKING, Any

from tests.kite_exchange import checks
from tests.kite_exchange.catalogue import Listing, units
from tests.kite_exchange.errors import KiteError, wrong_input

if TYPE_CHECKING:
    from tests.kite_exchange.exchange import Exchange

MOST_ACTIVE = 500
LEGS = {"single": 1, "two-leg": 2}


@dataclass(slots=True)
class Trigger:
    """One GTT; `row` is what Kite shows of it."""

    listing: Listing
    values: list[int]
    reference: int  # the last price it was placed at: tells from which side each value is reached
    row: dict[str, Any]

    @property
    def is_active(self) -> bool:
        """Whether it still waits."""
        return bool(self.row["status"] == "active")

    def reached(self, last: int) -> int | None:
        """Return which leg a price sets off; None when it sets off none."""
        for leg, value in enumerate(self.values):
            if last >= value if value > self.reference else last <= value:
                return leg
        return None


class Triggers:
    """All GTTs of the account."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._numbers = count(100_001)
        self.all: dict[int, Trigger] = {}

    def place(self, form: Mapping[str, str]) -> int:
        """Set one up; returns its number."""
        if sum(one.is_active for one in self.all.values()) >= MOST_ACTIVE:
            raise wrong_input(f"Maximum of {MOST_ACTIVE} active GTTs reached.")
        number = next(self._numbers)
        self.all[number] = self._read(number, form)
        return number

    def replace(self, number: int, form: Mapping[str, str]) -> int:
        """Put other conditions and orders in place of one that waits."""
        created = self.find(number, must_wait=True).row["created_at"]
        self.all[number] = self._read(number, form)
        self.all[number].row["created_at"] = created
        return number

    def delete(self, number: int) -> int:
        """Take one back."""
        one = self.find(number, must_wait=True)
        one.row["status"], one.row["updated_at"] = "deleted", self._exchange.clock.stamp()
        return number

    def find(self, number: int, must_wait: bool = False) -> Trigger:
        """Return one by its number."""
        one = self.all.get(number)
        if one is None or (must_wait and not one.is_active):
            raise KiteError(
                "GeneralException", "Trigger not found" if one is None else "Trigger is not active", 404 if one is None else 400
            )
        return one

    def on_prices(self, rows: set[int]) -> None:
        """Set off what the new prices reach."""
        for one in list(self.all.values()):
            if one.is_active and one.listing.row in rows:
                leg = one.reached(int(self._exchange.board.last[one.listing.row]))
                if leg is not None:
                    self._fire(one, leg)

    def rows_waiting(self) -> set[int]:
        """Return the rows whose prices matter."""
        return {one.listing.row for one in self.all.values() if one.is_active}

    def _read(self, number: int, form: Mapping[str, str]) -> Trigger:
        kind = checks.one_of(form, "type", tuple(LEGS))
        try:
            condition, orders = json.loads(form["condition"]), json.loads(form["orders"])
            values = [units(str(value)) for value in condition["trigger_values"]]
            reference = units(str(condition["last_price"]))
        except (KeyError, ValueError, TypeError) as error:
            raise wrong_input("Invalid `condition` or `orders`.") from error
        listing = checks.listing_of(self._exchange.catalogue, condition)
        if len(values) != LEGS[kind] or len(orders) != LEGS[kind]:
            raise wrong_input(f"A {kind} trigger takes {LEGS[kind]} trigger values and orders.")
        if kind == "two-leg" and not values[0] < reference < values[1]:
            raise wrong_input("Trigger values should be the stoploss below and the target above the last price.")
        if reference in values:
            raise wrong_input("Trigger cannot be created with the last price as the trigger price.")
        for value in values:
            checks.check_grid(listing, value)
        for order in orders:
            self._check(listing, order)
        return Trigger(listing, values, reference, self._row(number, kind, listing, condition, orders))

    @staticmethod
    def _check(listing: Listing, order: Mapping[str, Any]) -> None:
        text = {name: str(value) for name, value in order.items()}
        checks.one_of(text, "order_type", ("LIMIT",))
        checks.one_of(text, "product", ("CNC", "MTF") if listing.kind == "EQ" else ("NRML",))
        checks.one_of(text, "transaction_type", ("BUY", "SELL"))
        checks.check_quantity(listing, checks.whole(text, "quantity"))
        checks.check_freeze(listing, checks.whole(text, "quantity"))
        checks.check_grid(listing, checks.money(text, "price"))

    def _row(self, number: int, kind: str, listing: Listing, condition: dict[str, Any], orders: list[dict[str, Any]]) -> dict[str, Any]:
        now = self._exchange.clock.stamp()
        expires = (self._exchange.clock.ist() + timedelta(days=365)).strftime("%Y-%m-%d 00:00:00")
        wanted = ("exchange", "tradingsymbol", "transaction_type", "quantity", "order_type", "product", "price")
        return {
            "id": number,
            "user_id": self._exchange.options.user_id,
            "parent_trigger": None,
            "type": kind,
            "created_at": now,
            "updated_at": now,
            "expires_at": expires,
            "status": "active",
            "condition": {
                "exchange": listing.exchange,
                "last_price": condition["last_price"],
                "tradingsymbol": listing.symbol,
                "trigger_values": condition["trigger_values"],
                "instrument_token": listing.token,
            },
            "orders": [{**{name: order.get(name) for name in wanted}, "result": None} for order in orders],
            "meta": {},
        }

    def _fire(self, one: Trigger, leg: int) -> None:
        exchange = self._exchange
        now = exchange.clock.stamp()
        one.row["status"], one.row["updated_at"] = "triggered", now
        order = one.row["orders"][leg]
        text = {name: str(value) for name, value in order.items() if name != "result"}
        text |= {"exchange": one.listing.exchange, "tradingsymbol": one.listing.symbol}
        result = {"status": "success", "order_id": "", "rejection_reason": ""}
        try:
            made = exchange.intake.order_of("regular", text, int(order["quantity"]))
            exchange.desk.accept(made)
            result["order_id"] = made.order_id
        except KiteError as error:
            result |= {"status": "failed", "rejection_reason": error.message}
        order["result"] = {**text, "account_id": exchange.options.user_id, "timestamp": now, "order_result": result}

"""What the account owns and owes: positions, holdings, cash. The oracle that a terminal's own reckoning is held against.

Amounts are whole units of 1/10,000 rupee. A position's `pnl` is what Kite shows; `realised` is by average cost.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tests.kite_exchange.catalogue import Listing, rupees


@dataclass(slots=True)
class Position:
    """One instrument in one product: what was carried into the day and what was dealt in it."""

    listing: Listing
    product: str
    overnight: int = 0
    overnight_price: int = 0
    overnight_close: int = 0
    day_bought: int = 0
    day_buy_value: int = 0
    day_sold: int = 0
    day_sell_value: int = 0
    net: int = 0
    cost: int = 0  # units x quantity of the open part, signed like `net`
    realised: int = 0

    def deal(self, side: int, quantity: int, price: int) -> None:
        """Take in one execution."""
        if side > 0:
            self.day_bought += quantity
            self.day_buy_value += quantity * price
        else:
            self.day_sold += quantity
            self.day_sell_value += quantity * price
        self.move(side * quantity, price)

    def move(self, change: int, price: int) -> None:
        """Change the open part by average cost; what is closed is realised."""
        if self.net * change < 0:
            closed = min(abs(change), abs(self.net)) * (1 if change > 0 else -1)
            part = -self.cost * closed // self.net
            self.realised -= closed * price + part
            self.cost -= part
            self.net += closed
            change -= closed
        self.net += change
        self.cost += change * price

    def row(self, last: int, is_day: bool = False) -> dict[str, Any]:
        """Return the row of `net`, or of `day` (without what was carried)."""
        many = self.listing.multiplier
        overnight = 0 if is_day else self.overnight
        bought = max(overnight, 0)
        sold = max(-overnight, 0)
        buy_value = (self.day_buy_value + bought * self.overnight_price) * many
        sell_value = (self.day_sell_value + sold * self.overnight_price) * many
        buy_m2m = (self.day_buy_value + bought * self.overnight_close) * many
        sell_m2m = (self.day_sell_value + sold * self.overnight_close) * many
        bought += self.day_bought
        sold += self.day_sold
        quantity = bought - sold
        pnl = sell_value - buy_value + quantity * last * many
        return {
            "tradingsymbol": self.listing.symbol,
            "exchange": self.listing.exchange,
            "instrument_token": self.listing.token,
            "product": self.product,
            "quantity": quantity,
            "overnight_quantity": overnight,
            "multiplier": many,
            "average_price": rupees(self.cost) / self.net if self.net else 0,
            "close_price": rupees(self.overnight_close) if overnight else 0,
            "last_price": rupees(last),
            "value": rupees(sell_value - buy_value),
            "pnl": rupees(pnl),
            "m2m": rupees(sell_m2m - buy_m2m + quantity * last * many),
            "unrealised": rupees(pnl),
            "realised": 0,
            **_side("buy", bought, buy_value, buy_m2m, many),
            **_side("sell", sold, sell_value, sell_m2m, many),
            **_day_side("buy", self.day_bought, self.day_buy_value, many),
            **_day_side("sell", self.day_sold, self.day_sell_value, many),
        }


def _side(name: str, quantity: int, value: int, m2m: int, many: int) -> dict[str, Any]:
    price = rupees(value) / quantity / many if quantity else 0
    return {f"{name}_quantity": quantity, f"{name}_price": price, f"{name}_value": rupees(value), f"{name}_m2m": rupees(m2m)}


def _day_side(name: str, quantity: int, value: int, many: int) -> dict[str, Any]:
    price = rupees(value) / quantity if quantity else 0
    return {f"day_{name}_quantity": quantity, f"day_{name}_price": price, f"day_{name}_value": rupees(value * many)}


@dataclass(slots=True)
class Holding:
    """Shares in the demat account; `t1` are bought and not yet delivered."""

    listing: Listing
    quantity: int
    price: int
    t1: int = 0
    used: int = 0
    authorised: int = -1  # how many may be sold without a power of attorney; -1 = all
    isin: str = ""

    @property
    def sellable(self) -> int:
        """Shares that may still be sold today."""
        return self.quantity + self.t1 - self.used

    def row(self, last: int, close: int, day: str) -> dict[str, Any]:
        """Return the row of `/portfolio/holdings`."""
        authorised = self.quantity if self.authorised < 0 else self.authorised
        change = last - close
        return {
            "tradingsymbol": self.listing.symbol,
            "exchange": self.listing.exchange,
            "instrument_token": self.listing.token,
            "isin": self.isin or f"INE{self.listing.token % 1_000_000:06d}010",
            "product": "CNC",
            "price": 0,
            "quantity": self.quantity - self.used,
            "used_quantity": self.used,
            "t1_quantity": self.t1,
            "realised_quantity": self.quantity - self.used,
            "authorised_quantity": authorised,
            "authorised_date": f"{day} 00:00:00",
            "authorisation": {},
            "opening_quantity": self.quantity,
            "short_quantity": 0,
            "collateral_quantity": 0,
            "collateral_type": None,
            "discrepancy": False,
            "average_price": rupees(self.price),
            "last_price": rupees(last),
            "close_price": rupees(close),
            "pnl": rupees((last - self.price) * (self.quantity - self.used + self.t1)),
            "day_change": rupees(change),
            "day_change_percentage": change / close * 100 if close else 0,
            "mtf": {"quantity": 0, "used_quantity": 0, "average_price": 0, "value": 0, "initial_margin": 0},
        }

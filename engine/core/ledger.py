"""Keeps what is held and what it cost, to the last money unit: averaging, partial closes, reversals, round trips.

Integer arithmetic only. Closing a part takes its share of the cost, rounded half away from zero, and leaves the remainder with what
stays, so that nothing is lost: over a round trip realised profit equals money received less money paid, exactly.
"""

from __future__ import annotations

from dataclasses import replace

from engine.core.compiled import compiled
from engine.core.errors import InvariantBroken
from engine.core.model import Fill, Position, Purpose, Trade
from engine.core.records import Row


@compiled("i8(i8, i8, i8)")
def share_of(amount: int, part: int, whole: int) -> int:
    """Return amount x part / whole, rounded half away from zero, for 0 <= part <= whole, without overflow."""
    size = abs(amount)
    each = size // whole
    rest = (size - each * whole) * part
    share = each * part + (2 * rest + whole) // (2 * whole)
    return share if amount >= 0 else -share


@compiled()
def _moved(held: int, cost: int, quantity: int, price: int, multiplier: int) -> tuple[int, int, int]:
    """Return quantity held, its cost, and what was realised, after a fill of `quantity` (signed)."""
    if held == 0 or (held > 0) == (quantity > 0):
        return held + quantity, cost + price * quantity * multiplier, 0
    closed = min(abs(held), abs(quantity))
    side = 1 if held > 0 else -1
    part = share_of(cost, closed, abs(held))
    realised = side * price * closed * multiplier - part
    opened = quantity + side * closed
    return held + quantity, cost - part + price * opened * multiplier, realised


@compiled("i8(POSITION, i8, i8, i8)")
def apply_fill(position: Row, quantity: int, price: int, multiplier: int) -> int:
    """Change a POSITION row by a fill (quantity signed, price in units) and return what it realised, before charges.

    The fill's price becomes the last price; `charges` is the caller's to add.
    """
    held, cost, realised = _moved(position.quantity, position.cost, quantity, price, multiplier)
    position.quantity = held
    position.cost = cost
    position.realised += realised
    position.last_price = price
    return realised


@compiled("i8(POSITION, i8, i8)")
def unrealised(position: Row, price: int, multiplier: int) -> int:
    """Return the profit, in units, of what is held at a price in units."""
    return int(price * position.quantity * multiplier - position.cost)


@compiled()
def split_fill(held: int, quantity: int, charges: int) -> tuple[int, int, int]:
    """Cut a fill in two: how much it closes (unsigned), how much it opens (signed), and which share of its charges the closing bears.

    `held` and `quantity` are signed; charges are shared by quantity.
    """
    if held == 0 or (held > 0) == (quantity > 0):
        return 0, quantity, 0
    closed = min(abs(held), abs(quantity))
    opened = quantity + closed if quantity < 0 else quantity - closed
    return closed, opened, share_of(charges, closed, abs(quantity))


def apply(position: Position, fill: Fill) -> tuple[Position, int]:
    """Return the position after a fill, charges included, and what the fill realised in units before charges.

    Raises InvariantBroken when the fill is of another instrument or product.
    """
    if (position.instrument.key, position.product) != (fill.instrument.key, fill.product):
        raise InvariantBroken(f"Expected a fill of {position.instrument.key} {position.product}, was {fill.instrument.key} {fill.product}.")
    multiplier = position.instrument.multiplier
    held, cost, realised = _moved.py_func(position.quantity, position.cost_units, fill.signed_quantity, fill.price_units, multiplier)
    after = replace(
        position,
        quantity=held,
        cost_units=cost,
        realised_units=position.realised_units + realised,
        charges_units=position.charges_units + fill.charges_units,
        last_price_units=fill.price_units,
        bought=position.bought + max(0, fill.signed_quantity),
        sold=position.sold + max(0, -fill.signed_quantity),
        updated_ns=max(position.updated_ns, fill.time_ns),
    )
    return after, realised


class TradeBuilder:
    """Makes round trips of the fills of one instrument, product and owner, given in order."""

    def __init__(self) -> None:
        self.held = 0
        """Signed quantity of the round trip that is open."""
        self._forget()

    def add(self, fill: Fill) -> Trade | None:
        """Take the next fill; returns the round trip that it ended, or None. A reversal ends one and opens the next.

        The trade's quantity is all that was entered, with the sign of its direction; a reversing fill's charges are shared by quantity.
        """
        closed, opened, paid = split_fill.py_func(self.held, fill.signed_quantity, fill.charges_units)
        trade = None
        if closed:
            self._exit_value += fill.price_units * closed * fill.instrument.multiplier
            self._charges += paid
            self.held -= closed if self.held > 0 else -closed
            if self.held == 0:
                trade = self._ended_by(fill)
                self._forget()
        if opened:
            self._enter(fill, opened, fill.charges_units - paid)
        return trade

    def _enter(self, fill: Fill, quantity: int, charges: int) -> None:
        if self.held == 0:
            self._entry_ns = fill.time_ns
        self.held += quantity
        self._entered += quantity
        self._entry_value += fill.price_units * abs(quantity) * fill.instrument.multiplier
        self._charges += charges

    def _ended_by(self, fill: Fill) -> Trade:
        gained = self._exit_value - self._entry_value
        return Trade(
            instrument=fill.instrument,
            owner=fill.owner,
            product=fill.product,
            quantity=self._entered,
            entry_ns=self._entry_ns,
            exit_ns=fill.time_ns,
            entry_value_units=self._entry_value,
            exit_value_units=self._exit_value,
            pnl_units=gained if self._entered > 0 else -gained,
            charges_units=self._charges,
            reason=Purpose(fill.purpose),
        )

    def _forget(self) -> None:
        self._entered = 0
        self._entry_ns = 0
        self._entry_value = 0
        self._exit_value = 0
        self._charges = 0

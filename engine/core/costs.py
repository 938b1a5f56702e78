"""What a trade costs besides its price: brokerage, taxes and fees, each head to the paisa, as on the contract note.

Charges belong to an order and are reckoned on its fills so far; each fill carries the increment. Rates are whole numbers of a
billionth (`PPB`), money is in units, so that nothing is rounded but a head of charges, half up, once. Which rates hold when is a
tariff's business; here they are only applied.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.core.compiled import compiled, record_type
from engine.core.model import PAISA, UNITS, Fill, Instrument, InstrumentKind, Product
from engine.core.records import Row, Rows, record

PPB = 1_000_000_000
"""A rate of 1, that is 100 %."""

RATES = record(
    ("brokerage", "i8"),  # of the order's value
    ("brokerage_cap", "i8"),  # units; no more than this an order; 0 = no cap
    ("brokerage_flat", "i8"),  # units an order, besides
    ("stt_buy", "i8"),  # securities or commodities transaction tax
    ("stt_sell", "i8"),
    ("exchange", "i8"),  # transaction charge, without the investor protection fund's part
    ("sebi", "i8"),
    ("ipft", "i8"),  # investor protection fund
    ("stamp_buy", "i8"),
    ("stamp_sell", "i8"),
    ("gst", "i8"),  # on brokerage, exchange and SEBI
    ("gst_on_ipft", "i1"),  # and on the fund's part
)
"""Rates of one instrument, product and day; PPB unless said."""

record_type("RATES", RATES)

NO_CHARGES: Rows = np.zeros(1, RATES)
"""Rates of one row under which nothing costs anything."""


@dataclass(frozen=True, slots=True)
class Charges:
    """Heads of charges in money units."""

    brokerage: int = 0
    stt: int = 0
    exchange: int = 0
    sebi: int = 0
    ipft: int = 0
    stamp: int = 0
    gst: int = 0

    @property
    def total(self) -> int:
        """Sum of all heads."""
        return self.brokerage + self.stt + self.exchange + self.sebi + self.ipft + self.stamp + self.gst

    def __add__(self, other: Charges) -> Charges:
        """Add head by head."""
        return Charges(*(getattr(self, head.name) + getattr(other, head.name) for head in fields(self)))


@compiled("i8(i8, i8)")
def to_paisa(value: int, rate: int) -> int:
    """Return value x rate in units, rounded half up to the paisa; exact and without overflow up to 10,000 crore rupees at 10 %."""
    whole = value // 1_000_000
    part = value - whole * 1_000_000
    paise = whole * rate // 100_000
    rest = whole * rate - paise * 100_000
    return (paise + (rest * 1_000_000 + part * rate + 50_000_000_000) // 100_000_000_000) * PAISA


@compiled()
def _heads(rates: Row, side: int, value: int) -> tuple[int, int, int, int, int, int, int]:
    brokerage = to_paisa(value, rates.brokerage)
    if rates.brokerage_cap > 0:
        brokerage = min(brokerage, rates.brokerage_cap)
    brokerage += rates.brokerage_flat
    stt = to_paisa(value, rates.stt_buy if side > 0 else rates.stt_sell)
    exchange = to_paisa(value, rates.exchange)
    sebi = to_paisa(value, rates.sebi)
    ipft = to_paisa(value, rates.ipft)
    stamp = to_paisa(value, rates.stamp_buy if side > 0 else rates.stamp_sell)
    gst = to_paisa(brokerage + exchange + sebi + (ipft if rates.gst_on_ipft != 0 else 0), rates.gst)
    return brokerage, stt, exchange, sebi, ipft, stamp, gst


@compiled("i8(RATES, i8, i8, i8)")
def order_charges(rates: Row, side: int, quantity: int, value: int) -> int:
    """Return what an order costs in units, of which `quantity` for `value` units has been filled so far; 0 before the first fill."""
    if quantity == 0:
        return 0
    brokerage, stt, exchange, sebi, ipft, stamp, gst = _heads(rates, side, abs(value))
    return brokerage + stt + exchange + sebi + ipft + stamp + gst


def breakdown(rates: Row, side: int, quantity: int, value: int) -> Charges:
    """Return the heads of `order_charges`; they add up to it exactly."""
    if quantity == 0:
        return Charges()
    return Charges(*(int(head) for head in _heads.py_func(rates, side, abs(value))))


HEADS = tuple(head.name for head in fields(Charges))
"""Names of the heads, in the order in which a contract note lists them."""


@compiled("i8(FILL[:], RATES[:,:], i8[:], i8[:], i8[:])")
def split_charges(fills: Rows, rates: NDArray[Any], rates_from_ns: NDArray[Any], multipliers: NDArray[Any], heads: NDArray[Any]) -> int:
    """Add up the heads (in the order of HEADS) of what FILL rows were charged; returns the units that these rates do not explain.

    `rates`: a row an instrument, a column a period that begins at `rates_from_ns`. A fill that carries less than an order of its own
    would is taken as the next part of the order before it.
    """
    unexplained = 0
    so_far = np.zeros((len(multipliers), 2), np.int64)  # value and charges of the order that may go on, by instrument
    sides = np.zeros(len(multipliers), np.int64)
    for i in range(len(fills)):
        fill, k, period = fills[i], fills[i].instrument, 0
        while period + 1 < len(rates_from_ns) and rates_from_ns[period + 1] <= fill.time_ns:
            period += 1
        side = 1 if fill.quantity > 0 else -1
        value, row = abs(fill.quantity) * fill.price * multipliers[k], rates[k, period]
        before, paid = 0, 0
        if order_charges(row, side, 1, value) != fill.charges and sides[k] == side:
            before, paid = so_far[k, 0], so_far[k, 1]
        if order_charges(row, side, 1, before + value) - paid == fill.charges:
            now = _heads(row, side, before + value)
            then = _heads(row, side, before)
            for head in range(len(heads)):
                heads[head] += now[head] - (then[head] if before > 0 else 0)
        else:
            unexplained += fill.charges
            before, paid = 0, 0
        sides[k] = side
        so_far[k, 0] = before + value
        so_far[k, 1] = paid + fill.charges
    return unexplained


@dataclass(frozen=True, slots=True)
class ContractNote:
    """A day's charges as the broker bills them."""

    orders: dict[str, Charges]
    """By order id, to the paisa."""
    total: Charges
    """Sum of the orders, but STT and stamp duty in whole rupees of the day's exact sums."""


RatesOf = Callable[[Instrument, Product], Row]


def contract_note(fills: Iterable[Fill], rates_of: RatesOf) -> ContractNote:
    """Make the note of one day's fills, given in order of time; `rates_of` tells the day's rates.

    Shares bought and sold on that day in a delivery product are billed as intraday, first in first out, whichever exchange they
    were traded on.
    """
    parts: dict[tuple[str, bool], list[Fill]] = defaultdict(list)
    taxes: dict[str, int] = {"stt": 0, "stamp": 0}
    orders: dict[str, Charges] = defaultdict(Charges)
    for fill, is_intraday in same_day_parts(list(fills)):
        parts[fill.order_id, is_intraday].append(fill)
    for (order_id, is_intraday), portion in parts.items():
        first = portion[0]
        rates = rates_of(first.instrument, Product.MIS if is_intraday else first.product)
        value = sum(fill.value_units for fill in portion)
        orders[order_id] += breakdown(rates, first.side, sum(fill.quantity for fill in portion), value)
        taxes["stt"] += value * int(rates.stt_buy if first.side > 0 else rates.stt_sell)
        taxes["stamp"] += value * int(rates.stamp_buy if first.side > 0 else rates.stamp_sell)
    total = sum(orders.values(), Charges())
    whole = {head: _to_rupee(exact) - getattr(total, head) for head, exact in taxes.items()}
    return ContractNote(dict(orders), total + Charges(**whole))


def _to_rupee(exact: int) -> int:
    """Round units x PPB half up to a whole rupee, in units."""
    return (2 * exact + UNITS * PPB) // (2 * UNITS * PPB) * UNITS


def same_day_parts(fills: Sequence[Fill]) -> list[tuple[Fill, bool]]:
    """Cut fills of shares for delivery into what was squared off the same day (True) and what was delivered (False)."""
    turned: dict[tuple[str, Product, int], int] = defaultdict(int)
    for fill in filter(_is_delivery, fills):
        turned[_lane(fill)] += fill.quantity
    left = {lane: min(quantity, turned.get((*lane[:2], -lane[2]), 0)) for lane, quantity in turned.items()}
    parts: list[tuple[Fill, bool]] = []
    for fill in fills:
        squared = min(fill.quantity, left.get(_lane(fill), 0))
        if squared:
            left[_lane(fill)] -= squared
            parts.append((replace(fill, quantity=squared), True))
        if squared < fill.quantity:
            parts.append((replace(fill, quantity=fill.quantity - squared), False))
    return parts


def _lane(fill: Fill) -> tuple[str, Product, int]:
    return fill.instrument.symbol, fill.product, int(fill.side)


def _is_delivery(fill: Fill) -> bool:
    return fill.product is not Product.MIS and fill.instrument.kind is InstrumentKind.EQUITY

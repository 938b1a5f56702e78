"""A broker's own statement beside what a tradebook comes to: charges by head and profit by symbol, each difference with its cause.

The statement adds up exact charges, not those that a contract note rounds to the paisa; so do the figures compared here.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import groupby
from pathlib import Path
from typing import Any

from engine.clock import ist
from engine.core.costs import PPB, contract_note, same_day_parts
from engine.core.errors import UserError
from engine.core.model import UNITS, Fill, InstrumentKind, Product, Side, to_units
from engine.core.records import Row
from engine.realised import Realised, realised
from engine.tariffs import Tariff
from engine.tradebook import Tradebook, rates_on

EXACT = 0.00011
"""Rupees that two figures of four decimals may differ by when they are the same."""

HEADS: Mapping[str, tuple[str, ...]] = {
    "brokerage": ("brokerage",),
    "exchange": ("exchange transaction charges",),
    "sebi": ("sebi turnover fees",),
    "ipft": ("ipft",),
    "gst": ("central gst", "state gst", "integrated gst"),
    "stt": ("securities transaction tax",),
    "stamp": ("stamp duty",),
}
"""What the statement calls the heads; GST is told by where the client lives."""


@dataclass(frozen=True, slots=True)
class StatementRow:
    """One symbol of the statement, in rupees."""

    symbol: str
    isin: str
    quantity: float
    buy_value: float
    sell_value: float
    realised: float
    open_quantity: float
    open_value: float


@dataclass(frozen=True, slots=True)
class Statement:
    """A profit and loss statement as the broker gives it."""

    title: str
    heads: Mapping[str, float]
    """Rupees, by the heads of `Charges`."""
    rows: tuple[StatementRow, ...]
    other: float = 0.0
    """Credits and debits that are no charges of trades."""
    depository: float | None = None
    """What was taken of them for shares that left the holdings; None where they are not listed."""


@dataclass(frozen=True, slots=True)
class Compared:
    """One figure on both sides, in rupees."""

    what: str
    ours: float
    theirs: float
    cause: str = ""
    """Why they differ; "" where they do not, or nobody knows."""

    @property
    def is_equal(self) -> bool:
        """Whether both are the same to the fourth decimal."""
        return abs(self.ours - self.theirs) < EXACT


@dataclass(slots=True)
class Reconciliation:
    """A tradebook beside its statement."""

    charges: list[Compared] = field(default_factory=list)
    symbols: list[Compared] = field(default_factory=list)
    """Realised profit, charges apart."""
    notes: list[str] = field(default_factory=list)

    @property
    def differences(self) -> list[Compared]:
        """Return what is not equal."""
        return [row for row in (*self.charges, *self.symbols) if not row.is_equal]

    @property
    def unexplained(self) -> list[Compared]:
        """Return the differences without a cause."""
        return [row for row in self.differences if not row.cause]


def read_statement(path: Path) -> Statement:
    """Read a statement (JSON: charges_by_account_head, symbols, summary); raises UserError for anything else."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        given = {name.lower().removesuffix(" - z").strip(): float(value) for name, value in content["charges_by_account_head"].items()}
        rows = tuple(_row(row) for row in content["symbols"])
        other = float(content.get("summary", {}).get("Other Credit & Debit", 0.0))
        listed = content.get("other_debits")
        taken = None if listed is None else sum(float(row["debit"]) for row in listed if str(row["what"]).lower().startswith("dp charges"))
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"Expected a statement at {path}, but: {error}.") from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(
            f"Expected charges_by_account_head and symbols in {path}, but: {error!r}; give a statement of profit and loss."
        ) from None
    heads = {head: sum(given.get(name, 0.0) for name in names) for head, names in HEADS.items()}
    return Statement(str(content.get("title", path.name)), heads, rows, other, taken)


def _row(row: Mapping[str, Any]) -> StatementRow:
    names = ("Quantity", "Buy Value", "Sell Value", "Realized P&L", "Open Quantity", "Open Value")
    return StatementRow(str(row["Symbol"]), str(row.get("ISIN", "")), *(float(row.get(name) or 0.0) for name in names))


def exact_charges(fills: Iterable[Fill], tariff: Tariff) -> dict[str, float]:
    """Return charges by head in rupees, unrounded; but STT and stamp duty in whole rupees a day, as they are billed."""
    sums: dict[str, Fraction] = defaultdict(Fraction)
    for day, group in groupby(fills, key=lambda fill: ist(fill.time_ns).date()):
        of_day, rates_of = list(group), rates_on(tariff, day)
        orders: dict[tuple[str, bool], list[Fill]] = defaultdict(list)
        for part, is_same_day in same_day_parts(of_day):
            orders[part.order_id, is_same_day].append(part)
        for (_, is_same_day), parts in orders.items():
            rates = rates_of(parts[0].instrument, Product.MIS if is_same_day else parts[0].product)
            value = sum(part.value_units for part in parts)
            base = {head: Fraction(value * int(rates[head]), PPB) for head in ("exchange", "sebi", "ipft")}
            base["brokerage"] = _brokerage(rates, value)
            taxed = sum((amount for head, amount in base.items() if head != "ipft" or rates.gst_on_ipft), Fraction())
            base["gst"] = taxed * int(rates.gst) / PPB
            for head, amount in base.items():
                sums[head] += amount
        note = contract_note(of_day, rates_of).total
        sums["stt"] += note.stt
        sums["stamp"] += note.stamp
    return {head: float(sums[head] / UNITS) for head in HEADS}


def depository_units(fills: Iterable[Fill], tariff: Tariff) -> int:
    """Return what the depository takes for shares sold that were not bought the same day: once a symbol and day."""
    total = 0
    for day, group in groupby(fills, key=lambda fill: ist(fill.time_ns).date()):
        delivered = {
            part.instrument.symbol: part.instrument
            for part, is_same_day in same_day_parts(list(group))
            if not is_same_day and part.side is Side.SELL and part.instrument.kind is InstrumentKind.EQUITY
        }
        total += sum(tariff.depository_units(instrument, day) for instrument in delivered.values())
    return total


def _brokerage(rates: Row, value: int) -> Fraction:
    part = Fraction(value * int(rates.brokerage), PPB)
    return (min(part, Fraction(int(rates.brokerage_cap))) if rates.brokerage_cap > 0 else part) + int(rates.brokerage_flat)


def reconcile(book: Tradebook, statement: Statement, tariff: Tariff) -> Reconciliation:
    """Put a tradebook beside its broker's statement."""
    made = Reconciliation(_compare_charges(exact_charges(book.fills, tariff), statement.heads))
    ours = realised(book.fills)
    by_isin = {isin: symbol for symbol, isin in book.isins.items() if isin}
    for row in statement.rows:
        symbol = by_isin.get(row.isin, row.symbol)
        mine = ours.pop(symbol, Realised(symbol))
        made.symbols.append(Compared(symbol, mine.pnl_units / UNITS, row.realised, _cause(mine, row)))
        if abs(row.open_quantity - mine.open_quantity) > 1e-9:
            made.notes.append(
                f"{symbol}: {row.open_quantity:g} open by the statement, {mine.open_quantity} by the tradebook: "
                "what was credited or held before was not traded."
            )
    for symbol, rest in ours.items():
        made.symbols.append(Compared(symbol, rest.pnl_units / UNITS, 0.0, "" if rest.closed else "nothing of it was closed"))
    if statement.depository is not None:
        made.charges.append(Compared("depository", depository_units(book.fills, tariff) / UNITS, statement.depository))
    left = statement.other + (statement.depository or 0.0)
    if left:
        made.notes.append(f"{left:,.2f} of other credits and debits (pledges, the dealing desk and the like): no charges of trades.")
    return made


def _compare_charges(ours: Mapping[str, float], theirs: Mapping[str, float]) -> list[Compared]:
    more = theirs["brokerage"] - ours["brokerage"]
    causes = {
        "brokerage": "a tradebook tells neither the product nor the plan of an order: here what was squared off the same day is "
        "charged as intraday and nothing else",
        "gst": f"18 % of the {more:,.4f} by which the brokerage differs" if abs(0.18 * more - theirs["gst"] + ours["gst"]) < EXACT else "",
    }
    return [Compared(head, ours[head], theirs[head], causes.get(head, "")) for head in HEADS]


def _cause(mine: Realised, row: StatementRow) -> str:
    """Say why a symbol's profit differs, if what was held before the tradebook begins accounts for all of it."""
    cost = row.buy_value - mine.buy_units / UNITS
    is_all_sold = abs((mine.sell_units + mine.earlier_units) / UNITS - row.sell_value) < EXACT
    is_rest = abs(mine.pnl_units / UNITS + mine.earlier_units / UNITS - cost - row.realised) < EXACT
    if not mine.earlier or not is_all_sold or not is_rest or to_units(cost) <= 0:
        return ""
    return (
        f"{mine.earlier} sold for {mine.earlier_units / UNITS:,.2f} were bought before the tradebook begins; "
        f"the statement has them at {cost:,.2f}"
    )

"""A broker's tradebook: what an account traded elsewhere, as fills with the charges that the broker billed for them.

A row that cannot be a trade is named with its line; a trade told twice is one. The owner of such fills is "external": no strategy of this
terminal asked for them.
"""

from __future__ import annotations

import gzip
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

from engine.clock import ist
from engine.core.costs import Charges, ContractNote, contract_note
from engine.core.errors import DataError, HistoryMissing, UserError
from engine.core.model import EXTERNAL, PAISA, Exchange, Fill, Instrument, InstrumentKind, Product, Purpose, Side, to_units
from engine.core.records import REASONS, Row
from engine.core.sizing import purpose_of
from engine.history import Rejected, values
from engine.history.source import Source, read_source
from engine.instruments import Instruments
from engine.store import Store
from engine.tariffs import Tariff

COLUMNS = ("symbol", "exchange", "segment", "trade_type", "quantity", "price", "trade_id", "order_id", "order_execution_time")

_PLACES = {
    ("NSE", "EQ"): Exchange.NSE,
    ("BSE", "EQ"): Exchange.BSE,
    ("NSE", "FO"): Exchange.NFO,
    ("BSE", "FO"): Exchange.BFO,
    ("NSE", "CDS"): Exchange.CDS,
    ("BSE", "CDS"): Exchange.BCD,
    ("MCX", "COM"): Exchange.MCX,
}
"""Where an instrument is listed here, by exchange and segment of the tradebook."""

_SIDES = {"buy": Side.BUY, "sell": Side.SELL}


@dataclass(slots=True)
class Tradebook:
    """What a file told."""

    source: str
    account: str
    """Name that its fills are kept under, apart from any account that trades here."""
    fills: list[Fill] = field(default_factory=list)
    """In order of time, with charges."""
    notes: dict[date, ContractNote] = field(default_factory=dict)
    """What was billed, by day."""
    isins: dict[str, str] = field(default_factory=dict)
    """By symbol, where the file has them."""
    rejected: list[Rejected] = field(default_factory=list)
    repeated: int = 0
    """Rows that told a trade once more."""

    @property
    def charges(self) -> Charges:
        """Return the sum of all notes, by head."""
        return sum((note.total for note in self.notes.values()), Charges())


def is_tradebook(path: Path) -> bool:
    """Tell by its first line whether a file is a tradebook; what cannot be read is none."""
    try:
        with path.open("rb") as raw:
            zipped = raw.read(2) == b"\x1f\x8b"
        with gzip.open(path) if zipped else path.open("rb") as file:
            first = file.readline(4_096).decode("utf-8-sig").lower()
    except (OSError, EOFError, UnicodeDecodeError):
        return False
    return {"trade_id", "order_id", "trade_type"} <= {name.strip().strip('"') for name in first.split(",")}


def read_tradebook(path: Path, known: Instruments, tariff: Tariff, *, skip_bad: bool = False) -> Tradebook:
    """Read a tradebook as the broker's console exports it (CSV), shares as well as futures and options, and charge what it tells.

    Raises UserError for a file without its columns, DataError for a row that cannot be a trade (unless `skip_bad`), HistoryMissing
    when there is none at all.
    """
    source = read_source(path)
    if missing := [name for name in COLUMNS if name not in source.columns]:
        raise UserError(
            f"Expected a tradebook's columns in {path}, was none called {', '.join(missing)}; export it from the console again."
        )
    made = Tradebook(path.name, account_of(path), rejected=list(source.broken))
    fills: dict[tuple[str, str], Fill] = {}
    for line, row, time_ns in _rows(source):
        why, fill = _fill_of(row, time_ns, known)
        if fill is None or fills.get(_identity(fill), fill) != fill:
            made.rejected.append(Rejected(line, why or "expected one trade an id, was another one of the same order and trade id"))
            continue
        made.repeated += _identity(fill) in fills
        fills[_identity(fill)] = fill
        made.isins[fill.instrument.symbol] = row.get("isin", "")
    made.rejected.sort()
    if made.rejected and not skip_bad:
        line, why = made.rejected[0]
        more = f" (and {len(made.rejected) - 1:,} more rows)" if len(made.rejected) > 1 else ""
        raise DataError(f"{path} line {line}: {why}{more}; mend the file, or have such rows skipped.")
    if not fills:
        raise HistoryMissing(f"Expected trades in {path}, was none that can be taken.")
    made.notes, made.fills = charged(_with_purposes(sorted(fills.values(), key=_time)), tariff)
    return made


def account_of(path: Path) -> str:
    """Return the name that a file's fills are kept under: of tradebook-AB1234-EQ.csv "tradebook AB1234"."""
    match = re.search(r"(?i)tradebook[-_ ]([A-Z0-9]{4,})", path.name)
    return f"tradebook {match[1].upper() if match else path.name.split('.')[0]}"


def charged(fills: Iterable[Fill], tariff: Tariff) -> tuple[dict[date, ContractNote], list[Fill]]:
    """Return the notes by day of fills in order of time, and the fills, each with its share of its order's charges.

    An order's fills add up to the order's charges; STT and stamp duty in whole rupees are the note's alone.
    """
    notes: dict[date, ContractNote] = {}
    done: list[Fill] = []
    for day, group in groupby(fills, key=_day):
        of_day = list(group)
        notes[day] = contract_note(of_day, rates_on(tariff, day))
        done += _shared(of_day, notes[day])
    return notes, done


def rates_on(tariff: Tariff, day: date) -> Callable[[Instrument, Product], Row]:
    """Return what tells the rates of a day."""
    return lambda instrument, product: tariff.rates(instrument, product, day)[0]


def keep(store: Store, book: Tradebook) -> int:
    """Write the fills that the database does not have yet under the tradebook's account and return how many they are.

    Importing a file again, or a longer one of the same account, adds nothing twice.
    """
    known = {_identity(fill) for fill in store.fills(book.account)}
    fresh = [fill for fill in book.fills if _identity(fill) not in known]
    store.account = book.account
    store.write(*fresh)
    return len(fresh)


def _rows(source: Source) -> Iterator[tuple[int, dict[str, str], int]]:
    times, _ = values.to_times(source.columns["order_execution_time"])
    names = [name for name in (*COLUMNS, "isin") if name in source.columns]
    columns = [[str(text or "").strip() for text in source.columns[name].to_pylist()] for name in names]
    for line, time_ns, *row in zip(source.lines.tolist(), times.tolist(), *columns, strict=True):
        yield line, dict(zip(names, row, strict=True)), time_ns


def _fill_of(row: Mapping[str, str], time_ns: int, known: Instruments) -> tuple[str, Fill | None]:
    """Return the fill of a row, or why it is none."""
    place = _PLACES.get((row["exchange"].upper(), row["segment"].upper()))
    side = _SIDES.get(row["trade_type"].lower())
    quantity, price = _number(row["quantity"]), _number(row["price"])
    for is_bad, why in (
        (not row["symbol"], "expected a symbol, was none"),
        (place is None, f"expected a known exchange and segment, was {row['exchange']} {row['segment']}"),
        (side is None, f"expected buy or sell, was {row['trade_type']!r}"),
        (not (quantity > 0 and quantity == int(quantity)), f"expected a whole quantity above 0, was {row['quantity']!r}"),
        (not 0 < price < np.inf, f"expected a price above 0, was {row['price']!r}"),
        (not (row["trade_id"] and row["order_id"]), "expected a trade id and an order id, was none"),
        (time_ns == values.NO_TIME, f"expected a date and time, was {row['order_execution_time']!r}"),
    ):
        if is_bad:
            return why, None
    assert place is not None
    assert side is not None
    instrument = known.adopt(f"{place}:{row['symbol']}")
    units = _price_units(price, instrument)
    is_share = instrument.kind is InstrumentKind.EQUITY
    product = Product.CNC if is_share else Product.NRML
    ids = row["trade_id"], row["order_id"]
    return "", Fill(*ids, instrument, side, int(quantity), units, 0, time_ns, product, EXTERNAL, Purpose.ENTRY)


def _number(text: str) -> float:
    try:
        number = float(text.replace(",", ""))
    except ValueError:
        return -1.0
    return number if np.isfinite(number) else -1.0


def _price_units(price: float, instrument: Instrument) -> int:
    """Turn a price that was written from a 32-bit float into units: to the paisa, of currencies to a quarter of one."""
    units = to_units(price)
    return units if instrument.exchange in (Exchange.CDS, Exchange.BCD) else (units + PAISA // 2) // PAISA * PAISA


def _with_purposes(fills: Iterable[Fill]) -> Iterator[Fill]:
    """Tell entries from exits by what was held."""
    held: dict[str, int] = defaultdict(int)
    for fill in fills:
        before = held[fill.instrument.symbol]
        held[fill.instrument.symbol] = after = before + fill.signed_quantity
        yield replace(fill, purpose=Purpose(REASONS[purpose_of(before, after)]))


def _shared(fills: list[Fill], note: ContractNote) -> Iterator[Fill]:
    """Give each fill the increment of its order's charges, by value."""
    whole: dict[str, int] = defaultdict(int)
    for fill in fills:
        whole[fill.order_id] += fill.value_units
    sofar: dict[str, Any] = defaultdict(lambda: (0, 0))
    for fill in fills:
        value, told = sofar[fill.order_id]
        value += fill.value_units
        due = note.orders[fill.order_id].total * value // whole[fill.order_id] // PAISA * PAISA
        sofar[fill.order_id] = value, due
        yield replace(fill, charges_units=due - told)


def _identity(fill: Fill) -> tuple[str, str]:
    return fill.order_id, fill.trade_id


def _time(fill: Fill) -> int:
    return fill.time_ns


def _day(fill: Fill) -> date:
    return ist(fill.time_ns).date()

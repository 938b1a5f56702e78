"""What can be traded: the catalogue of instruments, found by key, by symbol, by token or by a few letters.

Keys (`NSE:RELIANCE`) name an instrument for ever; tokens are reused after expiry and serve one day only. Freeze quantities are dated
rows of `resources/freeze`, for no broker's dump has them.
"""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from importlib.resources import files
from pathlib import Path
from zlib import crc32

from engine.core.errors import UnknownSymbol, UserError, did_you_mean
from engine.core.model import Exchange, Instrument, InstrumentKind
from engine.instrument_search import InstrumentSearch

KITE_COLUMNS = (
    "instrument_token",
    "exchange_token",
    "tradingsymbol",
    "name",
    "last_price",
    "expiry",
    "strike",
    "tick_size",
    "lot_size",
    "instrument_type",
    "segment",
    "exchange",
)

DEFAULT_TICK = Decimal("0.05")

_ADOPTED_TOKENS = 1 << 40
"""Tokens of adopted instruments lie above every broker's 32 bits."""

_MOST_UNSEARCHED = 200
"""Instruments added after a search that are looked through one by one."""

_DERIVATIVE_KINDS = {"FUT": InstrumentKind.FUTURE, "CE": InstrumentKind.CALL, "PE": InstrumentKind.PUT}
_CASH = (Exchange.NSE, Exchange.BSE)


def split_key(text: str) -> tuple[Exchange, str]:
    """Return exchange and symbol of `EXCHANGE:SYMBOL`; a bare symbol is NSE's. Raises UnknownSymbol for an unknown exchange."""
    exchange, _, symbol = text.strip().upper().rpartition(":")
    if not symbol:
        raise UnknownSymbol(f"Expected a symbol like RELIANCE or NSE:RELIANCE, was {text!r}.")
    if exchange and exchange not in Exchange.__members__:
        raise UnknownSymbol(f'Unknown exchange "{exchange}" of {text}{did_you_mean(exchange, Exchange.__members__)}')
    return Exchange(exchange or "NSE"), symbol


class Instruments:
    """All known instruments."""

    def __init__(self, instruments: Iterable[Instrument] = (), reference_prices: Mapping[str, float] | None = None) -> None:
        """Take instruments, and by key what one of them is worth roughly (a generated market starts there)."""
        self._by_key: dict[str, Instrument] = {}
        self._by_token: dict[int, Instrument] = {}
        self._reference = dict(reference_prices or {})
        self._search: InstrumentSearch | None = None
        self._unsearched: list[Instrument] = []
        for instrument in instruments:
            self.add(instrument)

    @classmethod
    def load_bundled(cls) -> Instruments:
        """Load the fifty familiar NSE symbols that come with the terminal."""
        rows = _resource("instruments", "nse.csv")
        return cls(map(_bundled, rows), {f"NSE:{row['symbol']}": float(row["reference_price"]) for row in rows})

    @classmethod
    def from_kite_csv(cls, path: Path | str, on: date | None = None) -> Instruments:
        """Load the broker's instrument dump, CSV or CSV.gz, with the freeze quantities of day `on` (None: the latest known).

        Raises UserError when the file is missing or a row is not what the broker writes.
        """
        path = Path(path)
        try:
            raw = path.read_bytes()
            text = (gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw).decode("utf-8-sig")
        except (OSError, EOFError, UnicodeDecodeError) as error:
            raise UserError(f"Expected the broker's instrument list at {path}, but: {error}.") from None
        rows = csv.DictReader(io.StringIO(text, newline=""))
        return cls.from_kite_rows(rows, rows.fieldnames or (), path.name, on)

    @classmethod
    def from_kite_rows(cls, rows: Iterable[Mapping[str, str]], columns: Iterable[str], source: str, on: date | None = None) -> Instruments:
        """Take the rows of the broker's instrument list as text, with the freeze quantities of day `on`; raises UserError."""
        return cls(_kite_instruments(rows, columns, source, freeze_quantities(on)))

    def __len__(self) -> int:
        """Count the instruments."""
        return len(self._by_key)

    def __iter__(self) -> Iterator[Instrument]:
        """Walk over the instruments, in the order of adding."""
        return iter(list(self._by_key.values()))

    def __contains__(self, key: object) -> bool:
        """Tell whether `EXCHANGE:SYMBOL` is known."""
        return key in self._by_key

    def add(self, instrument: Instrument) -> Instrument:
        """Add an instrument, or replace the one of the same key."""
        if (old := self._by_key.get(instrument.key)) is not None and self._by_token.get(old.token) is old:
            del self._by_token[old.token]
        self._by_key[instrument.key] = instrument
        self._by_token[instrument.token] = instrument
        if self._search is not None:
            self._unsearched.append(instrument)
        return instrument

    def get(self, key: str) -> Instrument:
        """Return the instrument of `EXCHANGE:SYMBOL`, or of a bare symbol (NSE before the others).

        Raises UnknownSymbol with the nearest name.
        """
        exchange, symbol = split_key(key)
        places = (exchange,) if ":" in key else (exchange, *Exchange)
        for place in places:
            if (found := self._by_key.get(f"{place}:{symbol}")) is not None:
                return found
        near = [i.symbol for i in self._by_key.values() if ":" not in key or i.exchange is exchange]
        hint = did_you_mean(symbol, near) if len(near) <= 100 else _did_you_mean_among_many(symbol, near)
        raise UnknownSymbol(f'Unknown symbol "{key}"{hint}')

    def find(self, key: str) -> Instrument | None:
        """Return the instrument of exactly that `EXCHANGE:SYMBOL`, or None."""
        return self._by_key.get(key)

    def by_token(self, token: int) -> Instrument | None:
        """Return the instrument that bears this token today, or None."""
        return self._by_token.get(token)

    def adopt(self, key: str) -> Instrument:
        """Return the instrument of `EXCHANGE:SYMBOL`, or make a plain one of that name: bars of a file need no catalogue.

        What is made trades in single units on a grid of 0.05; on a derivatives exchange its kind is told by the symbol's ending.
        """
        exchange, symbol = split_key(key)
        if (known := self._by_key.get(f"{exchange}:{symbol}")) is not None:
            return known
        kind = InstrumentKind.EQUITY
        if exchange not in _CASH:
            kind = next((k for end, k in _DERIVATIVE_KINDS.items() if symbol.endswith(end)), InstrumentKind.EQUITY)
        token = _ADOPTED_TOKENS + crc32(f"{exchange}:{symbol}".encode())
        while token in self._by_token:
            token += 1
        return self.add(Instrument(exchange, symbol, token, name=symbol, kind=kind, tick_size=DEFAULT_TICK))

    def search(self, text: str, limit: int = 30) -> list[Instrument]:
        """Find instruments as a trader types them: `reliance`, `nifty 24500 ce`, `banknifty 29 dec 52000 pe`, a part of a name.

        Exact first, then derivatives that are asked for, then those that begin with it, then the rest.
        """
        if len(self._unsearched) > _MOST_UNSEARCHED:
            self._search = None
        if self._search is None:
            self.prepare_search()
        if self._search is None or not text.strip():
            return []
        found = [self._by_key[instrument.key] for instrument in self._search.find(text, limit)]
        wanted = text.strip().upper()
        found += [i for i in self._unsearched if wanted in i.symbol and i not in found]
        return found[:limit]

    def prepare_search(self) -> None:
        """Make ready to search; for a worker thread when there are very many."""
        self._unsearched = []
        self._search = InstrumentSearch(list(self._by_key.values()))

    def reference_price(self, key: str) -> float:
        """Return roughly what one is worth in rupees, 0 when not known; not a quote."""
        return self._reference.get(key, 0.0)


def _did_you_mean_among_many(word: str, known: list[str]) -> str:
    """Suggest among very many names: only those that share the first letter are compared, and never all listed."""
    near = [name for name in known if name[:1] == word[:1] and abs(len(name) - len(word)) <= 2]
    hint = did_you_mean(word, near)
    return hint if hint.startswith("; did you mean") else "; give EXCHANGE:SYMBOL as the broker writes it."


def freeze_quantities(on: date | None = None) -> dict[str, int]:
    """Return the largest quantity of one order by underlying, as in force on that day (None: the latest known)."""
    rows = sorted(_resource("freeze", "nfo.csv"), key=lambda row: row["effective"])
    return {row["underlying"]: int(row["freeze_quantity"]) for row in rows if on is None or row["effective"] <= on.isoformat()}


def _resource(folder: str, name: str) -> list[dict[str, str]]:
    return list(csv.DictReader((files("resources") / folder / name).read_text(encoding="utf-8").splitlines()))


def _bundled(row: Mapping[str, str]) -> Instrument:
    return Instrument(
        Exchange.NSE,
        row["symbol"],
        int(row["token"]),
        name=row["name"],
        kind=InstrumentKind(row["kind"]),
        tick_size=Decimal(row["tick_size"]),
        lot_size=int(row["lot_size"]),
        has_derivatives=row["has_derivatives"] == "yes",
    )


def _kite_instruments(
    told: Iterable[Mapping[str, str]], columns: Iterable[str], source: str, freeze: Mapping[str, int]
) -> Iterator[Instrument]:
    missing = set(KITE_COLUMNS).difference(columns)
    if missing:
        raise UserError(f"{source}: expected the columns of the broker's instrument list, {', '.join(sorted(missing))} not found.")
    rows = [row for row in told if row["exchange"] in Exchange.__members__]
    with_futures = {row["name"] for row in rows if row["instrument_type"] == "FUT"}
    for number, row in enumerate(rows, start=2):
        try:
            yield _kite_instrument(row, with_futures, freeze)
        except (ValueError, InvalidOperation, TypeError) as error:
            raise UserError(f"{source} row {number}: expected an instrument as the broker writes it, but: {error}.") from None


def _kite_instrument(row: Mapping[str, str], with_futures: set[str], freeze: Mapping[str, int]) -> Instrument:
    kind = InstrumentKind.INDEX if row["segment"] == "INDICES" else InstrumentKind(row["instrument_type"])
    is_derivative = kind in _DERIVATIVE_KINDS.values()
    return Instrument(
        Exchange(row["exchange"]),
        row["tradingsymbol"],
        int(row["instrument_token"]),
        name=row["name"].strip(),
        kind=kind,
        # An index has no tick and no lot of its own.
        tick_size=_tick(row["tick_size"]),
        lot_size=int(row["lot_size"]) or 1,
        expiry=date.fromisoformat(row["expiry"]) if row["expiry"] else None,
        strike=Decimal(row["strike"] or 0),
        has_derivatives=not is_derivative and row["tradingsymbol"] in with_futures,
        freeze_quantity=freeze.get(row["name"], 0) if is_derivative else 0,
    )


def _tick(text: str) -> Decimal:
    tick = Decimal(text)
    if not tick.is_finite() or tick < 0:
        raise ValueError(f"a tick size of {text}")
    return tick or DEFAULT_TICK

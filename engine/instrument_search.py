"""Finds an instrument among a hundred thousand while it is typed: "nifty 24500 ce", "reliance fut", "banknifty 29 dec 52000 pe".

Built once over a list; a search looks at sorted columns, never at every instrument in turn.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.core.model import Exchange, Instrument, InstrumentKind

_KINDS = {
    "CE": InstrumentKind.CALL,
    "CALL": InstrumentKind.CALL,
    "PE": InstrumentKind.PUT,
    "PUT": InstrumentKind.PUT,
    "FUT": InstrumentKind.FUTURE,
    "FUTURE": InstrumentKind.FUTURE,
}
_CODES = {InstrumentKind.FUTURE: 1, InstrumentKind.CALL: 2, InstrumentKind.PUT: 3}
_MONTHS = {"JAN": 1, "FEB": 2, "MAR": 3, "APR": 4, "MAY": 5, "JUN": 6, "JUL": 7, "AUG": 8, "SEP": 9, "OCT": 10, "NOV": 11, "DEC": 12}
_WORD = re.compile(r"\d+(?:\.\d+)?|[^\s\d][^\s]*?(?=\d+(?:CE|PE)$)|[^\s\d][^\s]*")
_ALIASES = {"BANK NIFTY": "BANKNIFTY", "NIFTY BANK": "BANKNIFTY", "FIN NIFTY": "FINNIFTY", "NIFTY50": "NIFTY", "BNF": "BANKNIFTY"}
_MOST_LOOKS = 3_000
"""So many names that contain what was typed are looked at; who types one letter gets those that begin with it."""
_SHORTEST_STRIKE = 3
"""Digits that make a number alone a strike: "nifty 50" is an index."""


@dataclass(slots=True)
class Wanted:
    """What was typed, taken apart."""

    whole: str = ""
    """All of it but the exchange."""
    text: str = ""
    """The words that are none of what follows."""
    exchange: Exchange | None = None
    kind: InstrumentKind | None = None
    strike: str = ""
    day: int = 0
    month: int = 0
    year: int = 0

    @property
    def is_derivative(self) -> bool:
        """Tell whether it names an underlying and something that only its derivatives have."""
        return bool(self.text) and (self.kind is not None or self.month > 0 or len(self.strike) >= _SHORTEST_STRIKE)


class InstrumentSearch:
    """An index over a list of instruments."""

    def __init__(self, instruments: Sequence[Instrument]) -> None:
        """Take them in; 100,000 take a fraction of a second."""
        self._all = sorted(instruments, key=lambda instrument: instrument.symbol)
        self._symbols = [instrument.symbol.upper() for instrument in self._all]
        self._lengths = np.array([len(symbol) for symbol in self._symbols], dtype=np.int16)
        self._kinds = np.array([_CODES.get(instrument.kind, 0) for instrument in self._all], dtype=np.int8)
        self._expiries = np.array([i.expiry.toordinal() if i.expiry else 0 for i in self._all], dtype=np.int32)
        self._strikes = np.array([float(instrument.strike) for instrument in self._all])
        # Derivatives are found by their underlying: among the names of the others a part of one is looked for.
        self._named = np.flatnonzero(self._kinds == 0).tolist()
        lines = [f"{self._symbols[row]}\t{self._all[row].name.upper()}\n" for row in self._named]
        self._text = "".join(lines)
        self._starts = np.concatenate([[0], np.cumsum([len(line) for line in lines])]).tolist()
        by_name: dict[str, list[int]] = defaultdict(list)
        for row in np.flatnonzero(self._kinds).tolist():
            by_name[self._all[row].name.upper()].append(row)
        self._by_name = {name: np.array(rows, dtype=np.int64) for name, rows in by_name.items()}

    def find(self, text: str, limit: int = 30) -> list[Instrument]:
        """Return what is meant, likeliest first: of that very name, derivatives asked for, those that begin with it, then the rest."""
        wanted = take_apart(text)
        found: dict[int, None] = {}
        for row in self._candidates(wanted.whole, wanted, limit):
            if wanted.exchange in (None, self._all[row].exchange):
                found.setdefault(row)
                if len(found) >= limit:
                    break
        return [self._all[row] for row in found]

    def _candidates(self, text: str, wanted: Wanted, limit: int) -> Iterator[int]:
        yield from self._exact(text)
        derivatives = self._derivatives(wanted, limit)
        yield from derivatives
        yield from self._beginning(text, limit)
        if not derivatives:
            yield from self._containing(text)

    def _exact(self, text: str) -> range:
        return range(bisect_left(self._symbols, text), bisect_right(self._symbols, text)) if text else range(0)

    def _beginning(self, text: str, limit: int) -> list[int]:
        """Return the shortest symbols that begin so."""
        if not text:
            return []
        first, end = bisect_left(self._symbols, text), bisect_left(self._symbols, text + "\uffff")
        order = np.argsort(self._lengths[first:end], kind="stable")
        return [first + int(row) for row in order[: limit * 4]]

    def _containing(self, text: str) -> list[int]:
        """Return those that have it in their symbol or name, shortest symbol first; several words may stand apart."""
        words = text.split()
        if not words:
            return []
        longest = max(words, key=len)
        hits: list[int] = []
        at = self._text.find(longest)
        for _ in range(_MOST_LOOKS):
            if at < 0:
                break
            line = bisect_right(self._starts, at) - 1
            if all(self._text.find(word, self._starts[line], self._starts[line + 1]) >= 0 for word in words):
                hits.append(self._named[line])
            at = self._text.find(longest, self._starts[line + 1])
        return sorted(hits, key=lambda row: (self._lengths[row], row))

    def _derivatives(self, wanted: Wanted, limit: int) -> list[int]:
        """Return derivatives of the underlying that is named, nearest expiry first."""
        if not wanted.is_derivative:
            return []
        for names in self._underlyings(wanted.text):
            rows = np.concatenate([self._by_name[name] for name in names])
            rows = rows[self._fits(rows, wanted)]
            if len(rows):
                order = np.lexsort((self._kinds[rows], self._strikes[rows], self._expiries[rows]))
                return [int(row) for row in rows[order][: limit * 4]]
        return []

    def _underlyings(self, text: str) -> Iterator[list[str]]:
        """Walk over the names of underlyings that may be meant: that very one, those that begin so, those that have it."""
        name = _ALIASES.get(text, text)
        joined = name.replace(" ", "")
        for exact in dict.fromkeys((name, joined)):
            if exact in self._by_name:
                yield [exact]
        yield from ([names] for names in sorted(n for n in self._by_name if n.startswith(joined)))
        if others := [n for n in self._by_name if joined in n]:
            yield others

    def _fits(self, rows: NDArray[np.int64], wanted: Wanted) -> NDArray[np.bool_]:
        fits = np.ones(len(rows), dtype=bool)
        if wanted.kind is not None:
            fits &= self._kinds[rows] == _CODES[wanted.kind]
        if wanted.strike:
            fits &= self._has_strike(rows, wanted.strike)
        if wanted.month:
            days = self._expiries[rows].astype("datetime64[D]") - _ORDINAL_EPOCH
            months = days.astype("datetime64[M]")
            fits &= (months.astype(np.int64) % 12 + 1) == wanted.month
            if wanted.day:
                fits &= (days - months.astype("datetime64[D]")).astype(np.int64) + 1 == wanted.day
            if wanted.year:
                fits &= months.astype("datetime64[Y]").astype(np.int64) + 1970 == wanted.year
        return fits

    def _has_strike(self, rows: NDArray[np.int64], text: str) -> NDArray[np.bool_]:
        """Tell which have that strike; while it is being typed, which have one that begins so."""
        strikes, number = self._strikes[rows], float(text)
        exact: NDArray[np.bool_] = strikes == number
        if exact.any() or "." in text or number <= 0:
            return exact
        begins = np.zeros(len(rows), dtype=bool)
        for more in range(1, 7):
            begins |= np.floor(strikes / 10.0**more) == number
        return begins & (strikes > 0)


_ORDINAL_EPOCH = np.timedelta64(719_163, "D")
"""Day number of 1970-01-01 as `date.toordinal` counts."""


def take_apart(text: str) -> Wanted:
    """Take apart what was typed: an exchange, words, a kind, a day, month and year, a strike."""
    before, colon, after = text.strip().upper().partition(":")
    wanted = Wanted(exchange=Exchange(before) if colon and before in Exchange.__members__ else None)
    said = (after if colon else before).split()
    wanted.whole = " ".join(word for word in said if len(said) == 1 or word not in Exchange.__members__)
    words = _WORD.findall(" ".join(said))
    plain: list[str] = []
    for at, word in enumerate(words):
        following = words[at + 1] if at + 1 < len(words) else ""
        if word in _KINDS and plain:
            wanted.kind = _KINDS[word]
        elif word in _MONTHS and plain:
            wanted.month = _MONTHS[word]
        elif word[0].isdigit():
            _take_number(wanted, word, following, is_after_month=at > 0 and words[at - 1] in _MONTHS)
        elif word in Exchange.__members__ and len(words) > 1:
            wanted.exchange = Exchange(word)
        else:
            plain.append(word)
    wanted.text = " ".join(plain)
    return wanted


def _take_number(wanted: Wanted, word: str, following: str, is_after_month: bool) -> None:
    """Read a number: a day before a month, a year after one, else a strike."""
    number = float(word)
    if following in _MONTHS and number <= 31:
        wanted.day = int(number)
    elif is_after_month and (number < 100 or 2000 <= number < 2100) and not wanted.year:
        wanted.year = int(number) if number >= 100 else 2000 + int(number)
    else:
        wanted.strike = word

"""Lists of what is not to be traded, or only with open eyes: a ban of the day, the exchanges' surveillance, the trader's own.

A file of the trader's, one line an instrument: symbol, list, action. A symbol names its shares and whatever is written on them.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from pathlib import Path

from engine.core.errors import UserError
from engine.core.model import Instrument

COLUMNS = ("symbol", "list", "action")
FORBID, WARN = "forbid", "warn"


class Restricted:
    """What is on a list; empty when there is none."""

    def __init__(self, rows: Iterable[Mapping[str, str]] = (), source: str = "") -> None:
        """Take rows with the COLUMNS; raises UserError for one that is none."""
        self._forbidden: dict[str, str] = {}
        self._watched: dict[str, str] = {}
        for number, row in enumerate(rows, start=2):
            symbol, name, action = ((row.get(column) or "").strip() for column in COLUMNS)
            if not symbol or not name or action not in (FORBID, WARN):
                found = ",".join(value for value in row.values() if isinstance(value, str))
                raise UserError(f"Expected symbol, list and {FORBID} or {WARN} in line {number} of {source}, was {found!r}; mend it.")
            (self._forbidden if action == FORBID else self._watched)[symbol.upper()] = name

    @classmethod
    def load(cls, path: Path) -> Restricted:
        """Load a file; none is no list. Raises UserError for one that cannot be read."""
        try:
            with path.open(encoding="utf-8-sig", newline="") as file:
                rows = csv.DictReader(file)
                found = tuple(rows.fieldnames or ())
                if found != COLUMNS:
                    raise UserError(f"Expected the columns {', '.join(COLUMNS)} in {path}, was {', '.join(found) or 'nothing'}; mend it.")
                return cls(rows, str(path))
        except FileNotFoundError:
            return cls()
        except (OSError, UnicodeDecodeError) as error:
            raise UserError(f"Expected a list of restricted symbols at {path}, but: {error}.") from None

    def __len__(self) -> int:
        """Count the symbols."""
        return len(self._forbidden) + len(self._watched)

    def of(self, instrument: Instrument) -> tuple[str, str]:
        """Return the list that forbids an instrument, and the one that warns of it; each "" when there is none."""
        if not self._forbidden and not self._watched:
            return "", ""
        names = (instrument.key, instrument.symbol, instrument.name) if instrument.contract_lot else (instrument.key, instrument.symbol)
        return self._first(self._forbidden, names), self._first(self._watched, names)

    @staticmethod
    def _first(lists: Mapping[str, str], names: Iterable[str]) -> str:
        return next((lists[name] for name in names if name in lists), "")

"""The journal only grows, and whoever changes a line of it is found out."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy.exc import DBAPIError

from engine.core.model import Side
from engine.store import JournalEntry, Store, StoreFailed

Location = Path | str
Behind = Callable[..., list[object]]


def is_server(location: Location) -> bool:
    return isinstance(location, str)


def filled(location: Location, count: int = 5) -> None:
    store = Store.open(location)
    store.write(*(JournalEntry(n, "INTENT", f"R{n}", {"n": n}) for n in range(count)))
    store.close()


def test_lines_are_numbered_without_a_gap_over_restarts(location: Location) -> None:
    filled(location)
    filled(location)
    store = Store.open(location)
    assert [entry.seq for entry in store.journal()] == list(range(1, 11))
    assert store.verify_journal() == 10
    store.close()


def test_what_happened_is_kept_in_its_own_words(location: Location) -> None:
    payload = {"price": Decimal("101.35"), "day": date(2026, 8, 3), "side": Side.SELL, "deep": [{"ü": None}], "nan": float("nan")}
    store = Store.open(location)
    store.write(JournalEntry(7, "ACK", "R1", payload))
    store.close()
    store = Store.open(location)
    (entry,) = store.journal()
    assert dict(entry.payload) | {"nan": 0} == {"price": "101.35", "day": "2026-08-03", "side": -1, "deep": [{"ü": None}], "nan": 0}
    store.close()


@pytest.mark.parametrize("statement", ["UPDATE journal SET kind = 'X'", "DELETE FROM journal"])
def test_the_database_itself_refuses_to_change_a_line(location: Location, behind: Behind, statement: str) -> None:
    filled(location)
    with pytest.raises(DBAPIError, match="only grows"):
        behind(statement)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE journal SET payload = '{}' WHERE seq = 3",
        "UPDATE journal SET time_ns = 99 WHERE seq = 3",
        "UPDATE journal SET account = 'ME' WHERE seq = 3",
        "UPDATE journal SET prev_hash = hash WHERE seq = 3",
        "DELETE FROM journal WHERE seq = 3",
    ],
)
def test_a_line_changed_behind_our_back_is_found(location: Location, behind: Behind, statement: str) -> None:
    filled(location)
    guards = ["journal_only_grows ON journal"] if is_server(location) else ["journal_no_update", "journal_no_delete"]
    behind(*(f"DROP TRIGGER {guard}" for guard in guards), statement)
    store = Store.open(location)
    with pytest.raises(StoreFailed, match="Expected line 3 of the journal"):
        store.verify_journal()
    store.close()


def test_two_terminals_on_one_file_keep_one_chain(location: Location) -> None:
    one, two = Store.open(location), Store.open(location)
    for n in range(10):
        for store, name in ((one, "one"), (two, "two")):
            store.write(JournalEntry(n, name))
            # Closing would hide it: each must see what the other wrote while both are open.
            while len(store.journal()) == 0 or store.journal()[-1].kind != name:
                pass
    assert one.verify_journal() == 20
    one.close()
    two.close()

"""The journal's chain: each line carries the hash of the line before it, so that a line changed or lost afterwards shows.

The hash is SHA-256 over the previous hash and the line itself, written as JSON in one fixed way.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256
from typing import NamedTuple

from engine.store.encoding import Values, to_json
from engine.store.models import StoredEntry
from engine.store.rows import JournalEntry, StoreFailed

FIRST_HASH = "0" * 64
"""What the first line has in place of a previous hash."""


class Tail(NamedTuple):
    """The end of the chain."""

    seq: int = 0
    hash: str = FIRST_HASH


def encode_entry(account: str, entry: JournalEntry, tail: Tail) -> tuple[Values, Tail]:
    """Return the columns of `journal` for the line that follows `tail`, and the new tail."""
    payload = to_json(dict(entry.payload))
    seq = tail.seq + 1
    made = hash_of(tail.hash, seq, entry.time_ns, account, entry.kind, entry.order_id, payload)
    return (seq, entry.time_ns, account, entry.kind, entry.order_id, payload, tail.hash, made), Tail(seq, made)


def hash_of(prev_hash: str, *line: object) -> str:
    """Return the hash of a line that follows the one with `prev_hash`."""
    return sha256(f"{prev_hash}\n{to_json(line)}".encode()).hexdigest()


def verify(lines: Iterable[StoredEntry], tail: Tail) -> Tail:
    """Walk over lines that follow `tail`, in order, and return the new tail; raises StoreFailed at the first that does not fit."""
    for row in lines:
        made = hash_of(tail.hash, row.seq, row.time_ns, row.account, row.kind, row.order_id, row.payload)
        if row.seq != tail.seq + 1 or row.prev_hash != tail.hash or row.hash != made:
            raise StoreFailed(f"Expected line {tail.seq + 1} of the journal as it was written, was another; restore it from a backup.")
        tail = Tail(row.seq, row.hash)
    return tail

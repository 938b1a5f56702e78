"""Shows the order journal, proves that no line of it was changed or lost, and makes orders, trades and positions anew of it.

Works beside a running terminal and changes nothing, but for `rebuild --apply`: that waits for no terminal, it refuses.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from itertools import islice
from pathlib import Path

from sqlalchemy import URL

from engine.clock import SystemClock, ist
from engine.core.errors import UserError
from engine.inferred_fills import settled
from engine.safety.backups import Backup, Backups
from engine.safety.instance import InstanceLock
from engine.store import JournalEntry
from engine.store.comparison import Comparison, Difference, compare
from engine.store.database import to_url
from engine.store.reader import JournalReader
from terminal.settings import Settings, data_folder, make_folder


def journal(arguments: argparse.Namespace) -> int:
    """Do what is asked; returns the exit code. Raises StoreFailed for a journal that is not as it was written.

    `rebuild` returns 1 where something differs and was not put right.
    """
    if arguments.apply and arguments.what != "rebuild":
        raise UserError("Expected --apply with rebuild only; leave it out.")
    if arguments.what == "rebuild":
        return _rebuild(arguments)
    with _reader(make_folder(data_folder(arguments.data_dir))) as reader:
        if arguments.what == "verify":
            lines = reader.verify()
            print(json.dumps({"lines": lines, "whole": True}) if arguments.json else f"{lines:,} lines, each as it was written.")
        else:
            _show(reader, arguments)
    return 0


def _url(folder: Path) -> URL:
    url = to_url(Settings.load(folder)["database"] or folder / "shikra.db")
    if url.get_backend_name() == "sqlite" and not Path(url.database or "").exists():
        raise UserError(f"Expected a database at {url.database}, was none; it is made by the first start of the terminal.")
    return url


@contextmanager
def _reader(folder: Path) -> Iterator[JournalReader]:
    reader = JournalReader(_url(folder))
    try:
        yield reader
    finally:
        reader.close()


def _show(reader: JournalReader, arguments: argparse.Namespace) -> None:
    kinds = {kind.upper() for kind in arguments.kind}
    found = ((seq, line) for seq, line in reader.newest_first(arguments.order) if not kinds or line.kind in kinds)
    for seq, line in reversed(list(islice(found, arguments.limit))):
        print(_as_json(seq, line) if arguments.json else _as_text(seq, line))


def _as_json(seq: int, line: JournalEntry) -> str:
    told = {"seq": seq, "time": ist(line.time_ns).isoformat(), "kind": line.kind, "order": line.order_id, "payload": dict(line.payload)}
    return json.dumps(told)


def _as_text(seq: int, line: JournalEntry) -> str:
    said = " ".join(f"{name}={_word(value)}" for name, value in line.payload.items() if value not in (None, "", []))
    return f"{seq:>7}  {ist(line.time_ns):%Y-%m-%d %H:%M:%S.%f}  {line.kind:<12} {line.order_id:<20} {said}".rstrip()


def _word(value: object) -> str:
    return json.dumps(value) if isinstance(value, (dict, list)) else str(value)


def _rebuild(arguments: argparse.Namespace) -> int:
    folder = make_folder(data_folder(arguments.data_dir))
    url = _url(folder)
    if not arguments.apply:
        return _tell(compare(url.render_as_string(hide_password=False), settled), arguments)
    lock = InstanceLock(folder)
    lock.take()
    try:
        is_file = url.get_backend_name() == "sqlite" and url.database
        copy = Backups(Path(url.database or ""), SystemClock()).make() if is_file else None
        return _tell(compare(url.render_as_string(hide_password=False), settled, mend=True), arguments, copy)
    finally:
        lock.release()


def _tell(made: Comparison, arguments: argparse.Namespace, copy: Backup | None = None) -> int:
    differences, is_mended = made.differences, arguments.apply
    if arguments.json:
        told = {
            "lines": made.lines, "orders": made.orders, "fills": made.fills, "applied": is_mended, "of_older_lines": made.of_old,
            "differences": [asdict(one) for one in differences],
        }  # fmt: skip
        print(json.dumps(told))
        return 0 if is_mended or not differences else 1
    for one in differences:
        print(f"{one.table}: {one.what}: {_difference(one)}")
    print(f"{made.lines:,} lines tell of {made.orders:,} orders and {made.fills:,} executions.")
    if made.of_old:
        print(f"{len(made.of_old):,} of an older Shikra say too little to make anything of them; what is kept of them stands as it is.")
    if not differences:
        print("Orders, trades and positions are what the journal says.")
    elif is_mended:
        before = "" if copy is None else f" What was there before lies in {copy.path}."
        print(f"{len(differences):,} differences were put right.{before}")
    else:
        print(f"{len(differences):,} differences; nothing was changed. `shikra journal rebuild --apply` puts them right.")
    return 0 if is_mended or not differences else 1


def _difference(one: Difference) -> str:
    if one.column:
        return f"{one.column} is {_word(one.kept)}, the journal says {_word(one.told)}"
    return "missing" if one.kept is None else "the journal does not know of it"

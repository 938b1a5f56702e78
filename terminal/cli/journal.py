"""Shows the order journal and proves that no line of it was changed or lost; works beside a running terminal, and changes nothing."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

from engine.clock import ist
from engine.core.errors import UserError
from engine.store import JournalEntry
from engine.store.database import to_url
from engine.store.reader import JournalReader
from terminal.settings import Settings, data_folder, make_folder


def journal(arguments: argparse.Namespace) -> int:
    """Do what is asked; returns the exit code. Raises StoreFailed for a journal that is not as it was written."""
    with _reader(make_folder(data_folder(arguments.data_dir))) as reader:
        if arguments.what == "verify":
            lines = reader.verify()
            print(json.dumps({"lines": lines, "whole": True}) if arguments.json else f"{lines:,} lines, each as it was written.")
        else:
            _show(reader, arguments)
    return 0


@contextmanager
def _reader(folder: Path) -> Iterator[JournalReader]:
    url = to_url(Settings.load(folder)["database"] or folder / "shikra.db")
    if url.get_backend_name() == "sqlite" and not Path(url.database or "").exists():
        raise UserError(f"Expected a database at {url.database}, was none; it is made by the first start of the terminal.")
    reader = JournalReader(url)
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

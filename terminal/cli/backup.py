"""Copies the database, lists the copies, or puts one back in its place: only a whole one, and never under a running terminal."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from engine.clock import SystemClock
from engine.core.errors import UserError
from engine.safety.backups import Backup, Backups
from engine.safety.instance import InstanceLock
from engine.store.database import to_url
from terminal.settings import Settings, data_folder, make_folder
from widgets.base.numbers import bytes_of


def backup(arguments: argparse.Namespace) -> int:
    """Do what is asked; returns the exit code. Raises UserError while a terminal runs, StoreFailed when a copy cannot be made or used."""
    folder = make_folder(data_folder(arguments.data_dir))
    backups = Backups(_database(folder), SystemClock())
    if arguments.what == "list":
        _list(backups, arguments.json)
    elif arguments.what == "make":
        _make(backups, arguments.json)
    else:
        _restore(backups, folder, arguments)
    return 0


def _database(folder: Path) -> Path:
    url = to_url(Settings.load(folder)["database"] or folder / "shikra.db")
    if url.get_backend_name() != "sqlite" or not url.database:
        raise UserError(
            "Expected a database in a file, was one on a server; back that up with the server's own tools, for example pg_dump."
        )
    return Path(url.database)


def _facts(one: Backup) -> dict[str, object]:
    return {"file": str(one.path), "made": one.made.isoformat(sep=" "), "bytes": one.size}


def _list(backups: Backups, as_json: bool) -> None:
    found = backups.list_all()
    if as_json:
        print(json.dumps([_facts(one) for one in found]))
        return
    for one in found:
        print(f"{one.made:%Y-%m-%d %H:%M:%S}  {bytes_of(one.size):>10}  {one.path}")
    if not found:
        print("There is no backup yet; one is made whenever the terminal is closed, or by `shikra backup make`.")


def _make(backups: Backups, as_json: bool) -> None:
    made = backups.make()
    if made is None:
        raise UserError(f"Expected a database at {backups.database}, was none; it is made by the first start of the terminal.")
    print(json.dumps(_facts(made)) if as_json else f"Copied to {made.path}.")


def _restore(backups: Backups, folder: Path, arguments: argparse.Namespace) -> None:
    chosen = Path(arguments.file) if arguments.file else _newest(backups)
    lock = InstanceLock(folder)
    lock.take()
    try:
        aside = backups.restore(chosen)
    finally:
        lock.release()
    if arguments.json:
        print(json.dumps({"restored": str(chosen), "set_aside": None if aside is None else str(aside)}))
        return
    was = "There was no database before." if aside is None else f"What was there lies in {aside}."
    print(f"{chosen} is the database now. {was} At its next start the terminal compares orders and positions with the broker.")


def _newest(backups: Backups) -> Path:
    newest = backups.newest_good()
    if newest is None:
        raise UserError("Expected a backup that is whole, was none; name a file, or see `shikra backup list`.")
    return newest.path

"""`import`: takes history from files into the archive, a tradebook into the database, and says what became of every row.

A file is taken whole or not at all; one that cannot be used does not keep the others out.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from engine.core.errors import InvalidOption, TradingError, UnknownSymbol
from terminal.cli.console import Progress, fail
from terminal.cli.plan import existing
from terminal.cli.take_tradebook import print_tradebook, take_tradebook
from terminal.settings import Settings, data_folder, make_folder

NAMED = 5
"""Refused rows that are named on the console; JSON has more."""


def take_in(arguments: argparse.Namespace) -> int:
    """Import the files; returns 0, or 2 when one of them could not be taken."""
    paths = [existing(name) for name in arguments.files]
    statement = existing(arguments.statement) if arguments.statement else None
    from engine.tradebook import is_tradebook

    folder = make_folder(data_folder(arguments.data_dir))
    books = {path for path in paths if is_tradebook(path)}
    if statement is not None and not books:
        raise InvalidOption("Expected a tradebook to compare --statement with, was none among the files; give the tradebook, too.")
    take_prices = _prices(arguments, folder) if len(books) < len(paths) else None
    told: list[dict[str, Any]] = []
    failed = 0
    for path in paths:
        try:
            if path in books or take_prices is None:
                made = take_tradebook(path, database(folder), statement=statement, skip_bad=arguments.skip_bad)
            else:
                made = take_prices(path)
        except TradingError as error:
            failed = fail(error)
            made = {"error": str(error)}
        told.append({"file": str(path), **made})
        if not arguments.json and "error" not in made:
            print_tradebook(made) if made["kind"] == "tradebook" else _print(made)
    if arguments.json:
        print(json.dumps(told, indent=2))
    return failed


def database(folder: Path) -> str | Path:
    """Return where orders and fills are kept: the path or URL of the settings, or the file in the data folder."""
    return Settings.load(folder)["database"] or folder / "shikra.db"


def _prices(arguments: argparse.Namespace, folder: Path) -> Callable[[Path], dict[str, Any]]:
    """Return what takes a file of prices into the archive; catalogue and calendar are read once."""
    from engine.calendar import Calendar
    from engine.history import History, import_file
    from engine.instruments import Instruments

    history = History(folder / "history")
    catalogue, calendar = Instruments.load_bundled(), Calendar.load()

    def tick_size(key: str) -> float:
        try:
            return float(catalogue.get(key).tick_size)
        except UnknownSymbol:
            return 0.01

    def take(path: Path) -> dict[str, Any]:
        bar = Progress(path.name, "rows")
        try:
            report = import_file(
                path,
                history,
                [arguments.symbol] if arguments.symbol else None,
                strict=arguments.strict,
                skip_bad=arguments.skip_bad,
                calendar=calendar,
                tick_size=tick_size,
                progress=bar.at,
            )
        finally:
            bar.end()
        return {**asdict(report), "summary": report.summary}

    return take


def _print(made: dict[str, Any]) -> None:
    print(made["summary"])
    for line, why in made["rejected"][:NAMED]:
        print(f"  line {line}: {why}")
    if made["rejected_rows"] > NAMED:
        print(f"  and {made['rejected_rows'] - NAMED} more refused rows; --json names them", file=sys.stderr)

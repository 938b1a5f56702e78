"""`import`: takes history from files into the archive, and says what became of every row.

A file is taken whole or not at all; one that cannot be used does not keep the others out.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from engine.core.errors import TradingError, UnknownSymbol
from terminal.cli.console import Progress, fail
from terminal.cli.plan import existing
from terminal.settings import data_folder, make_folder

if TYPE_CHECKING:
    from engine.history import ImportReport

NAMED = 5
"""Refused rows that are named on the console; JSON has more."""


def take_in(arguments: argparse.Namespace) -> int:
    """Import the files; returns 0, or 2 when one of them could not be taken."""
    paths = [existing(name) for name in arguments.files]
    from engine.calendar import Calendar
    from engine.history import History, import_file
    from engine.instruments import Instruments

    history = History(make_folder(data_folder(arguments.data_dir)) / "history")
    catalogue, calendar = Instruments.load_bundled(), Calendar.load()

    def tick_size(key: str) -> float:
        try:
            return float(catalogue.get(key).tick_size)
        except UnknownSymbol:
            return 0.01

    told: list[dict[str, Any]] = []
    failed = 0
    for path in paths:
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
        except TradingError as error:
            bar.end()
            failed = fail(error)
            told.append({"file": str(path), "error": str(error)})
            continue
        bar.end()
        told.append({"file": str(path), **asdict(report)})
        if not arguments.json:
            _print(report)
    if arguments.json:
        print(json.dumps(told, indent=2))
    return failed


def _print(report: ImportReport) -> None:
    print(report.summary)
    for line, why in report.rejected[:NAMED]:
        print(f"  line {line}: {why}")
    if report.rejected_rows > NAMED:
        print(f"  and {report.rejected_rows - NAMED} more refused rows; --json names them", file=sys.stderr)

"""What the commands that trade on a file have in common: its bars, by symbols that exist, and a strategy described in one's own words.

Everything is checked before anything trades; nothing is written.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from engine.calendar import Calendar
from engine.core.errors import InvalidOption, UnknownSymbol, UserError, did_you_mean
from engine.core.friction import Friction
from engine.core.model import Instrument
from engine.core.records import Rows
from engine.executor.config import StrategyConfig
from engine.history import ImportReport, Progress
from engine.instruments import Instruments
from engine.replay_file import read_replay

SIZED_BY = ("max_risk_per_trade", "max_position_size")
"""Risk keys that tell how much to trade; without any of them one unit is traded."""


def read_market(
    file: Path, wanted: list[str] | None, *, strict: bool, progress: Progress | None, report: ImportReport, **more: Any
) -> dict[Instrument, Rows]:
    """Read what can be traded in a file; raises UserError or DataError that says what was expected."""
    catalogue = Instruments.load_bundled()
    bars = read_replay(file, wanted, Calendar.load(), catalogue, strict=strict, progress=progress, report=report, **more)
    _check_names(bars, catalogue, file)
    bars = {instrument: rows for instrument, rows in bars.items() if instrument.is_tradable}
    if not bars:
        raise UserError(f"Expected shares or contracts in {file}, was only indices, which cannot be traded; take another file.")
    return bars


def friction_of(arguments: argparse.Namespace) -> Friction:
    """Read what trading costs besides charges; raises InvalidOption for what is out of range."""
    return Friction(**{item.name: getattr(arguments, item.name) for item in fields(Friction)})


def dicts_of(
    arguments: argparse.Namespace, symbols: tuple[str, ...], interval_s: int | None
) -> tuple[dict[str, object], dict[str, object]]:
    """Make the two dicts of the public API out of the command line."""
    risk: dict[str, object] = dict(arguments.risk)
    if arguments.capital is not None:
        if "capital" in risk:
            raise InvalidOption("Expected the capital once, was given by --capital and by --risk; drop one.")
        risk["capital"] = arguments.capital
    parameters: dict[str, object] = dict(arguments.param)
    if arguments.interval is not None:
        parameters["scan_interval"] = arguments.interval
    elif interval_s is not None:
        parameters.setdefault("scan_interval", max(1, interval_s // 60))
    strategy = {
        "name": Path(arguments.strategy).stem,
        "strategy_type": arguments.strategy,
        "symbols": list(symbols),
        "product": arguments.product,
        "sizing": sizing_of(arguments, risk),
        "exit_after": arguments.exit_after,
        "exit_at": arguments.exit_at,
        "parameters": parameters,
    }
    return strategy, risk


def sizing_of(arguments: argparse.Namespace, risk: Mapping[str, object]) -> str:
    """Return how much an order is: as asked for, by risk where some is given, else one unit."""
    return arguments.sizing or ("risk" if any(name in risk for name in SIZED_BY) else "fixed:1")


def check_interval(config: StrategyConfig, interval_s: int | None) -> None:
    """Raise InvalidOption for an interval that the file's bars cannot make; `interval_s` None is of ticks."""
    if interval_s is not None and (config.interval_s < interval_s or config.interval_s % interval_s):
        own, asked = f"{interval_s / 60:g}", f"{config.interval_s / 60:g}"
        raise InvalidOption(f"Expected --interval to be the file's bars ({own} minutes) or a multiple of them, was {asked} minutes.")


def _check_names(bars: Mapping[Instrument, Rows], catalogue: Instruments, file: Path) -> None:
    """Refuse a symbol that neither the catalogue nor the file knows: in a file that names none, a slip of the pen would name it."""
    known = {instrument.key for instrument in Instruments.load_bundled()}
    strange = [i for i in bars if i.key not in known and i.symbol not in file.name.upper()]
    if strange:
        named = {i.key for i in read_replay(file, None, Calendar.load(), catalogue, skip_bad=True)}
        for instrument in strange:
            if instrument.key not in named:
                symbols = [key.partition(":")[2] for key in known | named]
                raise UnknownSymbol(f'Unknown symbol "{instrument.symbol}"{did_you_mean(instrument.symbol, symbols)}')

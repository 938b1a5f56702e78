"""What `run` was asked to do, checked to the last word before a file is made: strategy, market, money, and the run it may go on with.

A run that was cut off leaves its exchange's book in a folder of its own; a run that came to its end takes that folder away.
"""

from __future__ import annotations

import argparse
import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from engine.brokers.base import BROKERS
from engine.calendar import Calendar
from engine.clock import SystemClock
from engine.core.errors import InvalidOption, UnknownSymbol, UserError, did_you_mean
from engine.core.model import Instrument
from engine.core.records import Rows
from engine.history import ImportReport
from engine.instruments import Instruments
from engine.replay_file import read_replay
from engine.strategy_config import StrategyConfig, parse_strategy
from terminal.cli.plan import existing
from terminal.settings import data_folder, make_folder

SIZED_BY = ("max_risk_per_trade", "max_position_size")
"""Risk keys that tell how much to trade; without any of them one unit is traded."""


@dataclass(frozen=True, slots=True)
class RunPlan:
    """One run, ready to be made."""

    strategy: Mapping[str, object]
    risk: Mapping[str, object]
    config: StrategyConfig
    bars: Mapping[Instrument, Rows]
    interval_s: int | None
    """Of the bars; None for ticks."""
    speed: float | str
    charges: str
    file: Path
    folder: Path
    is_resumed: bool


def plan_run(arguments: argparse.Namespace, progress: Callable[[int, int, str], None] | None = None) -> RunPlan:
    """Check everything and read the file; raises UserError or DataError that says what was expected. Nothing is written."""
    broker = BROKERS.get(arguments.broker)
    if broker.name != "simulated":
        raise InvalidOption(f'Expected --broker simulated to replay a file, was "{arguments.broker}".')
    file = existing(arguments.replay)
    strategy, risk = _dicts(arguments, arguments.symbols or ("ANY",), None)
    parse_strategy(strategy, risk)
    report, catalogue = ImportReport(), Instruments.load_bundled()
    wanted = list(arguments.symbols) or None
    bars = read_replay(file, wanted, Calendar.load(), catalogue, strict=arguments.strict, progress=progress, report=report)
    _check_names(bars, catalogue, file)
    bars = {instrument: rows for instrument, rows in bars.items() if instrument.is_tradable}
    if not bars:
        raise UserError(f"Expected shares or contracts in {file}, was only indices, which cannot be traded; take another file.")
    interval_s = report.interval_s if report.kind == "bars" else None
    strategy, risk = _dicts(arguments, tuple(instrument.key for instrument in bars), interval_s)
    config = parse_strategy(strategy, risk)
    _check_interval(config, interval_s)
    folder = data_folder(arguments.data_dir) / "runs"
    return RunPlan(
        strategy=strategy,
        risk=risk,
        config=config,
        bars=bars,
        interval_s=interval_s,
        speed=arguments.speed or "max",
        charges=arguments.charges,
        file=file,
        folder=_to_resume(folder, arguments, file) if arguments.resume else _fresh(folder, arguments, file),
        is_resumed=arguments.resume,
    )


def begin(plan: RunPlan) -> None:
    """Make the run's folder."""
    make_folder(plan.folder)


def end(plan: RunPlan) -> None:
    """Take the folder of a finished run away; what it traded is in the database."""
    shutil.rmtree(plan.folder, ignore_errors=True)


def _dicts(arguments: argparse.Namespace, symbols: tuple[str, ...], interval_s: int | None) -> tuple[dict[str, object], dict[str, object]]:
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
    sizing = arguments.sizing or ("risk" if any(name in risk for name in SIZED_BY) else "fixed:1")
    strategy = {
        "name": arguments.strategy,
        "strategy_type": arguments.strategy,
        "symbols": list(symbols),
        "product": arguments.product,
        "sizing": sizing,
        "parameters": parameters,
    }
    return strategy, risk


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


def _check_interval(config: StrategyConfig, interval_s: int | None) -> None:
    if interval_s is not None and (config.interval_s < interval_s or config.interval_s % interval_s):
        own, asked = f"{interval_s / 60:g}", f"{config.interval_s / 60:g}"
        raise InvalidOption(f"Expected --interval to be the file's bars ({own} minutes) or a multiple of them, was {asked} minutes.")


def _fingerprint(arguments: argparse.Namespace, file: Path) -> str:
    """Return what makes two runs the same: what was asked for, and the very file."""
    asked: dict[str, Any] = {
        name: value for name, value in vars(arguments).items() if name not in ("resume", "json", "data_dir", "speed", "command")
    }
    stat = file.stat()
    text = json.dumps({**asked, "replay": [str(file.resolve()), stat.st_size, stat.st_mtime_ns]}, sort_keys=True)
    return sha256(text.encode()).hexdigest()[:12]


def _fresh(folder: Path, arguments: argparse.Namespace, file: Path) -> Path:
    return folder / f"{_fingerprint(arguments, file)}-{SystemClock().now_ns()}"


def _to_resume(folder: Path, arguments: argparse.Namespace, file: Path) -> Path:
    left = sorted(folder.glob(f"{_fingerprint(arguments, file)}-*")) if folder.is_dir() else []
    if not left:
        raise UserError("Expected a run of the very same words and file that was cut off, was none; run it without --resume.")
    return left[-1]

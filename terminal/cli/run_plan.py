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
from engine.clock import SystemClock
from engine.core.errors import InvalidOption, UserError
from engine.core.friction import Friction
from engine.core.model import Instrument
from engine.core.records import Rows
from engine.executor.config import StrategyConfig, parse_strategy
from engine.history import ImportReport
from terminal.cli.market_file import check_interval, dicts_of, friction_of, read_market
from terminal.cli.plan import existing
from terminal.settings import data_folder, make_folder


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
    touch: bool
    friction: Friction
    file: Path
    folder: Path
    is_resumed: bool


def plan_run(arguments: argparse.Namespace, progress: Callable[[int, int, str], None] | None = None) -> RunPlan:
    """Check everything and read the file; raises UserError or DataError that says what was expected. Nothing is written."""
    broker = BROKERS.get(arguments.broker)
    if broker.name != "simulated":
        raise InvalidOption(f'Expected --broker simulated to replay a file, was "{arguments.broker}".')
    file, friction = existing(arguments.replay), friction_of(arguments)
    strategy, risk = dicts_of(arguments, arguments.symbols or ("ANY",), None)
    parse_strategy(strategy, risk)
    report = ImportReport()
    bars = read_market(file, list(arguments.symbols) or None, strict=arguments.strict, progress=progress, report=report)
    interval_s = report.interval_s if report.kind == "bars" else None
    if interval_s is None and not friction.is_none:
        raise InvalidOption(f"Expected bars for slippage, volume and latency, was ticks in {file}, whose book decides; leave them out.")
    strategy, risk = dicts_of(arguments, tuple(instrument.key for instrument in bars), interval_s)
    config = parse_strategy(strategy, risk)
    check_interval(config, interval_s)
    folder = data_folder(arguments.data_dir) / "runs"
    return RunPlan(
        strategy=strategy,
        risk=risk,
        config=config,
        bars=bars,
        interval_s=interval_s,
        speed=arguments.speed or "max",
        charges=arguments.charges,
        touch=arguments.touch,
        friction=friction,
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

"""`backtest`: what a strategy would have traded on the bars or ticks of a file, by the compiled replay, with every figure that judges it.

It trades what `run` trades on the same file; the answer is a table, JSON, or a page that opens anywhere.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from engine.authored.lint import lint_of
from engine.backtest import BacktestResult, run_backtest
from engine.calendar import Calendar
from engine.core.errors import HistoryMissing, InvalidOption, UserError
from engine.core.friction import Friction
from engine.core.model import Instrument, to_rupees
from engine.core.records import Rows
from engine.core.ticks import bars_of_ticks, is_ticks
from engine.executor.config import StrategyConfig, parse_strategy
from engine.history import ImportReport, parse_repair
from engine.instruments import Instruments
from engine.look_ahead import find_look_ahead
from engine.replay_file import read_replay
from engine.report import Report, write_page
from engine.tariffs import Tariff
from terminal import VERSION
from terminal.cli.backtest_text import lines_of
from terminal.cli.console import Progress
from terminal.cli.market_file import check_interval, dicts_of, friction_of, read_market, sizing_of
from terminal.cli.plan import existing


@dataclass(frozen=True, slots=True)
class BacktestPlan:
    """One backtest, ready to be made."""

    config: StrategyConfig
    file: Path
    bars: dict[Instrument, Rows]
    benchmark: Rows | None
    friction: Friction
    interval_s: int
    """Of the file's bars; 0 = it has ticks."""
    found: ImportReport
    """What reading the file found."""


def backtest(arguments: argparse.Namespace) -> int:
    """Make the backtest and print it; returns 0, or 1 when the strategy was stopped by a mistake of its own."""
    page = _page(arguments.report)
    plan = plan_backtest(arguments)
    for text in lint_of(plan.config.code):
        sys.stderr.write(f"shikra: {text}\n")
    if arguments.check_look_ahead:
        check_look_ahead(plan, arguments)
    result = replay_of(plan, arguments)
    report = report_of(plan, result, arguments)
    if page is not None:
        _write(report, page)
    if arguments.json:
        print(json.dumps(report.as_dict()))
    else:
        print("\n".join(lines_of(report)))
        if page is not None:
            print(f"\nreport  {page}")
    if result.outcome.fault:
        sys.stderr.write(f"shikra: {report.warning}\n")
        return 1
    return 0


def plan_backtest(arguments: argparse.Namespace) -> BacktestPlan:
    """Check everything and read the file; raises UserError or DataError that says what was expected."""
    file, friction = existing(arguments.data), friction_of(arguments)
    parse_strategy(*dicts_of(arguments, arguments.symbols or ("ANY",), None), is_backtest=True)
    found, reading, repair = ImportReport(), Progress("reading", "rows"), parse_repair(arguments.repair)
    wanted = list(arguments.symbols) or None
    try:
        bars = read_market(file, wanted, strict=arguments.strict, progress=reading.at, report=found, repair=repair)
    finally:
        reading.end()
    interval_s = found.interval_s if found.kind == "bars" else None
    benchmark = None
    if arguments.benchmark:
        benchmark = _benchmark(file, arguments.benchmark)
        if not arguments.symbols and len(bars) > 1:
            bars = {instrument: rows for instrument, rows in bars.items() if instrument.symbol != arguments.benchmark}
    config = parse_strategy(*dicts_of(arguments, tuple(instrument.key for instrument in bars), interval_s), is_backtest=True)
    check_interval(config, interval_s)
    return BacktestPlan(config, file, bars, benchmark, friction, interval_s or 0, found)


def check_look_ahead(plan: BacktestPlan, arguments: argparse.Namespace) -> None:
    """Say that the strategy does not look ahead, or raise UserError that names the bar and what it knew too early."""
    assert plan.config.template is not None
    if plan.interval_s == 0:
        raise InvalidOption("Expected bars for --check-look-ahead, was ticks; give a file of bars.")
    peek = find_look_ahead(plan.config.template, plan.bars, plan.config.parameters, **terms_of(plan, arguments))
    if peek is not None:
        raise UserError(f"The strategy looks ahead: {peek}")
    sys.stderr.write("look-ahead: none was found where the bars were cut off\n")


def replay_of(plan: BacktestPlan, arguments: argparse.Namespace) -> BacktestResult:
    """Replay the plan, showing how far it is."""
    config, bar = plan.config, Progress("testing", "bars")
    total = sum(len(rows) for rows in plan.bars.values())
    assert config.template is not None
    try:
        return run_backtest(
            config.template,
            plan.bars,
            config.parameters,
            **terms_of(plan, arguments),
            owner=config.id,
            benchmark=plan.benchmark,
            on_progress=lambda done: bar(done, total),
        )
    finally:
        bar.end()


def terms_of(plan: BacktestPlan, arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the terms to trade under, as `run_backtest` and `prepare` take them."""
    config = plan.config
    return {
        "interval_s": config.interval_s,
        "base_s": plan.interval_s,
        "sizing": config.sizing,
        "product": config.product,
        "capital_units": config.capital_units,
        "risk_pct": config.risk_pct,
        "limits": {"cash": 1.0} | dict(config.limits),
        "tariff": Tariff.load(arguments.charges),
        "calendar": Calendar.load(),
        "touch": arguments.touch,
        "friction": plan.friction,
        "exit_after_s": config.exit_after_s,
        "exit_at_min": config.exit_at_min,
    }


def report_of(plan: BacktestPlan, result: BacktestResult, arguments: argparse.Namespace) -> Report:
    """Put the result together with all that it was made with."""
    template = plan.config.template
    assert template is not None
    return Report(
        result=result,
        strategy=arguments.strategy,
        title=template.title,
        parameters=plan.config.parameters,
        terms=_terms(plan, arguments),
        source=plan.file.name,
        version=VERSION,
        notes=tuple(plan.found.notes),
        benchmark=arguments.benchmark or "",
    )


def _terms(plan: BacktestPlan, arguments: argparse.Namespace) -> dict[str, Any]:
    config = plan.config
    given = {item.name: getattr(plan.friction, item.name) for item in fields(Friction)}
    return {
        "capital": float(to_rupees(config.capital_units)),
        "product": str(config.product),
        "sizing": sizing_of(arguments, dict(arguments.risk)),
        "charges": arguments.charges,
        "interval_minutes": config.interval_s / 60,
        "data": f"bars of {plan.interval_s / 60:g} min" if plan.interval_s else "ticks",
        "limit_orders": "fill when touched" if arguments.touch else "fill when traded through",
        "exits": _exits(config),
        "repair": plan.found.rules or "none",
        "friction": {name: value for name, value in given.items() if value},
        "risk": ({"max_risk_per_trade": config.risk_pct} if config.risk_pct else {}) | dict(config.limits),
    }


def _exits(config: StrategyConfig) -> str:
    """Say when positions are left of themselves."""
    after = [f"{config.exit_after_s / 60:g} min after they were opened"] if config.exit_after_s else []
    at = [] if config.exit_at_min is None else [f"at {config.exit_at_min // 60:02}:{config.exit_at_min % 60:02}"]
    return " and ".join(after + at) or "at no time of their own"


def _benchmark(file: Path, word: str) -> Rows:
    """Read the bars to compare with: of a symbol in the same file, an index too."""
    found = read_replay(file, [word], Calendar.load(), Instruments.load_bundled(), skip_bad=True)
    rows = next(iter(found.values()), None)
    if rows is None or not len(rows):
        raise HistoryMissing(f"Expected bars of {word} in {file} to compare with, was none; name a symbol of the file.")
    return bars_of_ticks(rows) if is_ticks(rows) else rows


def _page(name: str | None) -> Path | None:
    """Return where the page goes; raises InvalidOption when it cannot, before anything is reckoned."""
    if name is None:
        return None
    path = Path(name).expanduser()
    if path.suffix.lower() not in (".html", ".htm"):
        raise InvalidOption(f"Expected --report to end in .html, was {name}; the same figures as JSON come with --json.")
    if path.is_dir() or not path.parent.is_dir():
        raise InvalidOption(f"Expected a folder that is there for --report, was {path.parent}; make it, or name another.")
    return path


def _write(report: Report, path: Path) -> None:
    try:
        write_page(report, path)
    except OSError as error:
        raise UserError(f"Expected to write the report to {path}, was refused ({error.strerror}); name another file.") from error

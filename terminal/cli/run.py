"""`run`: trades a strategy on paper through the whole engine, to the end of a file, and prints what it did.

Signals, risk, journal, exchange and database are those of the window; the bars come as fast as they are dealt with. What is printed
is read back from the database.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from time import monotonic
from typing import Any

from engine.authored.lint import lint_of
from engine.brokers.simulated import SimulatedBroker
from engine.calendar import Calendar
from engine.compiling import compile_for_trading
from engine.core.model import StrategyState, to_rupees
from engine.executor.executor import StrategyExecutor
from engine.session import TradingSession
from engine.store import Store
from engine.tariffs import Tariff
from engine.tasks import Tasks
from terminal.cli.console import Progress
from terminal.cli.run_plan import RunPlan, begin, end, plan_run
from terminal.cli.run_result import RunResult, print_json, print_text
from terminal.logs import start_logging, stop_logging
from terminal.settings import Settings, data_folder

SHOWN_EVERY_S = 0.2


def run(arguments: argparse.Namespace) -> int:
    """Make the run and print it; returns 0, or 1 when the strategy was stopped by a mistake of its own."""
    reading = Progress("reading", "rows")
    try:
        plan = plan_run(arguments, reading.at)
    finally:
        reading.end()
    folder = data_folder(arguments.data_dir)
    settings = Settings.load(folder)
    for text in lint_of(plan.config.code):
        sys.stderr.write(f"shikra: {text}\n")
    begin(plan)
    handler = start_logging(folder / "logs", settings["log_level"])
    try:
        compile_for_trading()
        result = asyncio.run(trade(plan, settings["database"] or folder / "shikra.db"))
    finally:
        stop_logging(handler)
    end(plan)
    (print_json if arguments.json else print_text)(result)
    if result.summary["state"] == StrategyState.FAULTED:
        sys.stderr.write(f"shikra: the strategy was stopped: {result.summary['last_error']}\n")
        return 1
    return 0


async def trade(plan: RunPlan, database: Any) -> RunResult:
    """Run the plan's strategy to the end of its file and read back what the database holds of it."""
    config, calendar = plan.config, Calendar.load()
    broker = SimulatedBroker(
        replay=plan.bars,
        speed=plan.speed,
        file=plan.folder / "exchange.db",
        resume=plan.is_resumed,
        tariff=plan.charges,
        capital=float(to_rupees(config.capital_units)),
        interval_s=plan.interval_s,
        touch=plan.touch,
        friction=plan.friction,
    )
    store = Store.open(database)
    account = f"run-{plan.folder.name}"
    session = TradingSession(
        broker,
        store,
        limits=config.limits,
        capital_units=config.capital_units,
        account=account,
        tariff=Tariff.load(plan.charges),
        calendar=calendar,
        mode="paper",
    )
    executor = StrategyExecutor(session=session, strategy_config=plan.strategy, risk_config=plan.risk)
    try:
        await session.open()
        await executor.begin()
        began = monotonic()
        await _play(broker)
        await session.settle()
        run_s = monotonic() - began
        await store.flush()
        return RunResult.read(store, account, executor.get_summary(), session.positions, run_s=run_s, is_resumed=plan.is_resumed)
    finally:
        executor.stop()
        await session.close()
        store.close()


async def _play(broker: SimulatedBroker) -> None:
    """Let the market run to its end, showing how far it is."""
    bar = Progress("trading", "%")
    await broker.start_market()
    tasks = Tasks()
    tasks.spawn(_show(broker, bar), "progress", service=True)
    try:
        await broker.wait_until_done()
    finally:
        await tasks.close()
        bar.end()


async def _show(broker: SimulatedBroker, bar: Progress) -> None:
    while True:
        bar(round(100 * broker.progress), 100)
        await asyncio.sleep(SHOWN_EVERY_S)

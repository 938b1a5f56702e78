"""A strategy run through the whole engine on the simulated exchange: signals, risk, journal, exchange, ledger."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from engine.brokers.base import create_broker
from engine.calendar import Calendar
from engine.core.model import UNITS, Fill, Instrument
from engine.core.records import Rows
from engine.executor.executor import StrategyExecutor
from engine.session import TradingSession
from engine.store import Store
from engine.tariffs import Tariff


async def run_it(
    bars: dict[Instrument, Rows], strategy: dict[str, Any], folder: Path, function: Any = None
) -> tuple[list[Fill], dict[str, Any]]:
    store = Store.open(folder / "shikra.db")
    broker = create_broker("simulated", replay=bars, tariff="zerodha", capital=100_000)
    session = TradingSession(
        broker, store, limits={}, capital_units=100_000 * UNITS, account="t", tariff=Tariff.load(), calendar=Calendar.load()
    )
    fills: list[Fill] = []
    session.orders.order_filled.connect(fills.append)
    strategy = {"name": "live", "symbols": [each.symbol for each in bars], "sizing": "fixed:3", "product": "MIS"} | strategy
    executor = StrategyExecutor(strategy_config=strategy, risk_config={"capital": 100_000.0}, session=session)
    executor.set_signal_callback(function)
    await session.open()
    await executor.begin()
    await broker.start_market()
    await broker.wait_until_done()
    await session.settle()
    summary = executor.get_summary()
    await session.close()
    store.close()
    return fills, summary


def facts(fills: list[Fill]) -> list[tuple[Any, ...]]:
    rows = [(f.time_ns, f.instrument.symbol, f.signed_quantity, f.price_units, f.charges_units, str(f.purpose)) for f in fills]
    return sorted(rows, key=lambda row: row[:2])

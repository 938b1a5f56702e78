"""One fill model, live too: what the backtest trades on bars, a strategy trades at the Kite exchange that plays the same bars.

In lock-step: a minute is played, the terminal hears it and decides, its orders are filled, and only then the next one comes. The
exchange shows both sides of its book at the last price. A bar is over when the next one's first trade is heard, so that an order
finds exactly that trade's price: the open that the backtest fills at.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.backtest import run_backtest
from engine.brokers.base import Capabilities
from engine.brokers.paper import PaperBroker
from engine.brokers.zerodha.broker import ZerodhaBroker
from engine.brokers.zerodha.secrets import MemoryKeyring, Secret, Token, Vault
from engine.calendar import Calendar
from engine.clock import IST, SystemClock, ist
from engine.core.bars import MINUTE_NS
from engine.core.model import Fill, Instrument, Order, Product, to_units
from engine.core.records import BAR, Rows
from engine.core.registry import TEMPLATES
from engine.executor.executor import StrategyExecutor
from engine.session import TradingSession
from engine.store import Store
from engine.tariffs import Tariff
from tests.kite_exchange.process import RunningExchange, start_exchange

DAY = "2026-11-23"
FIRST_NS = round(datetime.fromisoformat(f"{DAY} 09:15:00").replace(tzinfo=IST).timestamp()) * 10**9
MINUTES = 75
KEYS = ("NSE:INFY", "NSE:TCS")
CAPITAL = 500_000
WITHIN_S = 30.0


class SteppedClock(SystemClock):
    """Shows the exchange's time, which only the test moves; waits are real ones."""

    def __init__(self) -> None:
        self.time_ns = FIRST_NS - 10 * 10**9

    def now_ns(self) -> int:
        return self.time_ns


def minutes(seed: int) -> Rows:
    """Make a lively share's minutes, each opening away from the close before."""
    random = np.random.default_rng(seed)
    path = 1_500 * np.exp(np.cumsum(random.normal(0, 0.001, (MINUTES, 4)))).reshape(MINUTES, 4)
    path = np.round(np.round(path / 0.1) * 0.1, 2)
    rows = np.zeros(MINUTES, BAR)
    rows["time_ns"] = FIRST_NS + np.arange(MINUTES) * MINUTE_NS
    rows["session_minute"] = np.arange(MINUTES)
    rows["open"], rows["close"] = path[:, 0], path[:, 3]
    rows["high"], rows["low"] = path.max(axis=1), path.min(axis=1)
    rows["volume"] = random.integers(100, 5_000, MINUTES)
    return rows


def write(path: Path, bars: dict[str, Rows]) -> Path:
    """Write bars as a file that the exchange plays."""
    lines = ["symbol,time,open,high,low,close,volume"]
    for key, rows in bars.items():
        lines += [f"{key},{ist(int(r.time_ns)).isoformat()},{r.open},{r.high},{r.low},{r.close},{r.volume}" for r in rows]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


class LockStep:
    """A session at the exchange, both by a time that only the test moves."""

    def __init__(self, exchange: RunningExchange, folder: Path, config: dict[str, Any], mode: str = "live") -> None:
        self.exchange, self.clock = exchange, SteppedClock()
        ring = MemoryKeyring()
        token = Token(Secret(exchange.login()), exchange.user_id, "", FIRST_NS + 10**9 * 3_600 * 8)
        Vault(exchange.api_key, ring).keep_token(token)
        self.broker = ZerodhaBroker(
            exchange.api_key, root=exchange.root, ws_root=exchange.ws_root, keyring=ring, data_dir=folder, wall=self.clock
        )
        # Without the days before it begins as a backtest does: with the first bar.
        self.broker.capabilities = Capabilities(is_live=True, has_market_protection=True)
        self.store = Store.open(folder / "shikra.db")
        trading = self.broker if mode == "live" else PaperBroker(self.broker, wall=self.clock)
        self.session = TradingSession(
            trading, self.store, limits={}, capital_units=to_units(CAPITAL), account=mode, tariff=Tariff.load(), calendar=Calendar.load(),
            mode=mode,
        )  # fmt: skip
        self.fills: list[Fill] = []
        self.session.orders.order_filled.connect(self.fills.append)
        self.closed = 0
        """Bars that are over."""
        self.session.market_data.bars_closed.connect(self._count)
        self.executor = StrategyExecutor(strategy_config=config, risk_config={"capital": CAPITAL}, session=self.session)

    def _count(self, interval_s: int, rows: Rows) -> None:
        self.closed += len(rows)

    async def until(self, is_so: Callable[[], bool]) -> None:
        """Wait until something is so."""
        async with asyncio.timeout(WITHIN_S):
            while not is_so():  # noqa: ASYNC110  # what changes here changes in many places
                await asyncio.sleep(0.001)

    async def play(self, to_ns: int) -> None:
        """Let the market run up to a moment, its trades included, and everything that follows from it."""
        seconds, self.clock.time_ns = (to_ns - self.clock.time_ns) / 1e9, to_ns
        await asyncio.to_thread(self.exchange.control, "advance", seconds=seconds)
        await self.until(lambda: self.closed == len(KEYS) * ((to_ns - FIRST_NS) // MINUTE_NS))
        await self.session.settle()
        await self.until(lambda: not self.session.orders.working())

    async def run(self) -> list[Fill]:
        """Trade the whole file; returns the fills."""
        try:
            await self.session.open()
            await self.executor.begin()
            for minute in range(MINUTES):
                await self.play(FIRST_NS + minute * MINUTE_NS)
        finally:
            self.executor.stop()
            await self.session.close()
            self.store.close()
        return self.fills


def facts(fill: Fill) -> tuple[Any, ...]:
    """Say what a fill is."""
    return fill.time_ns, fill.instrument.key, fill.signed_quantity, fill.price_units, fill.charges_units, str(fill.purpose)


def config_of(template: str, parameters: dict[str, float]) -> dict[str, Any]:
    return {
        "name": "parity", "strategy_type": template, "symbols": list(KEYS), "sizing": "fixed:10", "product": "MIS",
        "parameters": parameters | {"scan_interval": 1},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("template", "parameters", "fewest"),
    [("ema_crossover", {"fast_ema": 3, "slow_ema": 8}, 10), ("macd", {"fast": 4, "slow": 9, "signal": 3}, 10)],
)
def test_live_fills_are_those_of_the_backtest(
    template: str, parameters: dict[str, float], fewest: int, loop_run: Callable[..., Any], tmp_path: Path
) -> None:
    bars = {key: minutes(seed) for seed, key in enumerate(KEYS, 5)}
    config = config_of(template, parameters)
    file = write(tmp_path / "bars.csv", bars)
    with start_exchange(replay=str(file), now=f"{DAY} 09:14:50", scale=0.0, spread_ticks=0, rate_limits=False) as exchange:

        async def scenario() -> tuple[list[Fill], dict[str, Instrument]]:
            step = LockStep(exchange, tmp_path, config)
            fills = await step.run()
            return fills, {key: step.broker._catalogue.get(key) for key in KEYS}

        live, instruments = loop_run(scenario())
    TEMPLATES.load()
    tested = run_backtest(
        TEMPLATES.get(template), {instruments[key]: rows for key, rows in bars.items()}, parameters, interval_s=60, sizing="fixed:10",
        product=Product.MIS, capital_units=to_units(CAPITAL), tariff=Tariff.load(), calendar=Calendar.load(), base_s=60,
    )  # fmt: skip
    # Two shares' orders of one moment are under way together, and either may arrive first.
    assert sorted(map(facts, live)) == sorted(map(facts, tested.fills()))
    assert len(live) >= fewest


def test_on_paper_the_same_prices_lead_to_the_same_orders_as_live_and_none_leaves(loop_run: Callable[..., Any], tmp_path: Path) -> None:
    config = config_of("ema_crossover", {"fast_ema": 3, "slow_ema": 8})
    file = write(tmp_path / "bars.csv", {key: minutes(seed) for seed, key in enumerate(KEYS, 5)})

    def traded(mode: str) -> tuple[list[Any], list[Any], int]:
        (folder := tmp_path / mode).mkdir()
        with start_exchange(replay=str(file), now=f"{DAY} 09:14:50", scale=0.0, spread_ticks=2, rate_limits=False) as exchange:

            async def scenario() -> tuple[list[Any], list[Any]]:
                step = LockStep(exchange, folder, config, mode)
                fills = await step.run()
                asked = [(order.created_ns, wish(order)) for order in step.session.orders.orders]
                return asked, [(f.instrument.key, f.signed_quantity, f.price_units, f.charges_units, str(f.purpose)) for f in fills]

            asked, fills = loop_run(scenario())
            return sorted(asked), sorted(fills), len(exchange.control("calls", path="/orders/", method="POST"))

    live, paper = traded("live"), traded("paper")
    assert paper[0] == live[0], "the same orders, asked at the same moments"
    assert paper[1] == live[1], "the same prices and charges"
    assert len(live[0]) >= 10
    assert (live[2], paper[2]) == (len(live[0]), 0)


def wish(order: Order) -> tuple[Any, ...]:
    """Say what an order asks for."""
    asked = order.request
    return asked.instrument.key, int(asked.side), asked.quantity, str(asked.order_type), str(asked.product), asked.owner, str(asked.purpose)

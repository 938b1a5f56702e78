"""A run that is cut off in the middle, at the worst moments, and resumed ends as one that never was: nothing lost, nothing twice."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]

SCRIPT = """
import asyncio, json, os, sys
from pathlib import Path
import numpy as np
from engine.brokers.simulated import SimulatedBroker
from engine.core.bars import MINUTE_NS
from engine.core.model import Exchange, Instrument
from engine.core.records import BAR
from engine.session import TradingSession
from engine.store import Store
from engine.executor.executor import StrategyExecutor
from engine.tariffs import Tariff
from engine.order_manager import OrderManager
from engine.order_path import OrderPath
from engine.position_tracker import PositionTracker

folder, where, at = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
random = np.random.default_rng(5)
rows = np.zeros(300, dtype=BAR)
rows["session_minute"] = np.arange(300)
rows["time_ns"] = 1_761_709_500 * 10**9 + rows["session_minute"].astype(np.int64) * MINUTE_NS
walk = np.round((1_000 + np.cumsum(random.normal(0, 1.5, 301))) / 0.05) * 0.05
rows["open"], rows["close"] = np.round(walk[:-1], 2), np.round(walk[1:], 2)
rows["high"], rows["low"] = np.maximum(rows["open"], rows["close"]) + 0.5, np.minimum(rows["open"], rows["close"]) - 0.5
rows["volume"] = 100

calls = 0
def dies(cls, name, before):
    original = getattr(cls, name)
    def wrapped(self, *args, **more):
        global calls
        calls += 1
        if calls == at and before:
            os._exit(9)
        result = original(self, *args, **more)
        if calls == at:
            os._exit(9)
        return result
    setattr(cls, name, wrapped)

places = {"decide": (StrategyExecutor, "_decide", True), "send": (OrderManager, "send", False),
          "update": (OrderManager, "on_update", True), "fill": (PositionTracker, "on_fill", False),
          "place": (SimulatedBroker, "place", True), "tick": (TradingSession, "on_ticks", False)}
if where in places:
    dies(*places[where])

async def main():
    bars = {Instrument(Exchange.NSE, "X", 1): rows}
    broker = SimulatedBroker(replay=bars, tariff="zerodha", file=folder / "x.db", resume=where == "resume")
    store = Store.open(folder / "s.db")
    session = TradingSession(broker, store, limits={}, capital_units=10**10, account="run", tariff=Tariff.load())
    await session.open()
    executor = StrategyExecutor(session=session, strategy_config={
        "name": "run", "strategy_type": "ema_crossover", "symbols": ["X"], "sizing": "fixed:2", "product": "NRML",
        "parameters": {"fast_ema": 3, "slow_ema": 7, "stop": 0.003, "target": 0.004}})
    await executor.begin()
    await broker.start_market()
    await broker.wait_until_done()
    await session.close()
    fills = [[f.time_ns, f.signed_quantity, f.price_units, f.charges_units, str(f.purpose)] for f in store.fills("run")]
    held = [(p.owner, p.quantity) for p in store.positions("run") if p.owner == "run"]
    print(json.dumps({"fills": fills, "held": held, "lines": store.verify_journal(), "calls": calls}))
    store.close()

asyncio.run(main())
"""


def run(folder: Path, where: str, at: int = 0) -> tuple[int, Any]:
    """Run the script; returns its exit code and what it printed."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(folder), where, str(at)],
        cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    if done.returncode not in (0, 9):
        raise AssertionError(done.stderr)
    return done.returncode, json.loads(done.stdout) if done.stdout else None


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Any:
    code, result = run(tmp_path_factory.mktemp("whole"), "never")
    assert code == 0
    assert len(result["fills"]) > 30
    return result


@pytest.mark.parametrize(("where", "at"), [("decide", 131), ("send", 20), ("place", 12), ("update", 33), ("fill", 18), ("tick", 99)])
def test_a_run_cut_off_and_resumed_ends_as_one_that_never_was(tmp_path: Path, whole: Any, where: str, at: int) -> None:
    assert run(tmp_path, where, at)[0] == 9
    code, resumed = run(tmp_path, "resume")
    assert code == 0
    assert resumed["fills"] == whole["fills"]
    assert resumed["held"] == whole["held"] == [["run", sum(fill[1] for fill in resumed["fills"])]]
    assert resumed["lines"] > 0

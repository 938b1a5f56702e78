"""What a strategy knew is there again after a restart, as it was after the same bar: also when it was killed in the middle."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from engine.core.model import Exchange, Instrument
from engine.core.records import BAR, Rows
from engine.executor.config import parse_strategy
from engine.executor.leg import Leg
from engine.executor.notes import StrategyNotes, _told, notes_of, recall
from engine.store import Store

ROOT = Path(__file__).resolve().parents[3]
RELIANCE = Instrument(Exchange.NSE, "RELIANCE", 738561)
MINUTE = 60_000_000_000
NOW = 100 * MINUTE


def leg_of(kind: str = "ema_crossover") -> Leg:
    return Leg(parse_strategy({"name": "x", "strategy_type": kind, "symbols": ["RELIANCE"], "sizing": "fixed:3"}), RELIANCE, 0)


def rows(first: int, count: int) -> Rows:
    made = np.zeros(count, dtype=BAR)
    made["time_ns"] = (first + np.arange(count)) * MINUTE
    made["close"] = 100.0 + np.arange(first, first + count) % 7
    return made


def test_a_template_goes_on_with_its_memory_bit_for_bit() -> None:
    whole, first, second = leg_of(), leg_of(), leg_of()
    for bar in rows(1, 60):
        whole.learn(bar)
    for bar in rows(1, 40):
        first.learn(bar)
    kept = json.loads(json.dumps(_told(first)))
    left = recall(second, kept, rows(30, 31), 60, NOW)
    assert left["time_ns"].tolist() == rows(41, 20)["time_ns"].tolist()
    for bar in left:
        second.learn(bar)
    assert second.state.tobytes() == whole.state.tobytes()
    assert (second.decided_ns, repr(second.held_target)) == (whole.decided_ns, repr(whole.held_target))


@pytest.mark.parametrize(
    ("kept", "past"),
    [
        (None, rows(1, 5)),
        ({"notes": []}, rows(1, 5)),
        ({"at_ns": MINUTE, "target": None, "memory": "00"}, rows(1, 5)),
        ({"at_ns": NOW + 1, "target": None, "memory": leg_of().state.tobytes().hex()}, rows(1, 5)),
        ({"at_ns": MINUTE, "target": None, "memory": leg_of().state.tobytes().hex()}, rows(9, 5)),
    ],
)
def test_what_does_not_fit_or_leaves_a_hole_is_learnt_anew(kept: Any, past: Rows) -> None:
    leg = leg_of()
    assert recall(leg, kept, past, 60, NOW) is past
    assert leg.decided_ns == 0


def test_without_history_the_memory_is_better_than_nothing() -> None:
    first, second = leg_of(), leg_of()
    for bar in rows(1, 40):
        first.learn(bar)
    assert len(recall(second, _told(first), rows(1, 0), 60, NOW)) == 0
    assert second.state.tobytes() == first.state.tobytes()


def test_a_strategy_asked_otherwise_or_a_fresh_replay_knows_nothing() -> None:
    asked = {"type": "ema_crossover", "parameters": dict(leg_config().parameters), "interval_s": 60}
    kept = {"asked": asked, "legs": {"NSE:RELIANCE": {"notes": [{"at_ns": 1, "state": {}}]}, "NSE:TCS": 3}}

    def read(value: object, *, is_replay: bool = False, until_ns: int = 0) -> dict[str, Any]:
        store = SimpleNamespace(settings=lambda: {"notes of x in a": value})
        session = SimpleNamespace(
            account_id="a", store=store, is_replay=is_replay, broker=SimpleNamespace(resumed_until_ns=until_ns), tasks=None, wall=None
        )
        return StrategyNotes(session, leg_config()).read()  # type: ignore[arg-type]

    assert read(kept) == kept["legs"]
    assert read(kept, is_replay=True, until_ns=5) == kept["legs"]
    assert read(kept, is_replay=True) == {}
    assert read({**kept, "asked": {**asked, "interval_s": 300}}) == {}
    assert read({**kept, "legs": []}) == {}
    assert read(None) == {}
    assert notes_of(read(kept)) == {"NSE:RELIANCE": [{"at_ns": 1, "state": {}}]}


def leg_config() -> Any:
    return parse_strategy({"name": "x", "strategy_type": "ema_crossover", "symbols": ["RELIANCE"], "sizing": "fixed:3"})


CLASS = """
import time
from engine import Strategy

class Counts(Strategy):
    "Trades by what it has noted of its own past; when it was born, bars do not tell at all."

    def on_bar(self, bar):
        self.state.setdefault("born", time.time_ns())
        seen = self.state["seen"] = self.state.get("seen", 0) + 1
        if self.position:
            self.state["held"] = self.state.get("held", 0) + 1
        if self.position and self.state["held"] % 5 == 3:
            self.close()
        elif seen % 4 == 0:
            self.buy(stop=bar.close * 0.995)
"""

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
from engine.executor.notes import StrategyNotes
from engine.order_manager import OrderManager

folder, where, at = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
random = np.random.default_rng(5)
rows = np.zeros(120, dtype=BAR)
rows["session_minute"] = np.arange(120)
rows["time_ns"] = 1_761_709_500 * 10**9 + rows["session_minute"].astype(np.int64) * MINUTE_NS
walk = np.round((1_000 + np.cumsum(random.normal(0, 1.5, 121))) / 0.05) * 0.05
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
            os.kill(os.getpid(), 9)
        result = original(self, *args, **more)
        if calls == at:
            os.kill(os.getpid(), 9)
        return result
    setattr(cls, name, wrapped)

places = {"decide": (StrategyExecutor, "_decide", True), "act": (StrategyExecutor, "_act", True),
          "acted": (StrategyExecutor, "_act", False), "send": (OrderManager, "send", False), "noted": (StrategyNotes, "write", False)}
if where in places:
    dies(*places[where])

async def main():
    bars = {Instrument(Exchange.NSE, "X", 1): rows}
    broker = SimulatedBroker(replay=bars, tariff="zerodha", file=folder / "x.db", resume=where == "resume")
    store = Store.open(folder / "s.db")
    session = TradingSession(broker, store, limits={}, capital_units=10**10, account="run")
    await session.open()
    executor = StrategyExecutor(session=session, strategy_config={
        "name": "run", "strategy_type": str(folder / "counts.py"), "symbols": ["X"], "sizing": "fixed:2", "product": "NRML"})
    await executor.begin()
    await broker.start_market()
    await broker.wait_until_done()
    executor.stop()
    await session.close()
    fills = [[f.time_ns, f.signed_quantity, f.price_units, str(f.purpose)] for f in store.fills("run")]
    notes = store.settings()["notes of run in run"]["legs"]["NSE:X"]["notes"][-1]
    print(json.dumps({"fills": fills, "notes": notes, "state": executor.state}))
    store.close()

asyncio.run(main())
"""


def run(folder: Path, where: str, at: int = 0) -> subprocess.CompletedProcess[str]:
    folder.mkdir(exist_ok=True, mode=0o700)
    (folder / "counts.py").write_text(CLASS)
    words = [sys.executable, "-c", SCRIPT, str(folder), where, str(at)]
    return subprocess.run(
        words, capture_output=True, text=True, timeout=120, check=False, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}
    )


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Run it without a break."""
    done = run(tmp_path_factory.mktemp("whole"), "")
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    assert told["state"] == "STOPPED"
    assert told["notes"]["state"].pop("born")
    assert len(told["fills"]) > 10
    return told


def born(folder: Path) -> int | None:
    """Return what the database of a killed run knows of the strategy's birth."""
    store = Store.open(folder / "s.db")
    kept: Any = store.settings().get("notes of run in run")
    store.close()
    return int(kept["legs"]["NSE:X"]["notes"][-1]["state"]["born"]) if kept else None


@pytest.mark.parametrize(("where", "at"), [("act", 60), ("noted", 2)])
def test_a_run_that_was_killed_ends_as_one_that_never_was(uninterrupted: dict[str, Any], tmp_path: Path, where: str, at: int) -> None:
    assert run(tmp_path / "run", where, at).returncode == -9
    before = born(tmp_path / "run")
    assert before or where != "noted"
    done = run(tmp_path / "run", "resume")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    after = told["notes"]["state"].pop("born")
    assert after == (before or after)
    assert told == uninterrupted

"""What users' scripts import, and the script of the manual, word for word, in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import engine

ROOT = Path(__file__).resolve().parents[2]

SCRIPT = """
from engine import create_broker, StrategyExecutor
api_key, api_secret = "key", "secret"
fn = lambda symbol, exchange, quote, has_position: None
broker = create_broker("simulated", api_key, api_secret)      # also "paper", "simulated"
broker.interactive_login()
executor = StrategyExecutor(
    broker=broker,
    strategy_config={"name": "EMA Crossover", "strategy_type": "ema_crossover", "symbols": ["RELIANCE", "TCS"],
                     "parameters": {"fast_ema": 9, "slow_ema": 21, "scan_interval": 5}},
    risk_config={"capital": 100000, "max_risk_per_trade": 1.0, "max_position_size": 10.0,
                 "max_daily_loss": 3000, "max_positions": 3},
    mode="paper")
executor.start(); executor.pause(); executor.resume(); executor.get_summary(); executor.emergency_stop(); executor.stop()
executor.set_signal_callback(fn)      # fn(symbol, exchange, quote, has_position) -> {"action", "symbol", "exchange",
                                      #   "price", "stop_loss", "target"} or None; quote is a dict with "last_price", ...
"""


def test_the_script_of_the_manual_runs_word_for_word(tmp_path: Path) -> None:
    said = "print({name: type(value).__name__ for name, value in executor.get_summary().items()}, executor.get_summary()['state'])"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", f"{SCRIPT}\n{said}"],
        cwd=ROOT,
        env=os.environ | {"SHIKRA_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    for name in (
        "name", "strategy_type", "mode", "state", "symbols", "started_at", "signals", "orders", "fills", "open_positions", "realised_pnl",
        "unrealised_pnl", "charges", "net_pnl", "capital", "drawdown", "last_error",
    ):  # fmt: skip
        assert f"'{name}': " in done.stdout
    assert done.stdout.rstrip().endswith("STOPPED")


@pytest.mark.parametrize("name", engine.__all__)
def test_each_public_name_is_there_and_bears_its_name(name: str) -> None:
    assert getattr(engine, name).__name__ == name
    assert name in dir(engine)


def test_another_name_is_not_there() -> None:
    with pytest.raises(AttributeError, match="no attribute 'TradingEngin'"):
        engine.TradingEngin  # noqa: B018

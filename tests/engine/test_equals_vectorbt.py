"""A backtest beside vectorbt's `Portfolio.from_signals` on the same signals: the same orders, and the same equity at every close."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.backtest import run_backtest
from engine.core.costs import PPB, RATES
from engine.core.model import UNITS, Exchange, Instrument
from engine.core.records import BAR, Rows
from engine.core.registry import TEMPLATES
from engine.history import read_bars

SIZE, CASH, FEES = 10, 10_000_000, (0.0, 0.0003)
SHARE = Instrument(Exchange.NSE, "RELIANCE", 738561)


class PartOfValue:
    """Charges as vectorbt knows them: a part of an order's value."""

    changes = ()

    def __init__(self, part: float) -> None:
        self._rates: Rows = np.zeros(1, RATES)
        self._rates[0]["exchange"] = round(part * PPB)

    def rates(self, *_: object) -> Rows:
        return self._rates


def made_up(count: int = 6_000) -> Rows:
    random = np.random.default_rng(5)
    rows: Rows = np.zeros(count, BAR)
    close = np.round(1_500 * np.exp(np.cumsum(random.normal(0, 0.001, count))) / 0.05) * 0.05
    rows["close"] = np.round(close, 2)
    rows["open"] = np.round(np.append(1_500, rows["close"][:-1]) + np.round(random.normal(0, 4, count)) * 0.05, 2)
    rows["high"], rows["low"] = np.maximum(rows["open"], rows["close"]), np.minimum(rows["open"], rows["close"])
    rows["time_ns"] = 1_761_709_500 * 10**9 + np.arange(count) * 60 * 10**9
    return rows


def crosses(closes: np.ndarray[Any, Any], fast: int, slow: int) -> np.ndarray[Any, Any]:
    """+1 where the fast average has come above the slow one, -1 where it has fallen to it or below, once the slow one has settled."""
    averages = []
    for span in (fast, slow):
        value, alpha = closes[0], 2 / (span + 1)
        averages.append(np.array([value := value + alpha * (close - value) for close in closes]))
    change = np.append(0, np.diff((averages[0] > averages[1]).astype(int)))
    change[:slow] = 0
    return change


@pytest.fixture
def bars(request: pytest.FixtureRequest) -> Rows:
    """Return real bars, or made-up ones where there are none."""
    try:
        folder: Path = request.getfixturevalue("shared_data")
    except pytest.skip.Exception:
        return made_up()
    return read_bars(folder / "bars_multi_interval" / "RELIANCE_1min_60days.csv.gz")["NSE:RELIANCE"][:6_000]


def test_orders_and_equity_are_those_of_vectorbt(tmp_path: Path, bars: Rows) -> None:
    given, result = tmp_path / "in.npz", tmp_path / "out.npz"
    side = crosses(bars["close"], 9, 21)
    np.savez(given, open=bars["open"], close=bars["close"], side=side, size=SIZE, cash=CASH, fees=FEES)
    environment = os.environ | {"NUMBA_DISABLE_JIT": "1"}  # compiling it takes longer than all else, and changes no figure
    script = Path(__file__).with_name("vectorbt_run.py")
    ran = subprocess.run(
        [sys.executable, str(script), str(given), str(result)], env=environment, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    made = np.load(result)
    for column, part in enumerate(FEES):
        here = run_backtest(
            TEMPLATES.get("ema_crossover"),
            {SHARE: bars},
            {"fast_ema": 9, "slow_ema": 21},
            sizing=f"fixed:{SIZE}",
            capital_units=CASH * UNITS,
            tariff=PartOfValue(part),
        )
        fills, mine = here.outcome.fills, made["column"] == column
        bar = np.searchsorted(bars["time_ns"], fills["time_ns"])
        assert len(fills) > 100
        assert bar.tolist() == made["bar"][mine].tolist()
        assert fills["quantity"].tolist() == made["quantity"][mine].tolist()
        np.testing.assert_allclose(fills["price"] / UNITS, made["price"][mine], rtol=0, atol=1e-9)
        # A charge is rounded to the paisa here, and not there: nothing else lies between the two.
        exact = np.abs(fills["quantity"] * fills["price"]) / UNITS * part
        rounding = np.zeros(len(bars))
        np.add.at(rounding, bar, fills["charges"] / UNITS - exact)
        assert np.abs(rounding).max() <= 0.005 + 1e-9
        np.testing.assert_allclose(made["equity"][:, column] - here.outcome.equity / UNITS, np.cumsum(rounding), rtol=0, atol=1e-5)

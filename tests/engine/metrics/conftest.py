"""Runs made of plain numbers, for metrics to judge."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from engine.core.model import UNITS
from engine.core.records import BAR, FILL, Rows
from engine.core.run import Counters, Run

DAY_NS = 86_400_000_000_000
FIRST_NS = 1_704_081_600_000_000_000
"""1 January 2024, 09:30 in India."""

MakeRun = Callable[..., Run]


def bars_of(closes: Sequence[float], opens: Sequence[float] | None = None, step_ns: int = DAY_NS) -> Rows:
    """Make bars of closes; each opens where the last closed unless told."""
    rows: Rows = np.zeros(len(closes), BAR)
    rows["time_ns"] = FIRST_NS + np.arange(len(closes)) * step_ns
    rows["close"] = closes
    rows["open"] = opens if opens is not None else [closes[0], *closes[:-1]] if len(closes) else []
    rows["high"], rows["low"] = np.maximum(rows["open"], rows["close"]), np.minimum(rows["open"], rows["close"])
    return rows


def fills_of(*given: tuple[int, int, float, float]) -> Rows:
    """Make fills of (step, signed quantity, price, charges) in rupees, a step being a day."""
    rows: Rows = np.zeros(len(given), FILL)
    for row, (step, quantity, price, charges) in zip(rows, given, strict=True):
        row["time_ns"], row["quantity"] = FIRST_NS + step * DAY_NS, quantity
        row["price"], row["charges"] = round(price * UNITS), round(charges * UNITS)
    return rows


def make_run(
    equity: Sequence[float] | NDArray[np.float64] = (),
    *,
    capital: float = 1000.0,
    fills: Rows | None = None,
    bars: Rows | None = None,
    benchmark: Rows | None = None,
    step_ns: int = DAY_NS,
    counters: Counters | None = None,
) -> Run:
    """Make a run of equity in rupees, a step a day unless told."""
    units = np.round(np.asarray(equity, dtype=np.float64) * UNITS).astype(np.int64)
    return Run(
        units,
        FIRST_NS + np.arange(len(units), dtype=np.int64) * step_ns,
        np.zeros(0, FILL) if fills is None else fills,
        np.zeros(0, BAR) if bars is None else bars,
        round(capital * UNITS),
        np.ones(1, dtype=np.int64),
        benchmark,
        counters or Counters(),
    )


@pytest.fixture(name="make_run")
def _make_run() -> MakeRun:
    return make_run


@pytest.fixture(name="bars_of")
def _bars_of() -> Callable[..., Rows]:
    return bars_of


@pytest.fixture(name="fills_of")
def _fills_of() -> Callable[..., Rows]:
    return fills_of

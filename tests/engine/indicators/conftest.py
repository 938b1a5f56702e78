"""A made-up market for indicators."""

from __future__ import annotations

import numpy as np
import pytest

from engine.core.records import BAR, Rows


@pytest.fixture(scope="session")
def bars() -> Rows:
    """Return 4,000 bars of a random walk around 1,000 rupees on a grid of 0.05."""
    rng = np.random.default_rng(7)
    path = 1000.0 * np.exp(np.cumsum(rng.standard_normal((4000, 6)) * 0.0008)).reshape(4000, 6)
    path = np.round(np.round(path / 0.05) * 0.05, 2)
    rows: Rows = np.zeros(4000, BAR)
    rows["time_ns"] = np.arange(4000) * 60_000_000_000
    rows["open"], rows["close"] = path[:, 0], path[:, -1]
    rows["high"], rows["low"] = path.max(axis=1), path.min(axis=1)
    return rows

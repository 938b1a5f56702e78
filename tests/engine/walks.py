"""Made-up minutes for strategies to be tried on, and strategies' files to try."""

from __future__ import annotations

from decimal import Decimal

import numpy as np

from engine.core.model import Exchange, Instrument
from engine.core.records import BAR, Rows

FIRST = 1_704_080_700 * 1_000_000_000
"""09:15 IST on 1 January 2024."""
MINUTE = 60_000_000_000


def share(symbol: str, token: int = 1) -> Instrument:
    """Make a share that trades in steps of five paise."""
    return Instrument(Exchange.NSE, symbol, token, tick_size=Decimal("0.05"))


def market(rng: np.random.Generator, days: int, hole: float = 0.0, per_day: int = 375) -> Rows:
    """Make minutes of a lively share; `hole` is the part of them that is missing."""
    at = np.arange(days * per_day)
    path = 1000.0 * np.exp(np.cumsum(rng.standard_normal((len(at), 6)) * 0.0012)).reshape(len(at), 6)
    path = np.round(np.round(path / 0.05) * 0.05, 2)
    rows: Rows = np.zeros(len(at), BAR)
    rows["time_ns"] = FIRST + at // per_day * 1440 * MINUTE + at % per_day * MINUTE
    rows["session_minute"] = at % per_day
    rows["open"], rows["close"], rows["high"], rows["low"] = path[:, 0], path[:, -1], path.max(axis=1), path.min(axis=1)
    rows["volume"] = np.round(rng.random(len(at)) * 1000.0)
    return rows[rng.random(len(at)) >= hole]


def markets(seed: int, count: int, days: int, hole: float = 0.0) -> dict[Instrument, Rows]:
    """Make the minutes of some shares."""
    rng = np.random.default_rng(seed)
    return {share(symbol, token): market(rng, days, hole) for token, symbol in enumerate(["RELIANCE", "TCS", "INFY"][:count], 1)}

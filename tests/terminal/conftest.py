"""Bars that a test can play again."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pytest

from engine.calendar import Calendar
from engine.clock import ist


@pytest.fixture
def minutes(tmp_path: Path) -> Path:
    """A CSV of half a day of one-minute bars."""
    random = np.random.default_rng(11)
    open_ns = Calendar.load().session_open_ns(date(2025, 9, 1))
    lines, close = ["date,open,high,low,close,volume"], 1_400.0
    for minute in range(180):
        start, close = close, round(close * float(np.exp(random.normal(0, 0.001))), 1)
        high, low = max(start, close) + 0.3, min(start, close) - 0.3
        lines.append(f"{ist(open_ns + minute * 60 * 10**9).isoformat()},{start:.1f},{high:.1f},{low:.1f},{close:.1f},900")
    path = tmp_path / "RELIANCE.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path

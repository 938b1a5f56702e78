"""What the page's own script draws from: prices in as many bars as a screen can show, and every trade, as small whole numbers.

Times are seconds, prices paise, each told as its difference from the one before: that is a third of the size.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.core.model import PAISA
from engine.core.records import REASONS, Rows
from engine.report.plot import thin
from engine.report.report import Report

CANDLES = 9_000
"""Bars that the page holds of all instruments together, at most; more are put together."""
CHARTS = 12
"""Instruments with a chart of their own, those with the most trades."""
TRADES = 50_000
"""Trades that the page lists, the last ones; JSON has all."""
POINTS = 600


def charted(report: Report) -> list[int]:
    """Return the numbers of the instruments that get a chart, in the order of their names."""
    counts = np.bincount(report.run.trades["instrument"], minlength=len(report.symbols))
    chosen = np.argsort(-counts, kind="stable")[:CHARTS]
    return sorted(chosen.tolist(), key=lambda number: report.symbols[number])


def script_data(report: Report) -> str:
    """Return all of it as JSON that may stand in a script element."""
    run, numbers = report.run, charted(report)
    trades = run.trades[-TRADES:]
    data: dict[str, Any] = {
        "symbols": report.symbols,
        "reasons": [reason.replace("_", " ") for reason in REASONS],
        "charts": [_candles(run.bars[run.bars["instrument"] == number], number, CANDLES // len(numbers)) for number in numbers],
        "trades": _trades(trades),
        "all": len(run.trades),
        "curve": _curve(report),
    }
    # "<" never stands in it, so that no text of a user's can end the element.
    return json.dumps(data, separators=(",", ":")).replace("<", "\\u003c")


def _differences(values: NDArray[Any]) -> list[int]:
    made: list[int] = np.diff(np.round(values).astype(np.int64), prepend=0).tolist()
    return made


def _candles(bars: Rows, number: int, most: int) -> dict[str, Any]:
    count = len(bars)
    size = -(-count // most) if count else 1
    at = np.arange(0, count, size)
    last = np.minimum(at + size, count) - 1
    close = np.round(bars["close"][last] * 100).astype(np.int64)
    return {
        "instrument": number,
        "size": size,
        "t": _differences(bars["time_ns"][at] // 10**9),
        "c": _differences(close),
        "o": (np.round(bars["open"][at] * 100).astype(np.int64) - close).tolist(),
        "h": (np.round(np.maximum.reduceat(bars["high"], at) * 100).astype(np.int64) - close).tolist(),
        "l": (np.round(np.minimum.reduceat(bars["low"], at) * 100).astype(np.int64) - close).tolist(),
    }


def _trades(trades: Rows) -> dict[str, list[int]]:
    columns: dict[str, NDArray[Any]] = {
        "i": trades["instrument"],
        "q": trades["quantity"],
        "d": (trades["exit_ns"] - trades["entry_ns"]) // 10**9,
        "r": trades["reason"],
        "b": trades["bars"],
    }
    for key, name in (("n", "net"), ("c", "charges"), ("a", "mae"), ("f", "mfe")):
        columns[key] = np.round(trades[name] / PAISA).astype(np.int64)
    made = {key: values.tolist() for key, values in columns.items()}
    made["t"] = _differences(trades["entry_ns"] // 10**9)
    made["p"] = _differences(trades["entry_price"] / PAISA)
    made["x"] = np.round((trades["exit_price"] - trades["entry_price"]) / PAISA).astype(np.int64).tolist()
    return made


def _curve(report: Report) -> dict[str, Any]:
    run = report.run
    kept = thin(run.equity.astype(float), POINTS // 4)
    return {
        "last": len(run.equity) - 1,
        "i": _differences(kept),
        "t": _differences(run.equity_ns[kept] // 10**9),
        "e": _differences(run.equity[kept] / PAISA),
        "d": np.round(-10_000.0 * (1.0 - run.equity[kept] / run.peak[kept])).astype(np.int64).tolist(),
    }

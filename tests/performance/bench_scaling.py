"""What a backtest costs the first time, how it grows from 100,000 to 10,000,000 bars, in time and memory, and how long the window waits.

Each figure is taken in a process of its own. The loop's stall is the longest time between two turns of an event loop that only turns, while
a worker thread backtests for the first time; the control is the same loop while a thread of plain Python counts.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
COUNTS = (100_000, 1_000_000, 10_000_000)
MINUTE_NS = 60_000_000_000
TURN_S = 0.001


def peak_mb() -> float:
    """Return the most memory this process ever had, in MB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


def many_bars(count: int) -> Any:
    """Make `count` bars: the market of the replay's benchmark, again and again, each time later."""
    import numpy as np

    from tests.performance.bench_replay import made_up_bars

    some = made_up_bars(min(count, 1_000_000))
    rows = np.empty(count, some.dtype)
    length_ns = int(some["time_ns"][-1] - some["time_ns"][0]) // (7 * 86_400 * 10**9) * 7 * 86_400 * 10**9 + 14 * 86_400 * 10**9
    for number, start in enumerate(range(0, count, len(some))):
        rows[start : start + len(some)] = some[: count - start]
        rows["time_ns"][start : start + len(some)] += number * length_ns
    return rows


def backtest(rows: Any) -> Any:
    """Backtest the full model: charges, slippage, stops, targets, limits, square-off."""
    from engine.backtest import run_backtest
    from engine.calendar import Calendar
    from engine.core.friction import Friction
    from engine.core.model import UNITS, Exchange, Instrument
    from engine.core.registry import TEMPLATES
    from engine.tariffs import Tariff

    return run_backtest(
        TEMPLATES.get("ema_crossover"),
        {Instrument(Exchange.NSE, "RELIANCE", 738561): rows},
        {"stop": 0.005, "target": 0.01},
        sizing="fixed:1",
        capital_units=10_000_000 * UNITS,
        tariff=Tariff.load(),
        calendar=Calendar.load(),
        friction=Friction(slippage_bps=1.0),
        limits={"max_daily_loss": 3_000.0, "max_positions": 3.0},
    )


def grow(count: int) -> dict[str, float]:
    """Backtest that many bars, warm, and return seconds and memory."""
    rows = many_bars(count)
    backtest(rows[:1_000])
    made = min((backtest(rows) for _ in range(3)), key=lambda one: one.run_s)
    return {"run_s": made.run_s, "peak_mb": peak_mb(), "bars_mb": rows.nbytes / 2**20, "fills": len(made.outcome.fills)}


def first() -> dict[str, float]:
    """Backtest twice and return how much longer the first time took."""
    rows = many_bars(100_000)
    import engine.backtest  # noqa: F401  # importing is not compiling

    spent, began = time.process_time(), time.perf_counter()
    backtest(rows)
    between, spent = time.perf_counter(), time.process_time() - spent
    backtest(rows)
    return {"first_s": between - began, "second_s": time.perf_counter() - between, "cpu_s": spent}


async def _turn(work: Any) -> tuple[float, float]:
    """Turn a loop while a thread works; returns the longest wait and its 99th percentile in milliseconds."""
    task = asyncio.create_task(asyncio.to_thread(work))
    waits, last = [], time.perf_counter()
    while not task.done():
        await asyncio.sleep(TURN_S)
        now = time.perf_counter()
        waits.append(now - last - TURN_S)
        last = now
    await task
    waits.sort()
    return waits[-1] * 1_000, waits[int(len(waits) * 0.99)] * 1_000


def count_up(until: int = 30_000_000) -> None:
    """Keep the interpreter busy."""
    for _ in range(until):
        pass


def stall() -> dict[str, float]:
    """Backtest for the first time in a worker thread beside a turning loop."""

    rows = many_bars(100_000)
    worst, p99 = asyncio.run(_turn(lambda: backtest(rows)))
    idle, _ = asyncio.run(_turn(count_up))
    return {"worst_ms": worst, "p99_ms": p99, "control_ms": idle}


def apart(what: str, cache: str | None = None) -> dict[str, float]:
    """Do one of these in a process of its own, with this folder as cache of machine code."""
    environment = os.environ | {"PYTHONPATH": str(ROOT)} | ({"SHIKRA_CACHE": cache} if cache else {})
    made = subprocess.run([sys.executable, __file__, what], env=environment, capture_output=True, text=True, check=False)
    if made.returncode:
        raise SystemExit(made.stderr)
    answer: dict[str, float] = json.loads(made.stdout.splitlines()[-1])
    return answer


def main() -> None:
    """Print the figures."""
    with tempfile.TemporaryDirectory() as cache:
        for name in ("without a cache", "with its cache"):
            took = apart("first", cache)
            more = took["first_s"] - took["second_s"]
            print(f"first backtest of a process, {name}: {more:.2f} s more than the second ({took['cpu_s']:.2f} s of a core)")
    with tempfile.TemporaryDirectory() as cache:
        for name in ("without a cache", "with its cache"):
            took = apart("stall", cache)
            worst = f"{took['worst_ms']:.0f} ms at worst, p99 {took['p99_ms']:.1f} ms"
            print(f"event loop meanwhile, {name}: {worst}; control {took['control_ms']:.0f} ms")
    base = 0.0
    for count in COUNTS:
        took = apart(f"grow:{count}")
        each = took["run_s"] / count
        base = base or each
        print(
            f"{count:>10,} bars: {took['run_s']:.3f} s, {1e-6 / each:.1f} M bars/s, {each / base:.2f} x the time a bar, "
            f"peak {took['peak_mb']:,.0f} MB (the bars alone {took['bars_mb']:,.0f} MB), {took['fills']:,} fills"
        )


if __name__ == "__main__":
    if len(sys.argv) > 1:
        kind, _, number = sys.argv[1].partition(":")
        print(json.dumps({"grow": lambda: grow(int(number)), "first": first, "stall": stall}[kind]()))
    else:
        main()

"""What the scripts of the peers share: the bars, the clock, and one line of JSON for an answer. NumPy only, for each has its own Python.

The strategy of all: EMA(9) and EMA(21) that begin at the first close; from bar 500 on a change of sides is a decision, always in the market
after the first one, quantity 1, filled at the next bar's open, nothing charged.
"""

import json
import platform
import resource
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np

FAST, SLOW, WARMUP = 9, 21, 500
CAPITAL = 10_000_000
TICK = 0.05
MINUTE_NS = 60_000_000_000
IST_NS = 19_800_000_000_000


def load() -> dict[str, np.ndarray]:
    """Load the columns time_ns, open, high, low, close and volume of the file that was named."""
    with np.load(sys.argv[1]) as file:
        return {name: file[name] for name in file.files}


def variant() -> str:
    """Return which way of running it was asked for."""
    return sys.argv[2] if len(sys.argv) > 2 else ""


def peak_mb() -> float:
    """Return the most memory this process ever had, in MB; what the parent had when it started this one is not in it."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if sys.platform != "darwin" else 1024 * 1024)
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """Run once; returns seconds and what came of it."""
    began = time.perf_counter()
    result = work()
    return time.perf_counter() - began, result


def net(fills: Iterable[tuple[int, float, float]], last_close: float) -> tuple[int, float]:
    """Return how many fills there are when those of one bar and price count as one, and the profit at the last close.

    `fills`: bar, signed quantity and price in order.
    """
    cash = held = 0.0
    seen: dict[tuple[int, float], float] = {}
    for bar, quantity, price in fills:
        cash -= quantity * price
        held += quantity
        place = (bar, round(price, 6))
        seen[place] = seen.get(place, 0.0) + quantity
    return sum(quantity != 0 for quantity in seen.values()), cash + held * last_close


def tell(**figures: Any) -> None:
    """Print the answer."""
    print(json.dumps({"peak_mb": peak_mb(), "python": platform.python_version()} | figures, default=float))

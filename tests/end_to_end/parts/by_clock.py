"""Runs main.py by an exchange's time: `python by_clock.py EXCHANGE_NS,MONOTONIC_NS,SCALE [words of main.py]`.

The terminal has one place that knows the time; that is all that is changed of it.
"""

from __future__ import annotations

import asyncio
import runpy
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


def set_clock(exchange_ns: int, monotonic_ns: int, scale: float) -> None:
    """Let the system's clock show `exchange_ns` when the machine's monotonic one shows `monotonic_ns`, and run so many times as fast."""
    from engine import heartbeat
    from engine.clock import SystemClock

    # A turn of the loop that takes a moment would look as if the terminal had stood still for that many moments.
    heartbeat.LATE_S *= scale

    async def sleep(self: SystemClock, seconds: float) -> None:
        await asyncio.sleep(seconds / scale)

    SystemClock.now_ns = lambda self: exchange_ns + int((time.monotonic_ns() - monotonic_ns) * scale)  # type: ignore[method-assign]
    SystemClock.monotonic_ns = lambda self: int(time.monotonic_ns() * scale)  # type: ignore[method-assign]
    SystemClock.sleep = sleep  # type: ignore[method-assign]


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    told, *words = sys.argv[1:]
    exchange_ns, monotonic_ns, scale = told.split(",")
    set_clock(int(exchange_ns), int(monotonic_ns), float(scale))
    sys.argv = [str(ROOT / "main.py"), *words]
    runpy.run_path(sys.argv[0], run_name="__main__")

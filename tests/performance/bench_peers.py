"""Bars a second beside backtesting.py, backtrader, vnpy, nautilus_trader and vectorbt: the same strategy on the same bars in one run.

`python tests/performance/bench_peers.py [--venvs DIR] [--bars 100000 1000000] [--times 3] [--only vnpy shikra]`. Each contender runs in a
process of its own, by turns, and by the Python of DIR/NAME (or of SHIKRA_PEERS) if there is one, for their requirements exclude each other;
what is not installed is left out, with the reason. `--venvs` can be made with `peers/install.sh DIR`.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from tests.performance.bench_replay import KNOWN, made_up_bars

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
MILLION = 1_000_000
TIMEOUT_S = 600


@dataclass
class Contender:
    """One way of running the strategy."""

    name: str
    script: str
    variant: str = ""
    venv: str = ""
    module: str = ""
    largest: int = MILLION
    """More bars than this would take too long to be of use."""
    trades_otherwise: bool = False
    """It cannot be made to trade what the others trade."""
    runs: dict[int, list[dict[str, Any]]] = field(default_factory=dict)
    why_not: str = ""

    def speed(self, bars: int) -> float:
        """Return millions of bars a second of the best run: the one that was disturbed least."""
        return bars / min(run["run_s"] for run in self.runs[bars]) / MILLION


def contenders() -> list[Contender]:
    """List them; the first is what the others are compared with."""
    return [
        Contender("shikra, canonical", "run_shikra.py", "canonical"),
        Contender("shikra, full model", "run_shikra.py", "full", trades_otherwise=True),
        Contender("shikra, plain class", "run_shikra.py", "class"),
        Contender("shikra, plain class, full model", "run_shikra.py", "class full", trades_otherwise=True),
        Contender("vectorbt (numba)", "run_vectorbt.py", "numba", "vbt", "vectorbt"),
        Contender("vectorbt (rust)", "run_vectorbt.py", "rust", "vbt", "vectorbt_rust"),
        Contender("vnpy, incremental", "run_vnpy.py", "incremental", "vnpy", "vnpy_ctastrategy"),
        Contender("vnpy, as shipped", "run_vnpy.py", "as shipped", "vnpy", "vnpy_ctastrategy", trades_otherwise=True),
        Contender("backtesting.py", "run_backtesting_py.py", "", "btpy", "backtesting"),
        Contender("nautilus_trader, no orders", "run_nautilus.py", "no orders", "nautilus", "nautilus_trader", trades_otherwise=True),
        Contender("nautilus_trader, trading", "run_nautilus.py", "", "nautilus", "nautilus_trader", 100_000, trades_otherwise=True),
        Contender("backtrader", "run_backtrader.py", "", "bt", "backtrader"),
    ]


def python_of(contender: Contender, venvs: Path | None) -> str | None:
    """Return the Python that has it, None when none does."""
    if not contender.venv:
        return sys.executable
    own = venvs / contender.venv / "bin" / "python" if venvs else None
    if own is not None and own.is_file():
        return str(own)
    return sys.executable if find_spec(contender.module) is not None else None


def run(contender: Contender, python: str, file: Path, bars: int) -> None:
    """Run it once in a process of its own and keep the answer, or why there is none."""
    environment = os.environ | {"PYTHONWARNINGS": "ignore", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MPLBACKEND": "Agg"}
    environment |= {"PYTHONPATH": str(ROOT)} if not contender.venv else {}
    command = [python, str(HERE / "peers" / contender.script), str(file), contender.variant]
    try:
        made = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    except subprocess.TimeoutExpired:
        contender.why_not = f"took longer than {TIMEOUT_S} s on {bars:,} bars"
        return
    if made.returncode:
        contender.why_not = (made.stderr.strip().splitlines() or ["ended without a word"])[-1]
        return
    answer = json.loads(made.stdout.strip().splitlines()[-1])
    contender.runs.setdefault(bars, []).append(answer)
    if not contender.trades_otherwise:
        fills, earned = KNOWN[bars]
        if (answer["fills"], round(answer["profit"], 2)) != (fills, earned):
            contender.why_not = f"traded {answer['fills']:,} times for {answer['profit']:,.2f} instead of {fills:,} for {earned:,.2f}"


def show(all_of_them: list[Contender], bars: int) -> None:
    """Print one table."""
    there = [one for one in all_of_them if bars in one.runs]
    if not there:
        return
    print(f"\n| {bars:,} bars | M bars/s | {there[0].name} is | fills | peak memory | of it before the run |")
    print("|---|---|---|---|---|---|")
    for one in there:
        last = one.runs[bars][-1]
        ratio = there[0].speed(bars) / one.speed(bars)
        print(
            f"| {one.name} ({last['version']}) | {one.speed(bars):.3g} | {ratio:,.3g} x | {last['fills']:,} | {last['peak_mb']:,.0f} MB"
            f" | {last['before_mb']:,.0f} MB |"
        )


def main() -> int:
    """Run all and print the ratios; returns 1 when one of them trades otherwise than it should."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--venvs", type=Path, default=os.environ.get("SHIKRA_PEERS"))
    parser.add_argument("--bars", type=int, nargs="+", default=list(KNOWN), choices=list(KNOWN))
    parser.add_argument("--times", type=int, default=3)
    parser.add_argument("--only", nargs="+", default=[""], help="only those whose name has one of these words")
    given = parser.parse_args()
    venvs = Path(given.venvs) if given.venvs else None
    chosen = [one for one in contenders() if any(word in one.name for word in given.only)]
    pythons = {one.name: python_of(one, venvs) for one in chosen}
    for one in chosen:
        if pythons[one.name] is None:
            one.why_not = f"{one.module} is not installed"
    with tempfile.TemporaryDirectory() as folder:
        for bars in given.bars:
            rows, file = made_up_bars(bars), Path(folder) / f"{bars}.npz"
            np.savez(file, **{name: rows[name] for name in ("time_ns", "open", "high", "low", "close", "volume")})
            for _ in range(given.times):
                for one in chosen:
                    python = pythons[one.name]
                    if python is not None and bars <= one.largest and not one.why_not:
                        run(one, python, file, bars)
            show(chosen, bars)
    for one in chosen:
        if one.why_not:
            print(f"left out: {one.name}: {one.why_not}")
    return int(any("instead of" in one.why_not for one in chosen))


if __name__ == "__main__":
    sys.exit(main())

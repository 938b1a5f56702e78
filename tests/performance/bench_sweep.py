"""400 parameter sets over 100,000 bars, on all cores, beside vectorbt's two engines on the same bars in the same run.

Each contender has a process of its own, so that its peak memory is its own, and is warm when it is timed. All must find the same sum
of profits and the same winner. Then 10,000 and 100,000 combinations are streamed: memory must not follow their number.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

FAST, SLOW, WARMUP = range(5, 25), range(30, 50), 500
SUM, WINNER = 70_468.95, (10, 31)
CAPITAL = 10_000_000
CONTENDERS = ("shikra", "vectorbt numba", "vectorbt rust")


def peak_mb() -> float:
    """Return the most memory that this process ever had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def search(bars: np.ndarray, *axes: str, objective: str = "sharpe") -> Any:
    """Make a study over quantity 1, both ways, nothing charged."""
    from engine.backtest_terms import prepare
    from engine.core.model import UNITS, Exchange, Instrument, Product
    from engine.core.registry import TEMPLATES
    from engine.optimise.space import make_space, parse_axis
    from engine.optimise.study import Plan, open_study

    share = Instrument(Exchange.NSE, "SHARE", 1)
    prepared = prepare({share: bars}, sizing="fixed:1", product=Product.NRML, capital_units=CAPITAL * UNITS)
    parsed = [parse_axis(*axis.split("=")) for axis in axes]
    space = make_space(TEMPLATES.get("ema_crossover"), parsed, {"warmup": WARMUP} if len(axes) < 3 else {})
    return open_study(Plan("ema_crossover", space, prepared, (objective,)))


def shikra(bars: np.ndarray) -> dict[str, Any]:
    """Sweep with the objective that costs most to reckon of the usual ones, and count profits beside it."""
    found = search(bars, "fast_ema=5:25:1", "slow_ema=30:50:1").run()
    profits = {trial.point: trial.net_units / 10_000 for trial in found.best}
    best = max(profits, key=lambda point: profits[point])
    chosen = found.plan.space.chosen(best)
    return {"run_s": found.run_s, "sum": sum(profits.values()), "winner": (chosen["fast_ema"], chosen["slow_ema"])}


def vectorbt(bars: np.ndarray, engine: str) -> dict[str, Any]:
    """Sweep as vectorbt's own examples do: averages, crosses and orders of all combinations as arrays."""
    import pandas as pd
    import vectorbt as vbt

    vbt.settings["engine"] = engine
    fast, slow = np.repeat(FAST, len(SLOW)).tolist(), np.tile(SLOW, len(FAST)).tolist()

    def sweep(rows: np.ndarray, fast: list[int], slow: list[int]) -> Any:
        index = pd.to_datetime(rows["time_ns"])
        closes, opens = pd.Series(rows["close"], index), pd.Series(rows["open"], index)
        kept = {"ewm": True, "adjust": False}
        quick, calm = vbt.MA.run(closes, fast, short_name="fast", **kept), vbt.MA.run(closes, slow, short_name="slow", **kept)
        up, down = (_shifted(each) for each in (quick.ma_crossed_above(calm), quick.ma_crossed_below(calm)))
        made = vbt.Portfolio.from_signals(
            closes,
            entries=up,
            short_entries=down,
            price=opens,
            size=1.0,
            init_cash=float(CAPITAL),
            upon_opposite_entry="reverse",
            freq="1min",
            engine=engine,
        )
        return made.total_profit()

    sweep(bars[:2_000], fast[:3], slow[:3])
    began = time.perf_counter()
    profits = sweep(bars, fast, slow)
    run_s = time.perf_counter() - began
    best = int(np.argmax(profits.to_numpy()))
    return {"run_s": run_s, "sum": float(profits.sum()), "winner": (fast[best], slow[best])}


def _shifted(signals: Any) -> Any:
    """Put signals a bar later, for the next open, and none before the averages are warm."""
    values = signals.to_numpy()
    made = np.zeros_like(values)
    made[1:] = values[:-1]
    made[: WARMUP + 1] = False
    return signals.vbt.wrapper.wrap(made)


def stream(bars: np.ndarray, combinations: int) -> dict[str, Any]:
    """Try many combinations over few bars, from a database to nothing kept in memory but the best."""
    study = search(bars[:1_000], f"fast_ema=2:{2 + combinations // 1_000}:1", "slow_ema=100:110:1", "stop=0.001:0.101:0.001")
    found = study.run()
    assert found.done == combinations, found.done
    return {"run_s": found.run_s}


def tell(task: str, file: str) -> None:
    """Do one task in this process and print what came of it."""
    bars = np.load(file)
    kind, _, what = task.partition(" ")
    work: dict[str, Callable[[], dict[str, Any]]] = {
        "shikra": lambda: shikra(bars),
        "vectorbt": lambda: vectorbt(bars, what),
        "stream": lambda: stream(bars, int(what)),
    }
    print(json.dumps(work[kind]() | {"peak_mb": peak_mb()}))


def ask(task: str, file: Path) -> dict[str, Any] | None:
    """Have one task done in a process of its own; None when it cannot be done here."""
    done = subprocess.run([sys.executable, __file__, task, str(file)], capture_output=True, text=True, check=False)
    if done.returncode:
        print(f"{task}: not measured ({(done.stderr.strip().splitlines() or ['?'])[-1]})")
        return None
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def main() -> None:
    """Print the figures."""
    from tests.performance.bench_replay import made_up_bars

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "bars.npy"
        np.save(file, np.array(made_up_bars(100_000), dtype=made_up_bars(1).dtype))
        ask("stream 1000", file)  # so that machine code lies in the disk cache, as on any day but the first
        told = {task: ask(task, file) for task in CONTENDERS}
        ours = told["shikra"]
        assert ours is not None, "our own sweep did not run"
        for task, made in told.items():
            if made is not None:
                assert (round(made["sum"], 2), tuple(made["winner"])) == (SUM, WINNER), (task, made)
                ratio = f"{made['run_s'] / ours['run_s']:6.1f} x our time, {made['peak_mb'] / ours['peak_mb']:5.1f} x our memory"
                print(f"400 x 100,000 bars, {task:<15} {made['run_s']:7.2f} s, {made['peak_mb']:7.0f} MB peak   {ratio}")
        for combinations in (10_000, 100_000):
            made = ask(f"stream {combinations}", file)
            assert made is not None
            speed = combinations / made["run_s"]
            print(
                f"{combinations:,} combinations x 1,000 bars: {made['run_s']:.1f} s, {speed:,.0f} a second, {made['peak_mb']:.0f} MB peak"
            )


if __name__ == "__main__":
    if len(sys.argv) == 3:
        tell(sys.argv[1], sys.argv[2])
    else:
        main()

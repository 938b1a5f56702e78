"""Bars a second of the compiled replay on one core, full model, beside two controls measured in the same run.

The controls: one NumPy pass over the same closes (what the memory gives), and the same strategy as a plain Python loop over NumPy's
numbers (what one would write first). The made-up market and its figures (4,456 fills and a profit of 241.60 on 100,000 bars) are those
that other engines were measured on.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from engine.core.compiled import compile_all
from engine.core.costs import RATES
from engine.core.friction import Friction
from engine.core.records import BAR, Rows
from engine.core.registry import TEMPLATES
from engine.core.replay import Outcome, Terms, replay
from engine.core.sizing import SIZING

CAPITAL = 10_000_000 * 10_000
PER_DAY = 375
KNOWN = {100_000: (4456, 241.60), 1_000_000: (45992, 63.00)}
"""Fills and profit in rupees by number of bars."""

SLIPS = Friction(slippage_bps=2.0, half_spread_bps=1.0)
THIN = Friction(slippage_bps=2.0, half_spread_bps=1.0, participation=0.1, latency_bars=1)

SWEEP = 70_468.95
"""Sum of the profits of fast 5 to 24 with slow 30 to 49 on 100,000 bars."""


def made_up_bars(count: int, total: int = 1_000_000) -> Rows:
    """Make the first `count` of `total` seeded minute bars: a random walk on a grid of 0.05, 375 bars a day, Monday to Friday.

    Other figures than `total` = 1,000,000 make another market.
    """
    rng = np.random.default_rng(20240101)
    calendar = np.datetime64("2014-01-01") + np.arange(2 * -(-total // PER_DAY))
    weekdays = calendar[(calendar.astype("datetime64[D]").astype(int) + 3) % 7 < 5]
    step = rng.standard_normal((total, 8)) * (0.0006 / np.sqrt(8))
    jitter = rng.standard_normal(total) * 0.00015
    is_first = np.arange(total) % PER_DAY == 0
    jitter[is_first] = rng.standard_normal(int(is_first.sum())) * 0.004
    jitter[0] = 0.0
    closes = np.cumsum(step.sum(axis=1) - 0.5 * 0.0006**2 + jitter)
    opens = np.concatenate([[0.0], closes[:-1]]) + jitter
    path = opens[:, None] + np.cumsum(step, axis=1)
    path[:, -1] = closes
    rows: Rows = np.zeros(count, BAR)
    at = np.arange(count)
    days = weekdays.astype("datetime64[s]").astype(np.int64)[at // PER_DAY]
    rows["session_minute"] = at % PER_DAY
    rows["time_ns"] = (days + (9 * 60 + 15 - 330 + at % PER_DAY) * 60) * 1_000_000_000
    rows["open"], rows["close"] = on_grid(opens[:count]), on_grid(closes[:count])
    rows["high"] = np.maximum(on_grid(path[:count].max(axis=1)), np.maximum(rows["open"], rows["close"]))
    rows["low"] = np.minimum(on_grid(path[:count].min(axis=1)), np.minimum(rows["open"], rows["close"]))
    rows["volume"] = np.maximum(4, np.round(rng.lognormal(8.0, 1.0, total)))[:count]
    return rows


def on_grid(logarithms: np.ndarray) -> np.ndarray:
    """Turn logarithms into prices around 1,000 on the tick grid."""
    return np.round(np.round(1000.0 * np.exp(logarithms) / 0.05) * 0.05, 2)


def crossover(bars: Rows, rates: Rows | None = None, friction: Friction | None = None, **parameters: float) -> Outcome:
    """Replay the canonical strategy: quantity 1, both ways, no warm-up before bar 500."""
    template = TEMPLATES.get("ema_crossover")
    values = template.parse({"warmup": 500} | parameters)
    sizing: Rows = np.zeros(1, SIZING)
    sizing[0] = (0, 1, 1, 0.0, 0.0, 1, 1, 0, 0, 0, 0.0, 0.0, np.nan)
    terms = Terms(sizing, np.array([0.05]), CAPITAL, rates=rates, friction=friction or Friction())
    return replay(template.on_bar, template.new_state()[None], template.new_params(values), bars, terms)


def profit(made: Outcome) -> float:
    """Return what it earned, in rupees."""
    return float(made.equity[-1] - CAPITAL) / 10_000


def plain_loop(opens: list[float], closes: list[float]) -> int:
    """Do the least of it in plain Python: two averages, crosses, fills at the next open, profit."""
    fast = slow = closes[0]
    above, side, cash, fills = False, 0, 0.0, 0
    for i in range(1, len(closes) - 1):
        fast = 0.2 * closes[i] + 0.8 * fast
        slow = closes[i] / 11 + slow * 10 / 11
        if (fast > slow) != above:
            above = fast > slow
            if i >= 500:
                wanted = 1 if above else -1
                cash -= (wanted - side) * opens[i + 1]
                side, fills = wanted, fills + 1
    return fills


def best_of(times: int, work: Callable[[], object]) -> float:
    """Return the shortest of several runs in seconds: what the machine can do when nobody disturbs it."""
    spent = []
    for _ in range(times):
        began = time.perf_counter()
        work()
        spent.append(time.perf_counter() - began)
    return min(spent)


def zerodha_like() -> Rows:
    """Make rates of the size of intraday shares."""
    rates: Rows = np.zeros((1, 1), RATES)
    rates[0, 0] = (300_000, 200_000, 0, 0, 250_000, 30_700, 1_000, 0, 30_000, 0, 180_000_000, 0)
    return rates


def main() -> None:
    """Print the figures."""
    began = time.perf_counter()
    compile_all()
    print(f"compiling (or loading from the disk cache): {time.perf_counter() - began:.2f} s")
    bars = made_up_bars(1_000_000)
    opens, closes = bars["open"].tolist(), bars["close"].tolist()
    for count, (fills, earned) in KNOWN.items():
        made = crossover(bars[:count])
        assert (len(made.fills), round(profit(made), 2)) == (fills, earned), (len(made.fills), profit(made))
        print(f"{count:,} bars: {len(made.fills):,} fills, profit {profit(made):.2f}: as they should be")
    numpy_pass = best_of(7, lambda: bars["close"].sum())
    python_loop = best_of(2, lambda: plain_loop(opens[:200_000], closes[:200_000])) * 5
    print(f"control: one NumPy pass over the closes      {1 / numpy_pass:8.1f} M bars/s")
    print(f"control: plain Python loop, averages + fills {1 / python_loop:8.2f} M bars/s")
    runs: dict[str, Callable[[], object]] = {
        "no charges": lambda: crossover(bars),
        "with stops and targets": lambda: crossover(bars, stop=0.005, target=0.01),
        "with charges": lambda: crossover(bars, rates=zerodha_like()),
        "full: stops, charges, slippage": lambda: crossover(bars, zerodha_like(), SLIPS, stop=0.005, target=0.01),
        "and a volume cap, and a bar late": lambda: crossover(bars, zerodha_like(), THIN, stop=0.005, target=0.01),
    }
    for name, work in runs.items():
        spent = best_of(7, work)
        print(f"replay, {name:<36} {1 / spent:8.1f} M bars/s   {python_loop / spent:6.0f} x the loop, {numpy_pass / spent:.2f} of the pass")
    small = bars[:100_000]
    began = time.perf_counter()
    total = sum(profit(crossover(small, fast_ema=fast, slow_ema=slow)) for fast in range(5, 25) for slow in range(30, 50))
    spent = time.perf_counter() - began
    assert round(total, 2) == SWEEP, total
    print(f"400 replays of 100,000 bars, one core: {spent:.2f} s, {40 / spent:.1f} M bars/s; profits add up to {total:,.2f} as they should")


if __name__ == "__main__":
    main()

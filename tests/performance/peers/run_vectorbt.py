"""vectorbt: averages, crosses, `Portfolio.from_signals` at the next open. Engine `numba` or `rust`; the best of five warm runs."""

from importlib.metadata import version

import numpy as np
import pandas as pd
import vectorbt
from measure import CAPITAL, FAST, SLOW, WARMUP, load, net, peak_mb, tell, timed, variant

bars = load()
closes, opens = pd.Series(bars["close"]), pd.Series(bars["open"])
vectorbt.settings["engine"] = variant() or "numba"
before = peak_mb()


def later(signal: pd.Series) -> pd.Series:
    """Move a signal to the next bar, where it is filled."""
    moved = np.zeros(len(signal), dtype=bool)
    moved[1:] = signal.to_numpy()[:-1]
    moved[: WARMUP + 1] = False
    return pd.Series(moved)


def once() -> tuple[object, float]:
    fast, slow = (vectorbt.MA.run(closes, window, ewm=True, adjust=False) for window in (FAST, SLOW))
    made = vectorbt.Portfolio.from_signals(
        closes,
        entries=later(fast.ma_crossed_above(slow)),
        short_entries=later(fast.ma_crossed_below(slow)),
        price=opens,
        size=1.0,
        init_cash=float(CAPITAL),
        upon_opposite_entry="reverse",
        freq="1min",
        engine=variant() or "numba",
    )
    return made, float(made.total_profit())


first_s, _ = timed(once)
runs = sorted((timed(once) for _ in range(5)), key=lambda run: run[0])
made, profit = runs[0][1]
orders = made.orders.records
signed = np.where(orders["side"] == 0, orders["size"], -orders["size"])
count, _ = net(zip(orders["idx"].tolist(), signed.tolist(), orders["price"].tolist(), strict=True), bars["close"][-1])
tell(run_s=runs[0][0], first_s=first_s, fills=count, profit=profit, before_mb=before, version=version("vectorbt"))

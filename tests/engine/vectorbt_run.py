"""Runs vectorbt in a process of its own: `python vectorbt_run.py in.npz out.npz`.

It takes seconds to import and has warnings of its own. One column a fee.
"""

import sys

import numpy as np
import pandas as pd
import vectorbt


def main(given: str, result: str) -> None:
    """Follow the signals at the next open and write equity at each close, and the orders."""
    bars = np.load(given)
    price = np.append(np.nan, bars["open"][1:])
    made = vectorbt.Portfolio.from_signals(
        pd.DataFrame({"close": bars["close"]}),
        entries=np.append(False, bars["side"][:-1] > 0)[:, None],
        short_entries=np.append(False, bars["side"][:-1] < 0)[:, None],
        price=price[:, None],
        size=float(bars["size"]),
        fees=bars["fees"][None],
        init_cash=float(bars["cash"]),
        upon_opposite_entry="reverse",
        freq="1min",
    )
    orders = made.orders.records
    signed = np.where(orders["side"] == 0, orders["size"], -orders["size"])
    np.savez(result, equity=made.value().to_numpy(), column=orders["col"], bar=orders["idx"], quantity=signed, price=orders["price"])


if __name__ == "__main__":
    main(*sys.argv[1:])

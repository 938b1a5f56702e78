"""One backtest, ready to be handed over: what was tested, on what, under which terms, and what came of it.

Everything that is shown is reckoned here once; JSON and the page only write it down. Money is in rupees from here on.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.backtest import BacktestResult
from engine.clock import IST_OFFSET_NS, ist
from engine.core.costs import HEADS, split_charges
from engine.core.model import UNITS
from engine.core.records import REASONS, Rows
from engine.core.registry import METRICS
from engine.core.run import Run
from engine.core.trades import STILL_OPEN
from engine.report.fingerprint import fingerprint

OPEN = "open"
"""Exit reason of a position that was still held with the last bar."""


@dataclass(frozen=True)
class Report:
    """A backtest and what it was made with."""

    result: BacktestResult
    strategy: str
    """Name of the template, or of the file it is in."""
    title: str
    """What the strategy calls itself."""
    parameters: Mapping[str, float]
    """All parameters, defaults included."""
    terms: Mapping[str, Any]
    """What was asked for besides: product, sizing, charges, friction, limits, ..."""
    source: str
    """Where the bars came from."""
    version: str
    """Of the engine."""
    notes: Sequence[str] = field(default_factory=tuple)
    """What was found odd in the bars, or repaired, and by which rule."""
    benchmark: str = ""
    """What it is compared with; empty = what was traded."""

    @property
    def run(self) -> Run:
        """What metrics read."""
        return self.result.run

    @cached_property
    def fingerprint(self) -> str:
        """Tells the bars apart from any others."""
        return fingerprint(self.result.instruments, self.result.bars)

    @cached_property
    def metrics(self) -> dict[str, float]:
        """All metrics by name; NaN where the run has too little to tell."""
        return {name: float(metric.compute(self.run)) for name, metric in METRICS.items()}

    @cached_property
    def heads(self) -> dict[str, float]:
        """Charges by head in rupees, as a contract note lists them; what the rates do not explain is `other`."""
        terms, heads = self.result.terms, np.zeros(len(HEADS), dtype=np.int64)
        fills = self.run.fills
        if terms.rates is None:
            other = int(fills["charges"].sum())
        else:
            rates = np.ascontiguousarray(terms.rates)
            other = split_charges.compile()(fills, rates, terms.rates_from_ns, self.run.multipliers, heads)
        made = {name: units / UNITS for name, units in zip(HEADS, heads.tolist(), strict=True)}
        return made | ({"other": other / UNITS} if other else {})

    @property
    def symbols(self) -> list[str]:
        """What was traded."""
        return [instrument.symbol for instrument in self.result.instruments]

    @property
    def warning(self) -> str:
        """Return what a reader must know before the first figure; empty where all is well."""
        outcome = self.result.outcome
        if outcome.fault:
            at = f" at {ist(outcome.fault_ns):%Y-%m-%d %H:%M}" if outcome.fault_ns else ""
            return f"The strategy was stopped{at}: {outcome.fault}"
        if len(outcome.fills):
            return ""
        if outcome.denied:
            refused = ", ".join(f"{rule} {count:,} times" for rule, count in outcome.denied.items())
            return f"It never traded: every order was refused ({refused}). Give more capital, or change the limit."
        if outcome.unsized:
            return f"It never traded: {outcome.unsized:,} wishes came to a size of zero. Give more capital, or another sizing."
        if outcome.signals:
            return f"It never traded: none of {outcome.signals:,} wishes was filled. Look at its limit prices."
        return f"It never traded: it wanted nothing on {outcome.decisions:,} bars. Look at its parameters and warm-up."

    def fills(self) -> Iterator[dict[str, Any]]:
        """Walk over the fills, as JSON takes them."""
        symbols, rows = self.symbols, self.run.fills
        for time, (_, instrument, quantity, price, charges, reason) in zip(stamps(rows["time_ns"]), rows.tolist(), strict=True):
            yield {
                "time": time,
                "symbol": symbols[instrument],
                "side": "BUY" if quantity > 0 else "SELL",
                "quantity": abs(quantity),
                "price": price / UNITS,
                "charges": charges / UNITS,
                "reason": REASONS[reason],
            }

    def trades(self) -> Iterator[dict[str, Any]]:
        """Walk over the round trips, those still open last, as JSON takes them."""
        for rows in (self.run.trades, self.run.open_trades):
            yield from _trades(rows, self.symbols)

    def as_dict(self) -> dict[str, Any]:
        """Return everything as JSON takes it; what no metric can tell is None."""
        run, result = self.run, self.result
        return {
            "strategy": self.strategy,
            "title": self.title,
            "symbols": self.symbols,
            "parameters": dict(self.parameters),
            "terms": dict(self.terms),
            "data": {
                "source": self.source,
                "fingerprint": self.fingerprint,
                "from": ist(int(result.bars["time_ns"][0])).isoformat(),
                "to": ist(int(result.bars["time_ns"][-1])).isoformat(),
                "notes": list(self.notes),
            },
            "benchmark": self.benchmark or None,
            "version": self.version,
            "warning": self.warning or None,
            "bars": len(result.bars),
            "fills": list(self.fills()),
            "trades": list(self.trades()),
            "metrics": {name: value if math.isfinite(value) else None for name, value in self.metrics.items()},
            "charges": self.heads,
            "refused": dict(result.outcome.denied),
            "gross_pnl": result.gross_units / UNITS,
            "net_pnl": result.net_units / UNITS,
            "equity_final": (int(run.equity[-1]) if len(run.equity) else run.capital_units) / UNITS,
            "run_s": result.run_s,
        }


def reason_of(code: int) -> str:
    """Return why a round trip ended."""
    return OPEN if code == STILL_OPEN else REASONS[code]


def stamps(times_ns: NDArray[np.int64]) -> list[str]:
    """Write times as India's wall clock shows them, as `isoformat` would, a hundred thousand in a blink."""
    local = (times_ns + IST_OFFSET_NS).view("datetime64[ns]")
    is_whole = not (times_ns % 1_000_000_000).any()
    texts = np.datetime_as_string(local, unit="s") if is_whole else np.datetime_as_string(local, unit="us")
    return [f"{text}+05:30" for text in texts.tolist()]


def _trades(rows: Rows, symbols: Sequence[str]) -> Iterator[dict[str, Any]]:
    times = zip(stamps(rows["entry_ns"]), stamps(rows["exit_ns"]), strict=True)
    for (entered, left), row in zip(times, rows.tolist(), strict=True):
        _, _, instrument, quantity, entry, exit_, value, gross, charges, net, mae, mfe, bars, reason = row
        yield {
            "symbol": symbols[instrument],
            "side": "LONG" if quantity > 0 else "SHORT",
            "quantity": abs(quantity),
            "entry_time": entered,
            "exit_time": left,
            "entry_price": entry / UNITS,
            "exit_price": exit_ / UNITS,
            "gross": gross / UNITS,
            "charges": charges / UNITS,
            "net": net / UNITS,
            "return_pct": 100.0 * net / value if value else None,
            "mae": mae / UNITS,
            "mfe": mfe / UNITS,
            "bars": bars,
            "exit_reason": reason_of(reason),
        }

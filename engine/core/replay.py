"""Replays history: what a strategy would have traded on it, under the same law that trades live.

Give a template, bars and terms; get fills, equity and counts. Money is in units of 1/10,000 rupee. The loops are in `walk`; this
module lays out their rows, and lets fills grow so that memory follows what is traded, not what could be.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.core.bands import Band, band_limits
from engine.core.bars import MINUTE_NS
from engine.core.compiled import Compiled, is_disabled
from engine.core.costs import RATES
from engine.core.decision import BAD_INTENT, NEVER, UNSIZED
from engine.core.errors import UserError
from engine.core.friction import Friction
from engine.core.legs import FILLS_A_BAR, LEG, ROOM, RUN, SQUARE
from engine.core.limits import LIMITS
from engine.core.matching import RESTING, lane_rows
from engine.core.records import BAR, FILL, INTENT, Row, Rows
from engine.core.refusal import REFUSALS
from engine.core.registry import Step
from engine.core.universe import unseen, walk_universe
from engine.core.walk import OUT_OF_ORDER, walk, walk_one

FAULTS = {
    BAD_INTENT: "Expected a finite target and prices above zero of the strategy, was otherwise; it was stopped there.",
    UNSIZED: "Expected a stop (with max_risk_per_trade) or max_position_size to size the order by risk, was neither; "
    "give max_position_size, or fixed:N as sizing.",
}

CHUNK = 1_000_000
"""Bars between two reports of progress."""


def no_limits() -> Rows:
    """Make a row of LIMITS in which none was given."""
    rows: Rows = np.zeros(1, LIMITS)
    for name in LIMITS.names or ():
        rows[name] = math.nan
    return rows


@dataclass(frozen=True, slots=True)
class Terms:
    """Under which terms a replay trades; the instruments are numbered as in the bars."""

    sizing: Rows
    """SIZING rows, one an instrument."""
    ticks: NDArray[np.float64]
    """Tick sizes in rupees, one an instrument."""
    capital_units: int
    base_s: int = 60
    """Length of the bars; 0 for ticks."""
    interval_s: int = 60
    """Length of the bars that decisions are made on."""
    rates: Rows | None = None
    """RATES, one row an instrument and one column a period; None = nothing costs anything."""
    rates_from_ns: NDArray[np.int64] = field(default_factory=lambda: np.zeros(1, dtype=np.int64))
    """When each period begins; the first also holds before."""
    limits: Rows = field(default_factory=no_limits)
    """One row of LIMITS."""
    squares: Rows = field(default_factory=lambda: np.zeros(0, dtype=SQUARE))
    """SQUARE rows, in order of time; none for products that are carried."""
    groups: NDArray[np.int64] | None = None
    """Which group's squares close an instrument; None = all are of group 0."""
    exit_after_s: float = 0.0
    """A position is left so long after it was opened; 0 = at no time of its own."""
    touch: bool = False
    """A limit fills when its price is reached; else it must be traded through."""
    friction: Friction = field(default_factory=Friction)
    """What stands between a wish and its price."""
    freezes: NDArray[np.int64] | None = None
    """Freeze quantities, one an instrument, 0 = none: larger orders are sent in slices; None = none at all."""
    bands: Sequence[Band] | None = None
    """How far the price of each instrument may go in a day; None = as far as it does."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a replay came to."""

    fills: Rows
    """FILL rows, in order."""
    equity: NDArray[np.int64]
    """Equity in units after each step of time."""
    equity_ns: NDArray[np.int64]
    """Start of the bars of that step."""
    account: Row
    """ACCOUNT at the end."""
    positions: Rows
    """POSITION rows, one an instrument."""
    states: NDArray[np.float64]
    """State buffers of the strategy, one row an instrument."""
    decisions: int
    signals: int
    orders: int
    unsized: int
    """Wishes for which the size came to nothing."""
    denied: dict[str, int]
    """Orders refused, by the rule that refused."""
    fault: str
    """Why the strategy was stopped; empty when it was not."""
    fault_ns: int


def replay(
    on_bar: Step,
    states: NDArray[np.float64],
    params: NDArray[np.float64],
    bars: Rows,
    terms: Terms,
    *,
    is_universe: bool = False,
    plain: bool = False,
    on_progress: Callable[[int], None] | None = None,
) -> Outcome:
    """Replay BAR rows (ordered by time, then instrument) through a strategy.

    `states`: one row of the template's state an instrument; the given buffers are not written to. `is_universe`: the strategy looks at
    all instruments at once. `plain` runs uncompiled.
    `on_progress` is told how many bars are done. Raises UserError for bars that are out of order or of an unknown instrument.
    """
    going = Replay(on_bar, states, params, bars, terms, is_universe=is_universe, plain=plain)
    while going.done < len(bars):
        going.walk_to(going.done + CHUNK if on_progress else len(bars))
        if on_progress:
            on_progress(going.done)
    return going.outcome()


Kept = tuple[int, list[NDArray[np.uint8]]]
"""What a replay can go back to."""


class Replay:
    """A replay that goes on as far as it is told, and can go back to where it was."""

    def __init__(
        self,
        on_bar: Step,
        states: NDArray[np.float64],
        params: NDArray[np.float64],
        bars: Rows,
        terms: Terms,
        *,
        is_universe: bool = False,
        plain: bool = False,
        in_pieces: bool = False,
    ) -> None:
        """Stand before the first bar; as for `replay`. `in_pieces`: it is walked a few bars at a time, so setting out must be cheap."""
        # Machine code takes rows that lie side by side and could be written to; most do already.
        self.bars = np.require(bars, BAR, ["C", "W", "A"])
        self.book = _Book(states.copy(), params, self.bars, terms)
        self.done = 0
        """Bars walked over."""
        is_plain = plain or is_disabled()
        is_simple = len(self.book.legs) == 1 and terms.interval_s == terms.base_s
        loop: Compiled[..., int] = walk_universe if is_universe else walk_one if is_simple else walk
        self._more = (unseen(len(self.book.legs)), np.zeros(len(self.book.legs), INTENT)) if is_universe else ()
        self._go: Callable[..., int] = loop.py_func if is_plain else loop.compile()
        # A pointer is handed over at a tenth of the cost of a dispatcher, but each call through it takes a third of a bar longer.
        self._step = on_bar.py_func if is_plain else getattr(on_bar, "pointer" if in_pieces else "dispatcher", on_bar)

    def walk_to(self, until: int) -> None:
        """Walk over the bars before this one, to the end of a step of time; raises UserError for bars that are out of order."""
        book, times = self.book, self.bars["time_ns"]
        until = min(until, len(times))
        while 0 < until < len(times) and times[until] == times[until - 1]:
            until += 1
        while self.done < until:
            done = self._go(self._step, book.states, book.params, self.bars[:until], self.done, *book.rows(), *self._more)
            if done == OUT_OF_ORDER:
                last = len(book.legs) - 1
                raise UserError(f"Expected bars of instruments 0 to {last} in order of time, then instrument, was otherwise; sort them.")
            self.done = done
            if done < until:
                book.grow()

    def keep(self) -> Kept:
        """Return what `go_back` takes; cheap, for fills and equity are only added to. States are the affair of who made them."""
        return self.done, [part.copy() for part in self.book.parts]

    def go_back(self, kept: Kept) -> None:
        """Stand again where `keep` was called."""
        self.done, parts = kept
        for part, before in zip(self.book.parts, parts, strict=True):
            part[:] = before

    def outcome(self) -> Outcome:
        """Read off what it came to so far."""
        return self.book.outcome()


class _Book:
    """The rows that the loops work on."""

    def __init__(self, states: NDArray[np.float64], params: NDArray[np.float64], bars: Rows, terms: Terms) -> None:
        count = len(terms.ticks)
        self.states, self.params, self.bars, self.terms = states, params, bars, terms
        self.rates = np.zeros((count, len(terms.rates_from_ns)), RATES) if terms.rates is None else terms.rates
        self.run = _run(terms, _begin_of(bars, terms))
        self.legs = _legs(terms, self.rates)
        self.orders: Rows = np.zeros((count, ROOM), RESTING)
        self.parts = [rows.view(np.uint8) for rows in (self.run, self.legs, self.orders)]
        """What a step changes beside states, fills and equity, as bytes: records are copied field by field, at sixty times the cost."""
        # Zeroed memory that is never touched is never had: room for many fills costs nothing until they are made.
        self.fills: Rows = np.zeros(2 * FILLS_A_BAR * count + len(bars) // 4, FILL)
        self.equity = np.zeros(len(bars), dtype=np.int64)
        self.bands = np.zeros((0, 2)) if terms.bands is None else band_limits(bars, terms.ticks.tolist(), terms.bands)

    def rows(self) -> tuple[Any, ...]:
        """Return what the loops take, in their order, after the bars and the index."""
        terms = self.terms
        return self.run, self.legs, self.orders, self.rates, terms.rates_from_ns, terms.squares, self.bands, self.fills, self.equity

    def grow(self) -> None:
        """Double the room for fills."""
        self.fills = np.concatenate([self.fills, np.zeros_like(self.fills)])

    def outcome(self) -> Outcome:
        """Read off what it came to."""
        run, legs, times = self.run[0], self.legs, self.bars["time_ns"]
        if run.steps < len(times):
            times = times[np.diff(times, prepend=times[0] - 1) > 0]
        return Outcome(
            fills=self.fills[: run.account.fills],
            equity=self.equity[: run.steps],
            equity_ns=times,
            account=run.account,
            positions=legs["position"].copy(),
            states=self.states,
            decisions=int(run.decisions),
            signals=int(run.signals),
            orders=int(run.orders),
            unsized=int(run.unsized),
            denied={name: int(run.denied[code]) for code, name in REFUSALS.items() if run.denied[code]},
            fault=FAULTS.get(int(run.fault), ""),
            fault_ns=int(run.fault_ns),
        )


def _begin_of(bars: Rows, terms: Terms) -> int:
    """Return from when on windows are whole: where the bars begin, or the minute of a session's first ticks."""
    if len(bars) == 0:
        return 0
    first = int(bars["time_ns"][0])
    return first // MINUTE_NS * MINUTE_NS if terms.base_s == 0 and bars["session_minute"][0] == 0 else first


def _run(terms: Terms, from_ns: int) -> Rows:
    rows: Rows = np.zeros(1, RUN)
    run = rows[0]
    run.limits = terms.limits[0]
    run.is_watched = not math.isnan(run.limits.max_daily_loss) or not math.isnan(run.limits.max_drawdown)
    run.capital = terms.capital_units
    run.base_ns = terms.base_s * 1_000_000_000
    run.interval_ns = terms.interval_s * 1_000_000_000
    run.from_ns = from_ns
    run.now_ns = -NEVER
    run.next_end = NEVER
    run.next_square = terms.squares[0].time_ns if len(terms.squares) else NEVER
    account = run.account
    account.cash = account.equity = account.peak = account.day_start = account.capital = terms.capital_units
    return rows


def _legs(terms: Terms, rates: Rows) -> Rows:
    legs: Rows = np.zeros(len(terms.ticks), LEG)
    for name in ("held_target", "stop", "profit", "trail", "next_stop", "next_profit", "next_trail"):
        legs[name] = math.nan
    legs["sizing"] = terms.sizing
    legs["lane"] = lane_rows(terms.ticks, terms.sizing["lot"], terms.friction, touch=terms.touch, freezes=terms.freezes)
    legs["exit_after"] = round(terms.exit_after_s * 1e9)
    legs["group"] = 0 if terms.groups is None else terms.groups
    legs["multiplier"] = terms.sizing["multiplier"]
    legs["is_charged"] = [row.tobytes().strip(b"\0") != b"" for row in rates]
    legs["position"]["instrument"] = np.arange(len(legs))
    return legs

"""Backtests a plain-Python strategy: it decides in Python, bar by bar, and the compiled replay trades what it wants.

The replay is walked only when somebody asks what is held, or at the end of a long stretch; the wishes up to there are written down
for it, and a step of its loop wants them on their bars. So the fills are those of a compiled template that wants the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.authored.classes import Filled, StrategyFault, Wish
from engine.authored.stepping import Host
from engine.backtest_terms import SECOND_NS, Prepared
from engine.core.bars import resample
from engine.core.model import UNITS
from engine.core.quiet import quiet_until
from engine.core.records import INTENT, REASONS, Rows
from engine.core.registry import Template
from engine.core.replay import Outcome, Replay, Terms
from engine.core.script import Script, on_bar

CHUNK = 512
"""Decisions whose bars are unpacked for Python in one go: few enough to stay in the processor's cache."""

IMPOSSIBLE: Wish = (np.inf,) * len(INTENT.names or ())
"""What stops a strategy in the replay where its Python has failed."""


class Decisions(NamedTuple):
    """On what and when a strategy decides, in order; indices are those of the base bars."""

    rows: Rows
    """BAR rows of the decision interval, closed."""
    before: NDArray[np.int64]
    """Where the step of time begins that the decision falls in."""
    seen: NDArray[np.int64]
    """Base bars that have happened by then: those of the step, too, unless a hole let the bar close at its beginning."""


def decisions_of(bars: Rows, terms: Terms, from_ns: int) -> Decisions:
    """Tell what the loops of the replay decide on, in their order; a window that began before `from_ns` is not whole."""
    times: NDArray[np.int64]
    times, first = np.unique(np.asarray(bars["time_ns"]), return_index=True)
    after = np.append(first[1:], len(bars))
    if len(terms.ticks) == 1 and terms.interval_s == terms.base_s:
        return Decisions(bars, first, after)
    made = resample(bars, terms.interval_s)
    made = made[made["time_ns"] >= from_ns]
    ends = made["time_ns"] + terms.interval_s * SECOND_NS
    step = np.searchsorted(times + terms.base_s * SECOND_NS, ends)
    is_over = step < len(times)
    made, ends, step = made[is_over], ends[is_over], step[is_over]
    is_late = times[step] >= ends
    order = np.lexsort((made["instrument"], ~is_late, step))
    made, step, is_late = made[order], step[order], is_late[order]
    return Decisions(made, first[step], np.where(is_late, first[step], after[step]))


class _Desk:
    """What one symbol of a strategy may ask."""

    def __init__(self, replay: ClassReplay, number: int) -> None:
        self.held = self.quiet = 0
        """The signed quantity held, and until which base bar it stays so."""
        self._replay, self._number = replay, number
        self._told = 0
        """Fills of the replay that were looked through for news."""

    def news(self) -> list[Filled]:
        """Return what was filled since this was asked last."""
        fills = self._replay.fills()
        rows, self._told = fills[self._told :].tolist(), len(fills)
        return [
            Filled(time_ns, quantity, price / UNITS, charges / UNITS, REASONS[reason])
            for time_ns, instrument, quantity, price, charges, reason in rows
            if instrument == self._number
        ]

    def position(self) -> int:
        """Return the signed quantity held."""
        replay = self._replay
        if replay.seen[replay.now] > self.quiet:
            self.held, self.quiet = replay.look(self._number)
        return self.held

    def equity(self) -> float:
        """Return what the account is worth, in rupees."""
        return self._replay.equity()


class ClassReplay:
    """One backtest of a plain-Python strategy, ready to be run once."""

    def __init__(self, template: Template, values: Mapping[str, float], prepared: Prepared) -> None:
        """Make an instance for each symbol; raises UserError when one cannot start."""
        bars, terms, instruments = prepared.bars, prepared.terms, prepared.instruments
        self._script = Script(len(instruments))
        self._replay = Replay(on_bar, self._script.states, np.zeros(1), bars, terms, in_pieces=True)
        self._quiet_until = quiet_until.compile()
        self._decisions = decisions_of(bars, terms, int(self._replay.book.run[0].from_ns))
        self.now = 0
        """Which decision of the present chunk is being made."""
        self.seen: list[int] = [0]
        """Base bars that have happened by each decision of the chunk."""
        self._before: list[int] = [0]
        self._numbers = [0] * len(instruments)
        """Decisions of each symbol before the present chunk."""
        self._kept = self._replay.keep(), self._script.keep()
        """Where the replay goes back to when a step that it has looked at brings a wish."""
        self._is_stale = False
        self._desks = [_Desk(self, number) for number in range(len(instruments))]
        self._hosts = [
            Host(template, values, instrument, terms.interval_s, desk) for instrument, desk in zip(instruments, self._desks, strict=True)
        ]
        for host in self._hosts:
            host.streams.compile()

    def run(self, on_progress: Callable[[int], None] | None = None) -> Outcome:
        """Go through all bars."""
        fault: StrategyFault | None = None
        for first in range(0, len(self._decisions.rows), CHUNK):
            self._take(first)
            fault = self._decide()
            if on_progress:
                on_progress(self.seen[-1])
            if fault or self._replay.book.run[0].fault:
                break
        self._walk_to(len(self._replay.bars))
        if on_progress:
            on_progress(self._replay.done)
        outcome = self._replay.outcome()
        is_ours = fault is not None and outcome.fault_ns == int(self._rows[self.now].time_ns)
        return replace(outcome, fault=str(fault)) if is_ours else outcome

    def look(self, number: int) -> tuple[int, int]:
        """Return what a symbol holds as of the present decision, and the base bar until which it stays so unless something is wished."""
        self._stand()
        book = self._replay.book
        quiet = self._quiet_until(book.run, book.legs, number, self._replay.bars, self.seen[self.now])
        return int(book.legs["position"]["quantity"][number]), quiet

    def fills(self) -> Rows:
        """Return what was filled by the present decision (FILL rows)."""
        self._stand()
        book = self._replay.book
        return book.fills[: int(book.run[0].account.fills)]

    def equity(self) -> float:
        """Return what the account is worth in rupees as of the present decision."""
        self._stand()
        return float(self._replay.book.run[0].account.equity) / UNITS

    def _take(self, first: int) -> None:
        """Unpack the decisions of a chunk."""
        self._rows = rows = self._decisions.rows[first : first + CHUNK]
        self._before = self._decisions.before[first : first + CHUNK].tolist()
        self.seen = self._decisions.seen[first : first + CHUNK].tolist()
        for number, host in enumerate(self._hosts):
            host.take(rows if len(self._hosts) == 1 else rows[rows["instrument"] == number])

    def _decide(self) -> StrategyFault | None:
        """Let every symbol decide in its turn; returns what went wrong, which ends it."""
        numbers = self._rows["instrument"].tolist()
        asked = [host.decisions().__next__ for host in self._hosts]
        try:
            for self.now, number in enumerate(numbers):
                wish = asked[number]()
                if wish is not None:
                    self._want(number, wish)
        except StrategyFault as fault:
            self._want(numbers[self.now], IMPOSSIBLE)
            return fault
        for number, host in enumerate(self._hosts):
            self._numbers[number] += host.streams.at + 1
        self._walk_to(self._before[-1])
        return None

    def _want(self, number: int, wish: Wish) -> None:
        """Write a wish down; what the replay has looked at of the present step is not true any more."""
        self._script.write(number, self._numbers[number] + self._hosts[number].streams.at, wish)
        self._is_stale = self._is_stale or self._replay.done > self._before[self.now]
        desk = self._desks[number]
        desk.quiet = min(desk.quiet, self.seen[self.now])

    def _stand(self) -> None:
        """Let the replay stand where the present decision is made: what has happened is matched, and nothing is wanted yet."""
        seen = self.seen[self.now]
        if self._is_stale:
            self._go_back()
        if self._replay.done < seen:
            if self._replay.done > self._kept[0][0]:
                self._kept = self._replay.keep(), self._script.keep()
            self._go_to(seen)

    def _walk_to(self, until: int) -> None:
        """Walk over the base bars before this one: all that is wished for until then is written down."""
        if self._is_stale:
            self._go_back()
        if self._replay.done < until:
            self._go_to(until)
            self._script.tidy()
            self._kept = self._replay.keep(), self._script.keep()

    def _go_back(self) -> None:
        replay, script = self._kept
        self._replay.go_back(replay)
        self._script.go_back(script)
        self._is_stale = False

    def _go_to(self, until: int) -> None:
        self._replay.book.states = self._script.states
        self._replay.walk_to(until)

"""Hands closed bars to a plain-Python strategy and takes its wishes; where it goes wrong, says in which line and on which bar.

Whatever a user's class raises ends here as a StrategyFault: the strategy is stopped, nothing else is.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from engine.authored.classes import Desk, Strategy, StrategyFault, Wish
from engine.authored.files import where
from engine.authored.streams import OnBar, Streams, as_bars
from engine.core.errors import UserError
from engine.core.model import IST, Bar, Instrument
from engine.core.records import Rows
from engine.core.registry import Template


class Host:
    """One symbol of a plain-Python strategy: an instance of its class, and what it reads."""

    def __init__(self, template: Template, values: Mapping[str, float], instrument: Instrument, interval_s: int, desk: Desk) -> None:
        """Make the instance and let it declare what it reads; raises UserError with the line when that fails."""
        assert template.plain is not None
        self.cls: type[Strategy] = template.plain
        self.streams = Streams(instrument, interval_s)
        self._file = _file_of(getattr(self.cls, "written_in", self.cls))
        self._news = desk.news if self.cls.on_fill is not Strategy.on_fill else None
        """Where to ask for executions; None for a strategy that does not want to hear of them."""
        self._due: dict[int, list[tuple[OnBar, Bar]]] = {}
        self._bars: list[Bar] = []
        try:
            self.strategy = self.cls(desk, self.streams, values)
            self.strategy.on_start()
        except Exception as error:
            raise UserError(f"{self.cls.__name__} of {instrument.symbol} cannot start: {where(error, self._file)}.") from error
        self.streams.close()

    def take(self, rows: Rows) -> None:
        """Take in closed bars (BAR rows), which `decisions` goes through."""
        self._due = self.streams.prepare(rows)
        self._bars = as_bars(rows, self.streams.instrument, self.streams.interval_s)
        self.streams.at = -1

    def decide(self, row: Rows) -> Wish | None:
        """Take in one closed bar (one BAR row) and let the strategy decide on it; raises StrategyFault for whatever it raises."""
        self.take(row)
        return next(self.decisions())

    def decisions(self) -> Iterator[Wish | None]:
        """Let the strategy decide on the bars that were taken in, one each time; raises StrategyFault for whatever it raises."""
        streams, strategy, due = self.streams, self.strategy, self._due
        on_bar, news = strategy.on_bar, self._news
        try:
            for streams.at, bar in enumerate(self._bars):
                if news is not None:
                    for fill in news():
                        strategy.on_fill(fill)
                if due and streams.at in due:
                    for on_larger, larger in due[streams.at]:
                        on_larger(larger)
                on_bar(bar)
                wish = strategy.wish
                if wish is not None:
                    strategy.wish = None
                yield wish
        except Exception as error:
            raise self.fault(error) from error

    def end(self) -> None:
        """Let the strategy end; raises UserError with the line for whatever it raises."""
        try:
            self.strategy.on_stop()
        except Exception as error:
            raise UserError(f"{self.cls.__name__} of {self.streams.instrument.symbol} cannot stop: {where(error, self._file)}.") from error

    def fault(self, error: Exception) -> StrategyFault:
        """Say what went wrong, where, and on which bar."""
        bar = self._bars[self.streams.at]
        began = datetime.fromtimestamp(bar.time_ns // 1_000_000_000, IST)
        return StrategyFault(f"{where(error, self._file)}, on the bar of {bar.instrument.symbol} at {began:%Y-%m-%d %H:%M}; mend it.")


def _file_of(thing: Any) -> Path:
    """Return where the user has written something; nowhere for what was made while running."""
    try:
        return Path(inspect.getfile(thing))
    except TypeError:
        return Path()

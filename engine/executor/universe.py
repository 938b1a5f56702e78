"""Lets a running strategy look at all its symbols at once, as the replay does: one bar of each, once a bar is over for all of them.

A bar is over when every symbol has brought it, or when its time has passed. A symbol that had no trade in it shows its last close once
more, without volume; nothing is decided for one that has not traded yet.
"""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QObject, Qt, Signal, SignalInstance

from engine.authored.signals import checked
from engine.core.model import Instrument
from engine.core.records import INTENT, Row, Rows
from engine.core.universe import show, show_again, unseen
from engine.executor.config import StrategyConfig
from engine.executor.leg import NOTHINGS, Leg, Wish


class Universe(QObject):
    """The symbols of one strategy, seen together."""

    bars_closed = Signal(int, object)
    """Interval in seconds, BAR rows: one of each symbol that has traded, in the strategy's order."""

    def __init__(self, config: StrategyConfig, slots: list[int]) -> None:
        """`slots`: the symbols' rows on the quote board, in the strategy's order."""
        super().__init__()
        assert config.template is not None
        self._template, self._interval_s = config.template, config.interval_s
        self._places = {slot: place for place, slot in enumerate(slots)}
        self._slots = np.array(slots, dtype=np.int32)
        self._shown = unseen(len(slots))
        self._intents: Rows = np.zeros(len(slots), dtype=INTENT)
        self._came: set[int] = set()
        self._newest = self._asked_ns = 0
        self._minute = 0
        self.state = np.tile(self._template.new_state(), len(slots))
        self._params = self._template.new_params(config.parameters, config.interval_s)

    def listen(self, closed: SignalInstance, over: SignalInstance) -> None:
        """Take the closed bars from one signal (interval, rows), and from another that all of them were told."""
        closed.connect(self.on_bars, Qt.ConnectionType.DirectConnection)
        over.connect(self.on_minutes_over, Qt.ConnectionType.DirectConnection)

    def on_bars(self, interval_s: int, rows: Rows) -> None:
        """Take closed bars; once all symbols have brought the newest one, it is shown."""
        if interval_s == self._interval_s and self.take(rows):
            self.bars_closed.emit(interval_s, self.shown())

    def on_minutes_over(self, time_ns: int) -> None:
        """Wait no longer for symbols that had no trade."""
        if self._came:
            self.bars_closed.emit(self._interval_s, self.shown())

    def take(self, rows: Rows) -> bool:
        """Take closed bars (`instrument` is the slot); tells whether none is missing any more."""
        for row in rows:
            place = self._places.get(int(row["instrument"]))
            if place is None or row["time_ns"] <= self._asked_ns:
                continue
            if row["time_ns"] > self._newest:
                self._newest, self._minute = int(row["time_ns"]), int(row["session_minute"])
            show(self._shown[place], row)
            self._came.add(place)
        return len(self._came) == len(self._slots) and bool((self._shown["time_ns"] == self._newest).all())

    def shown(self) -> Rows:
        """Return one bar of each symbol that has traded, with its slot; those that did not bring the newest show their last close."""
        self._came.clear()
        for row in self._shown:
            if row["time_ns"] != self._newest:
                show_again(row, self._newest, self._minute)
        rows = self._shown.copy()
        rows["instrument"] = self._slots
        traded: Rows = rows[~np.isnan(rows["close"])]
        return traded

    def wish(self, slot: int) -> Wish:
        """Return what is wanted of a symbol as of the bars that are shown; the strategy is asked once for all of them."""
        if self._asked_ns != self._newest:
            self._asked_ns = self._newest
            self._intents[:] = NOTHINGS
            self._template.on_bar(self.state, self._params, self._shown, self._intents)
        return Wish._make(self._intents[self._places[slot]].item())


class UniverseLeg(Leg):
    """One symbol of a strategy that looks at all of them."""

    def __init__(self, config: StrategyConfig, instrument: Instrument, slot: int, universe: Universe) -> None:
        super().__init__(config, instrument, slot)
        self.universe = universe

    def decide(self, bar: Row) -> Wish:
        """Return what the strategy wants of this symbol; raises StrategyFault for what cannot be."""
        self.decided_ns = int(bar["time_ns"])
        return checked(self.universe.wish(self.slot))


def universe_legs(config: StrategyConfig, instruments: list[Instrument], slots: list[int]) -> list[UniverseLeg]:
    """Make the legs of a strategy that looks at all its symbols."""
    universe = Universe(config, slots)
    return [UniverseLeg(config, instrument, slot, universe) for instrument, slot in zip(instruments, slots, strict=True)]


def learn_together(legs: list[UniverseLeg], past: list[Rows]) -> None:
    """Let the strategy see closed bars of the past (BAR rows of each leg, in order of time) as if it had been running."""
    rows = np.concatenate(past)
    rows["instrument"] = np.repeat([leg.slot for leg in legs], [len(each) for each in past])
    rows = rows[np.argsort(rows["time_ns"], kind="stable")]
    universe, by_slot = legs[0].universe, {leg.slot: leg for leg in legs}
    for moment in np.split(rows, np.flatnonzero(np.diff(rows["time_ns"])) + 1):
        universe.take(moment)
        for row in universe.shown():
            by_slot[int(row["instrument"])].learn(row)

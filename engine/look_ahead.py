"""Finds out whether a strategy decides by what it could not know yet: cuts the future off and looks whether the past changes.

The strategy is run on all bars, then again as if the data ended at some bars chosen by chance; what it remembered, what its indicators
showed, what it wanted and what was traded up to there must be the same. Meanwhile the bars to come are blotted out in the caller's own
arrays, too, so that a strategy which holds on to them is found. What it reads elsewhere, as a file of its own, cannot be taken away.
"""

from __future__ import annotations

import pickle
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.authored.files import read_anew
from engine.authored.streams import Higher, Stream
from engine.backtest_terms import Prepared, prepare
from engine.class_replay import ClassReplay
from engine.core.model import IST, Bar, Instrument
from engine.core.records import INTENT, Row, Rows
from engine.core.registry import Template
from engine.core.replay import Outcome, Replay

PRICES = ("open", "high", "low", "close", "volume", "oi")


@dataclass(frozen=True, slots=True)
class Peek:
    """One place where a strategy knew what was still to come."""

    instrument: Instrument
    time_ns: int
    """Start of the bar it decided on."""
    field: str
    """What differed: a field of its state, an indicator, a wish, or the fills."""
    with_future: object
    without: object
    cut_ns: int
    """The bars from here on were taken away."""

    def __str__(self) -> str:
        where = f"{self.instrument.symbol} at {_clock(self.time_ns)}"
        return f"{self.field} of {where} was {self.with_future}, and {self.without} without the bars from {_clock(self.cut_ns)} on."


Note = tuple[int, int, dict[str, object]]
"""Instrument and start of the bar that was decided on, and all that could be seen of the strategy then."""


def find_look_ahead(
    template: Template,
    bars: Mapping[Instrument, Rows],
    parameters: Mapping[str, object] | None = None,
    *,
    cuts: int = 8,
    seed: int = 1,
    most_bars: int = 5_000,
    **terms: Any,
) -> Peek | None:
    """Return the first place where the strategy has looked ahead, or None when none was found.

    `bars` and `terms` are those of `prepare`; the first `most_bars` bars are looked at, cut at `cuts` places drawn with `seed`. The
    arrays of `bars` are written to and restored. Raises what a backtest raises.
    """
    bars = _first(bars, most_bars)
    values = template.parse(parameters or {})
    full, outcome = _run(read_anew(template), values, prepare(bars, **terms))
    times = np.unique(np.concatenate([rows["time_ns"] for rows in bars.values()]))
    places = np.sort(np.random.default_rng(seed).choice(np.arange(1, len(times)), min(cuts, len(times) - 1), replace=False))
    for cut_ns in times[places].tolist():
        past = {instrument: rows[rows["time_ns"] < cut_ns].copy() for instrument, rows in bars.items()}
        with _blotted_out(bars.values(), cut_ns):
            cut, cut_outcome = _run(read_anew(template), values, prepare(past, **terms))
        peek = _first_difference(full, cut, tuple(bars), cut_ns) or _other_fills(outcome, cut_outcome, tuple(bars), cut_ns)
        if peek is not None:
            return peek
    return None


def _first(bars: Mapping[Instrument, Rows], most: int) -> dict[Instrument, Rows]:
    """Return the beginning of all bars, the same span for each instrument, as views."""
    times = np.sort(np.concatenate([rows["time_ns"] for rows in bars.values()]))
    until_ns = times[min(most, len(times)) - 1]
    return {instrument: rows[: np.searchsorted(rows["time_ns"], until_ns, side="right")] for instrument, rows in bars.items()}


@contextmanager
def _blotted_out(arrays: Sequence[Rows] | Any, cut_ns: int) -> Iterator[None]:
    """Make the bars from a moment on unreadable where they lie, then put them back."""
    kept = [(rows, rows[at:].copy(), at) for rows in arrays if rows.flags.writeable for at in [np.searchsorted(rows["time_ns"], cut_ns)]]
    for rows, _, at in kept:
        for name in PRICES:
            rows[name][at:] = np.nan
    try:
        yield
    finally:
        for rows, future, at in kept:
            rows[at:] = future


def _run(template: Template, values: Mapping[str, float], prepared: Prepared) -> tuple[list[Note], Outcome]:
    """Run once, writing down all that can be seen at each decision."""
    notes: list[Note] = []
    if template.plain is not None:
        numbers = {instrument.key: number for number, instrument in enumerate(prepared.instruments)}
        return notes, ClassReplay(replace(template, plain=_watched(template.plain, numbers, notes)), values, prepared).run()
    bars, terms, count = prepared.bars, prepared.terms, len(prepared.instruments)
    step: Any = _WatchedUniverse(template, notes) if template.is_universe else _WatchedStep(template, notes)
    states = np.repeat(template.new_state()[None], count, axis=0)
    params = template.new_params(values, terms.interval_s)
    going = Replay(step, states, params, bars, terms, is_universe=template.is_universe, plain=True)
    going.walk_to(len(bars))
    return notes, going.outcome()


class _WatchedStep:
    """A template's step that is written down; it runs uncompiled, for machine code keeps a copy of what a file's arrays held."""

    def __init__(self, template: Template, notes: list[Note]) -> None:
        self._template, self._notes = template, notes
        self.py_func = self

    def __call__(self, state: NDArray[np.float64], params: Any, bar: Row, intent: Row) -> None:
        """Decide, and note."""
        self._template.on_bar.py_func(state, params, bar, intent)
        self._notes.append((int(bar["instrument"]), int(bar["time_ns"]), _fields(state, self._template, intent)))


class _WatchedUniverse(_WatchedStep):
    """The same for a template that looks at all symbols."""

    def __call__(self, state: NDArray[np.float64], params: Any, bar: Row, intent: Row) -> None:
        """Decide, and note each symbol."""
        self._template.on_bar.py_func(state, params, bar, intent)
        own = state.reshape(len(bar), -1)
        for k in range(len(bar)):
            self._notes.append((k, int(bar[k]["time_ns"]), _fields(own[k], self._template, intent[k])))


def _fields(state: NDArray[np.float64], template: Template, intent: Row) -> dict[str, object]:
    """Return the state's fields by name (`fast.value`) and the wish."""
    size = template.state.itemsize // 8
    found = dict(_flat("", state[:size].view(template.state)[0])) if size else {}
    return found | {f"intent.{name}": float(intent[name]) for name in INTENT.names or ()}


def _flat(prefix: str, row: Any) -> Iterator[tuple[str, object]]:
    for name in row.dtype.names:
        value = row[name]
        if getattr(value, "dtype", None) is not None and value.dtype.names:
            yield from _flat(f"{prefix}{name}.", value)
        else:
            yield f"{prefix}{name}", value.tobytes() if np.ndim(value) else float(value)


def _watched(cls: type[Any], numbers: Mapping[str, int], notes: list[Note]) -> type[Any]:
    """Derive a class that writes down what it sees after each bar."""

    def on_bar(self: Any, bar: Bar) -> None:
        cls.on_bar(self, bar)
        notes.append((numbers[bar.instrument.key], bar.time_ns, _seen(self)))

    return type(cls.__name__, (cls,), {"on_bar": on_bar, "written_in": cls, "__module__": cls.__module__})


def _seen(strategy: Any) -> dict[str, object]:
    """Return the indicators, larger bars and plain values that an instance has, and what it wants."""
    found: dict[str, object] = {}
    for name, value in vars(strategy).items():
        if name == "wish":
            continue
        if isinstance(value, Stream):
            found |= {f"{name}.{output}": number for output, number in value.now().items()}
        elif isinstance(value, Higher):
            found[name] = value[-1] if len(value) else None
        elif isinstance(value, (bool, int, float, str, tuple, type(None))):
            found[name] = value
    return found | {"state": pickle.dumps(strategy.state), "wish": strategy.wish}


def _first_difference(full: list[Note], cut: list[Note], instruments: Sequence[Instrument], cut_ns: int) -> Peek | None:
    for (number, time_ns, known), (_, _, left) in zip(full, cut, strict=False):
        for name, value in known.items():
            if not _same(value, left.get(name)):
                return Peek(instruments[number], time_ns, name, value, left.get(name), cut_ns)
    return None


def _other_fills(full: Outcome, cut: Outcome, instruments: Sequence[Instrument], cut_ns: int) -> Peek | None:
    """Compare what was traded; the strategy may have been stopped for want of what was taken away."""
    before = full.fills[full.fills["time_ns"] < cut_ns]
    for one, other in zip(before, cut.fills, strict=False):
        if one.item() != other.item():
            return Peek(instruments[one.instrument], int(one.time_ns), "fill", one.item(), other.item(), cut_ns)
    if len(before) != len(cut.fills):
        last = int(max(before["time_ns"], default=cut_ns)) if len(before) > len(cut.fills) else cut_ns
        return Peek(instruments[0], last, "number of fills", len(before), cut.fault or len(cut.fills), cut_ns)
    return None


def _same(one: object, other: object) -> bool:
    """Tell whether two values are the same; NaN is NaN, also inside a wish."""
    return one == other or repr(one) == repr(other)


def _clock(time_ns: int) -> str:
    return f"{datetime.fromtimestamp(time_ns // 1_000_000_000, IST):%Y-%m-%d %H:%M}"

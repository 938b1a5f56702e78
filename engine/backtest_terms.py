"""Turns what a backtest was asked for into rows of the law: sizes, limits, charges by date, square-offs, and bars in one order.

Names and rupees come in, rows go out; nothing is traded here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from engine.calendar import Calendar, day_of
from engine.clock import IST_OFFSET_NS
from engine.core.bands import Band, check_band
from engine.core.costs import RATES
from engine.core.errors import HistoryMissing, InvalidOption, did_you_mean
from engine.core.friction import Friction
from engine.core.legs import SQUARE
from engine.core.limits import LIMITS
from engine.core.model import UNITS, Instrument, Product
from engine.core.records import BAR, TICK, Rows
from engine.core.registry import RULES
from engine.core.replay import Terms, no_limits
from engine.core.sizing import Sizing, parse_sizing
from engine.core.ticks import bars_of_ticks, is_ticks
from engine.tariffs import Tariff

SECOND_NS = 1_000_000_000
DAY_NS = 86_400 * SECOND_NS

_EPOCH = date(1970, 1, 1)

_IN_RUPEES = frozenset({"max_daily_loss", "max_order_value"})


@dataclass(frozen=True, slots=True)
class Prepared:
    """Bars and terms, laid out once for as many runs as are wanted; it can be sent to another process."""

    instruments: tuple[Instrument, ...]
    """By the number that fills and bars carry."""
    product: Product
    bars: Rows
    """BAR rows in order of time, then of instrument."""
    terms: Terms

    @property
    def multipliers(self) -> NDArray[np.int64]:
        """Units of an instrument that one of its quantity stands for, by its number."""
        return np.array([each.multiplier for each in self.instruments], dtype=np.int64)


def prepare(
    bars: Mapping[Instrument, Rows],
    *,
    interval_s: int | None = None,
    base_s: int | None = None,
    sizing: Sizing | str = "risk",
    product: Product = Product.MIS,
    capital_units: int = 100_000 * UNITS,
    risk_pct: float = 0.0,
    limits: Mapping[str, float] | None = None,
    tariff: Tariff | None = None,
    calendar: Calendar | None = None,
    touch: bool = False,
    friction: Friction | None = None,
    bands: Mapping[Instrument, Band] | None = None,
    exit_after_s: float = 0.0,
    exit_at_min: int | None = None,
) -> Prepared:
    """Lay out bars and terms; what the arguments mean is told by `run_backtest`, which raises the same errors."""
    if not any(len(rows) for rows in bars.values()):
        raise HistoryMissing("Expected bars to test on, was none; give a file that has bars of these symbols.")
    instruments, limits = tuple(bars), limits or {}
    has_ticks = any(is_ticks(part) for part in bars.values())
    rows = merged([_bars_of(instrument, part, calendar) for instrument, part in bars.items()] if has_ticks else list(bars.values()))
    base_s = 0 if has_ticks else base_s or common_interval_s(rows)
    squares, groups = square_rows(instruments, rows, product, calendar, exit_at_min)
    rates, rates_from_ns = rates_rows(instruments, rows, product, tariff)
    terms = Terms(
        sizing=sizing_rows(instruments, sizing, product, risk_pct, limits),
        ticks=np.array([float(instrument.tick_size) for instrument in instruments]),
        capital_units=capital_units,
        base_s=base_s,
        interval_s=check_interval(interval_s or base_s or 60, base_s),
        rates=rates,
        rates_from_ns=rates_from_ns,
        limits=limits_row(limits),
        squares=squares,
        groups=groups,
        exit_after_s=exit_after_s,
        touch=touch,
        friction=friction or Friction(),
        freezes=np.array([instrument.freeze_quantity for instrument in instruments]),
        bands=_bands(instruments, bands) if bands else None,
    )
    return Prepared(instruments, product, rows, terms)


def _bands(instruments: Sequence[Instrument], bands: Mapping[Instrument, Band]) -> list[Band]:
    for instrument, band in bands.items():
        check_band(band, instrument.key)
    return [bands.get(instrument, 0.0) for instrument in instruments]


def _bars_of(instrument: Instrument, rows: Rows, calendar: Calendar | None) -> Rows:
    """Make bars of an instrument's ticks; raises InvalidOption for bars among ticks, or ticks out of order."""
    if not is_ticks(rows):
        raise InvalidOption(f"Expected ticks of every instrument, was bars of {instrument.key}; give ticks of all, or bars of all.")
    times = rows["exchange_time"] if rows.dtype == TICK else rows["time_ns"]
    if np.any(np.diff(times) < 0):
        raise InvalidOption(f"Expected ticks of {instrument.key} in order of time, was otherwise; sort them.")
    scale = SECOND_NS if rows.dtype == TICK else 1
    days = np.unique((times * scale + IST_OFFSET_NS) // DAY_NS).tolist()
    opens = {day: calendar.session_open_ns(_EPOCH + timedelta(days=day), instrument) for day in days} if calendar else None
    return bars_of_ticks(rows, opens)


def merged(parts: Sequence[Rows]) -> Rows:
    """Put all bars in order of time, then of instrument; one instrument's own are taken as they are when they can be."""
    if len(parts) == 1 and parts[0].dtype == BAR and not parts[0]["instrument"].any():
        return parts[0]
    numbers = np.repeat(np.arange(len(parts), dtype=np.int32), [len(rows) for rows in parts])
    together: Rows = np.concatenate([rows.astype(BAR, copy=False) for rows in parts])
    together["instrument"] = numbers
    return together[np.lexsort((numbers, together["time_ns"]))]


def common_interval_s(bars: Rows) -> int:
    """Return the most common distance of bars in seconds, a minute where there is none."""
    steps = np.diff(bars["time_ns"]) // SECOND_NS
    found, counts = np.unique(steps[steps > 0], return_counts=True)
    return int(found[np.argmax(counts)]) if len(found) else 60


def check_interval(interval_s: int, base_s: int) -> int:
    """Return the interval, or raise InvalidOption unless it is a multiple of the bars' own."""
    if interval_s < base_s or interval_s % max(base_s, 1):
        raise InvalidOption(
            f"Expected decisions on bars of a multiple of {base_s} s, which the data have, was {interval_s} s; choose another interval."
        )
    return interval_s


def sizing_rows(
    instruments: Sequence[Instrument], sizing: Sizing | str, product: Product, risk_pct: float, limits: Mapping[str, float]
) -> Rows:
    """Return one SIZING row an instrument."""
    parsed = parse_sizing(sizing) if isinstance(sizing, str) else sizing
    largest = limits.get("max_position_size", 0.0)
    return np.concatenate([parsed.row(each, product, risk_pct=risk_pct, max_position_pct=largest, limits=limits) for each in instruments])


def limits_row(given: Mapping[str, float]) -> Rows:
    """Return one row of LIMITS; raises InvalidOption for a limit that is unknown, below zero, or cannot be held to in history."""
    row = no_limits()
    known = RULES.names()
    for name, limit in given.items():
        if name not in known:
            raise InvalidOption(f'Unknown limit "{name}"{did_you_mean(name, known)}')
        if name not in (LIMITS.names or ()):
            raise InvalidOption(f"Expected limits that history can be held to ({', '.join(LIMITS.names or ())}), was {name}; leave it out.")
        if not limit >= 0.0:
            raise InvalidOption(f"Expected {name} to be 0 or more {RULES.get(name).unit}, was {limit}; change it.")
        row[name] = limit * UNITS if name in _IN_RUPEES else limit
    return row


def rates_rows(
    instruments: Sequence[Instrument], bars: Rows, product: Product, tariff: Tariff | None
) -> tuple[Rows | None, NDArray[np.int64]]:
    """Return RATES by instrument and period, and when (IST midnight) each period begins."""
    if tariff is None:
        return None, np.zeros(1, dtype=np.int64)
    first, last = day_of(int(bars[0]["time_ns"])), day_of(int(bars[-1]["time_ns"]))
    days = [first, *(day for day in tariff.changes if first < day <= last)]
    rates: Rows = np.zeros((len(instruments), len(days)), RATES)
    for k, instrument in enumerate(instruments):
        for period, day in enumerate(days):
            rates[k, period] = tariff.rates(instrument, product, day)[0]
    return rates, np.array([_midnight_ns(day) for day in days], dtype=np.int64)


def square_rows(
    instruments: Sequence[Instrument], bars: Rows, product: Product, calendar: Calendar | None, exit_at_min: int | None = None
) -> tuple[Rows, NDArray[np.int64] | None]:
    """Return when positions are closed on each day of the bars: intraday ones at their time, all at the minute given if that is earlier.

    Instruments of the same hours make one group.
    """
    intraday = calendar if product is Product.MIS else None
    if intraday is None and exit_at_min is None:
        return np.zeros(0, SQUARE), None
    days = [_EPOCH + timedelta(days=number) for number in np.unique((bars["time_ns"] + IST_OFFSET_NS) // DAY_NS).tolist()]
    hours = [tuple(_leaving_ns(instrument, day, intraday, exit_at_min) for day in days) for instrument in instruments]
    distinct = list(dict.fromkeys(hours))
    moments = sorted((moment, group) for group, times in enumerate(distinct) for moment in times)
    return np.array(moments, dtype=SQUARE), np.array([distinct.index(times) for times in hours], dtype=np.int64)


def _leaving_ns(instrument: Instrument, day: date, calendar: Calendar | None, exit_at_min: int | None) -> int:
    own = [] if exit_at_min is None else [_midnight_ns(day) + exit_at_min * 60 * SECOND_NS]
    return min([*own, *([] if calendar is None else [calendar.square_off_ns(instrument, day)])])


def _midnight_ns(day: date) -> int:
    return (day - _EPOCH).days * DAY_NS - IST_OFFSET_NS

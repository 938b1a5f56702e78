"""Backtests a strategy: what it would have traded on given bars, at given charges and limits, by the compiled replay.

It trades what `run` trades on the same bars, fill by fill. Names and rupees of the public API come in; rows of the law go to the
replay; fills, positions and figures come back.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from engine.calendar import Calendar, day_of
from engine.clock import IST_OFFSET_NS, Clock, SystemClock
from engine.core.costs import RATES
from engine.core.errors import HistoryMissing, InvalidOption, did_you_mean
from engine.core.execution import SQUARE
from engine.core.limits import LIMITS
from engine.core.model import UNITS, Account, Fill, Instrument, Position, Product, Purpose, Side
from engine.core.records import BAR, REASONS, Rows
from engine.core.registry import RULES, Template
from engine.core.replay import Outcome, Terms, no_limits, replay
from engine.core.sizing import Sizing, parse_sizing
from engine.tariffs import Tariff

SECOND_NS = 1_000_000_000
DAY_NS = 86_400 * SECOND_NS

_EPOCH = date(1970, 1, 1)

_IN_RUPEES = frozenset({"max_daily_loss", "max_order_value"})


@dataclass(frozen=True, slots=True)
class BacktestResult:
    """What a backtest came to; money in units of 1/10,000 rupee."""

    outcome: Outcome
    """Rows of the replay: fills, equity by step of time, counts."""
    instruments: tuple[Instrument, ...]
    """By the number that fills and bars carry."""
    product: Product
    owner: str
    positions: tuple[Position, ...]
    """One an instrument that was traded, at the last close."""
    account: Account
    run_s: float
    """Time that the replay took, compiling and preparing apart."""

    @property
    def gross_units(self) -> int:
        """Profit, realised and not, before charges."""
        return self.net_units + self.charges_units

    @property
    def charges_units(self) -> int:
        """All charges."""
        return self.account.charges_units

    @property
    def net_units(self) -> int:
        """Profit, realised and not, after charges."""
        return self.account.equity_units - self.account.capital_units

    def fills(self) -> list[Fill]:
        """Make the fills of the log and the screen; order and trade ids are numbers in order."""
        made = []
        for number, row in enumerate(self.outcome.fills.tolist(), 1):
            time_ns, instrument, quantity, price, charges, reason = row
            made.append(
                Fill(
                    trade_id=str(number),
                    order_id=str(number),
                    instrument=self.instruments[instrument],
                    side=Side.BUY if quantity > 0 else Side.SELL,
                    quantity=abs(quantity),
                    price_units=price,
                    charges_units=charges,
                    time_ns=time_ns,
                    product=self.product,
                    owner=self.owner,
                    purpose=Purpose(REASONS[reason]),
                )
            )
        return made


def run_backtest(
    template: Template,
    bars: Mapping[Instrument, Rows],
    parameters: Mapping[str, object] | None = None,
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
    owner: str = "backtest",
    clock: Clock | None = None,
    on_progress: Callable[[int], None] | None = None,
) -> BacktestResult:
    """Backtest a template on BAR rows by instrument, each in order of time.

    `interval_s`: the bar of decisions (default: the bars' own, `base_s`, which defaults to their most common distance). `risk_pct`:
    of equity, per trade. `limits`: by rule, in the rule's unit. `tariff`: None = nothing costs anything. `calendar`: tells when MIS
    is squared off; None = never. `on_progress` is told how many bars are done. Raises HistoryMissing without bars, and UserErrors
    that say what was expected.
    """
    if not any(len(rows) for rows in bars.values()):
        raise HistoryMissing("Expected bars to test on, was none; give a file that has bars of these symbols.")
    instruments, merged, limits = tuple(bars), _merge(list(bars.values())), limits or {}
    base_s = base_s or _common_interval_s(merged)
    squares, groups = _squares(instruments, merged, product, calendar)
    rates, rates_from_ns = _rates(instruments, merged, product, tariff)
    terms = Terms(
        sizing=_sizing(instruments, sizing, product, risk_pct, limits),
        ticks=np.array([float(instrument.tick_size) for instrument in instruments]),
        capital_units=capital_units,
        base_s=base_s,
        interval_s=_check_interval(interval_s or base_s, base_s),
        rates=rates,
        rates_from_ns=rates_from_ns,
        limits=_limits(limits),
        squares=squares,
        groups=groups,
        touch=touch,
    )
    params = template.new_params(template.parse(parameters or {}))
    outcome, run_s = _timed(template, params, merged, terms, clock or SystemClock(), on_progress)
    positions = _positions(instruments, product, owner, outcome)
    return BacktestResult(outcome, instruments, product, owner, positions, _account(outcome, positions), run_s)


def _timed(
    template: Template, params: NDArray[np.float64], bars: Rows, terms: Terms, clock: Clock, on_progress: Callable[[int], None] | None
) -> tuple[Outcome, float]:
    """Replay once over nothing, so that the time taken is that of trading and not of compiling, then over the bars."""
    states = np.repeat(template.new_state()[None], len(terms.ticks), axis=0)
    replay(template.on_bar, states, params, bars[:0], terms)
    began_ns = clock.monotonic_ns()
    outcome = replay(template.on_bar, states, params, bars, terms, on_progress=on_progress)
    return outcome, (clock.monotonic_ns() - began_ns) / SECOND_NS


def _merge(parts: Sequence[Rows]) -> Rows:
    """Put all bars in order of time, then of instrument; one instrument's own are taken as they are when they can be."""
    if len(parts) == 1 and parts[0].dtype == BAR and not parts[0]["instrument"].any():
        return parts[0]
    numbers = np.repeat(np.arange(len(parts), dtype=np.int32), [len(rows) for rows in parts])
    merged: Rows = np.concatenate([rows.astype(BAR, copy=False) for rows in parts])
    merged["instrument"] = numbers
    return merged[np.lexsort((numbers, merged["time_ns"]))]


def _common_interval_s(bars: Rows) -> int:
    steps = np.diff(bars["time_ns"]) // SECOND_NS
    found, counts = np.unique(steps[steps > 0], return_counts=True)
    return int(found[np.argmax(counts)]) if len(found) else 60


def _check_interval(interval_s: int, base_s: int) -> int:
    if interval_s < base_s or interval_s % base_s:
        raise InvalidOption(
            f"Expected decisions on bars of a multiple of {base_s} s, which the data have, was {interval_s} s; choose another interval."
        )
    return interval_s


def _sizing(
    instruments: Sequence[Instrument], sizing: Sizing | str, product: Product, risk_pct: float, limits: Mapping[str, float]
) -> Rows:
    parsed = parse_sizing(sizing) if isinstance(sizing, str) else sizing
    largest = limits.get("max_position_size", 0.0)
    return np.concatenate([parsed.row(each, product, risk_pct=risk_pct, max_position_pct=largest) for each in instruments])


def _limits(given: Mapping[str, float]) -> Rows:
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


def _rates(instruments: Sequence[Instrument], bars: Rows, product: Product, tariff: Tariff | None) -> tuple[Rows | None, NDArray[np.int64]]:
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


def _squares(
    instruments: Sequence[Instrument], bars: Rows, product: Product, calendar: Calendar | None
) -> tuple[Rows, NDArray[np.int64] | None]:
    """Return when intraday positions are closed on each day of the bars; instruments of the same hours make one group."""
    if product is not Product.MIS or calendar is None:
        return np.zeros(0, SQUARE), None
    days = [_EPOCH + timedelta(days=number) for number in np.unique((bars["time_ns"] + IST_OFFSET_NS) // DAY_NS).tolist()]
    hours = [tuple(calendar.square_off_ns(instrument, day) for day in days) for instrument in instruments]
    distinct = list(dict.fromkeys(hours))
    moments = sorted((moment, group) for group, times in enumerate(distinct) for moment in times)
    return np.array(moments, dtype=SQUARE), np.array([distinct.index(times) for times in hours], dtype=np.int64)


def _midnight_ns(day: date) -> int:
    return (day - _EPOCH).days * DAY_NS - IST_OFFSET_NS


def _positions(instruments: Sequence[Instrument], product: Product, owner: str, outcome: Outcome) -> tuple[Position, ...]:
    fills, made = outcome.fills, []
    for k, row in enumerate(outcome.positions.tolist()):
        own = fills[fills["instrument"] == k]
        if len(own) == 0:
            continue
        _, quantity, cost, realised, charges, last_price = row
        made.append(
            Position(
                instrument=instruments[k],
                product=product,
                owner=owner,
                quantity=quantity,
                cost_units=cost,
                realised_units=realised,
                charges_units=charges,
                last_price_units=last_price,
                bought=int(own["quantity"][own["quantity"] > 0].sum()),
                sold=int(-own["quantity"][own["quantity"] < 0].sum()),
                updated_ns=int(own["time_ns"][-1]),
            )
        )
    return tuple(made)


def _account(outcome: Outcome, positions: Sequence[Position]) -> Account:
    account = outcome.account
    return Account(
        capital_units=int(account.capital),
        cash_units=int(account.cash),
        equity_units=int(account.equity),
        peak_units=int(account.peak),
        day_start_units=int(account.day_start),
        realised_units=int(account.realised),
        unrealised_units=sum(position.unrealised_units for position in positions),
        charges_units=int(account.charges),
        exposure_units=sum(position.exposure_units for position in positions),
        fills=int(account.fills),
    )

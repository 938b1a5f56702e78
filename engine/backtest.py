"""Backtests a strategy: what it would have traded on given bars, at given charges and limits, by the compiled replay.

It trades what `run` trades on the same bars, fill by fill. Names and rupees of the public API come in; rows of the law go to the
replay; fills, positions and figures come back.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from engine.authored.signals import SignalCallback, template_of_function
from engine.backtest_terms import SECOND_NS, Prepared, prepare
from engine.calendar import Calendar
from engine.class_replay import ClassReplay
from engine.clock import Clock, SystemClock
from engine.core.bands import Band
from engine.core.friction import Friction
from engine.core.model import UNITS, Account, Fill, Instrument, Position, Product, Purpose, Side
from engine.core.records import REASONS, Rows
from engine.core.registry import Template
from engine.core.replay import Outcome, Terms, replay
from engine.core.run import Run
from engine.core.sizing import Sizing
from engine.tariffs import Tariff


@dataclass(frozen=True)
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
    bars: Rows
    """BAR rows that were traded on, merged in order of time, then of instrument."""
    terms: Terms
    """Under which terms the replay traded."""
    benchmark: Rows | None = None
    """BAR rows of what it is compared with."""

    @cached_property
    def run(self) -> Run:
        """What metrics read."""
        multipliers = np.array([each.multiplier for each in self.instruments], dtype=np.int64)
        return Run.of(self.outcome, self.bars, multipliers, benchmark=self.benchmark)

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
    template: Template | SignalCallback,
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
    friction: Friction | None = None,
    bands: Mapping[Instrument, Band] | None = None,
    exit_after_s: float = 0.0,
    exit_at_min: int | None = None,
    owner: str = "backtest",
    benchmark: Rows | None = None,
    clock: Clock | None = None,
    on_progress: Callable[[int], None] | None = None,
) -> BacktestResult:
    """Backtest a template, or a function that decides, on BAR rows by instrument, each in order of time.
    TICK or PRINT rows are bars of one price, and decisions are made on windows of them.

    `interval_s`: the bar of decisions (default: the bars' own, `base_s`, which defaults to their most common distance). `risk_pct`:
    of equity, per trade. `limits`: by rule, in the rule's unit. `tariff`: None = nothing costs anything. `calendar`: tells when MIS
    is squared off; None = never. `touch`: limits fill when touched, else when traded through. `friction`: slippage, spread, volume and
    latency; None = none. `bands`: how far prices may go in a day, in percent of the close of the day before, or that by the day from
    which it holds. `exit_after_s`: a position is left so long after it was opened; 0 = not. `exit_at_min`: all are left at that minute of
    the day (IST), and nothing is entered after it; None = not. `benchmark`: BAR rows that metrics compare with. `on_progress` is told
    how many bars are done. Raises HistoryMissing without bars, and UserErrors that say what was expected.
    """
    if not isinstance(template, Template):
        template = template_of_function(template)
    prepared = prepare(
        bars, interval_s=interval_s, base_s=base_s, sizing=sizing, product=product, capital_units=capital_units, risk_pct=risk_pct,
        limits=limits, tariff=tariff, calendar=calendar, touch=touch, friction=friction, bands=bands,
        exit_after_s=exit_after_s, exit_at_min=exit_at_min,
    )  # fmt: skip
    values = template.parse(parameters or {})
    outcome, run_s = _timed(template, values, prepared, clock or SystemClock(), on_progress)
    instruments = prepared.instruments
    positions = _positions(instruments, product, owner, outcome)
    account = _account(outcome, positions)
    return BacktestResult(outcome, instruments, product, owner, positions, account, run_s, prepared.bars, prepared.terms, benchmark)


def trade(
    template: Template,
    values: Mapping[str, float],
    prepared: Prepared,
    *,
    states: NDArray[np.float64] | None = None,
    on_progress: Callable[[int], None] | None = None,
) -> Outcome:
    """Run a template with parsed parameters over what was prepared: one run of a backtest, a sweep or a walk forward.

    `states`: state buffers to go on from, one row an instrument, which are not written to; None = fresh ones. What `on_progress`
    raises ends the run. A plain-Python strategy always begins afresh.
    """
    if template.plain is not None:
        return ClassReplay(template, values, prepared).run(on_progress)
    bars, terms = prepared.bars, prepared.terms
    if states is None:
        states = np.repeat(template.new_state()[None], len(terms.ticks), axis=0)
    params = template.new_params(values, terms.interval_s)
    return replay(template.on_bar, states, params, bars, terms, is_universe=template.is_universe, on_progress=on_progress)


def _timed(
    template: Template, values: Mapping[str, float], prepared: Prepared, clock: Clock, on_progress: Callable[[int], None] | None
) -> tuple[Outcome, float]:
    """Run once over nothing, so that the time taken is that of trading and not of compiling, then over the bars."""
    if template.plain is not None:
        going = ClassReplay(template, values, prepared)
        began_ns = clock.monotonic_ns()
        return going.run(on_progress), (clock.monotonic_ns() - began_ns) / SECOND_NS
    trade(template, values, replace(prepared, bars=prepared.bars[:0]))
    began_ns = clock.monotonic_ns()
    outcome = trade(template, values, prepared, on_progress=on_progress)
    return outcome, (clock.monotonic_ns() - began_ns) / SECOND_NS


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

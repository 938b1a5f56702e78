"""Which limits hold for the account, or for one owner in it, and what has stopped its trading.

Limits come by the names of the rules; a limit that is not given does not hold. A stop stays until what caused it is over, or until a
person takes it back.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from operator import attrgetter
from types import SimpleNamespace

from engine.core.compiled import Compiled
from engine.core.errors import InvalidOption, did_you_mean
from engine.core.facts import Facts
from engine.core.limits import LIMITS, has_lost_day, is_drawn_down
from engine.core.model import UNITS, Account, TradingState
from engine.core.records import Row
from engine.core.registry import RULES, Rule

ALWAYS = ("tick_and_lot", "trading_state", "unclear", "reduce_only", "short_selling", "square_off_time", "armed", "cash")
"""Rules that hold without being given; `cash` can be switched off by a limit of 0."""

FIRM = frozenset({"tick_and_lot", "trading_state", "unclear", "reduce_only"})
"""Rules that no limit switches off."""

FIRST = "sound_order"
"""The rule that is asked before anything is reckoned with an order, whatever limits are given."""

RETAIL = (
    "listed",
    "restricted",
    "market_hours",
    "entry_hours",
    "message_rate",
    "messages_a_minute",
    "messages_a_day",
    "duplicate_order",
    "quote_age",
    "price_collar",
    "spread",
    "market_protection",
    "unusual_order",
    "own_orders",
    "opposing_owners",
    "short_option",
    "max_open_orders",
    "max_open_orders_symbol",
    "max_open_value",
    "max_order_quantity",
    "max_order_lots",
    "max_order_value",
    "max_order_share",
    "max_positions",
    "max_position_size",
    "max_position_lots",
    "gross_exposure",
    "margin_use",
    "max_daily_loss",
    "entries_without_exit",
    "broker_rejects",
    "strategy_orders",
    "strategy_loss",
    "loss_streak",
    "first_session_lots",
)
"""Rules of the window and of live trading."""

_IN_UNITS = frozenset({"max_daily_loss", "max_order_value"})
_SEVERITY = {TradingState.ACTIVE: 0, TradingState.REDUCING: 1, TradingState.HALTED: 2}

DAY_LOST, DRAWN_DOWN = "max_daily_loss", "max_drawdown"
"""Causes of a stop that the figures of the account bring about."""


def retail_limits(capital_units: int) -> dict[str, float]:
    """Return the limits of the window and of live trading: each rule's default, money in proportion to the capital.

    A day may lose 3 % of capital.
    """
    capital = capital_units / UNITS
    limits = {name: RULES.get(name).limit for name in RETAIL}
    return limits | {"max_daily_loss": 0.03 * capital}


def _no_signs(facts: Facts) -> Iterable[object]:
    return ()


@dataclass(slots=True)
class Limits:
    """Rules with their limits, in the order in which they are asked."""

    given: dict[str, float] = field(default_factory=dict)
    plain: list[tuple[Rule, float, Callable[[Facts, float], int]]] = field(default_factory=list)
    """Rules that look at Facts, each with its function."""
    usual: list[tuple[Rule, float, Callable[[Facts, float], int]]] = field(default_factory=list)
    """Those of them that have to be asked although none of the `signs` is there."""
    signs: Callable[[Facts], Iterable[object]] = _no_signs
    """Returns the facts without which the other ones refuse nothing: one look at all costs less than asking each rule."""
    money: list[tuple[Rule, float, Callable[..., int]]] = field(default_factory=list)
    """Rules that look at records, each with its plain function: fields of plain objects are read tens of times faster."""
    row: Row = field(default_factory=lambda: SimpleNamespace(**dict.fromkeys(LIMITS.names or (), math.nan)))
    """The fields of LIMITS; NaN = not given."""
    watch_figures: bool = False
    """The account's figures alone can stop something."""

    @classmethod
    def of(cls, given: Mapping[str, float], always: tuple[str, ...] = ()) -> Limits:
        """Sort limits by what their rules look at; raises InvalidOption for a name or a number that makes no sense."""
        made = cls(dict(given))
        known = RULES.names()
        for name, limit in given.items():
            if name not in known:
                raise InvalidOption(f'Unknown limit "{name}"{did_you_mean(name, known)}')
            if not limit >= 0.0:
                raise InvalidOption(f"Expected {name} to be 0 or more {RULES.get(name).unit}, was {limit}; change it.")
        rules = [RULES.get(name) for name in dict.fromkeys((*always, *given))]
        for rule in sorted(rules, key=lambda rule: (rule.name not in always, rule.code)):
            made._add(rule, given.get(rule.name, rule.limit))
        made.usual = [asked for asked in made.plain if not asked[0].when]
        when = [asked[0].when for asked in made.plain if asked[0].when]
        if when:
            # Of one name alone attrgetter returns the value itself; a name twice does no harm.
            made.signs = attrgetter(when[0], *when)
        return made

    def to_ask(self, facts: Facts) -> list[tuple[Rule, float, Callable[[Facts, float], int]]]:
        """Return the rules that look at Facts and may refuse this order, in the order in which they are asked."""
        return self.plain if any(self.signs(facts)) else self.usual

    def _add(self, rule: Rule, limit: float) -> None:
        if rule.name == FIRST or (rule.unit == "on" and limit == 0.0 and rule.name not in FIRM):
            return
        if isinstance(rule.check, Compiled):
            self.money.append((rule, limit, rule.check.plain))
        else:
            self.plain.append((rule, limit, rule.check))
        if rule.name in (LIMITS.names or ()):
            setattr(self.row, rule.name, limit * UNITS if rule.name in _IN_UNITS else limit)
            self.watch_figures |= rule.name in (DAY_LOST, DRAWN_DOWN)

    def broken_by(self, account: Account) -> dict[str, str]:
        """Return what the account's figures stop, by cause, each with its reason."""
        row, causes = self.row, {}
        if has_lost_day.plain(account.day_start_units, account.equity_units, row.max_daily_loss):
            lost = (account.day_start_units - account.equity_units) / UNITS
            causes[DAY_LOST] = f"the day lost Rs {lost:,.0f} of Rs {row.max_daily_loss / UNITS:,.0f} that it may"
        if is_drawn_down.plain(account.peak_units, account.equity_units, row.max_drawdown):
            causes[DRAWN_DOWN] = f"equity fell {account.drawdown_pct:.1f} % from its peak, of {row.max_drawdown:g} % that it may"
        return causes


class Latches:
    """What stops trading at present, by cause; the strictest holds."""

    def __init__(self) -> None:
        self.state = TradingState.ACTIVE
        """What may be done."""
        self.reason = ""
        """Why, strictest first."""
        self._causes: dict[str, tuple[TradingState, str]] = {}

    def set(self, cause: str, state: TradingState, reason: str) -> bool:
        """Let something stop trading; tells whether that is new."""
        if self._causes.get(cause, (TradingState.ACTIVE, ""))[0] is state:
            return False
        self._causes[cause] = (state, reason)
        self._reckon()
        return True

    def clear(self, *causes: str) -> bool:
        """Take stops back; tells whether there was one."""
        found = [self._causes.pop(cause, None) for cause in causes]
        self._reckon()
        return any(found)

    def clear_but(self, *kept: str) -> bool:
        """Take back all stops but these; tells whether there was one."""
        return self.clear(*(cause for cause in list(self._causes) if cause not in kept))

    @property
    def causes(self) -> Mapping[str, tuple[TradingState, str]]:
        """State and reason by cause, oldest first."""
        return self._causes

    def is_stricter_than(self, other: Latches) -> bool:
        """Tell whether it stops more than another."""
        return _SEVERITY[self.state] > _SEVERITY[other.state]

    def _reckon(self) -> None:
        ordered = sorted(self._causes.values(), key=lambda cause: -_SEVERITY[cause[0]])
        self.state = ordered[0][0] if ordered else TradingState.ACTIVE
        self.reason = "; ".join(reason for _, reason in ordered)

"""What a strategy is told before it starts: which symbols, which template, which bar, how much and at what risk.

The dicts of a user's script or of the new-strategy form are parsed here, once, into a frozen record; whatever is unknown or out of
range raises InvalidOption or UnknownTemplate that says what was expected.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import time
from typing import Any

from engine.authored.files import StrategyCode, code_of, is_file_name, template_of
from engine.authored.rules import NAME as CUSTOM
from engine.authored.rules import rules_template
from engine.core.errors import InvalidOption, did_you_mean
from engine.core.model import EXTERNAL, HAND, Exchange, Product, to_units
from engine.core.options import Option, parse
from engine.core.registry import RULES, Template
from engine.core.sizing import FIXED, Sizing, parse_sizing
from engine.host.describe import describe

CALLBACK = "callback"
"""`strategy_type` of a strategy that has no template: a function of the user's decides."""

WITHOUT_RULES = "ema_crossover"
"""What a custom strategy trades by when it was given no rules."""

MODES = ("paper", "live")

SCAN_INTERVAL = Option("scan_interval", 1, "Bar that decisions are made on", 1, 1_440, "minutes")

STRATEGY_OPTIONS = (
    Option("name", "", "How it is called on the screen and in the order book", is_required=True),
    Option("strategy_type", "", "Template, path of a .py file, custom for rules, or callback for a function of your own", is_required=True),
    Option("symbols", (), "What it trades: RELIANCE or NSE:RELIANCE", is_required=True),
    Option("exchange", "NSE", "Of symbols that name none", choices=tuple(Exchange)),
    Option("product", "MIS", "How positions are carried", choices=tuple(Product)),
    Option("sizing", "risk", "risk, kelly:F (a part of Kelly's percentage), or fixed:N units"),
    SCAN_INTERVAL,
    Option("exit_after", 0.0, "A position is closed so long after it was opened; 0 = not", 0.0, 1e6, "minutes"),
    Option("exit_at", "", "All is closed at that time of the day, such as 15:10, and nothing opened after it"),
    Option("parameters", "", "Of the template, and scan_interval", is_optional=True),
    Option("rules", "", "Of a custom strategy; without them it is the EMA crossover", is_optional=True),
    Option("description", "", "What it is meant to do, in the trader's words"),
)

RISK_OPTIONS = (
    Option("capital", 100_000.0, "What the strategy works with", 1.0, 1e12, "rupees"),
    Option("max_risk_per_trade", 0.0, "Lost at most when a stop is hit", 0.0, 100.0, "% of capital"),
)
"""Of `risk_config`; every further key is the name of a risk rule."""


@dataclass(frozen=True, slots=True)
class StrategyConfig:
    """One strategy, parsed."""

    id: str
    """Owner of its orders."""
    name: str
    strategy_type: str
    template: Template | None
    """None when a function of the user's decides."""
    parameters: Mapping[str, float]
    keys: tuple[str, ...]
    interval_s: int
    product: Product
    sizing: Sizing
    capital_units: int
    risk_pct: float
    """Of equity, per trade; 0 = not given."""
    limits: Mapping[str, float] = field(default_factory=dict)
    """By rule, in the rule's unit; only those given."""
    code: StrategyCode | None = None
    """The file it was read from; None of the terminal's own, of rules, and of a function."""
    exit_after_s: float = 0.0
    """A position is left so long after it was opened; 0 = not."""
    exit_at_min: int | None = None
    """Minute of the day (IST) at which all is left, and after which nothing is entered; None = not."""
    is_hosted: bool = False
    """Its code is a class of the user's, and runs in a process of its own."""

    @property
    def sha256(self) -> str:
        """Fingerprint of the file's text; "" for what comes from no file."""
        return self.code.sha256 if self.code is not None else ""

    @property
    def max_position_pct(self) -> float:
        """Largest position in percent of capital, 0 when not given."""
        return self.limits.get("max_position_size", 0.0)


def parse_strategy(
    strategy_config: Mapping[str, object],
    risk_config: Mapping[str, object] | None = None,
    strategy_id: str | None = None,
    *,
    is_backtest: bool = False,
) -> StrategyConfig:
    """Parse the two dicts of the public API; `strategy_id` defaults to one made of the name.

    A class in a file is described by a process of its own, and runs in one; `is_backtest`: it is read, and runs, here.
    """
    strategy_config = _mapping(strategy_config, "strategy_config")
    plain = {name: None if name in ("parameters", "rules") else value for name, value in strategy_config.items()}
    given = parse(STRATEGY_OPTIONS, plain, "strategy_config")
    parameters = dict(_mapping(strategy_config.get("parameters"), "parameters"))
    scan = parameters.pop("scan_interval", None)
    if scan is not None and "scan_interval" in strategy_config:
        raise InvalidOption("Expected scan_interval once, was given in strategy_config and in its parameters; drop one.")
    minutes = SCAN_INTERVAL.parse(scan) if scan is not None else given["scan_interval"]
    name, kind = given["name"], given["strategy_type"]
    template, code, is_hosted = _template(kind, strategy_config.get("rules"), is_backtest=is_backtest)
    limits, risk = _risk(_mapping(risk_config, "risk_config"))
    keys = _keys(given["symbols"], given["exchange"])
    return StrategyConfig(
        id=_id(strategy_id or name),
        name=name,
        strategy_type=kind,
        template=template,
        parameters=template.parse(parameters) if template is not None else _free(parameters),
        keys=keys,
        interval_s=60 * minutes,
        product=Product(given["product"]),
        sizing=_sizing(given["sizing"], limits, risk["max_risk_per_trade"]),
        capital_units=to_units(risk["capital"]),
        risk_pct=risk["max_risk_per_trade"],
        limits=limits,
        code=code,
        exit_after_s=60.0 * given["exit_after"],
        exit_at_min=_minute_of_day(given["exit_at"]),
        is_hosted=is_hosted,
    )


def check_mode(mode: str) -> str:
    """Return the mode, or raise InvalidOption: paper or live."""
    if mode not in MODES:
        raise InvalidOption(f'Expected mode to be paper or live, was "{mode}"{did_you_mean(mode, MODES)}')
    return mode


def _template(kind: str, rules: object, *, is_backtest: bool) -> tuple[Template | None, StrategyCode | None, bool]:
    """Return the template, the file that it comes from, and whether it runs in a process of its own."""
    if kind == CUSTOM:
        return template_of(WITHOUT_RULES) if rules is None else rules_template(rules), None, False
    if rules is not None:
        raise InvalidOption(f'Expected rules only of a strategy of type {CUSTOM}, was "{kind}"; drop one of them.')
    if kind == CALLBACK:
        return None, None, False
    if not is_file_name(kind):
        return template_of(kind), None, False
    code = code_of(kind)
    template, is_hosted = (template_of(kind), False) if is_backtest else describe(code)
    return template, code, is_hosted


def _risk(given: Mapping[str, object]) -> tuple[dict[str, float], dict[str, Any]]:
    """Split risk_config into limits by rule and the rest."""
    rules = RULES.names()
    named = {option.name for option in RISK_OPTIONS}
    unknown = next((name for name in given if name not in named and name not in rules), None)
    if unknown is not None:
        raise InvalidOption(f'Unknown "{unknown}" in risk_config{did_you_mean(str(unknown), [*named, *rules])}')
    limits = (Option(name, 0.0, low=0.0, unit=RULES.get(name).unit) for name in rules if name in given)
    rest = {name: value for name, value in given.items() if name in named}
    return {option.name: option.parse(given[option.name]) for option in limits}, parse(RISK_OPTIONS, rest, "risk_config")


def _sizing(text: str, limits: Mapping[str, float], risk_pct: float) -> Sizing:
    sizing = parse_sizing(text)
    if sizing.mode != FIXED and risk_pct == 0.0 and not limits.get("max_position_size"):
        raise InvalidOption(
            "Expected max_risk_per_trade or max_position_size in risk_config to size orders by risk, was neither; "
            "give one, or fixed:N as sizing."
        )
    return sizing


def _keys(symbols: tuple[str, ...], exchange: str) -> tuple[str, ...]:
    if not symbols:
        raise InvalidOption("Expected at least one of symbols, was none; give for example RELIANCE.")
    keys = [symbol.upper() if ":" in symbol else f"{exchange}:{symbol.upper()}" for symbol in symbols]
    return tuple(dict.fromkeys(keys))


def _free(parameters: Mapping[str, object]) -> dict[str, float]:
    """Take any numbers: a function of the user's has its own idea of parameters."""
    return {name: Option(name, 0.0).parse(value) for name, value in parameters.items()}


def _minute_of_day(text: str) -> int | None:
    """Return the minute of a time such as 15:10, None of none."""
    if not text:
        return None
    try:
        at = time.fromisoformat(text)
    except ValueError:
        raise InvalidOption(f'Expected exit_at to be a time of the day such as 15:10, was "{text}"; change it.') from None
    return at.hour * 60 + at.minute


def _id(text: str) -> str:
    """Make an owner of a name: lower case, words joined by hyphens, never one that means somebody else."""
    made = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
    if made in ("", HAND, EXTERNAL):
        raise InvalidOption(f'Expected a name with letters or digits, not "{HAND}" or "{EXTERNAL}", was "{text}"; choose another.')
    return made


def _mapping(given: object, what: str) -> Mapping[str, object]:
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise InvalidOption(f"Expected {what} to be a dict, was {type(given).__name__}; give names and values.")
    return given

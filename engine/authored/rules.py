"""A strategy put together from rules, as data: when to buy, sell and leave, by indicators, prices and the time of day.

No code comes in this way. A condition compares two figures of the closed bar; `all` and `any` join conditions; a rule that holds
becomes a wish, like any strategy's. Whatever is unknown or makes no sense is refused with the place where it stands.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import time
from typing import Any

from engine.authored.classes import Strategy
from engine.authored.files import template_of_class
from engine.clock import ist
from engine.core.errors import InvalidOption, did_you_mean
from engine.core.model import Bar
from engine.core.options import Option, parse
from engine.core.registry import INDICATORS, Template
from engine.core.series import parse_values

NAME = "custom"
"""`strategy_type` of a strategy of rules."""

PRICES = ("open", "high", "low", "close", "volume")
COMPARISONS = ("above", "below", "crosses_above", "crosses_below")
WISHES = ("buy", "sell", "exit")
"""What rules may stand for: be long, be short, hold nothing; asked in this order, exit first."""

DISTANCES = (
    Option("stop_pct", 0.0, "Distance of the stop from the close, 0 = none", 0.0, 50.0, "%"),
    Option("target_pct", 0.0, "Distance of the target from the close, 0 = none", 0.0, 500.0, "%"),
    Option("trail_pct", 0.0, "Distance of the trailing stop, 0 = none", 0.0, 50.0, "%"),
)

MOST_CONDITIONS = 50
DEEPEST = 4

Figure = Callable[[Bar], tuple[float, float]]
"""Returns a figure as of this bar, and as of the one before."""
Condition = Callable[[Bar], bool]


class RuleStrategy(Strategy):
    """Trades by rules; the rules are the class's."""

    rules: Mapping[str, Any]

    def on_start(self) -> None:
        """Declare the indicators that the rules name."""
        self._before: Bar | None = None
        self._conditions = {name: self._join(self.rules[name]) for name in ("exit", "buy", "sell") if name in self.rules}
        self._stop, self._target, self._trail = (self.rules[option.name] / 100.0 for option in DISTANCES)

    def on_bar(self, bar: Bar) -> None:
        """Want what the first rule that holds stands for."""
        held = {name: holds(bar) for name, holds in self._conditions.items()}  # all of them: a crossing looks a bar back
        met = next((name for name, is_met in held.items() if is_met), "")
        if met == "exit":
            self.close()
        elif met:
            side = 1.0 if met == "buy" else -1.0
            prices = {
                "stop": bar.close * (1.0 - side * self._stop) if self._stop else None,
                "profit": bar.close * (1.0 + side * self._target) if self._target else None,
                "trail": bar.close * self._trail if self._trail else None,
            }
            wanted = {name: price for name, price in prices.items() if price is not None and price > 0.0}
            (self.buy if met == "buy" else self.sell)(1.0, **wanted)
        self._before = bar

    def _join(self, rule: Mapping[str, Any]) -> Condition:
        for name, decide in (("all", all), ("any", any)):
            if name in rule:
                parts = [self._join(part) for part in rule[name]]
                return lambda bar: decide([part(bar) for part in parts])
        if "between" in rule:
            first, last = (time.fromisoformat(text) for text in rule["between"])
            return lambda bar: first <= ist(bar.time_ns + self.interval_s * 1_000_000_000).time() <= last
        left, right = self._figure(rule["left"]), self._figure(rule["right"])
        return _comparison(rule["is"], left, right)

    def _figure(self, told: object) -> Figure:
        if isinstance(told, Mapping):
            given = {name: value for name, value in told.items() if name not in ("indicator", "output")}
            stream, output = self.indicator(str(told["indicator"]), **given), told.get("output", "value")
            if output == "value":
                return lambda bar: (stream.value, stream.previous)
            seen = [float("nan"), float("nan")]

            def of_output(bar: Bar) -> tuple[float, float]:
                seen[0], seen[1] = seen[1], float(getattr(stream, output))
                return seen[1], seen[0]

            return of_output
        if isinstance(told, str):
            return lambda bar: (getattr(bar, told), getattr(self._before, told) if self._before is not None else float("nan"))
        number = float(told)  # type: ignore[arg-type]  # checked when it was parsed
        return lambda bar: (number, number)


def _comparison(word: str, left: Figure, right: Figure) -> Condition:
    def holds(bar: Bar) -> bool:
        (a, a_before), (b, b_before) = left(bar), right(bar)
        if word == "above":
            return a > b
        if word == "below":
            return a < b
        if word == "crosses_above":
            return a > b and a_before <= b_before
        return a < b and a_before >= b_before

    return holds


def rules_template(given: object) -> Template:
    """Make the template of rules; raises InvalidOption for what is unknown or makes no sense, and says where it stands."""
    rules = parse_rules(given)
    cls = type("RuleStrategy", (RuleStrategy,), {"rules": rules, "__module__": __name__, "__doc__": "Rules."})
    return replace(template_of_class(cls), name=NAME, title="Custom rules")


def parse_rules(given: object) -> dict[str, Any]:
    """Check rules and fill in what was left out."""
    if not isinstance(given, Mapping):
        raise InvalidOption(f"Expected rules to be an object with {', '.join(WISHES)}, was {type(given).__name__}.")
    distances = {option.name for option in DISTANCES}
    for name in given:
        if name not in WISHES and name not in distances:
            raise InvalidOption(f'Unknown "{name}" in rules{did_you_mean(str(name), [*WISHES, *distances])}')
    if "buy" not in given and "sell" not in given:
        raise InvalidOption("Expected buy or sell in rules, was neither; say when to enter.")
    count = [0]
    made = {name: _rule(given[name], name, 0, count) for name in WISHES if name in given}
    return made | parse(DISTANCES, {name: value for name, value in given.items() if name in distances}, "rules")


def _rule(given: object, place: str, depth: int, count: list[int]) -> dict[str, Any]:
    count[0] += 1
    if count[0] > MOST_CONDITIONS or depth > DEEPEST:
        raise InvalidOption(f"Expected at most {MOST_CONDITIONS} conditions, {DEEPEST} deep, was more at {place}; make it simpler.")
    if not isinstance(given, Mapping):
        raise InvalidOption(f"Expected a condition at {place}, was {type(given).__name__}; give left, is and right, or all, any, between.")
    keys = set(given)
    for word in ("all", "any"):
        if keys == {word}:
            parts = given[word]
            if not isinstance(parts, (list, tuple)) or not parts:
                raise InvalidOption(f"Expected a list of conditions at {place}.{word}, was {parts!r}.")
            return {word: [_rule(part, f"{place}.{word}[{at}]", depth + 1, count) for at, part in enumerate(parts)]}
    if keys == {"between"}:
        return {"between": _times(given["between"], place)}
    if keys != {"left", "is", "right"}:
        raise InvalidOption(
            f"Expected left, is and right, or all, any or between at {place}, was {', '.join(map(str, keys)) or 'nothing'}."
        )
    if given["is"] not in COMPARISONS:
        said = did_you_mean(str(given["is"]), COMPARISONS)
        raise InvalidOption(f"Expected is at {place} to be one of {', '.join(COMPARISONS)}, was {given['is']!r}{said}")
    return {"is": given["is"]} | {side: _operand(given[side], f"{place}.{side}") for side in ("left", "right")}


def _times(given: object, place: str) -> list[str]:
    try:
        times = [str(text) for text in given]  # type: ignore[attr-defined]  # that it may be no list is the point
        first, last = (time.fromisoformat(text) for text in times)
        if first > last:
            raise ValueError
    except (TypeError, ValueError):
        raise InvalidOption(
            f'Expected two times of the day, the earlier first, at {place}.between, was {given!r}; as ["09:20", "15:00"].'
        ) from None
    return times


def _operand(given: object, place: str) -> float | str | dict[str, Any]:
    if isinstance(given, bool):
        raise InvalidOption(f"Expected a number, a price or an indicator at {place}, was {given}.")
    if isinstance(given, (int, float)):
        return Option(place, 0.0).parse(given)  # type: ignore[no-any-return]
    if isinstance(given, str):
        if given not in PRICES:
            raise InvalidOption(f'Expected one of {", ".join(PRICES)} at {place}, was "{given}"{did_you_mean(given, PRICES)}')
        return given
    if isinstance(given, Mapping) and isinstance(given.get("indicator"), str):
        return _indicator(given, place)
    raise InvalidOption(f"Expected a number, a price or an indicator at {place}, was {given!r}.")


def _indicator(given: Mapping[str, Any], place: str) -> dict[str, Any]:
    found = INDICATORS.get(given["indicator"])
    output = given.get("output", "value")
    if output not in found.outputs:
        raise InvalidOption(f"Expected output of {found.name} at {place} to be one of {', '.join(found.outputs)}, was {output!r}.")
    values = {name: value for name, value in given.items() if name not in ("indicator", "output")}
    parse_values(found, values)
    return {"indicator": found.name, "output": output, **values}

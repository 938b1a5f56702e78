"""Where brokers, indicators, templates, rules, metrics, panels and actions are found by name: one kind of list for all.

A thing is added by a decorator in its own file; asking for an unknown name says what was meant.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pkgutil import iter_modules
from typing import Any, Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from engine.core.errors import InvalidOption, UnknownTemplate, UserError, did_you_mean
from engine.core.records import Row

T = TypeVar("T")


class Registry(Generic[T]):
    """Named things of one kind, kept in the order in which they were added."""

    def __init__(self, kind: str, error: type[UserError] = InvalidOption, package: str | None = None) -> None:
        """Name the kind for messages; `package` is imported, file by file, the first time something is looked up."""
        self.kind = kind
        self._error = error
        self._package = package
        self._items: dict[str, T] = {}

    def add(self, name: str, item: T) -> T:
        """Add a thing under its name; the same name twice is a mistake of ours."""
        if name in self._items:
            raise ValueError(f"There are two of {self.kind} {name!r}; names must differ.")
        self._items[name] = item
        return item

    def get(self, name: str) -> T:
        """Return the thing of that name, or raise the kind's UserError with the nearest name."""
        self.load()
        try:
            return self._items[name]
        except KeyError:
            raise self._error(f'Unknown {self.kind} "{name}"{did_you_mean(name, self._items)}') from None

    def names(self) -> list[str]:
        """List the names, in the order of adding."""
        self.load()
        return list(self._items)

    def items(self) -> Iterator[tuple[str, T]]:
        """Walk over names and things."""
        self.load()
        return iter(self._items.items())

    @contextmanager
    def aside(self) -> Iterator[dict[str, T]]:
        """Catch what is added meanwhile in a dict of its own: a file of the user's must not clash with what is known."""
        self.load()
        kept, self._items = self._items, {}
        try:
            yield self._items
        finally:
            self._items = kept

    def load(self) -> None:
        """Import every file of the package, so that each has added itself."""
        package, self._package = self._package, None
        if package:
            module = import_module(package)
            for info in iter_modules(module.__path__):
                import_module(f"{package}.{info.name}")


class Step(Protocol):
    """A strategy's `on_bar`, compiled or not."""

    __name__: str
    __module__: str
    __doc__: str | None

    @property
    def py_func(self) -> Callable[..., Any]:
        """The plain function."""
        ...

    def __call__(self, state: Any, params: Any, bar: Any, intent: Any, /) -> Any:
        """Look at one closed bar (of a universe: one of each symbol) and write what is wanted into the intent."""
        ...


@dataclass(frozen=True, slots=True)
class Parameter:
    """One number that a template can be run with."""

    name: str
    default: float
    low: float
    high: float

    @property
    def is_whole(self) -> bool:
        """Tell whether only whole numbers make sense."""
        return isinstance(self.default, int)

    def parse(self, value: object) -> float:
        """Return the value as a number in range; raises InvalidOption saying what was expected."""
        expected = f"Expected {self.name} from {self.low:g} to {self.high:g}"
        try:
            number = float(value)  # type: ignore[arg-type]
        except (TypeError, ValueError):
            raise InvalidOption(f"{expected}, was {value!r}; give a number.") from None
        if not self.low <= number <= self.high:
            raise InvalidOption(f"{expected}, was {number:g}; give a number in that range.")
        if self.is_whole and number != int(number):
            raise InvalidOption(f"{expected}, a whole number, was {number:g}.")
        return number


@dataclass(frozen=True, slots=True)
class Template:
    """A strategy's code: one function of state, parameters and a bar."""

    name: str
    title: str
    parameters: tuple[Parameter, ...]
    state: np.dtype[Any]
    params: np.dtype[Any]
    on_bar: Step
    """Of a universe template it takes the bars of all symbols at once."""
    is_universe: bool = False
    plain: type[Any] | None = None
    """The class of a plain-Python strategy, which is driven bar by bar; its `on_bar` here wants nothing."""

    def parse(self, given: Mapping[str, object]) -> dict[str, float]:
        """Fill in defaults and check names and ranges; raises InvalidOption saying what was expected."""
        known = {parameter.name: parameter for parameter in self.parameters}
        for name in given:
            if name not in known:
                raise InvalidOption(f'Unknown parameter "{name}" of {self.name}{did_you_mean(name, known)}')
        return {name: parameter.parse(given.get(name, parameter.default)) for name, parameter in known.items()}

    def new_state(self) -> NDArray[np.float64]:
        """Make a fresh state buffer."""
        return np.zeros(max(1, self.state.itemsize // 8), dtype=np.float64)

    def new_params(self, values: Mapping[str, float], interval_s: int = 60) -> NDArray[np.float64]:
        """Make the parameter buffer from parsed values; where PARAMS has `bar_minutes` it is the length of the bars of decisions."""
        known = {**values, BAR_MINUTES: interval_s / 60.0}
        return np.array([known[name] for name in self.params.names or ()] or [0.0], dtype=np.float64)


BAR_MINUTES = "bar_minutes"
"""Field of PARAMS that is no parameter: whoever runs the template fills it in."""

TEMPLATES: Registry[Template] = Registry("strategy", UnknownTemplate, package="engine.strategies")

S = TypeVar("S", bound=Step)


def strategy(title: str, *, universe: bool = False, **parameters: tuple[float, float, float]) -> Callable[[S], S]:
    """Make `on_bar` a template named after its file; each parameter is (default, lowest, highest).

    The file's STATE and PARAMS give the layouts; PARAMS must have the parameters' names, in their order.
    """

    def wrap(on_bar: S) -> S:
        names, name = on_bar.py_func.__globals__, on_bar.__module__.rpartition(".")[2]
        if "STATE" not in names or "PARAMS" not in names:
            raise ValueError(f"Expected STATE and PARAMS of {name} above its on_bar; write them with fields(...).")
        state, params = names["STATE"], names["PARAMS"]
        if tuple(name for name in params.names or () if name != BAR_MINUTES) != tuple(parameters):
            raise ValueError(
                f"Expected PARAMS of {name} to name the parameters {tuple(parameters)} in their order, was {params.names}; change one."
            )
        made = tuple(Parameter(key, *values) for key, values in parameters.items())
        TEMPLATES.add(name, Template(name, title, made, state, params, on_bar, universe))
        return on_bar

    return wrap


@dataclass(frozen=True, slots=True)
class Rule:
    """One thing that an order must pass."""

    name: str
    code: int
    check: Callable[..., Any]
    limit: float
    unit: str
    explain: str
    when: str = ""
    """Fact without which it refuses nothing, so that it need not be asked; "" = it is always asked."""


RULES: Registry[Rule] = Registry("rule", package="engine.rules")

F = TypeVar("F", bound=Callable[..., Any])


def rule(name: str, *, code: int, limit: float, unit: str, explain: str, when: str = "") -> Callable[[F], F]:
    """Make `check` a risk rule.

    `code` is what it returns when it refuses (0 = allowed); `limit` its retail default in `unit`; `explain` the sentence that a
    refused order shows, with `{limit}` in it and what to do; `when` the fact that has to be true of an order for it to refuse at all.
    """

    def wrap(check: F) -> F:
        RULES.add(name, Rule(name, code, check, limit, unit, explain, when))
        return check

    return wrap


@dataclass(frozen=True, slots=True)
class Indicator:
    """A running calculation over bars, with one `update` a bar."""

    name: str
    title: str
    parameters: tuple[Parameter, ...]
    state: np.dtype[Any]
    update: Callable[..., Any]
    is_overlay: bool
    outputs: tuple[str, ...] = ("value",)
    """Fields of the state that are drawn, NaN until there were enough bars."""

    def new_state(self) -> Row:
        """Make a fresh state record."""
        return np.zeros(1, dtype=self.state)[0]


INDICATORS: Registry[Indicator] = Registry("indicator", package="engine.indicators")


def indicator(
    title: str, state: np.dtype[Any], *, overlay: bool, outputs: tuple[str, ...] = ("value",), **parameters: tuple[float, float, float]
) -> Callable[[F], F]:
    """Make `update(state_record, ..., parameters...)` an indicator named after its file; `overlay` draws it on the price.

    What lies between the state and the parameters is named after the fields of a BAR that it reads (`close`, or `high, low, close`).
    """

    def wrap(update: F) -> F:
        name = update.__module__.rpartition(".")[2]
        made = tuple(Parameter(key, *values) for key, values in parameters.items())
        INDICATORS.add(name, Indicator(name, title, made, state, update, overlay, outputs))
        return update

    return wrap


@dataclass(frozen=True, slots=True)
class Metric:
    """One figure that judges a run."""

    name: str
    title: str
    compute: Callable[[Any], float]
    """Takes a Run, returns a number in `unit`; NaN where the run does not tell."""
    unit: str
    """Rs, %, days, h, or nothing for a plain number."""
    format: str
    """The shape of the number: 0, 0.0, 0.00, ..."""
    group: str
    """Under which heading a report shows it."""
    higher_is_better: bool | None
    """Which way is better, for an optimiser; None = neither."""

    @property
    def decimals(self) -> int:
        """Return how many decimals are shown."""
        return len(self.format.partition(".")[2])


METRICS: Registry[Metric] = Registry("metric", package="engine.metrics")

M = TypeVar("M", bound=Callable[[Any], float])


def metric(
    name: str, *, title: str, group: str, unit: str = "", format: str = "0.00", higher_is_better: bool | None = True
) -> Callable[[M], M]:
    """Make `compute(run)` a metric; it never raises, and returns NaN where a run has too little to tell."""

    def wrap(compute: M) -> M:
        METRICS.add(name, Metric(name, title, compute, unit, format, group, higher_is_better))
        return compute

    return wrap

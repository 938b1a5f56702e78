"""Which values a search may try: one axis a parameter, every value checked before anything is run.

A combination is known by its number: the last axis counts fastest. Nothing is laid out in memory, so a grid may be as large as it likes.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from engine.core.errors import InvalidOption, did_you_mean
from engine.core.registry import Parameter, Template

LARGE = 10_000_000
"""Combinations above which the user is asked first."""


@dataclass(frozen=True, slots=True)
class Axis:
    """The values of one parameter: `count` of them, `step` apart, or a list."""

    name: str
    start: Decimal = Decimal(0)
    step: Decimal = Decimal(1)
    count: int = 0
    listed: tuple[Decimal, ...] = ()

    def __len__(self) -> int:
        """Return how many values there are."""
        return len(self.listed) or self.count

    def value(self, index: int) -> float:
        """Return the value at an index, as the float its decimal text gives."""
        return float(self.listed[index] if self.listed else self.start + index * self.step)

    @property
    def is_listed(self) -> bool:
        """Tell whether the values are a list, without an even distance."""
        return bool(self.listed)

    def __str__(self) -> str:
        """Return it as it is typed."""
        if self.listed:
            return f"{self.name}={','.join(map(str, self.listed))}"
        return f"{self.name}={self.start}:{self.start + self.count * self.step}:{self.step}"


def parse_axis(name: str, text: str) -> Axis:
    """Read `start:stop:step` (stop left out), `start:stop` (step 1) or a list `a,b,c`; raises InvalidOption."""
    shape = f"Expected {name}=start:stop:step (stop left out) or {name}=a,b,c, was {name}={text}"
    try:
        numbers = [Decimal(part.strip()) for part in text.replace(",", ":").split(":")]
    except InvalidOperation:
        raise InvalidOption(f"{shape}; give numbers.") from None
    if not all(number.is_finite() for number in numbers):
        raise InvalidOption(f"{shape}; give finite numbers.")
    if ":" not in text:
        if len(set(numbers)) != len(numbers):
            raise InvalidOption(f"{shape}: a value stands there twice; drop one.")
        return Axis(name, listed=tuple(numbers))
    if "," in text or len(numbers) not in (2, 3):
        raise InvalidOption(f"{shape}; give for example {name}=5:25:1.")
    start, stop, step = (*numbers, Decimal(1))[:3]
    if step <= 0 or stop <= start:
        raise InvalidOption(f"{shape}; the stop must lie above the start and the step above 0.")
    return Axis(name, start, step, math.ceil((stop - start) / step))


@dataclass(frozen=True, slots=True)
class Space:
    """All combinations of the values of some axes, over parameters that stay as they are."""

    axes: tuple[Axis, ...]
    fixed: Mapping[str, float]
    """The other parameters of the template."""

    @property
    def size(self) -> int:
        """Return how many combinations there are."""
        return math.prod(len(axis) for axis in self.axes)

    @property
    def shape(self) -> tuple[int, ...]:
        """Return how many values each axis has."""
        return tuple(len(axis) for axis in self.axes)

    def indices(self, point: int) -> tuple[int, ...]:
        """Return where on each axis a combination lies."""
        found = []
        for count in reversed(self.shape):
            point, index = divmod(point, count)
            found.append(index)
        return tuple(reversed(found))

    def point(self, indices: Sequence[int]) -> int:
        """Return the number of the combination at these indices."""
        number = 0
        for index, count in zip(indices, self.shape, strict=True):
            number = number * count + index
        return number

    def chosen(self, point: int) -> dict[str, float]:
        """Return what a combination sets, by parameter."""
        return {axis.name: axis.value(index) for axis, index in zip(self.axes, self.indices(point), strict=True)}

    def values(self, point: int) -> dict[str, float]:
        """Return all parameters of a combination."""
        return {**self.fixed, **self.chosen(point)}

    def __str__(self) -> str:
        """Return it as it is typed, the fixed parameters too."""
        return " ".join([*map(str, self.axes), *(f"{name}={value!r}" for name, value in self.fixed.items())])


def make_space(template: Template, axes: Iterable[Axis], fixed: Mapping[str, object] | None = None) -> Space:
    """Check axes and fixed values against the template's parameters; raises InvalidOption that says what was expected."""
    axes, given = tuple(axes), dict(fixed or {})
    known = {parameter.name: parameter for parameter in template.parameters}
    if not axes:
        raise InvalidOption("Expected at least one parameter to search over, was none; give for example fast_ema=5:25:1.")
    seen: set[str] = set()
    for axis in axes:
        if axis.name not in known:
            raise InvalidOption(f'Unknown parameter "{axis.name}" of {template.name}{did_you_mean(axis.name, known)}')
        if axis.name in seen or axis.name in given:
            raise InvalidOption(f"Expected {axis.name} once, was given twice; drop one.")
        seen.add(axis.name)
        _check(axis, known[axis.name])
    parsed = template.parse({**given, **{axis.name: axis.value(0) for axis in axes}})
    return Space(axes, {name: value for name, value in parsed.items() if name not in seen})


def _check(axis: Axis, parameter: Parameter) -> None:
    """Refuse values that the template would refuse: the ends tell for evenly spaced ones."""
    ends = axis.listed or (axis.start, axis.start + (axis.count - 1) * axis.step)
    expected = f"Expected {axis.name} from {parameter.low:g} to {parameter.high:g}"
    for value in ends:
        if not parameter.low <= value <= parameter.high:
            raise InvalidOption(f"{expected}, was {value}; change the grid of it.")
    if parameter.is_whole and any(number % 1 for number in (*ends, axis.step)):
        raise InvalidOption(f"{expected}, whole numbers, was {axis}; change start or step.")

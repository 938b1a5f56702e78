"""Draws lines, bars and points as SVG: the paper, the scales and their labels of every chart in a report.

Colours are classes, which the page's style gives by day and by night. Positions are rounded to a tenth of a pixel: files stay small.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from html import escape

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]

LEFT, RIGHT, TOP, BOTTOM = 74, 14, 10, 24
"""Margins of a chart in pixels."""


def thin(values: Numbers, columns: int) -> NDArray[np.int64]:
    """Return which of the values draw the same line on so many pixel columns: of each its first, lowest, highest and last."""
    count = len(values)
    if count <= 4 * columns:
        return np.arange(count, dtype=np.int64)
    edges = np.linspace(0, count, columns + 1).astype(np.int64)
    kept = [
        (begin, begin + int(np.argmin(part)), begin + int(np.argmax(part)), end - 1)
        for begin, end in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True)
        for part in (values[begin:end],)
    ]
    return np.unique(np.array(kept, dtype=np.int64))


def round_steps(low: float, high: float, count: int = 5) -> list[float]:
    """Return about so many round numbers between two."""
    if not (math.isfinite(low) and math.isfinite(high)) or high <= low:
        return [low] if math.isfinite(low) else []
    rough = (high - low) / count
    base = 10.0 ** math.floor(math.log10(rough))
    step = next(base * factor for factor in (1, 2, 2.5, 5, 10) if base * factor >= rough * 0.999)
    return [index * step for index in range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)]


def position(value: float) -> str:
    """Write a pixel position."""
    return f"{value:.1f}".removesuffix(".0")


def path(xs: Iterable[float], ys: Iterable[float]) -> str:
    """Return the commands of a line through points in pixels."""
    return "M" + "L".join(f"{position(x)} {position(y)}" for x, y in zip(xs, ys, strict=True))


@dataclass
class Plot:
    """One chart under construction; x and y are in the units of the data."""

    width: int
    height: int
    x_range: tuple[float, float]
    y_range: tuple[float, float]
    title: str
    parts: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Give ranges without extent some, so that everything has a place."""
        self.x_range, self.y_range = _opened(*self.x_range), _opened(*self.y_range)

    @property
    def bottom(self) -> float:
        """Return the pixel row of the x axis."""
        return float(self.height - BOTTOM)

    def x(self, value: float) -> float:
        """Return the pixel column of a value."""
        low, high = self.x_range
        return LEFT + (value - low) / (high - low) * (self.width - LEFT - RIGHT)

    def y(self, value: float) -> float:
        """Return the pixel row of a value."""
        low, high = self.y_range
        return self.bottom - (value - low) / (high - low) * (self.bottom - TOP)

    def xs(self, values: Numbers) -> list[float]:
        """Return the pixel columns of values."""
        return [self.x(value) for value in values.tolist()]

    def ys(self, values: Numbers) -> list[float]:
        """Return the pixel rows of values."""
        return [self.y(value) for value in values.tolist()]

    def y_axis(self, text: Callable[[float], str], count: int = 5) -> None:
        """Draw lines at round values, with their labels."""
        for value in round_steps(*self.y_range, count):
            row = position(self.y(value))
            self.parts.append(f'<path class="grid" d="M{LEFT} {row}H{self.width - RIGHT}"/>')
            self.parts.append(f'<text class="tick" x="{LEFT - 8}" y="{row}" dy="4" text-anchor="end">{escape(text(value))}</text>')

    def x_axis(self, labels: Sequence[tuple[float, str]]) -> None:
        """Draw labels under the chart."""
        for value, text in labels:
            column = self.x(value)
            anchor = "start" if column < LEFT + 30 else "end" if column > self.width - RIGHT - 30 else "middle"
            at = f'x="{position(column)}" y="{self.height - 7}" text-anchor="{anchor}"'
            self.parts.append(f'<text class="tick" {at}>{escape(text)}</text>')

    def line(self, xs: Numbers, ys: Numbers, kind: str) -> None:
        """Draw a line."""
        self.parts.append(f'<path class="{kind}" d="{path(self.xs(xs), self.ys(ys))}"/>')

    def area(self, xs: Numbers, ys: Numbers, base: float, kind: str) -> None:
        """Fill what lies between a line and a base."""
        columns, floor = self.xs(xs), position(self.y(base))
        outline = path(columns, self.ys(ys))
        self.parts.append(f'<path class="{kind}" d="{outline}L{position(columns[-1])} {floor}L{position(columns[0])} {floor}Z"/>')

    def rule(self, value: float) -> None:
        """Draw a level across the chart."""
        self.parts.append(f'<path class="level" d="M{LEFT} {position(self.y(value))}H{self.width - RIGHT}"/>')

    def svg(self, name: str = "") -> str:
        """Return the chart."""
        named = f' id="{escape(name)}"' if name else ""
        head = f'<svg{named} class="chart" viewBox="0 0 {self.width} {self.height}" role="img" aria-label="{escape(self.title)}">'
        return f"{head}{''.join(self.parts)}</svg>"


def _opened(low: float, high: float) -> tuple[float, float]:
    if not (math.isfinite(low) and math.isfinite(high)):
        return 0.0, 1.0
    return (low, high) if high > low else (low - 0.5, high + 0.5)

"""Words and figures of a report: rupees in lakhs and crores, a dash for what is not known, dates of India.

Everything that a user may have written goes through `escape` before it is on the page.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from html import escape

import numpy as np
from numpy.typing import NDArray

from engine.clock import ist
from engine.core.figures import decimal_in_lakhs
from engine.core.registry import Metric

NONE = "–"
MINUS = "−"
UNITS_SHOWN = {"Rs": "₹", "%": "%", "days": " days", "h": " h"}


def number(value: float, decimals: int = 2) -> str:
    """Write a number, grouped; a dash where there is none."""
    return decimal_in_lakhs(value, decimals, MINUS) if math.isfinite(value) else NONE


def rupees(value: float, decimals: int = 2) -> str:
    """Write an amount with its sign of currency."""
    text = number(value, decimals)
    return text if text == NONE else f"{MINUS}₹{text[1:]}" if text.startswith(MINUS) else f"₹{text}"


def short_rupees(value: float) -> str:
    """Write an amount short, for an axis: ₹1,98,450, ₹12.4 L, ₹3.15 Cr."""
    for least, size, name in ((1e7, 1e7, "Cr"), (1e6, 1e5, "L")):
        if abs(value) >= least:
            text = f"{abs(value) / size:.2f}".rstrip("0").rstrip(".")
            return f"{MINUS if value < 0 else ''}₹{text} {name}"
    return rupees(value, 0 if float(value).is_integer() or abs(value) >= 1000 else 2)


def percent(value: float, decimals: int = 2) -> str:
    """Write a share."""
    text = number(value, decimals)
    return text if text == NONE else f"{text}%"


def figure(metric: Metric, value: float) -> str:
    """Write a metric's value as it wants to be written."""
    if metric.unit == "Rs":
        return rupees(value, metric.decimals)
    text = number(value, metric.decimals)
    return text if text == NONE else f"{text}{UNITS_SHOWN.get(metric.unit, '')}"


def tone(value: float) -> str:
    """Return the class of a gain or a loss."""
    return "up" if value > 0 else "down" if value < 0 else ""


def written(on: date) -> str:
    """Write a day."""
    return f"{on.day} {on:%b %Y}"


def day(time_ns: int) -> str:
    """Write the day of a moment."""
    return written(ist(time_ns))


def moments(times: NDArray[np.int64], count: int = 7) -> list[tuple[int, str]]:
    """Choose steps that an axis names, about evenly: (index, label); the clock within days, else the date, the year once."""
    if not len(times):
        return []
    last, told = len(times) - 1, ""
    picks = sorted({round(last * part / (count - 1)) for part in range(count)})
    is_short = ist(int(times[-1])).date().toordinal() - ist(int(times[0])).date().toordinal() < 3
    labels = []
    for index in picks:
        at = ist(int(times[index]))
        labels.append((index, _label(at, told, is_short)))
        told = f"{at:%d %b}" if is_short else f"{at:%Y}"
    return labels


def _label(at: datetime, told: str, is_short: bool) -> str:
    if is_short:
        return f"{at:%H:%M}" if f"{at:%d %b}" == told else f"{at.day} {at:%b %H:%M}"
    return f"{at.day} {at:%b}" if f"{at:%Y}" == told else f"{at.day} {at:%b %Y}"


Cell = str | tuple[str, str]
"""What stands in a table: a text, or a text and the class that it is shown in."""


def table(head: Sequence[str], rows: Iterable[Sequence[Cell]], kind: str = "") -> str:
    """Make a table; the first column is text, the others figures."""
    top = "".join(f"<th>{escape(word)}</th>" for word in head)
    body = "".join(f"<tr>{''.join(_cell(cell) for cell in row)}</tr>" for row in rows)
    return f'<div class="wide"><table class="{kind}"><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>'


def gain(value: float, decimals: int = 2) -> Cell:
    """Write a gain or a loss in rupees, in its colour."""
    return rupees(value, decimals), tone(value)


def _cell(cell: Cell) -> str:
    text, kind = (cell, "") if isinstance(cell, str) else cell
    return f'<td class="{kind}">{escape(text)}</td>' if kind else f"<td>{escape(text)}</td>"

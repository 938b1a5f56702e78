"""How figures are written on an Indian desk: 1,00,000.00, a sign on every gain and loss, times of the exchange.

Nothing here knows a colour. What is not known is written as a dash, never as 0.
"""

from __future__ import annotations

import math
from datetime import datetime, timedelta, timezone
from decimal import Decimal

from engine.core.figures import decimal_in_lakhs, in_lakhs
from engine.core.model import UNITS

NONE = "–"
"""What stands where nothing is known."""

MINUS = "−"
LAKH = 100_000
CRORE = 10_000_000
NS = 1_000_000_000

_IST = timezone(timedelta(hours=5, minutes=30), "IST")


def grouped(number: int) -> str:
    """Write a whole number in lakhs and crores: 12,34,567."""
    return (MINUS if number < 0 else "") + in_lakhs(abs(number))


def decimal(value: float, decimals: int = 2) -> str:
    """Write a number with that many decimals, grouped; a dash for NaN and infinity."""
    return decimal_in_lakhs(value, decimals, MINUS) if math.isfinite(value) else NONE


def price(value: float | None, decimals: int = 2) -> str:
    """Write a price; a dash when there is none (None, 0, NaN)."""
    return decimal(value, decimals) if value else NONE


def signed(value: float, decimals: int = 2) -> str:
    """Write a change with its sign, also a gain's: +1.25, −0.40, 0.00."""
    text = decimal(value, decimals)
    return f"+{text}" if value > 0 and text.strip("0.,") else text


def percent(value: float, decimals: int = 2) -> str:
    """Write a change in percent with its sign."""
    text = signed(value, decimals)
    return text if text == NONE else f"{text}%"


def money(units: int, decimals: int = 2) -> str:
    """Write an amount of money units in rupees, rounded half up from zero."""
    step = UNITS // 10**decimals
    whole = (abs(units) + step // 2) // step
    head, rest = divmod(whole, 10**decimals)
    text = grouped(head) + (f".{rest:0{decimals}d}" if decimals else "")
    return MINUS + text if units < 0 and whole else text


def signed_money(units: int, decimals: int = 2) -> str:
    """Write a profit or loss of money units in rupees, with its sign."""
    text = money(units, decimals)
    return f"+{text}" if units > 0 and text.strip("0.,") else text


def compact(value: float) -> str:
    """Write a large amount short: 98,450, 12.40 L, 3.15 Cr; a dash for what is not positive."""
    if not math.isfinite(value) or value <= 0:
        return NONE
    if value < LAKH:
        return grouped(round(value))
    return f"{value / LAKH:.2f} L" if value < CRORE else f"{decimal(value / CRORE)} Cr"


def arrow(value: float) -> str:
    """Return the sign of a change as a shape."""
    return "▲" if value > 0 else "▼" if value < 0 else ""


def decimals_of(tick_size: Decimal) -> int:
    """Return how many decimals a price on this tick grid has; at least two, as rupees are written."""
    exponent = tick_size.normalize().as_tuple().exponent
    return max(2, -exponent if isinstance(exponent, int) else 2)


def moment(time_ns: int) -> datetime:
    """Return a time as the exchange's wall clock shows it."""
    return datetime.fromtimestamp(time_ns // NS, _IST)


def clock(time_ns: int) -> str:
    """Write the time of day at the exchange, 09:15:00; a dash for 0."""
    return f"{moment(time_ns):%H:%M:%S}" if time_ns > 0 else NONE


def day(time_ns: int) -> str:
    """Write the day at the exchange, 3 Nov 2025; a dash for 0."""
    when = moment(time_ns)
    return f"{when.day} {when:%b %Y}" if time_ns > 0 else NONE


def day_clock(time_ns: int) -> str:
    """Write day and time at the exchange, 03 Nov 09:15:00; a dash for 0."""
    return f"{moment(time_ns):%d %b %H:%M:%S}" if time_ns > 0 else NONE


def age(seconds: float) -> str:
    """Write how old something is: 0.4 s, 12 s, 3 min, 2 h; a dash when that is not known."""
    if not math.isfinite(seconds):
        return NONE
    if seconds < 10:
        return f"{max(0.0, seconds):.1f} s"
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.0f} h"


def bytes_of(size: int) -> str:
    """Write how large a file is: 512 B, 1.4 MB."""
    for unit, power in (("GB", 9), ("MB", 6), ("kB", 3)):
        if size >= 10**power:
            return f"{size / 10**power:.1f} {unit}"
    return f"{size} B"


def count(number: int, one: str, many: str = "") -> str:
    """Write a number with its noun: 1 order, 3 orders."""
    return f"{grouped(number)} {one if number == 1 else many or one + 's'}"

"""How figures are grouped on an Indian desk: in lakhs and crores, 12,34,567."""

from __future__ import annotations


def in_lakhs(number: int) -> str:
    """Write a whole number of 0 or more, grouped: the last three digits, then two by two."""
    digits = str(number)
    head, tail = digits[:-3], digits[-3:]
    groups = [head[max(0, end - 2) : end] for end in range(len(head), 0, -2)]
    return ",".join([*reversed(groups), tail])


def decimal_in_lakhs(value: float, decimals: int, minus: str = "-") -> str:
    """Write a finite number with that many decimals, grouped; what rounds to zero has no sign."""
    whole, _, rest = f"{abs(value):.{decimals}f}".partition(".")
    sign = minus if value < 0 and (int(whole) or rest.strip("0")) else ""
    return f"{sign}{in_lakhs(int(whole))}{'.' if rest else ''}{rest}"

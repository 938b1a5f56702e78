"""Fields for what a template can be run with: drawn from the template itself, never by hand."""

from __future__ import annotations

from engine.core.registry import Parameter
from widgets.base.inputs import NumberBox


def title_of(name: str) -> str:
    """Write a parameter's name as a title: fast_ema, Fast ema."""
    return name.replace("_", " ").capitalize()


def filled_box(title: str, default: float, decimals: int) -> NumberBox:
    """Make a field with a number in it."""
    box = NumberBox(title, decimals=decimals)
    box.put(default)
    return box


def parameter_box(parameter: Parameter) -> NumberBox:
    """Make the field of a parameter, with its default."""
    box = filled_box(title_of(parameter.name), parameter.default, 0 if parameter.is_whole else 3)
    box.setToolTip(f"From {parameter.low:g} to {parameter.high:g}")
    return box

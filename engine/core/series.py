"""An indicator over many bars in one go, to the last bit what it gives bar by bar.

The loop is compiled for each indicator as if it stood in that indicator's own file, so that its machine code is kept on disk with it.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from engine.core.compiled import Compiled, compiled
from engine.core.errors import InvalidOption, did_you_mean
from engine.core.records import BAR, Rows
from engine.core.registry import Indicator

_LOOP = """
def over_{name}(states, bars, values, out):
    state = states[0]
    for index in range(len(bars)):
        bar = bars[index]
        update(state, {arguments})
        {outputs}
"""

_MADE: dict[str, Compiled[..., None]] = {}


def parse_values(indicator: Indicator, given: Mapping[str, object]) -> NDArray[np.float64]:
    """Return an indicator's parameters in their order, defaults filled in; raises InvalidOption for what it does not take."""
    known = {parameter.name: parameter for parameter in indicator.parameters}
    for name in given:
        if name not in known:
            raise InvalidOption(f'Unknown parameter "{name}" of {indicator.name}{did_you_mean(name, known)}')
    return np.array([parameter.parse(given.get(name, parameter.default)) for name, parameter in known.items()], dtype=np.float64)


def series(indicator: Indicator, states: Rows, bars: Rows, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the outputs (one row a bar, one column an output) over BAR rows; `states`, one record, goes on from where it was."""
    out = np.empty((len(bars), len(indicator.outputs)))
    loop_over(indicator)(states, np.require(bars, BAR, ["C", "W", "A"]), values, out)
    return out


def loop_over(indicator: Indicator) -> Compiled[..., None]:
    """Return the loop of an indicator, made once; call its `compile` to have it as machine code."""
    if indicator.name not in _MADE:
        _MADE[indicator.name] = _make(indicator)
    return _MADE[indicator.name]


def _make(indicator: Indicator) -> Compiled[..., None]:
    update = indicator.update
    own, code = update.__module__, update.py_func.__code__  # type: ignore[attr-defined]
    fields = code.co_varnames[1 : code.co_argcount - len(indicator.parameters)]
    text = _LOOP.format(
        name=indicator.name,
        arguments=", ".join([*(f"bar.{name}" for name in fields), *(f"values[{at}]" for at in range(len(indicator.parameters)))]),
        outputs="; ".join(f"out[index, {at}] = state.{name}" for at, name in enumerate(indicator.outputs)),
    )
    space = {**vars(sys.modules[own]), "update": update}
    # Our own text, with names out of our own registry.
    exec(compile(text, code.co_filename, "exec"), space)
    record = update.signature.partition("(")[2].partition(",")[0].strip()  # type: ignore[attr-defined]
    return compiled(f"void({record}[:], BAR[:], f8[:], f8[:,:])")(space[f"over_{indicator.name}"])

"""Whether a good combination stands among good ones, or alone: heatmap and plateau score.

The best cell of a map is often a lucky one. A plateau score is the mean of a cell and its neighbours on the grid, one step away along
any axes, so that a lonely peak falls back and a broad hill stays.
"""

from __future__ import annotations

from itertools import product

import numpy as np
from numpy.typing import NDArray

from engine.optimise.space import Space


def plateau_scores(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return for each cell the mean over it and its neighbours; cells without a number do not count, a cell without one has no score."""
    is_known = np.isfinite(values)
    padded = np.pad(np.where(is_known, values, 0.0), 1)
    counted = np.pad(is_known.astype(np.float64), 1)
    sums, counts = np.zeros(values.shape), np.zeros(values.shape)
    for shift in product((0, 1, 2), repeat=values.ndim):
        at = tuple(slice(by, by + size) for by, size in zip(shift, values.shape, strict=True))
        sums += padded[at]
        counts += counted[at]
    made = np.full(values.shape, np.nan)
    np.divide(sums, counts, out=made, where=is_known)
    return made


def heatmap(space: Space, values: NDArray[np.float64]) -> dict[str, object]:
    """Return the map of a search over exactly two parameters: names, values along both axes, and rows of cells (None = not tried)."""
    down, across = space.axes
    cells = values.reshape(space.shape)
    return {
        "rows": {"parameter": down.name, "values": [down.value(index) for index in range(len(down))]},
        "columns": {"parameter": across.name, "values": [across.value(index) for index in range(len(across))]},
        "cells": [[float(cell) if np.isfinite(cell) else None for cell in row] for row in cells],
    }

"""Drives a template bar by bar, as a running strategy does."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from engine.core.records import BAR, INTENT, Rows
from engine.core.registry import TEMPLATES

Drive = Callable[..., list[dict[str, float]]]


@pytest.fixture
def drive() -> Drive:
    """Return `drive(template, bars, parameters)` -> what was wanted after each bar, without what is NaN."""

    def run(name: str, bars: Rows, parameters: dict[str, Any] | None = None) -> list[dict[str, float]]:
        template = TEMPLATES.get(name)
        state, params = template.new_state(), template.new_params(template.parse(parameters or {}))
        wanted = []
        for bar in bars:
            intent = np.full(len(INTENT.names or ()), math.nan).view(INTENT)[0]
            template.on_bar(state, params, bar, intent)
            wanted.append({field: float(intent[field]) for field in INTENT.names or () if not math.isnan(intent[field])})
        return wanted

    return run


@pytest.fixture
def drive_all() -> Callable[..., list[list[dict[str, float]]]]:
    """Return `drive_all(template, bars of each symbol, parameters)` -> what was wanted of each symbol after each bar."""

    def run(name: str, symbols: list[Rows], parameters: dict[str, Any] | None = None) -> list[list[dict[str, float]]]:
        template = TEMPLATES.get(name)
        state, params = np.tile(template.new_state(), len(symbols)), template.new_params(template.parse(parameters or {}))
        made = []
        for bars in zip(*([rows[at : at + 1] for at in range(len(rows))] for rows in symbols), strict=True):
            intents = np.full(len(symbols) * len(INTENT.names or ()), math.nan).view(INTENT)
            template.on_bar(state, params, np.concatenate(bars).view(BAR), intents)
            made.append([{f: float(each[f]) for f in INTENT.names or () if not math.isnan(each[f])} for each in intents])
        return made

    return run

"""Drives a template bar by bar, as a running strategy does."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from engine.core.records import INTENT, Rows
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

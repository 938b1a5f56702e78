from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from engine.core.errors import InvalidOption
from engine.core.records import Rows
from engine.core.registry import INDICATORS
from widgets.chart import overlays
from widgets.chart.overlays import Overlay, overlay_names


def reckon(overlay: Overlay, rows: Rows) -> None:
    overlay.restart(len(rows))
    while not overlay.follow(rows):
        pass


def test_every_indicator_that_lies_on_the_price_can_be_drawn(minutes: Any) -> None:
    assert {"ema", "bollinger"} <= set(overlay_names())
    rows = minutes(120)
    for name in overlay_names():
        overlay = Overlay(name)
        reckon(overlay, rows)
        assert len(overlay.lines) == len(INDICATORS.get(name).outputs)
        assert all(len(line) == 120 for line in overlay.lines)
        assert np.isfinite(overlay.lines[0][-1])


def test_an_average_is_what_the_formula_says(minutes: Any) -> None:
    rows = minutes(30)
    overlay = Overlay("ema", {"period": 9})
    reckon(overlay, rows)
    value = rows["close"][0]
    for close in rows["close"][1:]:
        value += 0.2 * (close - value)
    assert overlay.lines[0][-1] == pytest.approx(value)
    assert overlay.title == "EMA 9"


def test_following_bar_by_bar_equals_reckoning_anew(minutes: Any) -> None:
    rows = minutes(60)
    live, anew = Overlay("ema"), Overlay("ema")
    reckon(live, rows[:20])
    for count in range(20, 61):
        trial = rows[:count].copy()
        trial["close"][-1] += 3.0
        live.follow(trial)
        live.follow(rows[:count])
    reckon(anew, rows)
    assert np.allclose(live.lines[0], anew.lines[0], rtol=0, atol=1e-12)


def test_only_the_newest_bars_are_reckoned(minutes: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overlays, "MOST_BARS", 50)
    overlay = Overlay("ema")
    reckon(overlay, minutes(80))
    assert (overlay.first, len(overlay.lines[0])) == (30, 50)
    reckon(overlay, minutes(0))
    assert len(overlay.lines[0]) == 0


def test_what_is_not_compiled_is_reckoned_a_few_bars_at_a_time(minutes: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    overlay, rows = Overlay("ema"), minutes(120)
    monkeypatch.setattr(type(overlay.indicator.update), "is_ready", False)
    overlay.restart(len(rows))
    lengths = []
    while not overlay.follow(rows):
        lengths.append(len(overlay.lines[0]))
    assert lengths == [50, 100]
    assert len(overlay.lines[0]) == 120
    whole = Overlay("ema")
    monkeypatch.setattr(type(overlay.indicator.update), "is_ready", True)
    whole.restart(len(rows))
    assert whole.follow(rows)
    assert np.array_equal(whole.lines[0], overlay.lines[0])


def test_an_unknown_indicator_names_the_nearest() -> None:
    with pytest.raises(InvalidOption, match='did you mean "ema"'):
        Overlay("emma")

"""Larger bars gathered inside a template are those of `resample`, and are seen no earlier than they are closed."""

from __future__ import annotations

import numpy as np
import pytest

from engine.core import higher
from engine.core.bars import resample
from engine.core.compiled import compiled, row_of
from engine.core.records import BAR, Rows, fields, record
from engine.core.registry import TEMPLATES, Template, strategy

MINUTE = 60_000_000_000
OPEN = (9 * 60 + 15 - 330) * MINUTE

STATE = record(("half", higher.STATE), ("closed", "f8"))
PARAMS = fields("weight", "bar_minutes")


def minutes(seed: int, hole: float, own: int = 1) -> Rows:
    rng = np.random.default_rng(seed)
    at = np.arange(0, 3 * 375, own)
    rows: Rows = np.zeros(len(at), BAR)
    rows["time_ns"] = OPEN + at // 375 * 1440 * MINUTE + at % 375 * MINUTE
    rows["session_minute"] = at % 375
    rows["open"], rows["close"] = rng.integers(90, 110, (2, len(at)))
    rows["high"], rows["low"] = rows["open"] + 20.0, rows["close"] - 20.0
    rows["volume"], rows["oi"] = at % 7, at
    return rows[rng.random(len(at)) >= hole]


@pytest.mark.parametrize(
    ("seed", "hole", "own", "larger"), [(1, 0.0, 1, 15), (2, 0.5, 1, 30), (3, 0.6, 5, 15), (4, 0.3, 5, 60), (5, 0.9, 1, 5)]
)
def test_it_gathers_what_resample_makes_and_sees_it_when_it_is_closed(seed: int, hole: float, own: int, larger: int) -> None:
    bars = minutes(seed, hole, own)
    expected = resample(bars, 60 * larger)
    expected = expected[expected["time_ns"] >= bars["time_ns"][0]]
    state = np.zeros(1, higher.STATE)[0]
    made, seen = [], []
    for bar in bars:
        for step in range(higher.STEPS):
            if higher.closes(state, bar, step, float(larger), float(own)):
                made.append([state.session_minute, *(state[name] for name in ("open", "high", "low", "close", "volume", "oi"))])
                seen.append(int(bar.time_ns) + own * MINUTE)
    names = ("session_minute", "open", "high", "low", "close", "volume", "oi")
    assert made == [[float(row[name]) for name in names] for row in expected[: len(made)]]
    ends = expected["time_ns"] + larger * MINUTE
    moments = bars["time_ns"] + own * MINUTE
    known = [int(moments[moments >= end][0]) for end in ends if (moments >= end).any()]
    assert seen == known
    assert state.count == len(made) > 3


def test_whoever_runs_a_template_fills_in_the_length_of_its_bars(monkeypatch: pytest.MonkeyPatch) -> None:
    TEMPLATES.load()
    monkeypatch.setattr(TEMPLATES, "_items", dict(TEMPLATES._items))

    @strategy("Larger bars", weight=(1.0, 0.0, 5.0))
    @compiled("void(f8[:], f8[:], BAR, INTENT)")
    def on_bar(state, params, bar, intent):  # type: ignore[no-untyped-def]
        """Count half hours."""
        s, p = row_of(state, STATE), row_of(params, PARAMS)
        for step in range(2):
            if higher.closes(s.half, bar, step, 30.0, p.bar_minutes):
                s.closed += p.weight

    template: Template = TEMPLATES.get(__name__.rpartition(".")[2])
    assert [parameter.name for parameter in template.parameters] == ["weight"]
    assert template.new_params({"weight": 2.0}, 300).tolist() == [2.0, 5.0]
    state, intent = template.new_state(), np.zeros(1)
    for bar in minutes(1, 0.0, 5):
        template.on_bar(state, template.new_params({"weight": 2.0}, 300), bar, intent)
    assert row_of(state, STATE).closed == 2.0 * (3 * 13 - 1)

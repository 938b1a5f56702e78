"""The figures that every engine must come to on the made-up market: 4,456 fills and a profit of 241.60 on 100,000 bars."""

from __future__ import annotations

from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from engine.core.compiled import is_disabled
from engine.core.records import ENTRY, REVERSAL
from engine.core.registry import TEMPLATES
from engine.core.replay import Terms, replay
from engine.core.sizing import SIZING

BENCH = Path(__file__).resolve().parents[2] / "performance" / "bench_replay.py"


@pytest.fixture(scope="module")
def bench() -> ModuleType:
    spec = spec_from_file_location("bench_replay", BENCH)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.skipif(is_disabled(), reason="too slow as plain Python")
@pytest.mark.parametrize("count", [100_000, 1_000_000])
def test_fills_and_profit_are_those_of_all_engines(count: int, bench: ModuleType) -> None:
    made = bench.crossover(bench.made_up_bars(count))
    assert (len(made.fills), round(bench.profit(made), 2)) == bench.KNOWN[count]
    assert made.fills["reason"][0] == ENTRY
    assert set(made.fills["reason"][1:].tolist()) == {REVERSAL}


def test_each_fill_is_that_of_a_loop_anyone_can_check(bench: ModuleType) -> None:
    bars = bench.made_up_bars(3_000, total=3_000)
    closes, opens = bars["close"].tolist(), bars["open"].tolist()
    fast = slow = closes[0]
    above, held, expected = False, 0, []
    for i in range(1, len(closes) - 1):
        fast, slow = 0.2 * closes[i] + 0.8 * fast, 2 / 22 * closes[i] + (1 - 2 / 22) * slow
        if (fast > slow) != above:
            above = fast > slow
            if i >= 500:
                wanted = 1 if above else -1
                expected.append((int(bars["time_ns"][i + 1]), wanted - held, round(opens[i + 1] * 10_000)))
                held = wanted
    template = TEMPLATES.get("ema_crossover")
    sizing = np.zeros(1, SIZING)
    sizing[0] = (0, 1, 1, 0.0, 0.0, 1, 1, 0, 0, 0, 0.0, 0.0, np.nan)
    params = template.new_params(template.parse({"warmup": 500}))
    made = replay(template.on_bar, template.new_state()[None], params, bars, Terms(sizing, np.array([0.05]), 10**11))
    assert [(int(fill.time_ns), int(fill.quantity), int(fill.price)) for fill in made.fills] == expected
    assert len(expected) > 80

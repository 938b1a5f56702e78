"""What a class may wish for is a number, and nothing that only looks like one."""

from __future__ import annotations

from typing import Any

import pytest

from tests.engine.host.conftest import CodeOf
from tests.engine.host.test_inside import bar, seated


@pytest.mark.parametrize(
    ("deed", "words"),
    [
        ("self.buy('3')", "Expected size to be a number, was '3'"),
        ("self.buy(True)", "Expected size to be a number, was True"),
        ("self.buy(b'3')", "Expected size to be a number, was b'3'"),
        ("self.buy([3])", "Expected size to be a number, was [3]"),
        ("self.buy(None)", "Expected size to be a number, was None"),
        ("self.buy(float('nan'))", "Expected size to be a finite number, was nan"),
        ("self.sell(stop=float('inf'))", "Expected stop to be a finite number, was inf"),
        ("self.buy(-1)", "Expected size above zero, was -1"),
        ("self.sell(symbol=1.0)", "Expected prices among"),
        ("self.target = True", "Expected target to be a number, was True"),
        ("self.target = float('-inf')", "Expected target to be a finite number, was -inf"),
        ("self.protect(trail='1')", "Expected trail to be a number, was '1'"),
        ("self.close(limit=0)", "Expected limit above zero, was 0"),
    ],
)
def test_what_is_no_number_is_a_fault(code: CodeOf, deed: str, words: str) -> None:
    made: Any = seated(code(f"def on_bar(self, bar):\n    {deed}"))
    assert words in bar(made, 1)["fault"]


def test_numbers_of_numpy_and_figures_of_indicators_are_numbers(code: CodeOf) -> None:
    body = """
        def on_start(self):
            self.average = self.indicator("sma", period=1)
        def on_bar(self, bar):
            import numpy
            self.buy(numpy.int64(2), stop=numpy.float32(90.0), profit=self.average, limit=100)
        """
    assert bar(seated(code(body)), 1)["wish"] == [2.0, 100.0, 90.0, 100.0, None, None]

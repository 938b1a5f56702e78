"""Cuts history into stretches to learn on and stretches to be tested on, day by day.

`60d/20d`: learn on 60 trading days, test on the 20 after them, move on by 20. `:anchored`: learn on all days so far.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from engine.backtest_terms import Prepared
from engine.core.errors import UserError
from engine.core.run import days_of
from engine.optimise.job import Span


@dataclass(frozen=True, slots=True)
class Windows:
    """How a walk forward goes."""

    learn_days: int
    test_days: int
    is_anchored: bool = False

    def __str__(self) -> str:
        """Return it as it is typed."""
        return f"{self.learn_days}d/{self.test_days}d{':anchored' if self.is_anchored else ''}"


@dataclass(frozen=True, slots=True)
class Window:
    """One step of a walk forward."""

    learn: Span
    test: Span
    """Begins where `learn` ends."""


def parse_windows(text: str) -> Windows:
    """Read `60d/20d`, with `:rolling` (the default) or `:anchored`; raises UserError that says what was expected."""
    found = re.fullmatch(r"\s*(\d+)d\s*/\s*(\d+)d\s*(?::\s*(rolling|anchored))?\s*", text)
    if found is None or not int(found[1]) or not int(found[2]):
        raise UserError(f'Expected days to learn on and days to test on, like 60d/20d or 60d/20d:anchored, was "{text}".')
    return Windows(int(found[1]), int(found[2]), found[3] == "anchored")


def cut(prepared: Prepared, windows: Windows) -> list[Window]:
    """Cut the bars into windows, of trading days that are in them; the last test may be shorter. Raises UserError without one window."""
    times = prepared.bars["time_ns"]
    ends = [int(last) + 1 for last in days_of(times).last]
    starts = [0, *ends]
    days, learn = len(ends), windows.learn_days
    made = []
    for border in range(learn, days, windows.test_days):
        first = 0 if windows.is_anchored else border - learn
        end = min(days, border + windows.test_days)
        made.append(Window(Span(starts[first], starts[border]), Span(starts[border], starts[end])))
    if not made:
        raise UserError(
            f"Expected more than {learn} trading days to walk forward over ({windows}), was {days}; give more bars or learn on fewer."
        )
    return made

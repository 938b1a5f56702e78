"""Whatever comes in whatever order, all that must hold holds after every step.

`EXAMPLES` sets how many runs are played; what fails is printed as a plain list of steps that fails again.
"""

from __future__ import annotations

import os

import pytest

from tests.faults.machine import TradingMachine, profile

EXAMPLES = int(os.environ.get("EXAMPLES", "450"))


@pytest.mark.logs_warnings
class TestSimulated(TradingMachine.TestCase):  # type: ignore[misc, name-defined]
    settings = profile(EXAMPLES, 25)

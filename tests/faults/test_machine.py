"""Whatever comes in whatever order, all that must hold holds after every step.

`EXAMPLES` sets how many runs are played, one in a hundred of them over real sockets. What fails is printed as a list of steps, with a line
that makes it fail again.
"""

from __future__ import annotations

import os

import pytest
from hypothesis.stateful import run_state_machine_as_test

from tests.faults.kite_machine import OPTIONS, KiteMachine, fresh_limiters
from tests.faults.machine import TradingMachine, profile
from tests.kite_exchange.process import start_exchange

EXAMPLES = int(os.environ.get("EXAMPLES", "500"))
OVER_SOCKETS = max(5, EXAMPLES // 100)
STEPS, STEPS_OVER_SOCKETS = (8, 6) if "EXAMPLES" not in os.environ else (30, 30)

pytestmark = [pytest.mark.logs_warnings, pytest.mark.timeout(0 if "EXAMPLES" in os.environ else 170)]


def test_whatever_comes_at_the_simulated_exchange() -> None:
    run_state_machine_as_test(TradingMachine, settings=profile(EXAMPLES - OVER_SOCKETS, STEPS))


def test_whatever_comes_over_the_sockets_of_kite(monkeypatch: pytest.MonkeyPatch) -> None:
    fresh_limiters(monkeypatch)
    with start_exchange(**OPTIONS) as exchange:
        KiteMachine.exchange = exchange
        run_state_machine_as_test(KiteMachine, settings=profile(OVER_SOCKETS, STEPS_OVER_SOCKETS))

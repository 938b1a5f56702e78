"""Whatever comes in whatever order, all that must hold holds after every step.

`make faults EXAMPLES=10000 SEED=7` plays that many runs, one in a hundred of them over real sockets; the seed is printed, and what fails is
told as a list of steps.
"""

from __future__ import annotations

import os
import secrets
from random import Random

import pytest
from hypothesis import seed
from hypothesis.stateful import run_state_machine_as_test

from tests.faults import simulated_account
from tests.faults.kite_machine import KiteMachine, fresh_limiters
from tests.faults.machine import TradingMachine, profile
from tests.kite_exchange.fixtures import OPTIONS
from tests.kite_exchange.process import start_exchange

IS_LONG = bool(os.environ.get("EXAMPLES"))
EXAMPLES = int(os.environ.get("EXAMPLES") or 500)
SEED = int(os.environ.get("SEED") or (secrets.randbelow(1 << 32) if IS_LONG else 1))
OVER_SOCKETS = max(5, EXAMPLES // 100)
STEPS, STEPS_OVER_SOCKETS = (30, 30) if IS_LONG else (8, 6)

pytestmark = [pytest.mark.logs_warnings, pytest.mark.timeout(0 if IS_LONG else 170)]


def test_whatever_comes_at_the_simulated_exchange() -> None:
    print(f"\n{EXAMPLES - OVER_SOCKETS} runs, seed {SEED}")
    run_state_machine_as_test(seed(SEED)(type("Trader", (TradingMachine,), {})), settings=profile(EXAMPLES - OVER_SOCKETS, STEPS))


def test_whatever_comes_over_the_sockets_of_kite(monkeypatch: pytest.MonkeyPatch) -> None:
    print(f"\n{OVER_SOCKETS} runs, seed {SEED}")
    fresh_limiters(monkeypatch)
    with start_exchange(**OPTIONS) as exchange:
        KiteMachine.exchange = exchange
        run_state_machine_as_test(seed(SEED)(type("KiteTrader", (KiteMachine,), {})), settings=profile(OVER_SOCKETS, STEPS_OVER_SOCKETS))


def test_steps_that_are_played_again_end_in_the_same_journal_and_not_by_other_chances(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = TradingMachine()
    machine.begin(is_tight=False, is_paper=False)
    machine.trade("TCS", 101.0, 5)
    machine.dies(0)
    assert list(machine.play_again()) == []
    monkeypatch.setattr(simulated_account, "Random", lambda number: Random(number + 100))
    assert list(machine.play_again())
    machine.die()
    machine.close()

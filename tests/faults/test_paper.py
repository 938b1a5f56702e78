"""Trading on paper through what the machine of random steps has found: each was broken once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from engine.core.model import Pending
from tests.faults.machine import TradingMachine

pytestmark = pytest.mark.logs_warnings


@pytest.fixture
def account() -> Iterator[TradingMachine]:
    """A paper account with some positions."""
    made = TradingMachine()
    made.begin(is_tight=False, is_paper=True)
    yield made
    made.die()
    made.close()


def test_an_order_whose_cancel_waits_its_turn_counts_again_when_the_books_find_it_alive(account: TradingMachine) -> None:
    account.wait(3.0)
    account.burst("TCS", "hand", [("BUY", quantity, 95.0) for quantity in range(1, 6)])
    account.kill(flatten=False)  # so many cancels that some of them have to wait for the message rate
    account.reconnect(0)
    assert account.breaches() == []


def test_what_the_market_says_after_the_clock_was_set_back_is_still_heard(account: TradingMachine) -> None:
    account.wait(6.0)
    account.enter("TCS", "hand", "BUY", 5, 95.0, "ok", protect=False)
    order = account.session.orders.orders[-1]
    account.step_clock(-600)
    account.wait(3.0)
    account.modify(
        [one.id for one in account.session.orders.working() if one.request.owner in ("hand", "ema")].index(order.id), 98.0, None, "ok"
    )
    changed = account.session.orders.order(order.id)
    assert (changed.price, changed.pending) == (98.0, Pending.NONE)

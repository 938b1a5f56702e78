"""The same steps from the same seed end in the same journal, line by line, over crashes and kills: nothing else decides."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from tests.faults.machine import TradingMachine
from tests.faults.over_time import histories_agree
from tests.faults.simulated_account import OWNERS, SHARES
from tests.faults.simulated_market import FATES

STEPS = 30
PRICES = (None, 95.0, 99.0, 100.0, 101.0, 105.0)
SIDES = ("BUY", "SELL")

Step = Callable[[TradingMachine, random.Random], object]
pytestmark = pytest.mark.logs_warnings


def enter(account: TradingMachine, draw: random.Random) -> None:
    share, owner, side, price = draw.choice(list(SHARES)), draw.choice(OWNERS), draw.choice(SIDES), draw.choice(PRICES)
    account.enter(share, owner, side, draw.randint(1, 20), price, draw.choice(FATES), protect=draw.random() < 0.5)


def take_back_or_kill(account: TradingMachine, draw: random.Random) -> None:
    if account.is_killed:
        account.take_kill_back()
    elif draw.random() < 0.3:
        account.press_kill(draw.choice(["here", "from outside"]), flatten=draw.random() < 0.5)


DRAWN: tuple[Step, ...] = (
    enter,
    enter,
    lambda account, draw: account.leave(draw.choice(list(SHARES)), draw.choice(OWNERS), draw.choice(FATES), draw.randint(1, 3)),
    lambda account, draw: account.modify(draw.randint(0, 9), draw.choice(PRICES[1:]), draw.randint(1, 20), draw.choice(FATES)),
    lambda account, draw: account.cancel(draw.randint(0, 9), draw.choice(FATES)),
    lambda account, draw: account.trade(draw.choice(list(SHARES)), draw.choice(PRICES[1:]), draw.randint(1, 20)),
    lambda account, draw: account.news(draw.randint(1, 30), draw.choice(["in order", "twice", "shuffled", "lost"]), draw.randint(0, 999)),
    lambda account, draw: account.wait(draw.choice([0.5, 3.0, 31.0])),
    lambda account, draw: account.reconnect(draw.randint(0, 3)),
    lambda account, draw: account.dies(draw.randint(0, 5)),
    lambda account, draw: account.step_clock(draw.choice([-600, 0, 1, 600])),
    take_back_or_kill,
)


def journal_of(seed: int, patch: pytest.MonkeyPatch) -> list[str]:
    """Play the steps of a seed; returns the journal's hash after each of its lines."""
    patch.setattr("engine.order_news.secrets.token_bytes", random.Random(seed).randbytes)
    draw, account = random.Random(seed), TradingMachine()
    account.begin(is_tight=False, is_paper=False)
    for _ in range(STEPS):
        draw.choice(DRAWN)(account, draw)
        assert account.breaches() == []
    hashes = list(account.watch.chain.hashes)
    account.die()
    account.close()
    return hashes


@pytest.mark.parametrize("seed", range(10))
def test_the_same_steps_end_in_the_same_journal(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    first = journal_of(seed, monkeypatch)
    assert len(first) > STEPS
    assert list(histories_agree(first, journal_of(seed, monkeypatch))) == []


def test_other_steps_end_in_another(monkeypatch: pytest.MonkeyPatch) -> None:
    assert list(histories_agree(journal_of(1, monkeypatch), journal_of(2, monkeypatch))) != []

"""Kelly's fraction of closed trades, worked by hand, and the same tally by the replay's fills and by a running strategy's trades."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core import kelly
from engine.core.kelly import MOST_PCT, TALLY, TRADES_NEEDED, Tally, bet_pct, kelly_pct, note_fill
from engine.core.ledger import TradeBuilder, apply_fill
from engine.core.records import POSITION
from tests.engine.fakes import a_fill


@pytest.mark.parametrize(
    ("wins", "losses", "won", "lost", "pct"),
    [
        (18, 12, 1_800, 1_200, 20.0),  # 0.6 - 0.4 / 1
        (15, 15, 3_000, 1_500, 25.0),  # 0.5 - 0.5 / 2
        (10, 20, 1_000, 2_000, 0.0),  # 1/3 - 2/3 is less than nothing
        (0, 30, 0, 3_000, 0.0),
        (30, 0, 3_000, 0, 100.0),
        (29, 1, 2_900, 0, 100.0 * 29 / 30),  # what came out even costs nothing
    ],
)
def test_kellys_percentage(wins: int, losses: int, won: int, lost: int, pct: float) -> None:
    assert kelly_pct(wins, losses, won, lost) == pytest.approx(pct)


def test_too_few_trades_tell_nothing() -> None:
    assert math.isnan(kelly_pct(20, TRADES_NEEDED - 21, 1, 1))
    assert not math.isnan(kelly_pct(20, TRADES_NEEDED - 20, 1, 1))


def test_a_part_of_it_is_bet_and_never_more_than_a_quarter() -> None:
    assert bet_pct(20.0, 0.5) == 10.0
    assert bet_pct(100.0, 0.5) == MOST_PCT == 25.0
    assert math.isnan(bet_pct(math.nan, 0.5))


def test_a_tally_says_what_is_bet_and_why() -> None:
    tally = Tally()
    assert tally.words(0.5) == "Expected 30 closed trades to bet by, was 0; sized by risk until then."
    for net in [100] * 18 + [-100] * 12:
        tally.add(net)
    assert (tally.wins, tally.losses, tally.won, tally.lost, tally.trades) == (18, 12, 1_800, 1_200, 30)
    assert tally.bet_pct(0.5) == pytest.approx(10.0)
    assert tally.words(0.5) == "10.0 % of equity a position, by 30 closed trades."
    tally.add(-10_000)
    assert tally.words(0.5) == "Expected an edge in 31 closed trades to bet on, was none; nothing is opened."


def test_what_comes_out_even_counts_as_a_loss() -> None:
    tally = Tally()
    tally.add(0)
    assert (tally.wins, tally.losses) == (0, 1)


FILLS = st.lists(st.tuples(st.sampled_from([1, -1]), st.integers(1, 20), st.integers(90, 110), st.integers(0, 5_000)), max_size=40)


@settings(deadline=None, max_examples=200)
@given(FILLS)
def test_the_replay_and_a_running_strategy_count_the_same(fills: list[tuple[int, int, int, int]]) -> None:
    builder, live = TradeBuilder(), Tally()
    position, compiled = np.zeros(1, POSITION)[0], np.zeros(1, TALLY)[0]
    for side, quantity, price, charges in fills:
        trade = builder.add(a_fill(side, quantity, float(price), charges_units=charges))
        if trade is not None:
            live.add(trade.pnl_units - trade.charges_units)
        held = int(position.quantity)
        realised = apply_fill.py_func(position, side * quantity, price * 10_000, 1)
        note_fill.py_func(compiled, held, side * quantity, realised, charges)
    assert (live.wins, live.losses, live.won, live.lost) == tuple(int(compiled[name]) for name in ("wins", "losses", "won", "lost"))


def test_compiled_and_plain_are_one() -> None:
    for given_ in ((18, 12, 1_800, 1_200), (0, 30, 0, 1), (3, 3, 5, 1)):
        compiled, plain = kelly_pct(*given_), kelly.kelly_pct.py_func(*given_)
        assert compiled == plain or (math.isnan(compiled) and math.isnan(plain))

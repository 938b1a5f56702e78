"""What is held is the sum of the fills, by owner and net; what it is worth follows the ticks; nothing is lost to rounding."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core.model import Fill, Position, Product, Purpose, Trade
from engine.position_tracker import PositionTracker
from engine.view import QuoteBoard
from tests.engine.fakes import RELIANCE, TCS, a_fill

UNITS = 10_000
CAPITAL = 100_000 * UNITS


class Desk:
    """A tracker with its board, and what it told."""

    def __init__(self) -> None:
        self.tracker = PositionTracker(CAPITAL)
        self.board = QuoteBoard()
        self.net: list[Position] = []
        self.books: list[Position] = []
        self.trades: list[Trade] = []
        self.tracker.position_changed.connect(self.net.append)
        self.tracker.book_changed.connect(self.books.append)
        self.tracker.trade_closed.connect(self.trades.append)

    def quote(self, price: float) -> bool:
        self.board.last_price[self.board.add(RELIANCE)] = price
        return self.tracker.mark(self.board)


def test_books_are_kept_by_owner_and_the_net_is_their_sum() -> None:
    desk = Desk()
    desk.tracker.on_fill(a_fill(1, 10, 100.0, owner="a"))
    desk.tracker.on_fill(a_fill(-1, 4, 101.0, owner="b"))
    held = desk.tracker.quantity
    assert (held(RELIANCE.key, Product.MIS, "a"), held(RELIANCE.key, Product.MIS, "b"), held(RELIANCE.key, Product.MIS)) == (10, -4, 6)
    assert held(RELIANCE.key, Product.CNC) == 0
    assert [(p.owner, p.quantity) for p in desk.books] == [("a", 10), ("b", -4)]
    assert [(p.owner, p.quantity) for p in desk.net] == [("", 10), ("", 6)]
    assert {(p.owner, p.quantity) for p in desk.tracker.open_books()} == {("a", 10), ("b", -4)}
    assert [p.quantity for p in desk.tracker.open_books("b")] == [-4]
    assert desk.tracker.open_books(product=Product.CNC) == []
    assert desk.tracker.held_keys() == {(RELIANCE.key, Product.MIS)}
    assert desk.tracker.held_keys("c") == set()
    assert [p.quantity for p in desk.tracker.positions] == [6]
    assert len(desk.tracker.books) == 2


def test_a_round_trip_is_told_with_its_profit_and_its_charges() -> None:
    desk = Desk()
    desk.tracker.on_fill(a_fill(1, 10, 100.0, charges_units=300, time_ns=1))
    desk.tracker.on_fill(a_fill(1, 10, 102.0, charges_units=200, time_ns=2))
    assert desk.trades == []
    desk.tracker.on_fill(a_fill(-1, 20, 103.05, charges_units=500, time_ns=3, purpose=Purpose.TARGET))
    (trade,) = desk.trades
    assert (trade.quantity, trade.pnl_units, trade.charges_units, trade.reason) == (20, 41 * UNITS, 1_000, Purpose.TARGET)
    assert desk.tracker.realised_units() == desk.tracker.realised_units("hand") == 41 * UNITS
    assert desk.tracker.charges_units() == desk.tracker.charges_units("hand") == 1_000
    assert desk.tracker.equity_units() == CAPITAL + 41 * UNITS - 1_000
    assert desk.tracker.open_books() == []


def test_ticks_move_the_mark_of_what_is_held_and_are_told_when_published() -> None:
    desk = Desk()
    assert not desk.quote(99.0), "nothing is held"
    desk.tracker.on_fill(a_fill(1, 10, 100.0))
    assert desk.quote(101.5)
    assert not desk.quote(101.5)
    assert desk.tracker.unrealised_units() == 15 * UNITS
    assert desk.tracker.exposure_units() == 1_015 * UNITS
    assert len(desk.net) == 1, "the fill; the mark waits for the frame"
    desk.tracker.publish()
    desk.tracker.publish()
    assert [p.last_price_units for p in desk.net] == [100 * UNITS, 1_015_000]
    assert desk.tracker.position(RELIANCE, Product.MIS).unrealised_units == 15 * UNITS
    assert desk.tracker.position(TCS, Product.MIS, "x") == Position(TCS, Product.MIS, "x")


def test_a_fill_away_from_the_last_tick_is_marked_anew_by_the_next_frame() -> None:
    desk = Desk()
    desk.tracker.on_fill(a_fill(1, 10, 100.0))
    desk.quote(101.0)
    desk.tracker.on_fill(a_fill(1, 10, 105.0))
    assert desk.tracker.exposure_units() == 2_100 * UNITS
    assert desk.quote(101.0), "the quote is the old one, the mark is not"
    assert desk.tracker.exposure_units() == 2_020 * UNITS
    assert not desk.quote(0.0), "no quote is no price"


def test_a_position_that_closed_meanwhile_is_not_told_with_the_frame() -> None:
    desk = Desk()
    desk.tracker.on_fill(a_fill(1, 10, 100.0))
    desk.quote(101.0)
    desk.tracker.on_fill(a_fill(-1, 10, 101.0))
    told = len(desk.net)
    desk.tracker.publish()
    assert len(desk.net) == told


def test_the_account_adds_up() -> None:
    desk = Desk()
    desk.tracker.on_fill(a_fill(-1, 10, 100.0, charges_units=700))
    desk.quote(99.0)
    account = desk.tracker.account(open_orders=3)
    assert account.cash_units == CAPITAL + 1_000 * UNITS - 700, "a short sale pays"
    assert account.equity_units == CAPITAL + 10 * UNITS - 700
    assert (account.realised_units, account.unrealised_units, account.charges_units) == (0, 10 * UNITS, 700)
    assert (account.exposure_units, account.open_orders, account.fills) == (990 * UNITS, 3, 1)
    assert account.day_pnl_units == 10 * UNITS - 700


def test_an_owner_has_an_account_of_its_own() -> None:
    desk = Desk()
    desk.tracker.set_capital(50_000 * UNITS, "bot")
    desk.tracker.on_fill(a_fill(1, 10, 100.0, owner="bot"))
    desk.tracker.on_fill(a_fill(1, 10, 100.0, owner="hand"))
    desk.quote(101.0)
    bot = desk.tracker.account("bot")
    assert (bot.capital_units, bot.equity_units, bot.exposure_units) == (50_000 * UNITS, 50_010 * UNITS, 1_010 * UNITS)
    assert desk.tracker.account("nobody").equity_units == 0
    assert desk.tracker.realised_units("stranger") == desk.tracker.charges_units("stranger") == 0


def test_the_day_counts_from_where_it_began_and_the_peak_from_the_highest() -> None:
    desk = Desk()
    desk.tracker.on_fill(a_fill(1, 100, 100.0))
    desk.quote(110.0)
    desk.tracker.note_peak()
    desk.quote(105.0)
    assert desk.tracker.account().peak_units == CAPITAL + 1_000 * UNITS
    assert desk.tracker.account().day_pnl_units == 500 * UNITS
    desk.tracker.roll_day()
    assert desk.tracker.account().day_pnl_units == 0
    assert desk.tracker.account().peak_units == CAPITAL + 1_000 * UNITS
    desk.tracker.restore_day(CAPITAL, CAPITAL + 2_000 * UNITS)
    assert desk.tracker.account().day_pnl_units == 500 * UNITS
    assert desk.tracker.account().peak_units == CAPITAL + 2_000 * UNITS


def test_restored_fills_tell_nothing_and_leave_the_same_books() -> None:
    fills = [a_fill(1, 10, 100.0, charges_units=5), a_fill(-1, 3, 104.0), a_fill(1, 5, 90.0, owner="bot", instrument=TCS)]
    live, restored = Desk(), Desk()
    for fill in fills:
        live.tracker.on_fill(fill)
    restored.tracker.restore(fills)
    assert (restored.net, restored.books, restored.trades) == ([], [], [])
    assert restored.tracker.positions == live.tracker.positions
    assert restored.tracker.books == live.tracker.books
    assert restored.tracker.account().day_pnl_units == 0, "the day begins with what is there"
    restored.tracker.on_fill(a_fill(-1, 7, 101.0))
    assert restored.trades[0].pnl_units == 19 * UNITS, "a round trip goes on over a restart"


SIDES = st.sampled_from([1, -1])
FILLS = st.lists(st.tuples(SIDES, st.integers(1, 50), st.integers(1, 4_000), st.sampled_from(["a", "b"]), st.integers(0, 500)), max_size=30)


@settings(max_examples=100, deadline=None)
@given(FILLS, st.integers(1, 4_000))
def test_whatever_is_traded_equity_is_cash_and_what_is_held(trades: list[tuple[int, int, int, str, int]], mark: int) -> None:
    desk = Desk()
    made: list[Fill] = [
        a_fill(side, quantity, ticks * 0.05, owner=owner, charges_units=charges) for side, quantity, ticks, owner, charges in trades
    ]
    for fill in made:
        desk.tracker.on_fill(replace(fill, price_units=round(fill.price_units / 500) * 500))
    desk.quote(mark * 0.05)
    units = mark * 500
    paid = sum(round(f.price_units / 500) * 500 * f.signed_quantity for f in made)
    held = sum(f.signed_quantity for f in made)
    account = desk.tracker.account()
    expected = CAPITAL - paid - sum(f.charges_units for f in made) + held * (units if held else 0)
    assert account.equity_units == expected
    assert desk.tracker.quantity(RELIANCE.key, Product.MIS) == held
    by_owner = sum(desk.tracker.account(owner).equity_units - desk.tracker.account(owner).capital_units for owner in ("a", "b"))
    assert by_owner == account.equity_units - CAPITAL

"""Every lot belongs to somebody, and whoever it is given to: the sum over owners is the broker's net, to the paisa."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core.errors import UserError
from engine.core.model import EXTERNAL, HAND, Fill, Product, Purpose, StrategyState, StrategyStatus
from engine.owners import Owners, _entry, contradictions
from engine.position_tracker import PositionTracker
from engine.store.rows import JournalEntry
from tests.engine.fakes import RELIANCE, TCS, a_fill
from tests.engine.sessions import SessionBench

OWNERS = (HAND, EXTERNAL, "ema", "rsi")
SIZES, PRICES, CHARGES = st.integers(-40, 40).filter(bool), st.integers(90_000, 11_000_000), st.integers(0, 99_999)
MOVES = st.lists(
    st.one_of(
        st.tuples(st.just("fill"), st.sampled_from(OWNERS), SIZES, PRICES, CHARGES),
        st.tuples(st.just("assign"), st.sampled_from(OWNERS), st.sampled_from(OWNERS), st.integers(1, 60), st.just(0)),
    ),
    max_size=40,
)


def totals(positions: list[Any]) -> tuple[int, int, int]:
    """Quantity, profit and charges of positions, summed."""
    return (
        sum(p.quantity for p in positions),
        sum(p.realised_units + p.unrealised_units for p in positions),
        sum(p.charges_units for p in positions),
    )


def play(moves: list[Any], mark_units: int) -> tuple[PositionTracker, list[Fill]]:
    tracker, fills = PositionTracker(10**10), []
    for number, (kind, who, what, amount, charges) in enumerate(moves):
        made = []
        if kind == "fill":
            side, more = (1 if what > 0 else -1), {"trade_id": f"t{number}", "owner": who, "charges_units": charges}
            made = [replace(a_fill(side, abs(what), 1.0, **more), price_units=amount)]
        else:
            book = tracker.position(RELIANCE, Product.MIS, who)
            wanted = min(amount, abs(book.quantity))
            if wanted and who != what:
                made = [_entry(book, way, wanted, owner, f"t{number}{way}", 1) for way, owner in ((-1, who), (1, what))]
        for fill in made:
            tracker.on_fill(fill)
            fills.append(fill)
    for holding in tracker._holdings.values():
        holding.mark_units = mark_units
    return tracker, fills


@settings(max_examples=150, deadline=None)
@given(moves=MOVES, mark_units=st.integers(90_000, 11_000_000))
def test_the_sum_over_owners_is_the_net_to_the_last_unit(moves: list[Any], mark_units: int) -> None:
    tracker, fills = play(moves, mark_units)
    assert totals(tracker.books) == totals(tracker.positions)
    again = PositionTracker(10**10)
    again.restore(fills)
    for holding in again._holdings.values():
        holding.mark_units = mark_units
    assert sorted(map(str, again.books)) == sorted(map(str, tracker.books))
    assert totals(again.positions) == totals(tracker.positions)


@pytest.fixture
def with_session(loop_run: Any) -> Any:
    def run(act: Any) -> None:
        async def whole() -> None:
            bench = SessionBench()
            await bench.open()
            assert bench.view is not None
            owners = Owners(bench.session, bench.view)
            bench.view.on_strategy(StrategyStatus("ema", "EMA", "ema_crossover", "paper", StrategyState.RUNNING, ()))
            try:
                await act(bench, owners)
            finally:
                await bench.close()

        loop_run(whole())

    return run


def outside(bench: SessionBench, quantity: int = 10, price: float = 100.0) -> None:
    more = {"trade_id": f"adjust{quantity}", "order_id": "", "owner": EXTERNAL}
    bench.session.orders.adjust(a_fill(1 if quantity > 0 else -1, abs(quantity), price, **more))


def test_an_outside_lot_passes_to_a_strategy_at_what_it_cost_and_no_order_is_sent(with_session: Any) -> None:
    async def act(bench: SessionBench, owners: Owners) -> None:
        outside(bench)
        net = bench.session.position(RELIANCE)
        owners.assign("NSE:RELIANCE", Product.MIS, EXTERNAL, "ema", 4)
        held = {book.owner: (book.quantity, book.average_price, book.net_units) for book in bench.session.positions.books}
        assert held == {EXTERNAL: (6, 100.0, 0), "ema": (4, 100.0, 0)}
        assert bench.session.position(RELIANCE) == net
        assert bench.broker.sent == []
        (line,) = [row for row in bench.store.of(JournalEntry) if row.kind == "ASSIGN"]
        said = {name: value for name, value in line.payload.items() if name != "booked"}
        assert said == {"key": "NSE:RELIANCE", "from": EXTERNAL, "to": "ema", "quantity": 4, "price_units": 1_000_000}
        assert [booked[9] for booked in line.payload["booked"]] == [EXTERNAL, "ema"], "both entries, whole"
        kept = [fill for fill in bench.store.of(Fill) if fill.purpose is Purpose.ASSIGN]
        assert [(fill.owner, fill.signed_quantity) for fill in kept] == [(EXTERNAL, -4), ("ema", 4)]
        assert bench.view is not None
        assert bench.view.books["NSE:RELIANCE", "MIS", "ema"].quantity == 4
        assert not [fill for fill in bench.view.fills if fill.purpose is Purpose.ASSIGN]

    with_session(act)


def test_only_what_is_held_passes_and_only_to_somebody_who_is_there(with_session: Any) -> None:
    async def act(bench: SessionBench, owners: Owners) -> None:
        outside(bench, -10)
        for quantity, target in ((11, HAND), (-1, HAND), (5, "nobody"), (5, EXTERNAL)):
            with pytest.raises(UserError, match="Expected"):
                owners.assign("NSE:RELIANCE", Product.MIS, EXTERNAL, target, quantity)
        with pytest.raises(UserError, match="that hand holds"):
            owners.assign("NSE:RELIANCE", Product.MIS, HAND, EXTERNAL)
        owners.assign("NSE:RELIANCE", Product.MIS, EXTERNAL, HAND)
        assert bench.session.positions.quantity("NSE:RELIANCE", Product.MIS, HAND) == -10

    with_session(act)


def test_a_working_order_can_be_given_and_its_next_fill_belongs_to_the_new_owner(with_session: Any) -> None:
    async def act(bench: SessionBench, owners: Owners) -> None:
        order = bench.submit(1, 10, price=99.0)
        await bench.settle()
        bench.fill(order, 99.0, 4)
        given = owners.assign_order(order.id, "ema")
        assert given.request.owner == "ema"
        bench.fill(order, 99.0)
        held = {book.owner: book.quantity for book in bench.session.positions.open_books()}
        assert held == {HAND: 4, "ema": 6}
        assert len(bench.broker.sent) == 1
        assert not bench.session.risk.reservations.keys(), "nothing stays reserved"
        with pytest.raises(UserError, match="working order"):
            owners.assign_order(order.id, HAND)

    with_session(act)


@pytest.mark.logs_warnings
def test_books_that_contradict_the_brokers_are_told_after_a_start_and_nothing_is_traded(with_session: Any) -> None:
    async def act(bench: SessionBench, owners: Owners) -> None:
        assert bench.view is not None
        bench.session.positions.on_fill(a_fill(1, 10, 100.0, owner="ema"))
        outside(bench, -10)
        bench.notices.clear()
        owners.show()
        told = [text for level, text in bench.notices if level == "critical"]
        assert len(told) == 1
        assert "ema holds 10 RELIANCE MIS by its own books, but -10 came from outside and the broker has 0" in told[0]
        assert bench.broker.sent == []
        owners.assign("NSE:RELIANCE", Product.MIS, EXTERNAL, "ema")
        assert contradictions(bench.session.positions.open_books()) == []

    with_session(act)


def test_lots_of_one_direction_contradict_nothing() -> None:
    tracker = PositionTracker()
    for owner, side, instrument in (("ema", 1, RELIANCE), (EXTERNAL, 1, RELIANCE), (EXTERNAL, -1, TCS), (HAND, -1, TCS)):
        tracker.on_fill(a_fill(side, 5, 100.0, owner=owner, instrument=instrument))
    assert contradictions(tracker.open_books()) == []


def test_after_a_start_everybodys_books_are_shown(with_session: Any) -> None:
    async def act(bench: SessionBench, owners: Owners) -> None:
        assert bench.view is not None
        outside(bench)
        bench.view.books.clear()
        owners.show()
        assert list(bench.view.books) == [("NSE:RELIANCE", "MIS", EXTERNAL)]

    with_session(act)

"""Price-time priority, on hand-made books and against a slow book that sorts everything every time."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.brokers.simulated.order_book import Entry, OrderBook
from engine.core.model import Side

BUY, SELL = Side.BUY, Side.SELL


def rest(book: OrderBook, side: Side, price: int, quantity: int, owner: str) -> Entry:
    entry = Entry(side, price, quantity, owner)
    book.rest(entry)
    return entry


def trades(made: list[object]) -> list[tuple[str, int, int]]:
    return [(trade.maker.owner, trade.quantity, trade.price) for trade in made]  # type: ignore[attr-defined]


def test_the_better_price_trades_first_and_at_one_price_the_earlier_order() -> None:
    book = OrderBook()
    rest(book, SELL, 101, 5, "late and dear")
    rest(book, SELL, 100, 5, "first")
    rest(book, SELL, 100, 5, "second")
    assert trades(book.take(BUY, 12)) == [("first", 5, 100), ("second", 5, 100), ("late and dear", 2, 101)]
    assert book.depth(SELL) == [(101, 3, 1)]


def test_a_limit_stops_where_the_price_gets_worse() -> None:
    book = OrderBook()
    rest(book, BUY, 99, 5, "a")
    rest(book, BUY, 98, 5, "b")
    assert trades(book.take(SELL, 10, limit=99)) == [("a", 5, 99)]
    assert book.bids.best == 98


def test_an_empty_side_trades_nothing() -> None:
    assert OrderBook().take(BUY, 10) == []


def test_a_smaller_quantity_keeps_the_place_in_the_queue() -> None:
    book = OrderBook()
    first = rest(book, BUY, 100, 10, "first")
    rest(book, BUY, 100, 10, "second")
    book.bids.change(first, 4)
    assert book.bids.quantity_at(100) == 14
    assert trades(book.take(SELL, 5)) == [("first", 4, 100), ("second", 1, 100)]


def test_a_removed_order_trades_no_more() -> None:
    book = OrderBook()
    gone = rest(book, SELL, 100, 5, "gone")
    rest(book, SELL, 100, 5, "here")
    book.remove(gone)
    assert trades(book.take(BUY, 10)) == [("here", 5, 100)]
    assert book.asks.best is None
    assert book.asks.quantity_at(100) == book.asks.orders_at(100) == 0


def test_what_the_market_still_shows_keeps_its_place_before_later_orders() -> None:
    book = OrderBook()
    book.show([(100, 50)], [(102, 50)])
    rest(book, BUY, 100, 5, "mine")
    assert book.show([(100, 30), (99, 10)], [(102, 60)]) == []
    assert trades(book.take(SELL, 35)) == [("", 30, 100), ("mine", 5, 100)]
    assert book.depth(SELL) == [(102, 60, 1)]


def test_liquidity_that_comes_to_the_price_of_a_waiting_order_trades_with_it() -> None:
    book = OrderBook()
    rest(book, BUY, 100, 8, "mine")
    assert trades(book.show([(98, 10)], [(99, 5), (100, 10)])) == [("mine", 5, 100), ("mine", 3, 100)]
    assert book.depth(SELL) == [(100, 7, 1)]
    assert book.depth(BUY) == [(98, 10, 1)]


def test_stale_liquidity_of_the_other_side_does_not_trade_with_the_new() -> None:
    book = OrderBook()
    book.show([(100, 5)], [(101, 5)])
    assert book.show([(103, 5)], [(104, 5)]) == []
    assert (book.bids.best, book.asks.best) == (103, 104)


def test_the_market_withdraws_what_it_no_longer_shows_and_leaves_orders_alone() -> None:
    book = OrderBook()
    book.show([(100, 5), (99, 5)], [])
    rest(book, BUY, 99, 7, "mine")
    book.show([], [])
    assert book.depth(BUY) == [(99, 7, 1)]


@pytest.mark.parametrize(("touch", "expected"), [(False, [("a", 5, 101)]), (True, [("a", 5, 101), ("b", 5, 100)])])
def test_a_trade_elsewhere_fills_what_it_went_through_and_with_touch_what_it_reached(
    touch: bool, expected: list[tuple[str, int, int]]
) -> None:
    book = OrderBook()
    rest(book, BUY, 101, 5, "a")
    rest(book, BUY, 100, 5, "b")
    rest(book, BUY, 99, 5, "c")
    rest(book, SELL, 103, 5, "d")
    assert trades(book.trade_through(100, 100, touch)) == expected


def test_a_trade_elsewhere_fills_no_more_than_its_own_quantity() -> None:
    book = OrderBook()
    rest(book, SELL, 99, 5, "a")
    rest(book, SELL, 99, 5, "b")
    assert trades(book.trade_through(100, 7, False)) == [("a", 5, 99), ("b", 2, 99)]
    assert book.depth(SELL) == [(99, 3, 1)]


def test_depth_shows_the_best_five_prices() -> None:
    book = OrderBook()
    for price in range(90, 100):
        rest(book, BUY, price, price, str(price))
    assert [row[0] for row in book.depth(BUY)] == [99, 98, 97, 96, 95]


class SlowBook:
    """The same rules, by sorting a list."""

    def __init__(self) -> None:
        self.waiting: list[tuple[Side, int, int, str]] = []

    def take(self, side: Side, quantity: int, limit: int) -> list[tuple[str, int, int]]:
        ranked = sorted((r for r in self.waiting if r[0] is not side), key=lambda r: r[1] * side)
        made = []
        for row in ranked:
            if quantity == 0 or (row[1] - limit) * side > 0:
                break
            traded = min(quantity, row[2])
            made.append((row[3], traded, row[1]))
            index = self.waiting.index(row)
            self.waiting[index : index + 1] = [(row[0], row[1], row[2] - traded, row[3])] if row[2] > traded else []
            quantity -= traded
        return made


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sampled_from([BUY, SELL]), st.integers(95, 105), st.integers(1, 9)), max_size=60))
def test_limit_orders_trade_as_in_a_book_that_sorts_everything(orders: list[tuple[Side, int, int]]) -> None:
    book, slow = OrderBook(), SlowBook()
    for number, (side, price, quantity) in enumerate(orders):
        made = trades(book.take(side, quantity, price))
        assert made == slow.take(side, quantity, price)
        left = quantity - sum(row[1] for row in made)
        if left:
            rest(book, side, price, left, str(number))
            slow.waiting.append((side, price, left, str(number)))
        assert book.bids.best is None or book.asks.best is None or book.bids.best < book.asks.best
    for side in (BUY, SELL):
        by_price: dict[int, int] = {}
        for row in slow.waiting:
            if row[0] is side:
                by_price[row[1]] = by_price.get(row[1], 0) + row[2]
        assert {price: quantity for price, quantity, _ in book.depth(side, 99)} == by_price

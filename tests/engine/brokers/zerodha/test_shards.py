"""Instruments keep their socket, sockets are filled one after the other, and what does not fit is refused whole."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.brokers.zerodha.shards import Shards
from engine.core.errors import InvalidOption


def test_sockets_are_filled_one_after_the_other() -> None:
    shares = Shards().assign(range(7_000))
    assert {socket: len(tokens) for socket, tokens in shares.items()} == {0: 3_000, 1: 3_000, 2: 1_000}
    assert shares[1][0] == 3_000


def test_an_instrument_keeps_its_socket_and_makes_room_only_when_given_back() -> None:
    shards = Shards(sockets=2, capacity=2)
    shards.assign([1, 2, 3])
    assert shards.release([1, 99]) == {0: [1]}
    assert shards.assign([3, 4, 2, 2]) == {1: [3], 0: [4, 2]}
    assert len(shards) == 3


def test_nine_thousand_fit_and_one_more_is_refused_without_taking_any() -> None:
    shards = Shards()
    shards.assign(range(8_999))
    with pytest.raises(InvalidOption, match=r"Expected at most 9,000 instruments on the feed, was 9,001; unsubscribe some first\."):
        shards.assign([8_999, 9_000])
    assert len(shards) == 8_999
    assert shards.assign([0, 8_999]) == {0: [0], 2: [8_999]}


@given(st.lists(st.tuples(st.booleans(), st.lists(st.integers(0, 12), max_size=6)), max_size=30))
def test_no_socket_is_ever_overfull_and_every_instrument_has_one_socket(steps: list[tuple[bool, list[int]]]) -> None:
    shards = Shards(sockets=3, capacity=3)
    held: dict[int, int] = {}
    for is_more, tokens in steps:
        if is_more and len(held.keys() | set(tokens)) <= 9:
            for socket, share in shards.assign(tokens).items():
                for token in share:
                    assert held.setdefault(token, socket) == socket
        elif is_more:
            with pytest.raises(InvalidOption):
                shards.assign(tokens)
        else:
            for socket, share in shards.release(tokens).items():
                assert [held.pop(token) for token in share] == [socket] * len(share)
        assert all(list(held.values()).count(socket) <= 3 for socket in range(3))
        assert len(shards) == len(held)

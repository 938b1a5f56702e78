"""The text side of the feed: what is asked is spelled as Kite wants it, what is said never trips the reader."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.brokers.zerodha.messages import Word, check_mode, decode_text, encode_mode, encode_subscribe, encode_unsubscribe
from engine.core.errors import InvalidOption


def test_requests_are_spelled_as_the_protocol_wants_them() -> None:
    assert encode_subscribe([408065, 5]) == '{"a":"subscribe","v":[408065,5]}'
    assert encode_unsubscribe((408065,)) == '{"a":"unsubscribe","v":[408065]}'
    assert encode_mode("full", [408065]) == '{"a":"mode","v":["full",[408065]]}'


def test_an_order_update_is_handed_on_as_it_came() -> None:
    assert decode_text('{"type":"order","data":{"order_id":"1","new_field":[1]}}').order == {"order_id": "1", "new_field": [1]}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"type":"error","data":"Too many"}', Word("notice", "Too many")),
        ('{"type":"message","data":"Hello"}', Word("notice", "Hello")),
        ('{"type":"message","data":{"x":1}}', Word("notice", '{"x": 1}')),
        ('{"type":"instruments_meta","data":1}', Word("other")),
        ("{}", Word("other")),
        ('{"type":"order","data":[]}', Word("damage", "an order update without an order")),
        ('{"type":"order"}', Word("damage", "an order update without an order")),
        ("[1]", Word("damage", "a text without a type")),
        ('{"type":"order","da', Word("damage", "a text that is not JSON")),
        ("", Word("damage", "a text that is not JSON")),
        ("[" * 100_000, Word("damage", "a text that is not JSON")),
        ("1" * 5_000, Word("damage", "a text that is not JSON")),
    ],
)
def test_every_text_is_sorted(text: str, expected: Word) -> None:
    assert decode_text(text) == expected


@given(st.text() | st.recursive(st.none() | st.booleans() | st.floats() | st.text(), lambda inner: st.lists(inner)).map(json.dumps))
def test_no_text_trips_the_reader(text: str) -> None:
    assert decode_text(text).kind in ("damage", "other")


def test_every_cut_of_an_update_is_damage() -> None:
    whole = '{"type":"order","data":{"order_id":"1"}}'
    assert {decode_text(whole[:size]).kind for size in range(len(whole))} == {"damage"}


def test_an_unknown_mode_is_refused_with_the_nearest() -> None:
    assert check_mode("ltp") == "ltp"
    with pytest.raises(InvalidOption, match=r'Expected a mode of the feed, was "fulll"; did you mean "full"\?'):
        check_mode("fulll")

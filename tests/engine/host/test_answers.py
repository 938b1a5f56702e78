"""What a strategy's process says is looked at as a stranger's word."""

from __future__ import annotations

import math
from typing import Any

import pytest

from engine.authored.classes import StrategyFault
from engine.host.answers import plain_text, read_answer


def test_an_answer_is_read() -> None:
    answer = read_answer({"wish": [1, None, 95.5, None, None, None], "state": {"a": [1, {"b": None}]}, "ms": 3, "said": "x\n", "lost": 2})
    assert answer.wish is not None
    assert (answer.wish[0], answer.wish[2], answer.took_ms, answer.said, answer.lost) == (1.0, 95.5, 3.0, "x\n", 2)
    assert math.isnan(answer.wish[1])
    assert answer.state == {"a": [1, {"b": None}]}
    assert read_answer({"states": [None, {"a": 1}]}).states == (None, {"a": 1})


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ({"order": 1}, "one with 'order'"),
        ({"wish": 3}, "a wish of 6 numbers"),
        ({"wish": [1.0]}, "a wish of 6 numbers"),
        ({"wish": [True, None, None, None, None, None]}, "target to be a number, was 'True'"),
        ({"wish": ["1", None, None, None, None, None]}, "target to be a number, was '1'"),
        ({"wish": [1, None, 1e999, None, None, None]}, "stop to be a finite number"),
        ({"wish": [10**400, None, None, None, None, None]}, "target to be a finite number"),
        ({"state": []}, "self.state to be a dict"),
        ({"state": {"a": [1e999]}}, "finite numbers in self.state"),
        ({"states": {}}, "the notes of each symbol"),
        ({"fault": 3}, "text from the strategy's process"),
        ({"ms": None}, "ms to be a number"),
        ({"said": ["a"]}, "text from the strategy's process"),
    ],
)
def test_what_a_strategy_does_not_say_is_a_fault(message: dict[str, Any], words: str) -> None:
    with pytest.raises(StrategyFault, match=words):
        read_answer(message)


def test_text_is_shown_without_what_moves_a_terminal_s_cursor() -> None:
    assert plain_text("a\x1b[2Jb\nc\u202e") == "a [2Jb\nc "
    assert len(read_answer({"fault": "x" * 10_000}).fault) < 1_000

"""The words of the feed: what is asked of Kite in text, and what it says in text, order updates above all.

Pure. Whatever comes, reading it never raises: what cannot be understood is damage, and the feed counts it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from engine.core.errors import InvalidOption, did_you_mean

FEED_MODES = ("ltp", "quote", "full")
"""How much is told of an instrument: the last price; with volume and the day's range; with depth, open interest and times as well."""

BATCH = 500
"""Tokens in one message."""


@dataclass(frozen=True, slots=True)
class Word:
    """One text message of Kite."""

    kind: Literal["order", "notice", "other", "damage"]
    """An order update; an error or message for the trader; something this terminal has no use for; something unreadable."""
    text: str = ""
    order: Mapping[str, Any] = field(default_factory=dict)


def check_mode(mode: str) -> str:
    """Return the mode; raises InvalidOption when Kite knows none of that name."""
    if mode not in FEED_MODES:
        raise InvalidOption(f'Expected a mode of the feed, was "{mode}"{did_you_mean(mode, FEED_MODES)}')
    return mode


def encode_subscribe(tokens: Sequence[int]) -> str:
    """Ask for ticks of these; always to be followed by their mode, for what Kite takes for granted is written nowhere."""
    return _encode("subscribe", list(tokens))


def encode_unsubscribe(tokens: Sequence[int]) -> str:
    """Ask for no more ticks of these."""
    return _encode("unsubscribe", list(tokens))


def encode_mode(mode: str, tokens: Sequence[int]) -> str:
    """Ask for that much of these."""
    return _encode("mode", [mode, list(tokens)])


def decode_text(text: str) -> Word:
    """Read a text message; never raises."""
    try:
        said = json.loads(text)
    except (ValueError, RecursionError):
        return Word("damage", "a text that is not JSON")
    if not isinstance(said, dict):
        return Word("damage", "a text without a type")
    data = said.get("data")
    match said.get("type"):
        case "order" if isinstance(data, dict):
            return Word("order", order=data)
        case "order":
            return Word("damage", "an order update without an order")
        case "error" | "message":
            return Word("notice", data if isinstance(data, str) else json.dumps(data))
        case _:
            return Word("other")


def _encode(what: str, value: list[Any]) -> str:
    return json.dumps({"a": what, "v": value}, separators=(",", ":"))

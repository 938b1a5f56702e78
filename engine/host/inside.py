"""The inside of a strategy's process: reads the user's file, hands it bars, and answers each question with exactly one message.

It knows neither account nor broker. What the strategy prints comes out with the answer; what it raises is the answer.
"""

from __future__ import annotations

import base64
import io
import json
import math
import os
import socket
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from engine.authored.classes import Filled, StrategyFault
from engine.authored.files import template_of_source, where
from engine.authored.stepping import Host
from engine.core.bars import SECOND_NS
from engine.core.errors import UserError
from engine.core.records import BAR
from engine.core.registry import Template
from engine.host.limits import Limits, apply, leave_with, renew_processor_time
from engine.host.wire import Frames, decode_instrument, pack

MOST_PRINTED = 8_000
"""Characters of one answer; what is printed beyond is counted and lost."""

DEEPEST, LONGEST = 8, 64_000
"""Levels of lists and dicts in a strategy's state, and its characters as JSON."""


class Voice(io.TextIOBase):
    """Where a strategy prints to."""

    def __init__(self) -> None:
        self._said: list[str] = []
        self._count = self._lost = 0

    def writable(self) -> bool:
        """Tell that it can be written to."""
        return True

    def write(self, text: str) -> int:
        """Keep what is printed, up to a bound."""
        kept = text[: max(0, MOST_PRINTED - self._count)]
        if kept:
            self._said.append(kept)
        self._count += len(kept)
        self._lost += len(text) - len(kept)
        return len(text)

    def take(self) -> dict[str, Any]:
        """Return what was printed since, and how much of it was lost."""
        said = {"said": "".join(self._said), "lost": self._lost} if self._count or self._lost else {}
        self._said, self._count, self._lost = [], 0, 0
        return said


class _Seat:
    """One symbol of the strategy, and what it may ask."""

    def __init__(self, template: Template, given: Mapping[str, Any]) -> None:
        self.held, self.worth = 0, 0.0
        self.fills: list[Filled] = []
        self._interval_ns = given["interval_s"] * SECOND_NS
        self.kept: list[Mapping[str, Any]] = given["kept"]
        """Notes of before a restart, until the bars up to them have been seen again: of the last two bars after which they changed."""
        self._told = ""
        self.host = Host(template, given["values"], decode_instrument(given["instrument"]), given["interval_s"], self)

    def news(self) -> list[Filled]:
        """Return the executions that came with the question."""
        return self.fills

    def position(self) -> int:
        """Return the signed quantity held, as of the question."""
        return self.held

    def equity(self) -> float:
        """Return the worth in rupees, as of the question."""
        return self.worth

    def bar(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Decide on one closed bar."""
        row = [math.nan if value is None else value for value in given["row"]]
        self.held, self.worth = given["held"], given["equity"]
        self.fills = [Filled(*each) for each in given["fills"]]
        if self.kept and (row[0] > self.kept[-1]["at_ns"] or not given["past"]):
            # Decided anew, it knows what it knew before this very bar.
            before = [each for each in self.kept if each["at_ns"] != row[0]]
            self.host.strategy.state, self.kept = dict(before[-1]["state"]) if before else {}, []
            known_ns = before[-1]["at_ns"] + self._interval_ns if before else 0
            self.fills = [each for each in self.fills if each.time_ns >= known_ns]
        wish = self.host.decide(np.array([tuple(row)], dtype=BAR))
        return {"wish": None if wish is None else [None if value != value else value for value in wish]}

    def state(self) -> dict[str, Any]:
        """Return the strategy's state where it has changed; raises StrategyFault for what cannot be kept."""
        if self.kept:
            return {}
        state = self.host.strategy.state
        _require_plain(state, "state", 0)
        text = json.dumps(state, sort_keys=True)
        if text == (self._told or "{}"):
            return {}
        if len(text) > LONGEST:
            raise StrategyFault(f"Expected self.state of at most {LONGEST:,} characters, was {len(text):,}; keep less.")
        self._told = text
        return {"state": state}


class Inside:
    """All that is asked of one strategy."""

    def __init__(self) -> None:
        self.voice = Voice()
        self._template: Template | None = None
        self._path = Path()
        self._seats: list[_Seat] = []
        self._answers: dict[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = {
            "load": self.load,
            "seat": self.seat,
            "bar": self.bar,
            "stop": self.stop,
        }

    def answer(self, question: Mapping[str, Any]) -> dict[str, Any]:
        """Answer one question, by a fault where the strategy raises anything."""
        began = time.perf_counter()
        try:
            made = self._answers[question["ask"]](question)
        except UserError as error:
            made = {"fault": str(error)}
        except Exception as error:  # noqa: BLE001  # the user's code may raise anything; it is the answer
            made = {"fault": f"{where(error, self._path)}; mend it."}
        return made | self.voice.take() | {"ms": round(1_000.0 * (time.perf_counter() - began), 3)}

    def load(self, question: Mapping[str, Any]) -> dict[str, Any]:
        """Run the file and say what it is."""
        self._path = Path(question["path"])
        self._template = template = template_of_source(self._path, base64.b64decode(question["source"]))
        declared = [[each.name, each.default, each.low, each.high] for each in template.parameters]
        return {"is_class": template.plain is not None, "name": template.name, "title": template.title, "parameters": declared}

    def seat(self, question: Mapping[str, Any]) -> dict[str, Any]:
        """Make the instance of one more symbol."""
        assert self._template is not None
        self._seats.append(_Seat(self._template, question))
        return self._seats[-1].state()

    def bar(self, question: Mapping[str, Any]) -> dict[str, Any]:
        """Let one symbol decide."""
        seat: _Seat = self._seats[question["seat"]]
        return seat.bar(question) | seat.state()

    def stop(self, question: Mapping[str, Any]) -> dict[str, Any]:
        """Let every symbol end."""
        for seat in self._seats:
            seat.host.end()
        return {"states": [seat.state().get("state") for seat in self._seats]}


def main(words: list[str]) -> int:
    """Be a strategy's process until the line is closed."""
    line = _line(words)
    inside, frames, limits = Inside(), Frames(), Limits()
    sys.stdout = sys.stderr = inside.voice
    leave_with(os.getppid())
    apply(limits)
    while data := line.recv(1 << 16):
        for question in frames.feed(data):
            renew_processor_time(limits)
            line.sendall(_packed(inside.answer(question)))
    return 0


def _packed(answer: dict[str, Any]) -> bytes:
    """Return the answer as bytes, or the fault that it cannot be told."""
    try:
        return pack(answer)
    except (TypeError, ValueError) as error:
        return pack({"fault": f"Expected plain finite numbers as a wish, was something else: {error}", "ms": 0})


def _line(words: list[str]) -> socket.socket:
    """Return the socket to whoever started this process."""
    if sys.platform == "win32":
        return socket.fromshare(sys.stdin.buffer.read())
    line = socket.socket(fileno=int(words[0]))
    line.set_inheritable(False)
    return line


def _require_plain(value: object, place: str, depth: int) -> None:
    """Refuse what would not be the same after a restart."""
    if depth > DEEPEST:
        raise StrategyFault(f"Expected at most {DEEPEST} levels in self.{place}, was more; make it flatter.")
    if isinstance(value, dict):
        for name, each in value.items():
            if type(name) is not str:
                raise StrategyFault(f"Expected names in self.{place} to be text, was {name!r}.")
            _require_plain(each, f"{place}[{name!r}]", depth + 1)
    elif isinstance(value, list):
        for at, each in enumerate(value):
            _require_plain(each, f"{place}[{at}]", depth + 1)
    elif not (value is None or type(value) in (bool, int, str) or (isinstance(value, float) and math.isfinite(value))):
        raise StrategyFault(f"Expected self.{place} to be text, a finite number, true, false, None, a list or a dict, was {value!r}.")

"""What may go wrong with an HTTP call, scripted: which calls, how often, before or after the exchange has acted, and how.

Times are exchange seconds. Of the faults that match a call, the first one told of acts; one that has acted its `count` is gone.
"""

from __future__ import annotations

import json
import random
from dataclasses import asdict, dataclass, field
from fnmatch import fnmatchcase
from itertools import count
from typing import Any

from tests.kite_exchange.calls import Answer, Call
from tests.kite_exchange.errors import KiteError

HOW = {
    "delay": "answer after `seconds`, having acted before or after the wait",
    "drop": "close the connection without an answer (`with_reset` for a TCP reset)",
    "silence": "never answer, keep the connection",
    "error": "answer `status` with `error_type` and `message` as JSON",
    "html": "answer `status` with a page of HTML",
    "body": "answer `status` with this `text`, as `content_type` (null = no such header)",
    "cut": "send the first `at` bytes of the right answer, then close",
    "redirect": "answer `status` with `location`",
    "token": "end the session, then answer as usual",
}


@dataclass(slots=True)
class Fault:
    """One thing to go wrong."""

    how: str
    method: str = "*"
    path: str = "*"
    kind: str = "*"  # order, change, quote, history, other, login, stream
    form: dict[str, str] = field(default_factory=dict)  # only calls whose form has these values, as patterns
    when: str = "before"  # or after: the exchange has acted
    count: int = 1  # 0 = for good
    skip: int = 0  # let so many matching calls pass first
    probability: float = 1.0
    seconds: float = 0.0
    status: int = 0
    error_type: str = "NetworkException"
    message: str = "Gateway is not reachable. Please try again."
    text: str = ""
    content_type: str | None = "application/json"
    location: str = "/elsewhere"
    at: int = 0
    with_reset: bool = False
    number: int = 0
    acted: int = 0

    def __post_init__(self) -> None:
        if self.how not in HOW:
            raise ValueError(f"no fault {self.how}; there are {sorted(HOW)}")
        if self.when not in ("before", "after"):
            raise ValueError(f"when is before or after, was {self.when}")

    def matches(self, call: Call) -> bool:
        """Whether it is meant for this call."""
        return (
            fnmatchcase(call.method, self.method)
            and fnmatchcase(call.path, self.path)
            and fnmatchcase(call.kind, self.kind)
            and all(fnmatchcase(call.form.get(name, ""), pattern) for name, pattern in self.form.items())
        )

    def answer(self) -> Answer:
        """Return what it answers instead of the exchange."""
        if self.how == "error":
            error = KiteError(self.error_type, self.message, self.status)
            return Answer(error.status, json.dumps(error.body()).encode())
        if self.how == "html":
            page = f"<html><head><title>{self.status or 502}</title></head><body><h1>Bad gateway</h1></body></html>"
            return Answer(self.status or 502, page.encode(), "text/html")
        if self.how == "redirect":
            return Answer(self.status or 302, b"", "text/html", {"Location": self.location})
        return Answer(self.status or 200, self.text.encode(), self.content_type)


class Faults:
    """The script: faults in the order they were told of."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._numbers = count(1)
        self.script: list[Fault] = []

    def add(self, **fault: Any) -> int:
        """Add one; returns its number.

        Raises:
            ValueError, TypeError: there is no such fault.
        """
        made = Fault(**fault, number=next(self._numbers))
        self.script.append(made)
        return made.number

    def clear(self, number: int = 0) -> None:
        """Forget one fault, or all."""
        self.script = [one for one in self.script if number and one.number != number]

    def meet(self, call: Call) -> Fault | None:
        """Return the fault that befalls this call, and count it."""
        for one in self.script:
            if not one.matches(call):
                continue
            if one.skip:
                one.skip -= 1
                continue
            if self._random.random() >= one.probability:
                continue
            one.acted += 1
            if one.acted == one.count:
                self.script.remove(one)
            return one
        return None

    def facts(self) -> list[dict[str, Any]]:
        """Return the script as it stands."""
        return [asdict(one) for one in self.script]

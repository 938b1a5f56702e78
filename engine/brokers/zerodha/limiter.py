"""Keeps the whole account within Zerodha's limits: so many quotes, candles, orders and other calls a second.

Exits and cancels have two messages a second that no entry can take, and a part of the day's orders; they wait, an entry gives up.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from weakref import WeakValueDictionary

from engine.clock import Clock
from engine.core.errors import ConnectionLost, RateLimited

SECOND_NS = 1_000_000_000


class Call(StrEnum):
    """Classes of calls that are limited together."""

    QUOTE = "quote"
    HISTORY = "history"
    ORDER = "order"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Rate:
    """At most `count` calls within `span_ns`."""

    count: int
    span_ns: int


# The broker counts when a call arrives and we when it leaves: a tenth of a second more keeps the two apart.
RATES = {
    Call.QUOTE: Rate(1, 1_100_000_000),
    Call.HISTORY: Rate(3, 1_100_000_000),
    Call.ORDER: Rate(8, SECOND_NS),
    Call.OTHER: Rate(9, 1_100_000_000),
}
"""Ours; the broker's are 1, 3, 10 and 10 a second."""

KEPT_FOR_EXITS = 2
"""Of the orders a second."""

ORDERS_A_MINUTE = Rate(200, 60 * SECOND_NS)
"""Half of the broker's 400."""

ORDERS_A_DAY = 5_000
KEPT_A_DAY = 500
"""Of the day's orders, for exits: at the cap the broker refuses those, too."""

ENTRY_WAITS_NS = 2 * SECOND_NS
"""An entry that had to wait longer was meant for another market."""

BACK_OFF_NS = (1 * SECOND_NS, 2 * SECOND_NS, 5 * SECOND_NS, 10 * SECOND_NS, 30 * SECOND_NS)
"""How long a class rests after the broker said that it was too much, each time in a row."""


class Limiter:
    """The account's budget of calls. A coroutine takes its turn before it sends."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._sent: dict[Call, deque[int]] = {call: deque() for call in Call}
        self._placed: deque[int] = deque()
        self._rests_until: dict[Call, int] = {}
        self._refusals: dict[Call, int] = {}
        self.placed_today = 0
        """Orders of the day, refused ones too; told by the order list after a start."""

    async def turn(
        self, call: Call, *, is_urgent: bool = False, is_new_order: bool = False, last_look: Callable[[], str] | None = None
    ) -> None:
        """Wait until one more call may be sent; raises RateLimited for an entry that cannot go soon.

        `is_urgent`: an exit or a cancel. `is_new_order`: it counts towards the orders of a minute and of the day. `last_look` says why it
        is not wanted any more after the wait: that is raised as ConnectionLost, and the turn is left to others.
        """
        if is_new_order and self.placed_today >= ORDERS_A_DAY - (0 if is_urgent else KEPT_A_DAY):
            raise RateLimited(
                f"Expected at most {ORDERS_A_DAY:,} orders a day, {KEPT_A_DAY} of them kept for exits, was {self.placed_today:,}; "
                "the broker takes more tomorrow."
            )
        is_entry = call is Call.ORDER and not is_urgent
        gives_up_ns = self._clock.monotonic_ns() + ENTRY_WAITS_NS if is_entry else None
        while (wait_ns := self._wait_ns(call, is_urgent, is_new_order)) > 0:
            if gives_up_ns is not None and self._clock.monotonic_ns() + wait_ns > gives_up_ns:
                raise RateLimited("Not sent: the account's orders come as fast as they may; place it again in a few seconds.")
            await self._clock.sleep(wait_ns / 1e9)
        if last_look is not None and (why := last_look()):
            raise ConnectionLost(why)
        self._take(call, is_new_order)

    def refused(self, call: Call) -> None:
        """Rest after the broker said that it was too much: longer each time in a row."""
        count = self._refusals.get(call, 0)
        self._refusals[call] = count + 1
        rest_ns = BACK_OFF_NS[min(count, len(BACK_OFF_NS) - 1)]
        self._rests_until[call] = self._clock.monotonic_ns() + rest_ns

    def answered(self, call: Call) -> None:
        """Take note that the broker took a call."""
        self._refusals.pop(call, None)

    def _wait_ns(self, call: Call, is_urgent: bool, is_new_order: bool) -> int:
        now_ns, rate = self._clock.monotonic_ns(), RATES[call]
        kept = KEPT_FOR_EXITS if call is Call.ORDER and not is_urgent else 0
        wait_ns = _wait_of(self._sent[call], rate.count - kept, rate.span_ns, now_ns)
        rest_ns = self._rests_until.get(call, 0) - now_ns
        if is_urgent and rest_ns > 0:
            # While the rest lies still an exit is tried once a second: that cannot be what was too much.
            rest_ns = _wait_of(self._sent[call], 1, SECOND_NS, now_ns)
        if is_new_order and not is_urgent:
            wait_ns = max(wait_ns, _wait_of(self._placed, ORDERS_A_MINUTE.count, ORDERS_A_MINUTE.span_ns, now_ns))
        return max(wait_ns, rest_ns)

    def _take(self, call: Call, is_new_order: bool) -> None:
        now_ns = self._clock.monotonic_ns()
        self._sent[call].append(now_ns)
        if is_new_order:
            self._placed.append(now_ns)
            self.placed_today += 1


def _wait_of(sent: deque[int], count: int, span_ns: int, now_ns: int) -> int:
    """Return how long it takes until fewer than `count` lie within the span; what is older than any rule looks at is forgotten."""
    while sent and sent[0] <= now_ns - ORDERS_A_MINUTE.span_ns:
        sent.popleft()
    return 0 if len(sent) < count else max(0, sent[len(sent) - count] + span_ns - now_ns)


class Limiters:
    """One limiter for each account, however many brokers of this process trade on it."""

    def __init__(self) -> None:
        self._by_account: WeakValueDictionary[str, Limiter] = WeakValueDictionary()

    def of(self, account: str, make: Callable[[], Limiter]) -> Limiter:
        """Return the account's limiter, made by `make` when there is none."""
        limiter = self._by_account.get(account)
        if limiter is None:
            limiter = self._by_account[account] = make()
        return limiter

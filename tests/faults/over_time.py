"""What must hold of all that a terminal sent, wrote and said, over minutes, days, kills and restarts: each breach is one sentence.

A check looks at the broker's notes of what came, and at the session; it changes nothing.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256

from engine.clock import IST_OFFSET_NS
from engine.core.model import Order, OrderChange, TradingState
from engine.session import TradingSession
from engine.store.rows import JournalEntry
from tests.faults.ledger import Kill, Message

SECOND_NS = 1_000_000_000
MINUTE_NS = 60 * SECOND_NS
DAY_NS = 86_400 * SECOND_NS
MESSAGES_A_SECOND = 8

KILLED_WITHIN_NS = 50_000_000
"""So soon after the kill switch nothing leaves that would risk something new."""


def is_new_risk(order: Order, change: OrderChange | None = None) -> bool:
    """Tell whether a message risks something new: an entry, or a change of one that does more than make it smaller."""
    if order.request.is_exit:
        return False
    is_smaller = change is not None and change.quantity is not None and change.quantity <= order.quantity
    return not (is_smaller and change is not None and change.price is None and change.trigger_price is None)


def messages_keep_the_rate(messages: Iterable[Message], jitter_ns: int = 0) -> Iterator[str]:
    """No second has more messages than the broker takes; on the way they may come nearer to each other by `jitter_ns`."""
    times = sorted(message.time_ns for message in messages)
    for first, last in zip(times, times[MESSAGES_A_SECOND:], strict=False):
        if last - first < SECOND_NS - jitter_ns:
            yield f"{MESSAGES_A_SECOND + 1} messages within {(last - first) / 1e9:.3f} s"


def messages_keep_the_caps(
    session: TradingSession, messages: Sequence[Message], starts_ns: Sequence[int] = (), blind_ns: Sequence[int] = ()
) -> Iterator[str]:
    """No entry is a message too many of its minute, or of its day; refused messages count.

    `starts_ns`: when a process began; of what was before, only orders are certain to be on the disk, changes and cancels need not be.
    `blind_ns`: when one began whose clock had been set since the one before it wrote its last lines; it cannot know their minute.
    """
    ordered = sorted(messages, key=lambda message: message.time_ns)
    times = [message.time_ns for message in ordered]
    a_minute, a_day = (session.risk.limits.get(name, math.inf) for name in ("messages_a_minute", "messages_a_day"))
    for count, message in enumerate(ordered, 1):
        if not message.is_new_risk or count <= min(a_minute, a_day):
            continue
        now_ns = message.time_ns
        start_ns = max((began_ns for began_ns in starts_ns if began_ns <= now_ns), default=0)
        blind = max((began_ns for began_ns in blind_ns if began_ns <= now_ns), default=0)
        for limit, span, since_ns in ((a_minute, "minute", max(now_ns - MINUTE_NS, blind)), (a_day, "day", _midnight_ns(now_ns) - 1)):
            in_span = ordered[bisect_right(times, since_ns) : count]
            known = sum(one.is_place or one.time_ns >= start_ns for one in in_span)
            if known > limit:
                yield f"entry {message.order_id} was message {known} of its {span}, of {limit:g}"


def kills_are_final(messages: Iterable[Message], kills: Sequence[Kill]) -> Iterator[str]:
    """Nothing that risks something new leaves later than a moment after a kill, until a person took it back."""
    for message in messages if kills else ():
        for kill in kills if message.is_new_risk else ():
            if kill.from_ns + KILLED_WITHIN_NS < message.time_ns and (kill.until_ns is None or message.time_ns < kill.until_ns):
                yield f"order {message.order_id} left {(message.time_ns - kill.from_ns) / 1e6:.0f} ms after the kill switch"


def kill_is_latched(session: TradingSession, kills: Sequence[Kill], now_ns: int) -> Iterator[str]:
    """What was latched holds, in whatever session, until a person takes it back; from another process, once it was seen."""
    if not kills or kills[-1].until_ns is not None or now_ns <= kills[-1].from_ns + KILLED_WITHIN_NS:
        return
    if not (session.switch.is_latched or session.latch.is_set):
        yield "the kill switch was pressed and is not latched"
    if session.switch.is_latched and session.risk.state is not TradingState.HALTED:
        yield f"the kill switch is latched and the account {session.risk.state}"


def paper_sends_nothing(session: TradingSession, messages: Sequence[Message]) -> Iterator[str]:
    """A paper account sends the broker whose quotes it uses no order, no change and no cancel."""
    if session.mode == "paper":
        for message in messages:
            yield f"order {message.order_id} of a paper account came to a broker"


class Secrets:
    """Looks for planted secrets in all that is written or said, each thing once."""

    def __init__(self, *secrets: str) -> None:
        self._secrets = secrets
        self._found: list[str] = []
        self._seen: dict[str, int] = {}

    def look(self, where: str, said: Sequence[object]) -> None:
        """Look through what came to a growing list since the last look."""
        seen = min(self._seen.get(where, 0), len(said))
        self._seen[where] = len(said)
        self._found += [f"a secret is in {where}: {str(one)[:80]}" for one in said[seen:] if self._is_in(one)]

    def found(self) -> Iterator[str]:
        """Tell where one was found."""
        yield from self._found

    def _is_in(self, said: object) -> bool:
        text = said if isinstance(said, str) else repr(said)
        return any(secret in text for secret in self._secrets)


class Chain:
    """The journal's hash, carried on line by line as the store does; what was once written stays as it was."""

    def __init__(self) -> None:
        self.hashes: list[str] = []
        """After each line."""
        self._lines: list[JournalEntry] = []

    def follow(self, journal: Sequence[JournalEntry]) -> Iterator[str]:
        """Take in the lines that are new; tells when an old one is another than it was."""
        known = min(len(self._lines), len(journal))
        if known and (journal[known - 1] is not self._lines[known - 1]):
            yield f"line {known} of the journal was {self._lines[known - 1]} and is {journal[known - 1]}"
        for line in journal[known:]:
            before = self.hashes[-1] if self.hashes else ""
            said = f"{before} {line.time_ns} {line.kind} {line.order_id} {sorted(line.payload.items())!r}"
            self.hashes.append(sha256(said.encode()).hexdigest())
            self._lines.append(line)

    def forget_undone(self, journal: Sequence[JournalEntry]) -> None:
        """Begin anew from what a crash left: what was never on the disk was never written."""
        del self._lines[len(journal) :], self.hashes[len(journal) :]


def histories_agree(first: Sequence[str], second: Sequence[str]) -> Iterator[str]:
    """The same steps from the same seed end in the same journal, line by line."""
    for number, (one, other) in enumerate(zip(first, second, strict=False), 1):
        if one != other:
            yield f"line {number} of the journal is another when the same steps are played again"
            return
    if len(first) != len(second):
        yield f"the journal has {len(first)} lines, and {len(second)} when the same steps are played again"


def _midnight_ns(time_ns: int) -> int:
    """Return when a moment's day began in India."""
    return time_ns - (time_ns + IST_OFFSET_NS) % DAY_NS

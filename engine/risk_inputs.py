"""What the risk manager asks before it says yes: what is held and quoted, and how much was sent lately.

Nothing is decided here; rules decide.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable
from typing import Protocol

from engine.core.model import EXTERNAL, Account, Instrument, Order, OrderRequest, OrderStatus, Pending, Product

SECOND_NS = 1_000_000_000
MINUTE_NS = 60 * SECOND_NS


class Desk(Protocol):
    """Who knows the account, the positions and the market: the session."""

    @property
    def is_live(self) -> bool:
        """Tell whether it is real money."""
        ...

    def account_of(self, owner: str) -> Account:
        """Return the figures of one owner, or of the account (owner "")."""
        ...

    def quantity_of(self, key: str, product: Product, owner: str) -> int:
        """Return the signed quantity that one owner, or the account, holds."""
        ...

    def held_keys(self, owner: str) -> set[tuple[str, Product]]:
        """List in what one owner, or the account, holds a position."""
        ...

    def last_price(self, key: str) -> float:
        """Return the last price in rupees, 0 when there is none."""
        ...

    def quote_age_s(self, key: str) -> float:
        """Return the age of the last quote, infinity when there is none."""
        ...

    def is_open(self, instrument: Instrument) -> bool:
        """Tell whether its market trades now."""
        ...

    def is_past_square_off(self, instrument: Instrument) -> bool:
        """Tell whether the day's time for closing intraday positions has come."""
        ...

    def is_left_over(self, instrument: Instrument, since_ns: int) -> bool:
        """Tell whether what is intraday and stands since then is of an earlier day."""
        ...

    @property
    def margin_pct(self) -> float:
        """Return how much of the margin is in use, in percent, as the broker tells; NaN when it does not."""
        ...

    def spread_pct(self, key: str) -> float:
        """Return how far bid and offer are apart in percent of their middle, NaN unless there are both."""
        ...

    def day_close(self, key: str) -> float:
        """Return the close of the day before in rupees, 0 when nobody knows."""
        ...

    def not_listed(self, instrument: Instrument) -> str:
        """Say why it does not trade today, "" when it does or nobody knows."""
        ...

    def restricted(self, instrument: Instrument) -> tuple[str, str]:
        """Return the list that forbids entries in it, and what is to be told of it; each "" when there is nothing."""
        ...

    def entry_hours(self, instrument: Instrument) -> str:
        """Say when entries are taken in its market, "" when they are now."""
        ...

    def opposed_by(self, key: str, product: Product, owner: str, side: int) -> str:
        """Say which other owner holds the other side of a side, and how much; "" when nobody does."""
        ...

    def options_like(self, option: Instrument) -> list[tuple[Instrument, int]]:
        """List what the account holds, signed, of options of the same kind and underlying."""
        ...


class LoneDesk:
    """A desk without session, for a script that only asks: nothing is held, the market is open, quotes are fresh but unknown."""

    is_live = False

    def __init__(self, capital_units: int) -> None:
        self._account = Account(capital_units, capital_units, capital_units, capital_units, capital_units, 0, 0, 0)

    def account_of(self, owner: str) -> Account:
        """Return an account in which nothing has happened."""
        return self._account

    def quantity_of(self, key: str, product: Product, owner: str) -> int:
        """Return 0."""
        return 0

    def held_keys(self, owner: str) -> set[tuple[str, Product]]:
        """Return nothing."""
        return set()

    def last_price(self, key: str) -> float:
        """Return 0: not known."""
        return 0.0

    def quote_age_s(self, key: str) -> float:
        """Return 0."""
        return 0.0

    def is_open(self, instrument: Instrument) -> bool:
        """Return True."""
        return True

    def is_past_square_off(self, instrument: Instrument) -> bool:
        """Return False."""
        return False

    def is_left_over(self, instrument: Instrument, since_ns: int) -> bool:
        """Return False."""
        return False

    @property
    def margin_pct(self) -> float:
        """Return NaN: nobody tells."""
        return math.nan

    def spread_pct(self, key: str) -> float:
        """Return NaN: there is no quote."""
        return math.nan

    def day_close(self, key: str) -> float:
        """Return 0: not known."""
        return 0.0

    def not_listed(self, instrument: Instrument) -> str:
        """Return nothing: there is no list."""
        return ""

    def restricted(self, instrument: Instrument) -> tuple[str, str]:
        """Return nothing: there is no list."""
        return "", ""

    def entry_hours(self, instrument: Instrument) -> str:
        """Return nothing: the market is open."""
        return ""

    def opposed_by(self, key: str, product: Product, owner: str, side: int) -> str:
        """Return nothing: nobody holds anything."""
        return ""

    def options_like(self, option: Instrument) -> list[tuple[Instrument, int]]:
        """Return nothing."""
        return []


class Traffic:
    """Messages sent to the broker in the last second and minute, and entries alike in the last minute."""

    def __init__(self, ticking_ns: Callable[[], int] | None = None) -> None:
        """`ticking_ns`: a clock that never runs backwards, for the messages; without one the times that are given count."""
        self._ticking_ns = ticking_ns
        self._sent: deque[int] = deque()
        self._minute: deque[int] = deque()
        self._entries: deque[tuple[int, tuple[object, ...]]] = deque()

    def count(self, now_ns: int) -> int:
        """Take note of a message: a place, a change or a cancel; returns the messages of the last second."""
        now_ns = self._at(now_ns)
        sent, minute = self._sent, self._minute
        sent.append(now_ns)
        minute.append(now_ns)
        while minute[0] <= now_ns - MINUTE_NS:
            minute.popleft()
        while sent[0] <= now_ns - SECOND_NS:
            sent.popleft()
        return len(sent)

    def messages(self, now_ns: int) -> int:
        """Count the messages of the last second."""
        now_ns = self._at(now_ns)
        while self._sent and self._sent[0] <= now_ns - SECOND_NS:
            self._sent.popleft()
        return len(self._sent)

    def messages_in_minute(self, now_ns: int) -> int:
        """Count the messages of the last minute."""
        now_ns = self._at(now_ns)
        while self._minute and self._minute[0] <= now_ns - MINUTE_NS:
            self._minute.popleft()
        return len(self._minute)

    def recall(self, orders: Iterable[Order], now_ns: int) -> None:
        """Count for the rest of their minute the messages that orders of before a restart tell of.

        What the clock, set back since, has in the future counts as just sent.
        """
        at_ns = self._at(now_ns)
        ages = ((max(0, now_ns - max(order.created_ns, order.updated_ns)), messages_of(order)) for order in orders)
        self._minute = deque(sorted(at_ns - age for age, count in ages if age < MINUTE_NS for _ in range(count)))

    def wait_s(self, now_ns: int, limit: float) -> float:
        """Return how long a message has to wait until it is within the limit, in seconds."""
        now_ns = self._at(now_ns)
        over = self.messages(now_ns) - int(limit)
        return 0.0 if over < 0 else (self._sent[over] + SECOND_NS - now_ns) / SECOND_NS

    def _at(self, now_ns: int) -> int:
        """Return the time that messages are counted by: of a clock that nobody can set, where there is one."""
        return now_ns if self._ticking_ns is None else self._ticking_ns()

    def remember(self, request: OrderRequest, now_ns: int) -> None:
        """Take note of an entry."""
        self._entries.append((now_ns, _likeness(request)))

    def repeats(self, request: OrderRequest, now_ns: int, soon_ns: int) -> tuple[int, int]:
        """Count entries just like this one: of the last `soon_ns`, and of the last minute."""
        entries = self._entries
        while entries and entries[0][0] <= now_ns - MINUTE_NS:
            entries.popleft()
        if not entries:
            return 0, 0
        like = _likeness(request)
        times = [time_ns for time_ns, likeness in entries if likeness == like]
        return sum(time_ns > now_ns - soon_ns for time_ns in times), len(times)


def messages_of(order: Order) -> int:
    """Return how many messages an order was at least: its place, its changes, and a cancel where it came to one."""
    if order.status is OrderStatus.DENIED or order.request.owner == EXTERNAL:
        return 0
    is_cancelled = order.status is OrderStatus.CANCELLED or order.pending in (Pending.CANCEL, Pending.CANCEL_UNKNOWN)
    return 1 + order.modifications + int(is_cancelled)


def _likeness(request: OrderRequest) -> tuple[object, ...]:
    return (
        request.owner,
        request.instrument.key,
        request.product,
        request.side,
        request.quantity,
        request.order_type,
        request.price,
        request.trigger_price,
    )

"""What the risk manager may ask a session: the account, what is held, how fresh a quote is, whether the market trades.

Reads only; nothing is sent or changed from here.
"""

from __future__ import annotations

import math

from engine.calendar import Calendar, day_of
from engine.clock import IST_OFFSET_NS, Clock
from engine.core.model import Account, Instrument, Product
from engine.position_tracker import PositionTracker
from engine.view import QuoteBoard

DAY_NS = 86_400_000_000_000


class SessionDesk:
    """The `Desk` of one session."""

    def __init__(self, positions: PositionTracker, board: QuoteBoard, clock: Clock, calendar: Calendar | None, *, is_live: bool) -> None:
        """Without a calendar the market is always open, and intraday positions are not squared off."""
        self._positions = positions
        self._board = board
        self._clock = clock
        self._calendar = calendar
        self._is_live = is_live
        self._square_offs: dict[tuple[str, int], int] = {}

    @property
    def is_live(self) -> bool:
        """Tell whether it is real money."""
        return self._is_live

    def account_of(self, owner: str) -> Account:
        """Return the figures of one owner, or of the account (owner "")."""
        return self._positions.account(owner)

    def quantity_of(self, key: str, product: Product, owner: str) -> int:
        """Return the signed quantity that one owner, or the account, holds."""
        return self._positions.quantity(key, product, owner)

    def held_keys(self, owner: str) -> set[tuple[str, Product]]:
        """List in what one owner, or the account, holds a position."""
        return self._positions.held_keys(owner)

    def last_price(self, key: str) -> float:
        """Return the last price in rupees, 0 when there is none."""
        slot = self._board.slot(key)
        return 0.0 if slot is None else float(self._board.last_price[slot])

    def quote_age_s(self, key: str) -> float:
        """Return the age of the last quote, infinity when there is none."""
        slot = self._board.slot(key)
        time_ns = 0 if slot is None else int(self._board.time_ns[slot])
        return (self._clock.now_ns() - time_ns) / 1e9 if time_ns else math.inf

    def is_open(self, instrument: Instrument) -> bool:
        """Tell whether its market trades now."""
        return self._calendar is None or self._calendar.is_open(instrument, self._clock.now_ns())

    def is_past_square_off(self, instrument: Instrument) -> bool:
        """Tell whether the day's time for closing intraday positions has come."""
        if self._calendar is None:
            return False
        now_ns = self._clock.now_ns()
        key = instrument.key, (now_ns + IST_OFFSET_NS) // DAY_NS
        if key not in self._square_offs:
            self._square_offs = {known: time_ns for known, time_ns in self._square_offs.items() if known[1] == key[1]}
            self._square_offs[key] = self._calendar.square_off_ns(instrument, day_of(now_ns))
        return now_ns >= self._square_offs[key]

    def is_left_over(self, instrument: Instrument, since_ns: int) -> bool:
        """Tell whether what is intraday and stands since then is of an earlier day, whose square-off nobody heard of."""
        if self._calendar is None:
            return False
        return (since_ns + IST_OFFSET_NS) // DAY_NS < (self._clock.now_ns() + IST_OFFSET_NS) // DAY_NS

"""What the risk manager may ask a session: the account, what is held, how fresh a quote is, whether the market trades.

Reads only; nothing is sent or changed from here.
"""

from __future__ import annotations

import math
from typing import Protocol

from engine.brokers.base import Funds
from engine.calendar import Calendar, day_of
from engine.clock import IST_OFFSET_NS, Clock, ist
from engine.core.model import EXTERNAL, Account, Instrument, Product
from engine.position_tracker import PositionTracker
from engine.restricted import Restricted
from engine.view import QuoteBoard

DAY_NS = 86_400_000_000_000

AHEAD_S = 30.0
"""A quote that lies further ahead of the clock than this is of no known age; a clock that is wrong by more opens nothing anyhow."""


class Catalogue(Protocol):
    """Today's list of instruments."""

    def find(self, key: str) -> Instrument | None:
        """Return the instrument of `EXCHANGE:SYMBOL`, None when it is not on the list."""
        ...


class SessionDesk:
    """The `Desk` of one session."""

    def __init__(
        self, positions: PositionTracker, board: QuoteBoard, clock: Clock, calendar: Calendar | None, *, is_live: bool, early_ns: int = 0
    ) -> None:
        """Without a calendar the market is always open, and intraday positions are not squared off; else `early_ns` before its time."""
        self._positions = positions
        self._board = board
        self._clock = clock
        self._calendar = calendar
        self._is_live = is_live
        self._early_ns = early_ns
        self._square_offs: dict[tuple[str, int], int] = {}
        self._entries: dict[tuple[str, int], tuple[int, int]] = {}
        self.catalogue: Catalogue | None = None
        """Today's list of the broker; None while nobody knows it."""
        self.lists = Restricted()
        """What is not to be traded."""
        self.funds: Funds | None = None
        """The account's money as the broker last told it."""

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
        """Return the age of the last quote, infinity when there is none, or when the clock was set back since and nobody can tell."""
        slot = self._board.slot(key)
        time_ns = 0 if slot is None else int(self._board.time_ns[slot])
        age_s = (self._clock.now_ns() - time_ns) / 1e9
        return age_s if time_ns and age_s >= -AHEAD_S else math.inf

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
            self._square_offs[key] = self._calendar.square_off_ns(instrument, day_of(now_ns)) - self._early_ns
        return now_ns >= self._square_offs[key]

    def is_left_over(self, instrument: Instrument, since_ns: int) -> bool:
        """Tell whether what is intraday and stands since then is of an earlier day, whose square-off nobody heard of."""
        if self._calendar is None:
            return False
        return (since_ns + IST_OFFSET_NS) // DAY_NS < (self._clock.now_ns() + IST_OFFSET_NS) // DAY_NS

    @property
    def margin_pct(self) -> float:
        """Return how much of the margin is in use, in percent, as the broker last told; NaN when it did not."""
        total = 0 if self.funds is None else self.funds.used_units + self.funds.available_units
        return 100.0 * self.funds.used_units / total if self.funds is not None and total > 0 else math.nan

    def spread_pct(self, key: str) -> float:
        """Return how far bid and offer are apart in percent of their middle, NaN unless there are both."""
        slot = self._board.slot(key)
        if slot is None:
            return math.nan
        bid, ask = self._board.bid.item(slot), self._board.ask.item(slot)
        return float(200.0 * (ask - bid) / (ask + bid)) if bid > 0.0 and ask > 0.0 else math.nan

    def day_close(self, key: str) -> float:
        """Return the close of the day before in rupees, 0 when nobody knows."""
        slot = self._board.slot(key)
        return 0.0 if slot is None else float(self._board.close.item(slot))

    def not_listed(self, instrument: Instrument) -> str:
        """Say why it does not trade today, "" when it does or nobody knows."""
        if instrument.expiry is not None and instrument.expiry < day_of(self._clock.now_ns()):
            return f"it expired on {instrument.expiry:%d %b %Y}"
        if self.catalogue is None:
            return ""
        known = self.catalogue.find(instrument.key)
        if known is None:
            return "it is not on today's list"
        return "" if known is instrument or known.token == instrument.token else "its token means something else today"

    def restricted(self, instrument: Instrument) -> tuple[str, str]:
        """Return the list that forbids entries in it, and what is to be told of it; each "" when there is nothing."""
        forbidden, watched = self.lists.of(instrument)
        return forbidden, f"{instrument.symbol} is on the list {watched}; trade it with open eyes." if watched else ""

    def entry_hours(self, instrument: Instrument) -> str:
        """Say when entries are taken in its market, "" when they are now."""
        if self._calendar is None:
            return ""
        now_ns = self._clock.now_ns()
        key = instrument.key, (now_ns + IST_OFFSET_NS) // DAY_NS
        if key not in self._entries:
            self._entries = {known: hours for known, hours in self._entries.items() if known[1] == key[1]}
            self._entries[key] = self._calendar.entry_hours(instrument, day_of(now_ns))
        from_ns, until_ns = self._entries[key]
        if from_ns <= now_ns < until_ns:
            return ""
        return f"from {ist(from_ns):%H:%M:%S} to {ist(until_ns):%H:%M}" if until_ns else "on a trading day"

    def opposed_by(self, key: str, product: Product, owner: str, side: int) -> str:
        """Say which other owner holds the other side of a side, and how much; "" when nobody does."""
        for holder, quantity in self._positions.holders(key, product):
            if holder not in ("", owner, EXTERNAL) and quantity * side < 0:
                return f"{holder} with {quantity:+d}"
        return ""

    def options_like(self, option: Instrument) -> list[tuple[Instrument, int]]:
        """List what the account holds, signed, of options of the same kind and underlying."""
        wanted = option.kind, option.exchange, option.name
        net = ((position.instrument, position.quantity) for position in self._positions.open_net())
        return [(held, quantity) for held, quantity in net if (held.kind, held.exchange, held.name) == wanted]

"""Keeps up with Zerodha's order list: messages only say where to look, the list and the trades say what is so.

A message may be lost, doubled or late; the list is read after every one, oftener while orders work, oftener still while the feed is down.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from engine.brokers.zerodha.limiter import Call
from engine.brokers.zerodha.order_list import InstrumentOf, to_updates, unmatched
from engine.brokers.zerodha.orders import RawRow, is_known, is_slice, to_update, whole
from engine.brokers.zerodha.rest import KiteRest
from engine.clock import Clock
from engine.core.model import OrderUpdate

SECOND_NS = 1_000_000_000

NUDGED_NS = SECOND_NS // 2
"""At least this long between two readings that messages ask for."""

EVERY_NS = {"deaf": 3 * SECOND_NS, "working": 5 * SECOND_NS, "idle": 60 * SECOND_NS}
"""How often the list is read anyhow: while no message would come or the list is known to lag, while orders work, while none does."""

TRIES = 4
"""The trade list lags behind the order list by moments: it is read again so often."""


KEPT = ("status", "order_type", "variety", "tag", "tags")
"""Fields of a row that are asked for after the reading; the whole list of a busy day is megabytes."""


class OrderWatch:
    """What is known of the day's orders at the broker."""

    def __init__(self, rest: KiteRest, clock: Clock, instrument_of: InstrumentOf, tell: Callable[[OrderUpdate], None]) -> None:
        """`tell` hears what is new of an order."""
        self.rows: dict[str, RawRow] = {}
        """Of the latest row of each order the fields that are KEPT, by the broker's id."""
        self.totals: dict[str, int] = {}
        """Quantity that the slices of an order come to, by our tag."""
        self.is_deaf = False
        """The feed is down: no message comes."""
        self._rest, self._clock = rest, clock
        self._instrument_of, self._tell = instrument_of, tell
        self._told: dict[str, OrderUpdate] = {}
        self._read_ns: int | None = None
        self._is_nudged = False
        self._is_reading = False
        self._has_failed = False
        self._awaited: set[str] = set()
        self._written: dict[str, int] = {}

    def on_message(self, row: Mapping[str, Any]) -> None:
        """Take an order message: what is not a fill is told at once, and the list is looked at for the rest."""
        order_id = str(row.get("order_id") or "")
        self._is_nudged = True
        # A fill is told with its trades, or the order would be over before its position is there.
        if not order_id or not is_known(row) or is_slice(row) or whole(row.get("filled_quantity")):
            return
        self._tell(to_update(row, instrument=self._instrument_of(row)))

    def nudge(self) -> None:
        """Read the list soon: something happened."""
        self._is_nudged = True

    def placed(self, *order_ids: str) -> None:
        """Take note of orders that must appear in the list: it is read often until they do."""
        self._awaited.update(order_ids)
        self._is_nudged = True

    def wrote(self, *order_ids: str) -> None:
        """Take note that a change was asked for, or answered: a list that was asked for before does not know of it."""
        now_ns = self._clock.monotonic_ns()
        self._written.update(dict.fromkeys(order_ids, now_ns))
        self._is_nudged = True

    @property
    def is_due(self) -> bool:
        """Tell whether the list should be read now."""
        if self._is_reading:
            return False
        if self._read_ns is None:
            return True
        since_ns = self._clock.monotonic_ns() - self._read_ns
        return since_ns >= (NUDGED_NS if self._is_nudged else EVERY_NS[self._pace])

    @property
    def _pace(self) -> str:
        if self.is_deaf or self._has_failed or self._awaited:
            return "deaf"
        is_working = any(update.status is None or not update.status.is_terminal for update in self._told.values())
        return "working" if is_working else "idle"

    async def look(self) -> None:
        """Read the list and tell what is new; raises BrokerError when it cannot be read."""
        self._is_nudged, self._read_ns = False, self._clock.monotonic_ns()
        known = dict(self._told)
        found = await self.snapshots()
        # What is as it was stays the one of before: the day's orders are not made anew in memory with every reading.
        news = [update for update in found if known.get(update.broker_order_id) != update]
        listed = {update.broker_order_id for update in found}
        self._told = {order_id: update for order_id, update in known.items() if order_id in listed}
        self._told |= {update.broker_order_id: update for update in news}
        for update in news:
            self._tell(update)

    async def snapshots(self) -> list[OrderUpdate]:
        """Return snapshots of all orders of the day; raises BrokerError when they cannot be read.

        Who asks may put it aside, as a comparison of a list in motion does: what is new is told all the same by the next `look()`.
        """
        asked_ns = self._clock.monotonic_ns()
        self._is_reading = self._has_failed = True
        try:
            rows, trades = await self._fetch()
            self._has_failed = False
        finally:
            self._is_reading = False
        self._rest.limiter.placed_today = max(self._rest.limiter.placed_today, len(rows))
        self.rows = {str(row.get("order_id")): {name: row[name] for name in KEPT if name in row} for row in rows}
        self._awaited.difference_update(self.rows)
        updates = to_updates(rows, trades, self._instrument_of, self.totals)
        return [self._without_hindsight(update, asked_ns) for update in updates]

    def ids_of(self, tag: str, order_id: str) -> list[str]:
        """Return all orders at the broker that one of ours became: by tag, and the one whose id is known."""
        found = [known for known, row in self.rows.items() if tag and tag in (row.get("tag"), *(row.get("tags") or ()))]
        return list(dict.fromkeys([*found, *([order_id] if order_id else [])]))

    async def _fetch(self) -> tuple[list[RawRow], list[RawRow]]:
        """Read orders and trades until the two agree, a few times."""
        rows: list[RawRow] = [row for row in await self._rest.read(Call.OTHER, "orders") or [] if is_known(row)]
        trades: list[RawRow] = []
        for attempt in range(TRIES):
            if attempt:
                await self._clock.sleep(0.2 * attempt)
            if any(whole(row.get("filled_quantity")) for row in rows):
                trades = await self._rest.read(Call.OTHER, "trades") or []
            if not unmatched(rows, trades):
                break
        return rows, trades

    def _without_hindsight(self, update: OrderUpdate, asked_ns: int) -> OrderUpdate:
        """Keep a list from saying that a change is no longer pending which it was asked too early to know of."""
        written_ns = self._written.get(update.broker_order_id)
        if written_ns is None or update.pending is None or written_ns < asked_ns:
            return update
        return replace(update, pending=None)

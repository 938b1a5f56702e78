"""Protects what is carried over nights by a pair of stop and target that waits at the broker, not by orders that end with the day.

Where the broker has such pairs: laid for exactly what is held, changed with it, taken back with it, looked after every half minute. What
cannot be laid there is protected by orders, as everything else. A pair that was reached becomes its owner's order.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace

from engine.brokers.triggers import Gtt, TriggerDesk
from engine.core.errors import BrokerError, OutcomeUnknown
from engine.core.facts import PROTECTIVE
from engine.core.model import Instrument, Order, OrderRequest, OrderUpdate, Position, Product, Purpose
from engine.exits.pairs import ACTIVE, DELETED, TRIGGERED, Pair, ending_of, found_again, joined, pair_of, to_gtt, wording
from engine.guard import Guard
from engine.position_tracker import BookKey
from engine.protection import Laid, Plan
from engine.session_parts import SessionParts
from engine.store.rows import Setting, StoreFailed

AUDIT_S = 30.0


class Triggers:
    """The pairs of one session."""

    def __init__(
        self,
        parts: SessionParts,
        guard: Guard,
        warn: Callable[[str], None],
        follow: Callable[[str], None],
        take: Callable[[OrderUpdate], None],
    ) -> None:
        """`follow` sees the order of a stop that was reached through until it fills, `take` hears what the broker's list says."""
        self._parts, self._guard, self._warn, self._follow, self._take = parts, guard, warn, follow, take
        self._laid: dict[BookKey, Pair] = {}
        self._wanted: dict[BookKey, tuple[Instrument, Pair]] = {}
        self._by_orders: set[BookKey] = set()
        """Positions whose pair could not be laid: orders protect them until they are flat."""
        self._doubtful: list[tuple[Gtt, int]] = []
        """Pairs that may have been laid all the same, and when; they are taken back when they show."""
        self._busy: set[BookKey] = set()
        self._is_ready = False
        if self._desk is not None:
            guard.lay = self.lay
            parts.orders.whose = self.join

    @property
    def _desk(self) -> TriggerDesk | None:
        return self._parts.broker.gtts if self._parts.mode == "live" else None

    def take_up(self) -> None:
        """Remember what was laid before a restart; to be called before orders are compared."""
        try:
            kept = self._parts.store.settings().get(self._setting)
        except StoreFailed:
            return
        for name, fields in kept.items() if isinstance(kept, dict) else ():
            key, product, owner = name.split("|", 2)
            self._laid[key, Product(product), owner] = Pair(**fields)

    async def begin(self) -> None:
        """Hold what was laid before against the broker's list, lay what is missing, and look after all of it from now on."""
        if self._desk is None:
            return
        self._is_ready = True
        if self._laid:
            await self.look()
            self._follow_what_lies()
        for book in [*self._laid, *self._wanted]:
            self._see_to(book)
        self._parts.tasks.spawn(self._watch(), "look after triggers", service=True)

    def _follow_what_lies(self) -> None:
        """Plan positions by the pairs that lie at the broker: they were moved since the entry asked for them."""
        for book, pair in list(self._laid.items()):
            if (held := self._held(book)) is not None and not pair.is_fired:
                self._guard.move(held.instrument, book[1], book[2], stop=pair.stop, target=pair.target)

    def lay(self, instrument: Instrument, book: BookKey, plan: Plan | None, quantity: int) -> Laid:
        """Let a position (signed) be protected by a pair at the broker as planned; tells who protects it."""
        have = self._laid.get(book)
        if have is not None and have.is_fired and quantity:
            return Laid.FIRED
        if quantity == 0:
            self._by_orders.discard(book)
        pair = None if book in self._by_orders else pair_of(plan, book[1], instrument, quantity)
        self._wanted.pop(book, None)
        if pair is not None:
            self._wanted[book] = instrument, pair
        if have is not None or pair is not None:
            self._see_to(book)
        return Laid.BY_ORDERS if pair is None else Laid.THERE

    def cover(self, book: BookKey) -> int:
        """Return how much of a position a pair at the broker would close."""
        have = self._laid.get(book)
        return abs(have.quantity) if have is not None and have.number and not have.is_fired else 0

    def join(self, request: OrderRequest) -> OrderRequest:
        """Return an order from elsewhere as it came, or as its owner's where it is that of a pair which was reached."""
        for book, pair in self._laid.items():
            if book[:2] != (request.instrument.key, request.product) or pair.is_joined or not pair.number:
                continue
            plan = self._guard.plan(request.instrument, book[1], book[2])
            made = joined(request, book[2], pair, request.instrument, plan.group if plan is not None else "")
            if made is not None:
                self._keep(book, replace(pair, is_fired=True, is_joined=True))
                self._parts.orders.note("TRIGGER_FIRED", number=pair.number, owner=book[2], key=book[0], purpose=str(made.purpose))
                return made
        return request

    def on_order(self, order: Order) -> None:
        """Look at an order's new state: that of a pair ends it, and is seen through until then."""
        request = order.request
        book = (request.instrument.key, request.product, request.owner)
        pair = self._laid.get(book)
        if pair is None or not pair.is_joined or request.purpose not in PROTECTIVE:
            return
        if order.status.is_terminal:
            self._keep(book, None)
            self._protect_again(book)
        elif request.purpose is Purpose.STOP:
            self._follow(order.id)

    async def look(self) -> None:
        """Read the broker's triggers, and hold what was laid against them."""
        assert self._desk is not None
        calm = {book: pair for book, pair in self._laid.items() if book not in self._busy}
        try:
            self._audit(await self._desk.all(), calm)
            fired = [book for book, pair in self._laid.items() if pair.is_fired and not pair.is_joined]
            for update in list(await self._parts.broker.orders()) if fired else ():
                self._take(update)
        except BrokerError:
            return  # unknown is not gone
        for book in fired:
            if (pair := self._laid.get(book)) is not None and not pair.is_joined:
                self._give_up(book, "was reached, and the broker does not list its order")

    def _audit(self, listed: Sequence[Gtt], calm: Mapping[BookKey, Pair]) -> None:
        """Hold what was laid against the broker's list; `calm`: what lay unchanged since before the list was asked for."""
        rows = {one.id: one for one in listed}
        for book, pair in calm.items():
            if self._laid.get(book) is pair and book not in self._busy and not pair.is_fired:
                self._hold_against(book, pair, rows)
        known = [pair.number for pair in self._laid.values()]
        for asked, asked_ns in list(self._doubtful):
            if (ghost := found_again(asked, asked_ns, listed, known)) is not None:
                self._doubtful.remove((asked, asked_ns))
                self._warn(f"The trigger {ghost.id} for {asked.instrument.key} was laid after all; it is taken back: orders protect it.")
                self._parts.tasks.spawn(self._delete(ghost.id), f"take back trigger {ghost.id}")

    def _hold_against(self, book: BookKey, pair: Pair, rows: Mapping[int, Gtt]) -> None:
        if pair.number == 0:
            self._find(book, pair, rows)
            return
        row = rows.get(pair.number)
        if row is not None and row.status == ACTIVE:
            quantity = row.legs[0].quantity * (1 if pair.quantity > 0 else -1)
            if quantity != pair.quantity:
                self._keep(book, replace(pair, quantity=quantity))
                self._see_to(book)
        elif row is not None and row.status == TRIGGERED and any(leg.outcome.isdigit() for leg in row.legs):
            self._keep(book, replace(pair, is_fired=True))
        else:
            self._give_up(book, f"is {ending_of(row)} at the broker")

    def _find(self, book: BookKey, pair: Pair, rows: Mapping[int, Gtt]) -> None:
        """Find a pair that was asked for before a restart, and whose number nobody heard."""
        row: Gtt | None = None
        if (held := self._held(book)) is not None:
            known = [one.number for one in self._laid.values()]
            row = found_again(to_gtt(pair, held.instrument, book[1], 0.0), pair.asked_ns, rows.values(), known)
        self._keep(book, None if row is None else replace(pair, number=row.id))

    def _see_to(self, book: BookKey) -> None:
        if self._is_ready and book not in self._busy:
            self._busy.add(book)
            self._parts.tasks.spawn(self._bring(book), f"trigger of {book[2]} {book[0]}")

    async def _bring(self, book: BookKey) -> None:
        """Bring the broker's trigger in line with what is wanted, however often that changes meanwhile."""
        try:
            while True:
                wanted, have = self._wanted.get(book), self._laid.get(book)
                if have is not None and have.is_fired:
                    if have.is_joined and wanted is None:
                        self._keep(book, None)
                    return
                if wanted is None:
                    if have is None or not await self._take_back(book, have):
                        return
                elif (have is not None and wanted[1].asks_same(have)) or self._guard.is_off() or not await self._ask(book, *wanted, have):
                    return
        finally:
            self._busy.discard(book)

    async def _ask(self, book: BookKey, instrument: Instrument, pair: Pair, have: Pair | None) -> bool:
        """Lay or change a pair; tells whether it lies as asked."""
        parts, desk = self._parts, self._desk
        assert desk is not None
        made = replace(pair, number=have.number if have is not None else 0, asked_ns=parts.clock.now_ns())
        gtt = to_gtt(made, instrument, book[1], parts.risk.desk.last_price(book[0]))
        if have is None:
            self._keep(book, made)
        try:
            await parts.orders.commit_note("TRIGGER_CHANGE" if made.number else "TRIGGER_PLACE", owner=book[2], **wording(gtt))
            parts.risk.count_message()
            if made.number:
                await desk.modify(gtt)
            else:
                made = replace(made, number=await desk.place(gtt))
        except (BrokerError, StoreFailed) as error:
            if isinstance(error, OutcomeUnknown) and not made.number:
                self._doubtful.append((gtt, made.asked_ns))
            fate = await self._delete(made.number) if made.number else DELETED
            if have is not None and fate == TRIGGERED:
                self._keep(book, replace(have, is_fired=True))
                return False
            if fate == ACTIVE:
                self._warn(f"The trigger {made.number} for {book[0]} can neither be changed nor taken back ({error}); do it in Kite.")
            self._give_up(book, f"could not be laid ({error})")
            return False
        self._keep(book, made)
        parts.orders.note("TRIGGER_PLACED", number=made.number, owner=book[2], key=book[0])
        return True

    async def _take_back(self, book: BookKey, have: Pair) -> bool:
        """Take a pair back that nobody wants any more; tells whether it is gone."""
        fate = await self._delete(have.number) if have.number else DELETED
        if fate == TRIGGERED:
            self._keep(book, replace(have, is_fired=True))  # its order is its owner's, who has nothing left to close by it
            return False
        if fate == ACTIVE:
            self._warn(f"The trigger {have.number} for {book[0]} could not be taken back; it is tried again, or take it back in Kite.")
            return False
        self._keep(book, None)
        return True

    async def _delete(self, number: int) -> str:
        """Take a trigger back; returns what became of it, ACTIVE where nobody knows."""
        desk = self._desk
        assert desk is not None
        with contextlib.suppress(StoreFailed):  # what only takes back is done all the same
            await self._parts.orders.commit_note("TRIGGER_CANCEL", number=number)
        self._parts.risk.count_message()
        try:
            await desk.delete(number)
        except BrokerError:
            try:
                return next((one.status for one in await desk.all() if one.id == number), DELETED)
            except BrokerError:
                return ACTIVE
        return DELETED

    def _give_up(self, book: BookKey, why: str) -> None:
        """Protect a position by orders from now on, for its pair is not there."""
        self._keep(book, None)
        self._wanted.pop(book, None)
        if self._held(book) is None:
            return
        self._by_orders.add(book)
        self._warn(
            f"The stop and target of {book[0]} of {book[2]}, which were to wait at the broker: it {why}. Orders of the day protect it."
        )
        self._protect_again(book)

    def _protect_again(self, book: BookKey) -> None:
        if (held := self._held(book)) is not None:
            self._guard.protect_again(held)

    def _held(self, book: BookKey) -> Position | None:
        return next((one for one in self._parts.positions.open_books(book[2], book[1]) if one.instrument.key == book[0]), None)

    def _keep(self, book: BookKey, pair: Pair | None) -> None:
        """Note what lies at the broker, over a restart too."""
        if pair is None:
            self._laid.pop(book, None)
        else:
            self._laid[book] = pair
        rows = {f"{key}|{product}|{owner}": asdict(one) for (key, product, owner), one in self._laid.items()}
        self._parts.keep(Setting(self._setting, rows))

    async def _watch(self) -> None:
        while True:
            await self._parts.clock.sleep(AUDIT_S)
            if self._laid or self._doubtful:
                await self.look()
                for book in list(self._laid):
                    self._see_to(book)

    @property
    def _setting(self) -> str:
        return f"triggers {self._parts.account_id}"

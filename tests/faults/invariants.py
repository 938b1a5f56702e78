"""What must hold of a session at every step, held against what the broker really has: each breach is one sentence.

A check looks at a session, the broker's own ledger and the journal's lines, and changes nothing. `breaches` is asked after every step,
`breaches_at_rest` once all that was sent has been answered and heard.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from engine.core.ledger import apply
from engine.core.lifecycle import TRANSITIONS
from engine.core.model import EXTERNAL, Order, OrderStatus, Pending, Position, Product
from engine.reconcile import is_open_question
from engine.session import TradingSession
from engine.store.rows import JournalEntry
from tests.faults.ledger import Kill, Ledger, Place
from tests.faults.over_time import (
    Chain,
    Secrets,
    kill_is_latched,
    kills_are_final,
    messages_keep_the_caps,
    messages_keep_the_rate,
    paper_sends_nothing,
)

S = OrderStatus


@dataclass(slots=True)
class Watch:
    """What was seen of each order before; one lives as long as the account, over all its sessions."""

    alarms: list[str] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    """All that the trader was told."""
    secrets: Secrets = field(default_factory=Secrets)
    """What must be found nowhere."""
    chain: Chain = field(default_factory=Chain)
    """The journal as it was written so far."""
    _before: dict[str, Order] = field(default_factory=dict)

    def changes(self, orders: Iterable[Order]) -> Iterator[tuple[Order, Order]]:
        """Yield each order that changed since the last time, as it was and as it is."""
        for order in orders:
            before = self._before.get(order.id)
            if before is not None and before is not order:
                yield before, order
            self._before[order.id] = order

    def forget_undone(self, orders: Iterable[Order]) -> None:
        """Begin anew from what a restart remembers: what was never written down was never seen."""
        self._before = {order.id: order for order in orders}


def attempts_are_single(session: TradingSession, ledger: Ledger) -> Iterator[str]:
    """One order at the broker for each tag, and none that nobody asked for."""
    for tag, count in Counter(order.tag for order in ledger.orders if order.tag).items():
        if count > 1:
            yield f"{count} orders at the broker for the one attempt {tag}"


def intents_come_first(ledger: Ledger) -> Iterator[str]:
    """No byte before its line was safe, none while nothing may be risked: judged when the message came."""
    yield from ledger.faults


def fills_add_up(session: TradingSession) -> Iterator[str]:
    """What an order has filled is what its unique trades come to, and positions and profit are what fills come to."""
    by_order: dict[str, int] = defaultdict(int)
    seen: set[tuple[str, str]] = set()
    for fill in session.orders.trades:
        by_order[fill.order_id] += fill.quantity
        if (fill.order_id, fill.trade_id) in seen:
            yield f"trade {fill.trade_id} of order {fill.order_id} is booked twice"
        seen.add((fill.order_id, fill.trade_id))
    for order in session.orders.orders:
        if by_order[order.id] > order.filled:
            yield f"order {order.id} has {order.filled} filled and trades of {by_order[order.id]}"
        if order.filled > order.quantity and not order.status.is_terminal:
            yield f"order {order.id} filled {order.filled} of {order.quantity} and goes on"
    yield from _positions_are_fills(session)


def _positions_are_fills(session: TradingSession) -> Iterator[str]:
    books: dict[tuple[str, Product, str], Position] = {}
    realised = charges = 0
    for fill in session.orders.trades:
        for owner in ("", fill.owner):
            key = (fill.instrument.key, fill.product, owner)
            books[key], gained = apply(books.get(key) or Position(fill.instrument, fill.product, owner), fill)
            realised += gained if owner == "" else 0
        charges += fill.charges_units
    for (key, product, owner), book in books.items():
        held = session.positions.quantity(key, product, owner)
        if held != book.quantity:
            yield f"{owner or 'the account'} holds {held} of {key} and its fills come to {book.quantity}"
    for position in (*session.positions.open_net(), *session.positions.open_books()):
        if (position.instrument.key, position.product, position.owner) not in books:
            yield f"{position.owner or 'the account'} holds {position.quantity} of {position.instrument.key} and its fills come to 0"
    if (session.positions.realised_units(), session.positions.charges_units()) != (realised, charges):
        yield f"profit is {session.positions.realised_units()} and fills come to {realised}"


def owners_add_up(session: TradingSession) -> Iterator[str]:
    """What the owners hold comes to the net."""
    sums: dict[Place, int] = defaultdict(int)
    for book in session.positions.books:
        sums[book.instrument.key, book.product] += book.quantity
    for position in session.positions.positions:
        owned = sums[position.instrument.key, position.product]
        if owned != position.quantity:
            yield f"owners hold {owned} of {position.instrument.key}, the account {position.quantity}"


def orders_only_grow(session: TradingSession, watch: Watch) -> Iterator[str]:
    """What is filled never shrinks, a step is one of the table, and an end is only left with an alarm."""
    for before, now in watch.changes(session.orders.orders):
        if now.filled < before.filled:
            yield f"order {now.id} had {before.filled} filled and has {now.filled}"
        if before.status.is_terminal and now.status is not before.status and not any(now.id in alarm for alarm in watch.alarms):
            yield f"order {now.id} left its end {before.status} for {now.status} without an alarm"
        if before.status is S.FILLED and now.status not in TRANSITIONS[S.FILLED] | {S.FILLED}:
            yield f"order {now.id} was FILLED and is {now.status}"


def risk_is_counted(session: TradingSession) -> Iterator[str]:
    """Every order that may still fill is counted against the limits, with all that is left of it."""
    kept = session.risk.reservations._kept
    for order in session.orders.working():
        if order.status is S.INTENT:
            continue
        held = kept.get(order.reservation)
        if held is None and order.pending is Pending.CANCEL and session.mode == "paper":
            continue  # on a market of our own a cancel that was asked for is certain
        if held is None:
            yield f"order {order.id} ({order.status}, {order.remaining} left) counts against no limit"
        elif abs(held.quantity) < order.remaining:
            yield f"order {order.id} has {order.remaining} left and counts as {abs(held.quantity)}"
    working = {order.reservation for order in session.orders.working()}
    for number in kept.keys() - working:
        yield f"reservation {number} belongs to no working order"


def decisions_are_finite(session: TradingSession, kills: Sequence[Kill] = ()) -> Iterator[str]:
    """Every order of ours carries a price by which its worth was judged: its own, or the last one.

    What a kill switch closes, and what paper squares off in the morning, is closed also where no price came since the start.
    """
    for order in session.orders.orders:
        if order.request.is_exit and (kills or session.mode == "paper"):
            continue
        request = order.request
        price = request.price or request.trigger_price or request.reference_price or math.nan
        if request.owner != EXTERNAL and order.status is not S.DENIED and not (math.isfinite(price) and price > 0):
            yield f"order {order.id} was decided at a price of {price}"


def questions_are_shown(session: TradingSession, watch: Watch) -> Iterator[str]:
    """What nobody knows is told, looked up, and nothing more is opened there."""
    for order in session.orders.working():
        if not is_open_question(order):
            continue
        if not session.risk.unclear.why(order.request.owner, order.instrument.key):
            yield f"order {order.id} is {order.status} ({order.pending}) and more may be opened"
        if order.id not in session.life.books._resolving:
            yield f"order {order.id} is {order.status} ({order.pending}) and is not looked up"
        if not any(order.instrument.symbol in text or order.id in text for text in watch.told):
            yield f"order {order.id} is {order.status} ({order.pending}) and nobody was told"


def journal_is_a_chain(journal: Sequence[JournalEntry]) -> Iterator[str]:
    """Each order's lines begin with its intent, and no line of an order comes before it."""
    begun: set[str] = set()
    for line in journal:
        if line.kind in ("INTENT", "EXTERNAL", "DENIED"):
            begun.add(line.order_id)
        elif line.order_id and line.order_id not in begun:
            yield f"the journal has {line.kind} of order {line.order_id} before it began"
            begun.add(line.order_id)


def books_agree(session: TradingSession, ledger: Ledger) -> Iterator[str]:
    """At rest what is held here is what the broker has, but for orders of unknown fate, which are on screen."""
    ours = {(p.instrument.key, p.product): p.quantity for p in session.positions.positions if p.quantity}
    unknown = {(o.instrument.key, o.request.product) for o in session.orders.working() if is_open_question(o)}
    for place in sorted(ours.keys() | ledger.net.keys()):
        if ours.get(place, 0) != ledger.net.get(place, 0) and place not in unknown:
            yield f"{place[0]} {place[1]}: {ours.get(place, 0)} here, {ledger.net.get(place, 0)} at the broker"


def orders_agree(session: TradingSession, ledger: Ledger) -> Iterator[str]:
    """At rest every order of ours is as the broker has it, and every order of the broker's is known."""
    known = {order.id: order for order in session.orders.orders}
    numbers = {order.broker_order_id: order for order in session.orders.orders if order.broker_order_id}
    for real in ledger.orders:
        order = known.get(real.tag) or numbers.get(real.number)
        if order is None:
            yield f"order {real.number} ({real.tag}) of the broker is not known"
        elif order.filled != real.filled:
            yield f"order {order.id} has {order.filled} filled here and {real.filled} at the broker"
        elif order.status.is_terminal is not real.is_over and order.pending.value == "none":
            yield f"order {order.id} is {order.status} here and {'over' if real.is_over else 'alive'} at the broker"


def protection_covers(session: TradingSession, watch: Watch) -> Iterator[str]:
    """At rest what is to be protected is, with exactly its quantity, or somebody was told."""
    for book in session.positions.open_books():
        plan = session.guard.plan(book.instrument, book.product, book.owner)
        if plan is None or plan.stop is None or session.guard.has_expired:
            continue
        working = session.orders.working_in(book.instrument.key, book.product, book.owner)
        covered = sum(order.remaining for order in working if order.request.purpose.value in ("stop", "trail"))
        was_told = any(book.instrument.symbol in text for text in watch.told)
        there = abs(session.positions.closable(book))
        if covered != there and not was_told:
            yield f"{book.owner} holds {book.quantity}, {there} of it to be closed, of {book.instrument.key} and stops cover {covered}"
        certain = sum(o.remaining for o in working if o.request.purpose.value in ("stop", "trail") and not is_open_question(o))
        if certain > abs(book.quantity):
            yield f"{book.owner} holds {book.quantity} of {book.instrument.key} and stops of {certain} would turn it round"


def same_again(before: Sequence[tuple[str, str, int]], after: Sequence[tuple[str, str, int]]) -> Iterator[str]:
    """All news once more, in any order, change nothing."""
    for old, new in zip(before, after, strict=True):
        if old != new:
            yield f"order {old[0]} was {old[1:]} and became {new[1:]} when old news came again"


def state_of(session: TradingSession) -> list[tuple[str, str, int]]:
    """Return what must not change when old news come again."""
    return [(order.id, order.status.value, order.filled) for order in session.orders.orders]


def breaches(session: TradingSession, ledger: Ledger, journal: Sequence[JournalEntry], watch: Watch) -> list[str]:
    """Return everything that must never be so, even between two messages."""
    checks: tuple[Callable[[], Iterator[str]], ...] = (
        lambda: attempts_are_single(session, ledger),
        lambda: intents_come_first(ledger),
        lambda: fills_add_up(session),
        lambda: owners_add_up(session),
        lambda: orders_only_grow(session, watch),
        lambda: risk_is_counted(session),
        lambda: messages_keep_the_rate(ledger.messages, ledger.jitter_ns),
        lambda: messages_keep_the_caps(session, ledger.messages, ledger.starts_ns, ledger.blind_ns),
        lambda: kills_are_final(ledger.messages, ledger.kills),
        lambda: kill_is_latched(session, ledger.kills, ledger.now_ns),
        lambda: paper_sends_nothing(session, ledger.messages),
        lambda: decisions_are_finite(session, ledger.kills),
        lambda: questions_are_shown(session, watch),
        lambda: journal_is_a_chain(journal),
        lambda: watch.chain.follow(journal),
        lambda: watch.secrets.found(),
    )
    return [breach for check in checks for breach in check()]


def breaches_at_rest(session: TradingSession, ledger: Ledger, watch: Watch) -> list[str]:
    """Return everything that must not be so once all was answered and heard."""
    return [*books_agree(session, ledger), *orders_agree(session, ledger), *protection_covers(session, watch)]

"""Trading on paper: another broker's quotes, but orders that never leave this machine.

Quotes, history and instruments are the other broker's; orders are matched here against its quotes and depth, and book and ledger are
kept here. Nothing is ever placed with the other broker.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from engine.brokers.base import Broker, BrokerSink, Profile, broker
from engine.brokers.simulated.account import ExchangeAccount
from engine.brokers.simulated.book_venue import BookVenue
from engine.brokers.simulated.broker import SimulatedBroker
from engine.brokers.simulated.exchange import Exchange
from engine.brokers.simulated.ledger_file import LedgerFile
from engine.brokers.simulated.orders import ExchangeOrder
from engine.brokers.simulated.quote_feed import QuoteFeed
from engine.brokers.simulated.wire import Wire
from engine.calendar import Calendar, day_of
from engine.clock import Clock, SystemClock
from engine.core.bars import MINUTE_NS
from engine.core.errors import AuthenticationError, ConnectionLost
from engine.core.model import (
    Instrument,
    LinkState,
    Order,
    OrderChange,
    OrderStatus,
    OrderUpdate,
    Position,
    Quote,
    to_units,
)
from engine.core.records import Rows
from engine.tariffs import Tariff

_MAX_JUMP = 0.10
"""Part of the price by which one tick may differ from the one before without another that agrees."""


@broker("paper")
class PaperBroker(Broker):
    """A paper account over any broker."""

    def __init__(
        self,
        over: Broker | str = "",
        api_secret: str = "",
        *,
        capital: float = 1_000_000,
        file: Path | None = None,
        tariff: str = "zerodha",
        touch: bool = False,
        limited: bool = True,
        calendar: Calendar | None = None,
        wall: Clock | None = None,
    ) -> None:
        """Make a paper account over a broker; given none (or only key and secret), over a generated market.

        `capital` is in rupees. `file`: where book and ledger are kept; memory without. `touch`: limits fill when a trade reaches their
        price, not only when it goes through. `limited`: no more fills than the depth shows; the rest waits.
        """
        super().__init__()
        self.over = over if isinstance(over, Broker) else SimulatedBroker(wall=wall)
        self.clock = self.over.clock
        self.capabilities = replace(self.over.capabilities, is_live=False, has_stop_orders=True, has_market_protection=False)
        self._wall = wall if wall is not None else SystemClock()
        self._file_path = file
        self._tariff = Tariff.load(tariff)
        self._capital_units = to_units(capital)
        self._calendar = calendar if calendar is not None else Calendar.load()
        self._wire = Wire()
        self._venue = BookVenue(self.clock, self._refusal, touch=touch, limited=limited)
        self._feed = QuoteFeed(self._venue, _MAX_JUMP)
        self._wanted: set[int] = set()
        self._unasked: list[int] = []
        self._swept_ns = 0
        self._file: LedgerFile | None = None
        self._exchange: Exchange | None = None

    @property
    def exchange(self) -> Exchange:
        """The orders and the account; raises AuthenticationError before `connect`."""
        if self._exchange is None:
            raise AuthenticationError("Expected an open session with the paper broker, was none; connect first.")
        return self._exchange

    @property
    def is_warming_up(self) -> bool:
        """Tell whether the other broker is."""
        return self.over.is_warming_up

    @property
    def resumed_until_ns(self) -> int:
        """Return it of the other broker."""
        return self.over.resumed_until_ns

    @property
    def progress(self) -> float:
        """Return it of the other broker."""
        return self.over.progress

    def interactive_login(self) -> None:
        """Log in to the other broker."""
        self.over.interactive_login()

    def attach(self, sink: BrokerSink) -> None:
        """Report to this sink, and listen to the other broker."""
        super().attach(sink)
        self.over.attach(_Ear(self, sink))

    async def connect(self) -> Profile:
        """Open book and ledger as they were left, and the other broker's session."""
        if self._exchange is None:
            self._file = LedgerFile(self._file_path, self._wall.now_ns())
            account = ExchangeAccount(self._tariff, self._capital_units)
            self._exchange = Exchange(self.clock, self._venue, account, self._file, self._wire)
            self.sweep(self.clock.now_ns())
        self._wire.connect(self.sink, self._commit)
        profile = await self.over.connect()
        return replace(profile, broker=f"{self.name} over {profile.broker}")

    async def start_market(self) -> None:
        """Let the other broker's market run."""
        await self.over.start_market()

    async def wait_until_done(self) -> None:
        """Wait for the other broker's market."""
        await self.over.wait_until_done()

    async def close(self) -> None:
        """Close the other broker, book and ledger."""
        await self.over.close()
        self._wire.close()
        if self._file is not None:
            self._file.close()
            self._file = self._exchange = None

    async def instruments(self) -> Sequence[Instrument]:
        """List those of the other broker."""
        return await self.over.instruments()

    async def subscribe(self, instruments: Sequence[Instrument]) -> None:
        """Send the other broker's ticks of these, too."""
        self._wanted.update(instrument.token for instrument in instruments)
        self._unasked = [token for token in self._unasked if token not in self._wanted]
        self._feed.know(instruments)
        await self.over.subscribe(instruments)

    async def unsubscribe(self, instruments: Sequence[Instrument]) -> None:
        """Send no more ticks of these; those with working orders are still listened to."""
        self._wanted.difference_update(instrument.token for instrument in instruments)
        idle = [instrument for instrument in instruments if self._venue.is_idle(instrument.key)]
        self._unasked += [instrument.token for instrument in instruments if instrument not in idle]
        await self.over.unsubscribe(idle)

    async def place(self, order: Order) -> str:
        """Place an order on paper; raises as the exchange does, and as the other broker does when its quote is needed and missing."""
        await self._hear_of(order.request.instrument)
        if why := self.last_look(order):
            raise ConnectionLost(why)
        return self.exchange.place(order)

    async def modify(self, order: Order, change: OrderChange) -> None:
        """Change a working order; raises OrderRejected when it is over."""
        self.exchange.modify(order, change)

    async def cancel(self, order: Order) -> None:
        """Cancel a working order; raises OrderRejected when it is over."""
        self.exchange.cancel(order)

    async def orders(self) -> Sequence[OrderUpdate]:
        """List all orders of the day with their fills."""
        return self.exchange.snapshots()

    async def positions(self) -> Sequence[Position]:
        """List the net positions on paper."""
        return self.exchange.account.positions()

    async def quote(self, instruments: Sequence[Instrument]) -> Sequence[Quote]:
        """Ask the other broker."""
        return await self.over.quote(instruments)

    async def history(self, instrument: Instrument, interval_s: int, start_ns: int, end_ns: int) -> Rows:
        """Ask the other broker."""
        return await self.over.history(instrument, interval_s, start_ns, end_ns)

    def hear(self, ticks: Rows) -> Rows:
        """Match a frame of the other broker's; returns what the session asked for of it."""
        if not self.is_warming_up:
            self._feed.take(ticks.copy())
        return ticks if not self._unasked else ticks[~np.isin(ticks["instrument_token"], self._unasked)]

    def sweep(self, time_ns: int) -> None:
        """Let orders expire whose session is over; looked at once a minute."""
        if self._exchange is None or time_ns < self._swept_ns + MINUTE_NS:
            return
        self._swept_ns = time_ns
        for order in self._exchange.working():
            sessions = self._calendar.sessions(order.instrument, day_of(order.created_ns))
            if not self.capabilities.is_replay and (not sessions or time_ns >= sessions[-1][1]):
                self._exchange.end(order, OrderStatus.EXPIRED, "The session is over; place the order again.")
        self._commit()

    async def settle(self) -> None:
        """Wait until fills on paper were dealt with, too."""
        await self._wire.settle()

    async def _hear_of(self, instrument: Instrument) -> None:
        """See to it that an instrument's quotes come, before an order needs them."""
        if instrument.token not in self._wanted and instrument.token not in self._unasked:
            self._unasked.append(instrument.token)
            self._feed.know([instrument])
            await self.over.subscribe([instrument])
        if not self._feed.has_quote(instrument.key):
            for quote in await self.over.quote([instrument]):
                self._feed.take_quote(quote)

    def _refusal(self, order: ExchangeOrder) -> str:
        now_ns = self.clock.now_ns()
        if self.capabilities.is_replay or self._calendar.is_open(order.instrument, now_ns):
            return ""
        return f"The market is {self._calendar.phase_text(order.instrument, now_ns)}; place the order when it trades."

    def _commit(self) -> None:
        if self._file is not None:
            self._file.commit()


class _Ear:
    """Hears the other broker for the paper account, and passes on what the session should hear."""

    def __init__(self, paper: PaperBroker, sink: BrokerSink) -> None:
        self._paper = paper
        self._sink = sink

    def on_ticks(self, ticks: Rows) -> None:
        """Match, then pass on."""
        wanted = self._paper.hear(ticks)
        if len(wanted):
            self._sink.on_ticks(wanted)

    def on_time(self, time_ns: int) -> None:
        """Let old orders expire, then pass on."""
        self._paper.sweep(time_ns)
        self._sink.on_time(time_ns)

    def on_order_update(self, update: OrderUpdate) -> None:
        """Keep it from the session: orders of the real account are no business of the paper one."""

    def on_link(self, state: LinkState, reason: str) -> None:
        """Pass on."""
        self._sink.on_link(state, reason)

    def on_gap(self, tokens: Sequence[int], from_ns: int, to_ns: int) -> None:
        """Pass on."""
        self._sink.on_gap(tokens, from_ns, to_ns)

    async def settle(self) -> None:
        """Wait for the session, and for the fills on paper."""
        await self._paper.settle()

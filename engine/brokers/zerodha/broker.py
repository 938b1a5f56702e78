"""Zerodha: real money over Kite Connect. Quotes and news of orders come over its feed, everything else is asked by REST.

Orders are placed with their ids as tags, once each. What is known to be wrong with one is said before it leaves.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from engine.brokers.base import Broker, Capabilities, Funds, Holding, Profile, broker
from engine.brokers.zerodha.access import Access
from engine.brokers.zerodha.account import to_funds, to_holding, to_position, to_quote
from engine.brokers.zerodha.desk import OrderDesk
from engine.brokers.zerodha.dump import Dump
from engine.brokers.zerodha.gtt import GttDesk
from engine.brokers.zerodha.history import KiteHistory
from engine.brokers.zerodha.limiter import Call, Limiter, Limiters
from engine.brokers.zerodha.margins import MarginDesk
from engine.brokers.zerodha.order_watch import OrderWatch
from engine.brokers.zerodha.orders import is_known
from engine.brokers.zerodha.presence import Presence
from engine.brokers.zerodha.rest import KiteRest
from engine.brokers.zerodha.secrets import Secret
from engine.brokers.zerodha.settings import KiteSettings
from engine.brokers.zerodha.stream import KiteFeed
from engine.calendar import Calendar
from engine.clock import Clock, SystemClock
from engine.core.errors import AuthenticationError, BrokerError, DataError, OrderRejected, UserError
from engine.core.model import Instrument, LinkState, Order, OrderChange, OrderUpdate, Position, Quote
from engine.core.records import Rows
from engine.history import Progress
from engine.instruments import Instruments
from engine.tasks import Tasks

log = logging.getLogger(__name__)

_LIMITERS = Limiters()

QUOTES_A_CALL = 400
"""The broker takes 500, if their names are short."""


@broker("zerodha")
class ZerodhaBroker(Broker):
    """One account at Zerodha."""

    def __init__(
        self,
        api_key: str,
        api_secret: str = "",
        *,
        settings: KiteSettings | None = None,
        wall: Clock | None = None,
        calendar: Calendar | None = None,
        **where: Any,
    ) -> None:
        """Nothing is opened before `connect`. Without a secret the keyring's is taken; it is needed only to log in.

        `settings`, or single fields of it by name: `root`, `ws_root`, `data_dir`, ... Raises InvalidOption for what cannot be.
        """
        super().__init__()
        self.clock = wall if wall is not None else SystemClock()
        self.capabilities = Capabilities(is_live=True, has_history=True, has_market_protection=True)
        self.settings = here = settings if settings is not None else KiteSettings(**where)
        self._tasks = Tasks(on_failure=self._on_failure)
        self.rest = KiteRest(
            api_key, self._limiter(api_key), root=here.root, proxies=here.proxies, timeouts_s=here.timeouts_s, now_ns=self.clock.now_ns
        )
        self.access = Access(
            self.rest,
            self.clock,
            api_key,
            Secret(api_secret),
            keyring=here.keyring,
            page=here.page,
            port=here.redirect_port,
            open_browser=here.open_browser,
        )
        self._watch = OrderWatch(self.rest, self.clock, self._instrument_of, self._tell_update)
        self._desk = OrderDesk(self.rest, self._watch)
        self._desk.last_look = lambda order: self.last_look(order)
        self.feed = self._make_feed(api_key)
        self._presence = Presence(self.rest, self.access, self.feed, self._watch, self.clock, self._tasks)
        self.rest.on_dead_token = self._presence.on_dead_token
        self._history = KiteHistory(self.rest, self.clock, calendar if calendar is not None else Calendar.load(), here.data_dir)
        self._dump = Dump(here.data_dir, self.rest, self.clock)
        self._catalogue = Instruments()
        self.gtts: GttDesk = GttDesk(self.rest, self._instrument_of)
        self.margins = MarginDesk(self.rest)
        self._known_as: dict[int, int] = {}
        self._ended: asyncio.Event | None = None

    def _limiter(self, api_key: str) -> Limiter:
        return _LIMITERS.of(f"{self.settings.root} {api_key}", lambda: Limiter(self.clock))

    def _make_feed(self, api_key: str) -> KiteFeed:
        return KiteFeed(
            self.settings.ws_root,
            api_key,
            self.access.access_token,
            self.clock,
            on_frame=self._on_frame,
            on_update=self._watch.on_message,
            on_link=lambda state, reason: self._presence.on_feed(state, reason),
            on_message=lambda text: log.info("Zerodha says: %s", text),
            on_gap=self._on_gap,
            strike=self.rest.spoken.strike,
            on_failure=self._on_failure,
        )

    def __repr__(self) -> str:
        """Name the account, and nothing that is secret."""
        return f"ZerodhaBroker({self.access.api_key})"

    @property
    def skew_s(self) -> float | None:
        """Return by how many seconds the broker's clock was ahead of ours at its last answer."""
        return self.rest.skew_s

    def interactive_login(self, *, paste: bool = False, ask: Callable[[str], str] = input) -> None:
        """Log in with the user's help, unless a session of today is in the keyring: by the browser, or with `paste` on the console.

        On a console what the browser could not do can be pasted. Raises AuthenticationError with what to do.
        """
        if self.access.restore():
            return
        if paste:
            self.access.log_in_by_hand(ask)
            return
        try:
            self.access.log_in_by_browser()
        except AuthenticationError as error:
            if not sys.stdin.isatty():
                raise
            log.info("%s", error)
            self.access.log_in_by_hand(ask)

    async def connect(self) -> Profile:
        """Take up today's session, read the instrument list and open the feed; raises AuthenticationError when one must log in."""
        profile = await self._presence.begin(self.sink)
        self._catalogue = await self._dump.load()
        self._desk.barred = ""
        self._ended = asyncio.Event()
        return profile

    async def look_in(self) -> None:
        """Take up today's session without a feed, to see orders and to end them; raises AuthenticationError when one must log in."""
        await asyncio.to_thread(self.rest.open)
        await asyncio.to_thread(self.access.restore)
        self.access.require_alive()
        try:
            self._catalogue = await self._dump.load()
        except (BrokerError, DataError, UserError) as error:
            log.info("without the list of instruments: %s", error)

    async def start_market(self) -> None:
        """Return at once: the market runs without being asked."""

    async def wait_until_done(self) -> None:
        """Wait until the broker is closed."""
        if self._ended is not None:
            await self._ended.wait()

    async def close(self) -> None:
        """Close feed and connections; the session lives on at the broker until it is logged out or dies."""
        await self._presence.end()
        if self._ended is not None:
            self._ended.set()

    async def instruments(self) -> Sequence[Instrument]:
        """List what the day's list has."""
        return list(self._catalogue)

    async def subscribe(self, instruments: Sequence[Instrument]) -> None:
        """Send full quotes of these, too; what is not in the day's list sends none."""
        await self.feed.subscribe([self._token_of(instrument) for instrument in instruments])

    async def unsubscribe(self, instruments: Sequence[Instrument]) -> None:
        """Send no more ticks of these."""
        await self.feed.unsubscribe([self._token_of(instrument) for instrument in instruments])

    async def place(self, order: Order) -> str:
        """Place an order with its id as tag; raises as `Broker.place` says, for all that is known to be wrong before it leaves."""
        instrument = order.instrument
        if len(self._catalogue) and instrument.key not in self._catalogue:
            raise OrderRejected(
                f"{instrument.key} is not in today's list of Zerodha: it has expired or is named otherwise; search it again."
            )
        return await self._desk.place(order)

    async def modify(self, order: Order, change: OrderChange) -> None:
        """Ask for a change; the update says whether it happened."""
        await self._desk.modify(order, change)

    async def cancel(self, order: Order) -> None:
        """Ask for the cancel; the update says whether it happened."""
        await self._desk.cancel(order)

    async def orders(self) -> Sequence[OrderUpdate]:
        """List all orders of the day with all their fills."""
        return await self._watch.snapshots()

    async def positions(self) -> Sequence[Position]:
        """List the net positions of the day; shares held for longer are `holdings`."""
        said = await self.rest.read(Call.OTHER, "positions")
        found = (to_position(row, self._instrument_of(row)) for row in said.get("net") or [] if is_known(row))
        return [position for position in found if position is not None]

    async def holdings(self) -> Sequence[Holding]:
        """List the shares in the demat account."""
        rows = await self.rest.read(Call.OTHER, "holdings") or []
        return [to_holding(row, self._instrument_of(row)) for row in rows if is_known(row)]

    async def funds(self) -> Funds:
        """Return the money at the broker."""
        return to_funds(await self.rest.read(Call.OTHER, "margins"))

    async def quote(self, instruments: Sequence[Instrument]) -> Sequence[Quote]:
        """Return the latest quotes, with depth; an instrument without any is left out."""
        found: list[Quote] = []
        for at in range(0, len(instruments), QUOTES_A_CALL):
            part = {instrument.key: instrument for instrument in instruments[at : at + QUOTES_A_CALL]}
            said = await self.rest.read(Call.QUOTE, "quote", *part)
            found += [to_quote(row, part[key]) for key, row in said.items() if key in part]
        return found

    async def history(self, instrument: Instrument, interval_s: int, start_ns: int, end_ns: int, progress: Progress | None = None) -> Rows:
        """Return closed bars that start in [start, end), fetched only where they are not kept yet; raises HistoryMissing."""
        today = self._catalogue.get(instrument.key) if instrument.key in self._catalogue else instrument
        return await self._history.bars(today, interval_s, start_ns, end_ns, progress)

    def _token_of(self, instrument: Instrument) -> int:
        """Return today's token; the session may know the instrument by that of another day."""
        if instrument.key not in self._catalogue:
            return instrument.token
        token = self._catalogue.get(instrument.key).token
        if token != instrument.token:
            self._known_as[token] = instrument.token
        return token

    def _instrument_of(self, row: Mapping[str, Any]) -> Instrument:
        """Return what a row of the broker is about; what the list does not have is taken as it is named."""
        return self._catalogue.adopt(f"{row.get('exchange')}:{row.get('tradingsymbol')}")

    def _on_frame(self, rows: Rows) -> None:
        for today, known in self._known_as.items():
            rows["instrument_token"][rows["instrument_token"] == today] = known
        self.sink.on_ticks(rows)

    def _tell_update(self, update: OrderUpdate) -> None:
        self.sink.on_order_update(update)

    def _on_gap(self, tokens: tuple[int, ...], from_ns: int, to_ns: int) -> None:
        self.sink.on_gap([self._known_as.get(token, token) for token in tokens], from_ns, to_ns)

    def _on_failure(self, name: str, error: BaseException) -> None:
        log.error("%s stopped", name, exc_info=error)
        if self._sink is not None:
            self._sink.on_link(LinkState.DISCONNECTED, f"{name} stopped: {error}")

"""The simulated broker: an exchange and a market inside the terminal, with a book and a ledger of their own.

The market is bars or ticks played again, or one that is generated; everything runs on the loop that connected it.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from engine.brokers.base import Broker, Capabilities, Profile, broker
from engine.brokers.simulated.account import ExchangeAccount
from engine.brokers.simulated.bar_replay import BarReplay
from engine.brokers.simulated.exchange import Exchange
from engine.brokers.simulated.generated import GeneratedMarket
from engine.brokers.simulated.ledger_file import LedgerFile
from engine.brokers.simulated.market import Market
from engine.brokers.simulated.tick_replay import TickReplay
from engine.brokers.simulated.wire import Wire
from engine.clock import Clock, SystemClock
from engine.core.bands import Band
from engine.core.errors import AuthenticationError, InvalidOption
from engine.core.friction import Friction
from engine.core.model import Instrument, LinkState, Order, OrderChange, OrderUpdate, Position, Quote, to_units
from engine.core.records import TICK, Rows
from engine.tariffs import Tariff
from engine.tasks import Tasks

log = logging.getLogger(__name__)

FULL_SPEED = "max"


@broker("simulated")
class SimulatedBroker(Broker):
    """An account at an exchange that exists only here."""

    def __init__(
        self,
        api_key: str = "",
        api_secret: str = "",
        *,
        market: Market | None = None,
        replay: Mapping[Instrument, Rows] | None = None,
        speed: str | float | None = None,
        seed: int = 1,
        file: Path | None = None,
        resume: bool = False,
        tariff: str = "zerodha",
        touch: bool = False,
        capital: float = 1_000_000,
        interval_s: int | None = None,
        friction: Friction | None = None,
        bands: Mapping[Instrument, Band] | None = None,
        wall: Clock | None = None,
    ) -> None:
        """Make a broker; nothing runs before `connect` and `start_market`.

        `replay`: BAR or TICK rows by instrument; without it the market is generated from `seed`. `speed`: "max", or how many times
        faster than real (a replay's default is "max", a generated market's 1). `file`: where book and ledger are kept; memory without.
        `resume`: go on with the replay that the file remembers; otherwise a replay begins anew and the file forgets what it had.
        `touch`: limits fill when their price is reached, not only when it is gone through. `capital` is in rupees. `interval_s`: of the
        bars, where it cannot be told from them. `friction` and `bands` (percent a day by instrument) are of a replay of bars; elsewhere a
        book decides. Key and secret are not looked at. Raises InvalidOption and HistoryMissing.
        """
        super().__init__()
        self._wall = wall if wall is not None else SystemClock()
        self._market = market if market is not None else self._make_market(replay, speed, seed, touch, interval_s, friction, bands)
        self._file_path = file
        self._resume = resume or replay is None
        self._tariff = Tariff.load(tariff)
        self._capital_units = to_units(capital)
        self._wire = Wire()
        self._tasks = Tasks(on_failure=self._on_failure)
        self._running: asyncio.Task[None] | None = None
        self._file: LedgerFile | None = None
        self._exchange: Exchange | None = None
        self.clock = self._market.clock
        self.capabilities = Capabilities(has_history=self._market.has_history, is_replay=self._market.is_replay)

    def _make_market(
        self,
        replay: Mapping[Instrument, Rows] | None,
        speed: str | float | None,
        seed: int,
        touch: bool,
        interval_s: int | None,
        friction: Friction | None,
        bands: Mapping[Instrument, Band] | None,
    ) -> Market:
        is_of_bars = replay is not None and not any(rows.dtype == TICK for rows in replay.values())
        if not is_of_bars and (bands or not (friction or Friction()).is_none):
            raise InvalidOption("Expected friction and bands with a replay of bars only: elsewhere the book decides; leave them out.")
        if replay is None:
            return GeneratedMarket(seed=seed, speed=_speed(speed if speed is not None else 1.0), wall=self._wall)
        times = _speed(speed if speed is not None else FULL_SPEED)
        if not is_of_bars:
            return TickReplay(replay, speed=times, touch=touch, wall=self._wall)
        return BarReplay(replay, speed=times, touch=touch, interval_s=interval_s, wall=self._wall, friction=friction, bands=bands)

    @property
    def exchange(self) -> Exchange:
        """The exchange with its orders and the account; raises AuthenticationError before `connect`."""
        if self._exchange is None:
            raise AuthenticationError("Expected an open session with the simulated broker, was none; connect first.")
        return self._exchange

    @property
    def is_warming_up(self) -> bool:
        """Tell whether a resumed replay is still telling what was dealt with before."""
        return self._market.is_warming_up

    @property
    def resumed_until_ns(self) -> int:
        """Return the time up to which a resumed replay was dealt with before."""
        return self._market.resumed_until_ns

    @property
    def progress(self) -> float:
        """Return how much of the replay is over, 0 to 1."""
        return self._market.progress

    async def connect(self) -> Profile:
        """Open book and ledger, as they were left."""
        if self._exchange is None:
            self._file = LedgerFile(self._file_path, self._wall.now_ns())
            if not self._resume:
                self._file.clear()
            venue = self._market.open(self._file, self._wire)
            account = ExchangeAccount(self._tariff, self._capital_units)
            self._exchange = Exchange(self.clock, venue, account, self._file, self._wire)
            self._market.begin()
        self._wire.connect(self.sink, self._file.commit if self._file is not None else lambda: None)
        self.sink.on_link(LinkState.LIVE, "")
        return Profile("SIM001", "Simulated account", self.name)

    async def start_market(self) -> None:
        """Let the market run; a second call changes nothing."""
        if self._running is None:
            _ = self.exchange
            self._running = self._tasks.spawn(self._market.run(self.sink), "simulated market", service=True)

    def _on_failure(self, name: str, error: BaseException) -> None:
        log.error("%s stopped", name, exc_info=error)
        self.sink.on_link(LinkState.DISCONNECTED, f"The simulated market stopped: {error}")

    async def wait_until_done(self) -> None:
        """Return when the market has come to its end; raises what stopped it before."""
        if self._running is not None:
            await asyncio.shield(self._running)

    async def close(self) -> None:
        """Stop the market and close the file."""
        await self._tasks.close()
        self._wire.close()
        if self._file is not None:
            self._file.close()
            self._file = self._exchange = None
        self._running = None

    async def instruments(self) -> Sequence[Instrument]:
        """List what this market trades."""
        return self._market.instruments

    async def subscribe(self, instruments: Sequence[Instrument]) -> None:
        """Send ticks of these, too; what this market does not have is left out."""
        self._market.subscribe(instruments)

    async def unsubscribe(self, instruments: Sequence[Instrument]) -> None:
        """Send no more ticks of these."""
        self._market.unsubscribe(instruments)

    async def place(self, order: Order) -> str:
        """Place an order; raises OrderRejected when it makes no sense, and reports REJECTED when a rule of the exchange forbids it."""
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
        """List the net positions."""
        return self.exchange.account.positions()

    async def quote(self, instruments: Sequence[Instrument]) -> Sequence[Quote]:
        """Return the latest quotes of those that traded."""
        return [quote for instrument in instruments if (quote := self._market.quote(instrument)) is not None]

    async def history(self, instrument: Instrument, interval_s: int, start_ns: int, end_ns: int) -> Rows:
        """Return closed bars that start in [start, end); raises HistoryMissing."""
        return self._market.history(instrument, interval_s, start_ns, end_ns)


def _speed(speed: str | float) -> float:
    """Read a speed; raises InvalidOption unless it is "max" or a number above 0."""
    try:
        times = math.inf if speed == FULL_SPEED else float(speed)
    except ValueError:
        times = math.nan
    if not times > 0:
        raise InvalidOption(f'Expected a speed of "max" or a number above 0, was {speed!r}; 60 plays an hour in a minute.')
    return times

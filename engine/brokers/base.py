"""What every broker offers, live or not: place, modify, cancel, orders, quotes, history, behind one door.

A broker knows neither Qt nor the managers: it reports to the sink it was attached to, on the loop that attached it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, TypeVar

from engine.brokers.triggers import TriggerDesk
from engine.clock import Clock, SystemClock
from engine.core.errors import InvalidOption
from engine.core.model import Instrument, LinkState, Order, OrderChange, OrderUpdate, Position, Quote
from engine.core.records import Rows
from engine.core.registry import Registry


class BrokerSink(Protocol):
    """Who hears a broker: the session."""

    def on_ticks(self, ticks: Rows) -> None:
        """Take a frame of TICK rows, in order of arrival."""
        ...

    def on_time(self, time_ns: int) -> None:
        """Take the market's time: bars that end by then are closed."""
        ...

    def on_order_update(self, update: OrderUpdate) -> None:
        """Take what the broker says of an order."""
        ...

    def on_link(self, state: LinkState, reason: str) -> None:
        """Take a change of the connection."""
        ...

    def on_gap(self, tokens: Sequence[int], from_ns: int, to_ns: int) -> None:
        """Take note that no tick of these could come between two times: bars of theirs have to be filled in from history."""
        ...

    async def settle(self) -> None:
        """Wait until all that was reported has been dealt with; a replayed market's clock waits for it."""
        ...


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a broker can do, so that nobody asks for its name."""

    is_live: bool = False
    """Real money."""
    has_history: bool = False
    has_stop_orders: bool = True
    has_market_protection: bool = False
    is_replay: bool = False
    """Its market's time is its own, and it waits for the session."""


@dataclass(frozen=True, slots=True)
class Profile:
    """Whose account it is."""

    user_id: str
    name: str
    broker: str


@dataclass(frozen=True, slots=True)
class Holding:
    """Shares that lie in the demat account, or will tomorrow."""

    instrument: Instrument
    quantity: int
    sellable: int
    average_price: float = 0.0
    last_price: float = 0.0
    close_price: float = 0.0


@dataclass(frozen=True, slots=True)
class Funds:
    """The account's money at the broker, in money units."""

    available_units: int
    """What new orders may use."""
    opening_units: int = 0
    collateral_units: int = 0
    used_units: int = 0


class Broker(ABC):
    """One broker. Methods that reach out are coroutines; errors are the BrokerErrors of `core.errors`."""

    name: ClassVar[str] = ""
    capabilities: Capabilities = Capabilities()

    def __init__(self) -> None:
        self.clock: Clock = SystemClock()
        self.last_look: Callable[[Order], str] = lambda order: ""
        """Says why an order or a change may not leave after all; asked when its bytes are about to, also from a thread that sends."""
        self.gtts: TriggerDesk | None = None
        """Triggers that wait at the broker; None where it has none."""
        self._sink: BrokerSink | None = None

    @property
    def sink(self) -> BrokerSink:
        """Who hears this broker; raises InvalidOption before `attach`."""
        if self._sink is None:
            raise InvalidOption("Expected a broker attached to a session, was one of its own; start a session first.")
        return self._sink

    @property
    def is_warming_up(self) -> bool:
        """Tell whether what is sent happened before (a resumed replay): strategies learn from it, and send nothing."""
        return False

    @property
    def resumed_until_ns(self) -> int:
        """Return the time up to which everything was decided and matched before; 0 when nothing was."""
        return 0

    @property
    def skew_s(self) -> float | None:
        """Return by how many seconds the broker's clock was ahead of ours when it last answered; None where it does not tell."""
        return None

    @property
    def progress(self) -> float:
        """Return how much of a replayed market is over, 0 to 1; a live one never ends."""
        return 0.0

    def attach(self, sink: BrokerSink) -> None:
        """Report to this sink from now on."""
        self._sink = sink

    def interactive_login(self) -> None:  # noqa: B027  # most brokers need none
        """Log in with the user's help; brokers that need no login return at once."""

    @abstractmethod
    async def connect(self) -> Profile:
        """Open the session and the feed."""

    @abstractmethod
    async def start_market(self) -> None:
        """Let a replayed or generated market run; a live one is already running."""

    @abstractmethod
    async def wait_until_done(self) -> None:
        """Return when a replayed market has come to its end; a live one never does."""

    @abstractmethod
    async def close(self) -> None:
        """Close feed and session; nothing of it lives on."""

    @abstractmethod
    async def instruments(self) -> Sequence[Instrument]:
        """List what can be traded or watched."""

    @abstractmethod
    async def subscribe(self, instruments: Sequence[Instrument]) -> None:
        """Send ticks of these, too."""

    @abstractmethod
    async def unsubscribe(self, instruments: Sequence[Instrument]) -> None:
        """Send no more ticks of these."""

    @abstractmethod
    async def place(self, order: Order) -> str:
        """Place it with its id as tag; returns the broker's order id.

        Raises OrderRejected (a definite no), ConnectionLost (never left), RateLimited, AuthenticationError or OutcomeUnknown.
        """

    @abstractmethod
    async def modify(self, order: Order, change: OrderChange) -> None:
        """Ask for a change; the update says whether it happened."""

    @abstractmethod
    async def cancel(self, order: Order) -> None:
        """Ask for the cancel; the update says whether it happened."""

    @abstractmethod
    async def orders(self) -> Sequence[OrderUpdate]:
        """List all orders of the day with all their fills, as snapshots."""

    @abstractmethod
    async def positions(self) -> Sequence[Position]:
        """List net positions, as the broker has them."""

    async def holdings(self) -> Sequence[Holding]:
        """List what lies in the demat account; none where the broker has no such thing."""
        return ()

    async def funds(self) -> Funds | None:
        """Return the money at the broker; None where it does not tell."""
        return None

    @abstractmethod
    async def quote(self, instruments: Sequence[Instrument]) -> Sequence[Quote]:
        """Return the latest quotes; an instrument without any is left out."""

    @abstractmethod
    async def history(self, instrument: Instrument, interval_s: int, start_ns: int, end_ns: int) -> Rows:
        """Return closed BAR rows that start in [start, end); raises HistoryMissing."""


B = TypeVar("B", bound=type[Broker])
Settle = Callable[[], Awaitable[None]]

BROKERS: Registry[type[Broker]] = Registry("broker", package="engine.brokers")


def broker(name: str) -> Callable[[B], B]:
    """Make a broker known under a name to `create_broker`."""

    def wrap(cls: B) -> B:
        cls.name = name
        BROKERS.add(name, cls)
        return cls

    return wrap


def create_broker(name: str, *args: Any, **options: Any) -> Broker:
    """Make the broker of that name; raises InvalidOption with the nearest name when there is none."""
    return BROKERS.get(name)(*args, **options)

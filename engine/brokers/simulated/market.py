"""What the simulated broker asks of a market, whether it is played again or made up."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from engine.brokers.base import BrokerSink
from engine.brokers.simulated.exchange import Venue
from engine.brokers.simulated.ledger_file import LedgerFile
from engine.brokers.simulated.wire import Wire
from engine.clock import ManualClock
from engine.core.model import Instrument, Quote
from engine.core.records import Rows


class Market(Protocol):
    """Prices, and the venue where orders meet them."""

    clock: ManualClock
    is_replay: bool
    """Its time waits for the session."""
    has_history: bool
    is_warming_up: bool
    resumed_until_ns: int

    @property
    def instruments(self) -> Sequence[Instrument]:
        """What can be traded or watched."""
        ...

    @property
    def progress(self) -> float:
        """How much of it is over, 0 to 1."""
        ...

    def open(self, file: LedgerFile, wire: Wire) -> Venue:
        """Make the venue, going on from what the file remembers."""
        ...

    def begin(self) -> None:
        """Put in order what the file remembered: called once the desk works at the venue."""
        ...

    def subscribe(self, instruments: Sequence[Instrument]) -> None:
        """Send ticks of these, too."""
        ...

    def unsubscribe(self, instruments: Sequence[Instrument]) -> None:
        """Send no more ticks of these."""
        ...

    def quote(self, instrument: Instrument) -> Quote | None:
        """Return the latest of an instrument, None when it has not traded yet."""
        ...

    def history(self, instrument: Instrument, interval_s: int, start_ns: int, end_ns: int) -> Rows:
        """Return closed bars that start in [start, end); raises HistoryMissing."""
        ...

    async def run(self, sink: BrokerSink) -> None:
        """Let it run to its end, if it has one."""
        ...

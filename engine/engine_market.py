"""Chooses the market that the engine trades on: the generated one, a file played again, or a broker, on paper or live.

Every exchange of our own keeps its book in a file of its own; a replay begins anew each time, under an account of its own.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from engine.brokers.base import Broker, create_broker
from engine.calendar import Calendar
from engine.clock import Clock
from engine.core.model import Instrument
from engine.engine_settings import EngineSettings
from engine.executor.config import check_mode
from engine.history import ImportReport
from engine.instruments import Instruments
from engine.replay_file import read_replay


@dataclass(frozen=True, slots=True)
class Market:
    """Where orders go, and under which name the account is kept."""

    broker: Broker
    account: str


def make_market(settings: EngineSettings, calendar: Calendar, known: Instruments, wall: Clock) -> Market:
    """Make the broker; for a worker thread when a file is replayed. Raises UserError or DataError for what cannot be used."""
    common = {"capital": settings.capital, "tariff": settings.charges, "wall": wall}
    if settings.replay is not None:
        report = ImportReport()
        rows = read_replay(settings.replay, settings.symbols or None, calendar, known, report=report)
        speed = settings.speed if settings.speed > 0 else "max"
        interval_s = report.interval_s if report.kind == "bars" else None
        replay = create_broker("simulated", replay=rows, speed=speed, interval_s=interval_s, **common)
        return Market(replay, f"replay-{wall.now_ns()}")
    if settings.broker == "simulated":
        return Market(create_broker("simulated", file=settings.data_dir / "simulated.db", **common, **settings.broker_options), "simulated")
    is_paper = check_mode(settings.mode) == "paper"
    if settings.broker == "paper":
        over = create_broker("simulated", **settings.broker_options)
    else:
        over = create_broker(settings.broker, **{"data_dir": settings.data_dir, **settings.broker_options})
    if settings.broker != "paper" and not (is_paper and over.capabilities.is_live):
        return Market(over, settings.broker)
    name = "paper" if settings.broker == "paper" else f"paper-{settings.broker}"
    return Market(create_broker("paper", over, file=settings.data_dir / f"{name}.db", calendar=calendar, **common), name)


def make_catalogue(instruments: Iterable[Instrument]) -> Instruments:
    """Make the catalogue, ready to be searched: a broker of real money lists a hundred thousand. For a worker thread."""
    made = Instruments(instruments)
    made.prepare_search()
    return made

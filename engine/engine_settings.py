"""What the engine is started with: where its data lie, which market it trades on, and with how much.

Light to import: the window reads it before anything else of the engine is there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """One way to run the engine."""

    data_dir: Path
    """Holds the database, history, the exchange's file and the kill switch's latch."""
    database: str = ""
    """Database URL; empty means a file in `data_dir`."""
    broker: str = "simulated"
    broker_options: Mapping[str, Any] = field(default_factory=dict)
    """Handed to `create_broker`."""
    mode: str = "paper"
    """paper puts a paper exchange over a live broker's quotes, live trades on it."""
    capital: float = 1_000_000.0
    """Rupees of the paper account."""
    charges: str = "zerodha"
    limits: Mapping[str, float] | None = None
    """Of the account, by rule; None = the usual ones of a retail trader."""
    square_off_early_min: float = 10.0
    """MIS is squared off so much before the calendar's time, for the broker's own begins then; a replay keeps to the calendar."""
    replay: Path | None = None
    """File of bars or ticks to trade on instead of the generated market."""
    speed: float = 1.0
    """Of that replay, times real time; 0 = as fast as it can."""
    symbols: tuple[str, ...] = ()
    """To take from that file; none = all."""
    why_safe: str = ""
    """Why this start is one in safe mode, whatever is found; empty leaves it to what is found."""

    @property
    def store_location(self) -> str | Path:
        """Where the database is: its URL, or the file in the data folder."""
        return self.database or self.data_dir / "shikra.db"

"""What the terminal remembers besides orders and money: the journal, sessions, strategies, the account's days and settings.

Frozen, and free of any database: whoever has something to keep hands these (or the nouns of `engine.core.model`) to the store.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import TypeAlias

from engine.core.errors import TradingError
from engine.core.model import Fill, Order, Position, Trade


class StoreFailed(TradingError):
    """The database cannot be read, or did not take what it was given: nothing more is kept until it is opened again."""


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """One line of the order journal; lines are added, never changed."""

    time_ns: int
    kind: str
    """INTENT, SENT, ACK, REJECTED, CANCEL_REQ, KILL, ..."""
    order_id: str = ""
    payload: Mapping[str, object] = field(default_factory=dict)
    account: str = field(default="", compare=False)
    """Filled in by the store."""
    seq: int = field(default=0, compare=False)
    """Filled in by the store: 1, 2, 3, ... without a gap."""


@dataclass(frozen=True, slots=True)
class SessionRow:
    """One run of the terminal with one account; kept under its id."""

    id: str
    account: str
    mode: str
    broker: str
    started_ns: int
    ended_ns: int | None = None
    data: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StrategyRow:
    """A strategy that comes back after a restart; kept under its id."""

    id: str
    name: str
    strategy_type: str
    parameters: Mapping[str, object] = field(default_factory=dict)
    mode: str = "paper"
    state: str = "STOPPED"
    state_buffer: bytes | None = None
    """The template's state, as its float64 bytes."""
    description: str = ""
    symbols: tuple[str, ...] = ()
    config: Mapping[str, object] = field(default_factory=dict)
    """Whatever else it was added with: sizing, product, interval, limits."""


@dataclass(frozen=True, slots=True)
class StrategyRemoved:
    """The wish to forget a strategy; its orders and fills stay."""

    id: str


@dataclass(frozen=True, slots=True)
class AlertRow:
    """An alert, or a sentence that was told; kept under its id. Without data it is forgotten."""

    id: str
    kind: str
    """alert or event."""
    time_ns: int
    data: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AccountDay:
    """The account's figures of one day, in money units; kept under account and day."""

    account: str
    day: date
    start_units: int
    end_units: int
    realised_units: int = 0
    unrealised_units: int = 0
    charges_units: int = 0
    peak_units: int = 0
    orders: int = 0
    fills: int = 0
    denied: int = 0
    state: str = "ACTIVE"
    reason: str = ""
    """Why the trading state is not ACTIVE."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One named value that JSON can hold."""

    name: str
    value: object


@dataclass(frozen=True, slots=True)
class StudyRow:
    """One search for parameters; kept under its id."""

    id: int
    name: str
    """Unlike any other study's."""
    strategy: str
    method: str
    total: int
    """Trials that there will be."""
    started_ns: int
    ended_ns: int | None = None
    """None = it was cut off, or is running."""
    asked: Mapping[str, object] = field(default_factory=dict)
    """What makes two studies the same: data, code, terms, space."""


@dataclass(frozen=True, slots=True)
class TrialRow:
    """What one combination came to; kept under study and number."""

    study_id: int
    number: int
    point: int
    """Which combination of the space it was."""
    values: tuple[float, ...]
    """Of one or two objectives; NaN is kept as NULL."""
    net_units: int
    fills: int
    fault: str = ""
    returns: bytes | None = None
    """By trading day, float64; of the trials that judgement is passed on."""


StoreRow: TypeAlias = (
    JournalEntry
    | Order
    | Fill
    | Trade
    | Position
    | SessionRow
    | StrategyRow
    | StrategyRemoved
    | AlertRow
    | AccountDay
    | Setting
    | StudyRow
    | TrialRow
)
"""Everything the store takes."""

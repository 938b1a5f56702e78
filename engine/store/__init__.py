"""What the terminal remembers, in one database: see `store.py`; rows of its own are in `rows.py`, tables in `models.py`."""

from engine.store.rows import (
    AccountDay,
    AlertRow,
    JournalEntry,
    SessionRow,
    Setting,
    StoreFailed,
    StoreRow,
    StrategyRemoved,
    StrategyRow,
    StudyRow,
    TrialRow,
)
from engine.store.store import Store

__all__ = [
    "AccountDay",
    "AlertRow",
    "JournalEntry",
    "SessionRow",
    "Setting",
    "Store",
    "StoreFailed",
    "StoreRow",
    "StrategyRemoved",
    "StrategyRow",
    "StudyRow",
    "TrialRow",
]

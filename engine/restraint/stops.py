"""Who is stopped, by what cause, and what ends it: by itself, with the day, or by a person.

A stop that only a person ends is kept over restarts, whatever caused it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from engine.core.model import BY_A_PERSON, Restraint, TradingState
from engine.kill_latch import KILL
from engine.risk_limits import DAY_LOST, Latches

ACCOUNT = ""
"""The owner that stands for the account."""

LINK, OPENING, LEASE = "link", "opening", "lease"
"""Causes of a stop that no person takes back: no connection, not reconciled yet, not the account's only terminal."""

BY_ITSELF = {
    LINK: "once the books were compared after the connection came back",
    OPENING: "once the books were compared",
    "clock": "once the clock is right",
    "disk": "once the disk has room again",
    LEASE: "once this is the account's only terminal again; with a restart, if another has traded meanwhile",
    "lag": "once the terminal keeps time again",
    "reconcile": "once the differences are acknowledged",
    "store": "with a restart, once the disk is mended",
}
"""Causes that are found again at the next start if they still stand, with what ends them."""

WITH_THE_DAY = frozenset({DAY_LOST, "strategy_loss", "profit_giveback"})
"""Causes that the next day ends."""

NEXT_DAY = "with the next day"


class Stops:
    """The latches of the account and of each owner."""

    def __init__(self) -> None:
        self.account = Latches()
        """Those of the account, which stop everybody."""
        self._owners: dict[str, Latches] = {}

    def of(self, owner: str) -> Latches:
        """Return the stricter of the account's latches and an owner's own."""
        own = self._owners.get(owner)
        return own if own is not None and own.is_stricter_than(self.account) else self.account

    def set(self, owner: str, cause: str, state: TradingState, reason: str) -> bool:
        """Stop an owner, or the account (owner ""); tells whether that is new."""
        return self._latches(owner).set(cause, state, reason)

    def clear(self, owner: str, *causes: str) -> bool:
        """Take stops back; tells whether there was one."""
        return self._latches(owner).clear(*causes)

    def release(self, owner: str) -> bool:
        """Take back all stops of an owner, or of the account those that a person may take back; tells whether there was one."""
        return self._latches(owner).clear_but(LINK, OPENING, LEASE)

    def roll_day(self) -> bool:
        """End what ends with the day; tells whether the account was stopped by such a cause."""
        for latches in self._owners.values():
            latches.clear(*WITH_THE_DAY)
        return self.account.clear(*WITH_THE_DAY)

    def listing(self) -> Iterator[Restraint]:
        """Walk over all stops, the account's first."""
        for owner, latches in ((ACCOUNT, self.account), *self._owners.items()):
            for cause, (state, reason) in latches.causes.items():
                yield Restraint(owner, cause, reason, state, ends_of(cause))

    def kept(self) -> dict[str, Any]:
        """Return what goes on after a restart, as JSON can hold it; the kill switch keeps itself."""
        kept: dict[str, Any] = {}
        for stop in self.listing():
            if stop.control not in BY_ITSELF and stop.control != KILL:
                kept.setdefault(stop.owner, {})[stop.control] = [stop.state.value, stop.reason]
        return kept

    def take_up(self, kept: Mapping[str, Any], *, is_today: bool) -> None:
        """Stop again whom a stop of before the restart still stops."""
        for owner, causes in kept.items():
            for cause, (state, reason) in causes.items():
                if is_today or cause not in WITH_THE_DAY:
                    self.set(owner, cause, TradingState(state), str(reason))

    def _latches(self, owner: str) -> Latches:
        return self.account if owner == ACCOUNT else self._owners.setdefault(owner, Latches())


def ends_of(cause: str) -> str:
    """Say what ends a stop."""
    return NEXT_DAY if cause in WITH_THE_DAY else BY_ITSELF.get(cause, BY_A_PERSON)

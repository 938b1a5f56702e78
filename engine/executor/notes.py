"""What a strategy has to know again after a restart, kept in the database: its own notes, a template's memory, what it wanted last.

Written soon after each bar that changed it, and behind the orders that came of that bar; all of it is plain JSON.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from engine.core.bars import SECOND_NS
from engine.core.records import Rows
from engine.executor.config import StrategyConfig
from engine.executor.hosted import HostedLeg
from engine.executor.leg import Leg
from engine.executor.universe import UniverseLeg
from engine.session import TradingSession
from engine.store import Setting

log = logging.getLogger(__name__)

SOON_S = 0.05
"""What changes within this time is written at once."""


def setting_of(account: str, strategy_id: str) -> str:
    """Return under which name the store keeps a strategy's notes."""
    return f"notes of {strategy_id} in {account}"


class StrategyNotes:
    """The notes of one strategy in one session."""

    def __init__(self, session: TradingSession, config: StrategyConfig) -> None:
        self._session, self._config = session, config
        self._name = setting_of(session.account_id, config.id)
        self._legs: list[Leg] = []
        self._is_due = False

    def read(self) -> dict[str, Any]:
        """Return what was kept before, by instrument key; a replay that begins anew knows nothing, nor does a strategy asked otherwise."""
        if self._session.is_replay and self._session.broker.resumed_until_ns == 0:
            return {}
        kept = self._session.store.settings().get(self._name)
        if not isinstance(kept, dict) or kept.get("asked") != self._asked():
            return {}
        legs = kept.get("legs")
        return dict(legs) if isinstance(legs, dict) else {}

    def follow(self, legs: Iterable[Leg]) -> None:
        """Keep the notes of these from now on."""
        self._legs = list(legs)

    def note(self) -> None:
        """Take note that something may have changed: it is written soon, with what else changes in the same moment."""
        if not self._is_due:
            self._is_due = True
            self._session.tasks.spawn(self._write_soon(), f"notes of {self._config.id}", service=True)

    def write(self) -> None:
        """Hand the notes of all symbols to the store, which writes them off the loop."""
        self._is_due = False
        legs = {leg.instrument.key: told for leg in self._legs if (told := _told(leg))}
        if legs:
            self._session.life.keep(Setting(self._name, {"asked": self._asked(), "legs": legs}))

    async def _write_soon(self) -> None:
        await self._session.wall.sleep(SOON_S)
        if self._is_due:
            self.write()

    def _asked(self) -> dict[str, Any]:
        """Return what the notes depend on: a template's memory on its parameters, too."""
        config = self._config
        parameters = {} if config.is_hosted else dict(config.parameters)
        return {"type": config.strategy_type, "parameters": parameters, "interval_s": config.interval_s}


def _told(leg: Leg) -> dict[str, Any] | None:
    """Return one symbol's notes as plain JSON; None when it has nothing to keep."""
    target = None if math.isnan(leg.held_target) else leg.held_target
    if isinstance(leg, HostedLeg):
        return {"target": target, "notes": leg.notes} if leg.notes else None
    if isinstance(leg, UniverseLeg) or not leg.has_memory or leg.decided_ns == 0:
        return None
    # Whole bit for bit: NaN and the sign of zero, too.
    return {"at_ns": leg.decided_ns, "target": target, "memory": leg.state.tobytes().hex()}


def notes_of(kept: Mapping[str, Any]) -> dict[str, list[Mapping[str, Any]]]:
    """Return the notes that a class took, by instrument key; what is no notes is left out."""
    return {key: each["notes"] for key, each in kept.items() if isinstance(each, dict) and isinstance(each.get("notes"), list)}


def recall(leg: Leg, kept: object, past: Rows, interval_s: int, now_ns: int) -> Rows:
    """Give a template its memory back, and return the bars that came after it; all of them when none fits.

    A memory fits when it is of this template, of no time yet to come, and the bars go on from it without a hole.
    """
    if not isinstance(kept, dict) or not isinstance(kept.get("memory"), str) or not leg.has_memory:
        return past
    at_ns, memory = int(kept["at_ns"]), bytes.fromhex(kept["memory"])
    has_hole = len(past) > 0 and past["time_ns"][0] > at_ns + interval_s * SECOND_NS
    if len(memory) != leg.state.nbytes or at_ns > now_ns or has_hole:
        return past
    leg.state[:] = np.frombuffer(memory)
    leg.decided_ns = at_ns
    leg.held_target = math.nan if kept["target"] is None else float(kept["target"])
    log.info("%s goes on with what it knew", leg.instrument.key)
    return past[past["time_ns"] > at_ns]

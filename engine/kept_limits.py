"""The trader's own limits over restarts: as they were last set, and with the controls that the terminal has learned since.

A control that was known when they were set and is not among them was switched off, and stays off. One that was not known then holds by
its usual limit, and the trader is told: nobody has switched it off. Limits of before there was a list of what was known say nothing of
what was switched off: whatever they do not name holds, once, and from then on it is known.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.core.registry import RULES
from engine.risk_limits import RETAIL, retail_limits
from engine.store.rows import Setting

LIMITS = "limits"
KNOWN = "limits_known"
"""Names of settings: the limits by rule, and the rules that there were when they were set."""


class KeptLimits:
    """What is kept of the account's limits."""

    def __init__(self) -> None:
        self.are_own = False
        """The trader has set them; else they go by the capital and are reckoned at every start."""
        self.change: dict[str, Any] = {}
        """What this start has changed about them, as `limits_changed` tells it; empty when nothing."""
        self._knew = True

    def read(self, settings: Mapping[str, Any], capital_units: int) -> dict[str, float]:
        """Return the limits to start with, out of the kept settings."""
        kept, usual = settings.get(LIMITS), retail_limits(capital_units)
        if not isinstance(kept, dict):
            return usual
        self.are_own = True
        known = settings.get(KNOWN)
        self._knew = isinstance(known, list)
        told_of = {*kept, *(known if isinstance(known, list) else ())}
        new = {name: limit for name, limit in usual.items() if name not in told_of}
        gone = [name for name in kept if name not in RULES.names()]
        limits = {name: limit for name, limit in kept.items() if name not in gone} | new
        if new or gone:
            now = {name: [None, limit] for name, limit in new.items()} | {name: [kept[name], None] for name in gone}
            self.change = {"now": now, "later": {}, "limits": limits}
        return limits

    @property
    def said(self) -> str:
        """Say what this start has changed; "" when nothing."""
        now = self.change.get("now", {})
        new, gone = ([name for name, (old, _) in now.items() if (old is None) is is_new] for is_new in (True, False))
        which = "New controls" if self._knew else "Your limits do not say what you switched off: controls that they do not name"
        words = [f"{which} hold by their usual limits: {', '.join(new)}; change them in the risk settings."] if new else []
        words += [f"Limits that no control looks at any more were let go: {', '.join(gone)}."] if gone else []
        return " ".join(words)

    @staticmethod
    def rows(limits: Mapping[str, float]) -> tuple[Setting, Setting]:
        """Return what is to be kept of limits that were set."""
        return Setting(LIMITS, dict(limits)), Setting(KNOWN, sorted(RETAIL))

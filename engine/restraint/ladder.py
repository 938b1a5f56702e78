"""The day's loss in three steps: a warning, the end of entries, the offer to close everything; and how much of a good day was given back.

The middle step is the limit `max_daily_loss`; the others lie at two thirds and four thirds of it (2, 3 and 4 % with the usual limits).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.core.model import UNITS, Account

WARN_PART, OFFER_PART = 2 / 3, 4 / 3
"""Parts of the daily loss limit at which the trader is warned, and offered to close everything."""

PEAK_FLOOR_PCT = 1.0
"""A day's profit below this much of the capital is too small to be guarded."""


class Ladder:
    """The steps of the present day."""

    def __init__(self) -> None:
        self.peak_units = 0
        """The day's highest profit."""
        self._told = 0

    def step(self, account: Account, limit_units: float) -> tuple[str, str] | None:
        """Return a sentence and its level when a step was reached for the first time today, else None; a limit of NaN has no steps."""
        lost = -account.day_pnl_units
        step = 2 if lost >= OFFER_PART * limit_units else 1 if lost >= WARN_PART * limit_units else 0
        if step <= self._told or lost <= 0:
            return None
        self._told = step
        said = f"The day has lost Rs {lost / UNITS:,.0f} of the Rs {limit_units / UNITS:,.0f} after which nothing more is opened"
        if step == 1:
            return f"{said}; trade smaller, or stop for today.", "warning"
        return f"{said}, and is still losing. Close everything: hold Flatten (Ctrl+Shift+F) or Kill.", "critical"

    def note(self, account: Account) -> None:
        """Take note of the day's profit as it is now."""
        self.peak_units = max(self.peak_units, account.day_pnl_units)

    def given_back_pct(self, account: Account) -> float:
        """Return how much of the day's highest profit is gone again, in percent; 0 while that was too small to be guarded."""
        peak = max(self.peak_units, account.day_pnl_units)
        if peak * 100.0 < PEAK_FLOOR_PCT * account.capital_units or peak <= 0:
            return 0.0
        return 100.0 * (peak - account.day_pnl_units) / peak

    def roll_day(self) -> None:
        """Begin a day."""
        self.peak_units = self._told = 0

    def kept(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return {"peak_units": self.peak_units, "told": self._told}

    def take_up(self, kept: Mapping[str, Any]) -> None:
        """Go on with the day that was kept."""
        self.peak_units, self._told = int(kept["peak_units"]), int(kept["told"])

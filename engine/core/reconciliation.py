"""What comparing the books with the broker's has found: the report that is kept, shown, and acknowledged.

Plain values; what is done about them is decided elsewhere, and never by sending an order.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from engine.core.model import Fill, Instrument, Order, Product, to_rupees


@dataclass(frozen=True, slots=True)
class Difference:
    """A position that was not as the broker has it."""

    instrument: Instrument
    product: Product
    ours: int
    theirs: int
    is_explained: bool = False
    """Orders of unknown fate may be the reason: nothing is taken over until they are found."""

    @property
    def quantity(self) -> int:
        """What is to be added to ours, signed."""
        return self.theirs - self.ours

    def __str__(self) -> str:
        """Say it in a few words."""
        return f"{self.instrument.symbol} {self.product.value}: {self.ours} here, {self.theirs} at the broker"


@dataclass(frozen=True, slots=True)
class ProfitDifference:
    """A day's realised profit, before charges, that was not as the broker has it; in money units."""

    instrument: Instrument
    product: Product
    ours_units: int
    theirs_units: int

    def __str__(self) -> str:
        """Say it in a few words."""
        ours, theirs = to_rupees(self.ours_units), to_rupees(self.theirs_units)
        return f"{self.instrument.symbol} {self.product.value}: Rs {ours:,.2f} realised here, Rs {theirs:,.2f} at the broker"


@dataclass(frozen=True, slots=True)
class Report:
    """What one comparison found."""

    time_ns: int = 0
    reason: str = ""
    """Why the books were compared: start, connection, round, close, end, asked."""
    orders: int = 0
    """Listed by the broker."""
    fills: tuple[Fill, ...] = ()
    """That were not known before."""
    inferred: tuple[Fill, ...] = ()
    """That the broker counts without telling their trades."""
    external: tuple[Order, ...] = ()
    """Orders that came from elsewhere."""
    not_placed: tuple[Order, ...] = ()
    expired: tuple[Order, ...] = ()
    unknown: tuple[Order, ...] = ()
    adjusted: tuple[Fill, ...] = ()
    """Differences between the broker's positions and ours, taken over as entries without an order."""
    differences: tuple[Difference, ...] = ()
    """All positions that differed."""
    profits: tuple[ProfitDifference, ...] = ()
    """Where the profit realised in the day differed, at its close."""
    triggers: int = 0
    """Orders that wait at the broker for a price, over days."""
    unacknowledged: tuple[str, ...] = ()
    """Keys of instruments in which nothing is opened until somebody has looked at their difference."""
    skew_s: float | None = None
    """How far the broker's clock is ahead of ours; None where it does not tell."""
    tries: int = 1
    """How often the broker was read until its lists agreed."""

    @property
    def is_clean(self) -> bool:
        """Tell whether nothing is left that a person must look at."""
        return not (self.external or self.unknown or self.adjusted or self.differences or self.inferred or self.profits)

    def __str__(self) -> str:
        """Say it in one line."""
        parts = (
            (self.orders, "orders at the broker"),
            (len(self.fills), "fills recovered"),
            (len(self.inferred), "fills without their trades"),
            (len(self.external), "orders from elsewhere"),
            (len(self.not_placed), "never placed"),
            (len(self.unknown), "of unknown fate"),
            (len(self.adjusted), "positions adjusted"),
            (len(self.profits), "profits that differ"),
        )
        said = ", ".join(f"{count} {what}" for count, what in parts if count) or "nothing to do"
        return "; ".join([said, *map(str, self.profits)])

    def as_dict(self) -> dict[str, Any]:
        """Return it as the journal keeps it: names and numbers."""
        return {
            "report": str(self),
            "reason": self.reason,
            "fills": [[fill.order_id, fill.trade_id, fill.quantity] for fill in self.fills],
            "inferred": [[fill.order_id, fill.trade_id, fill.quantity] for fill in self.inferred],
            "external": [order.broker_order_id for order in self.external],
            "not_placed": [order.id for order in self.not_placed],
            "expired": [order.id for order in self.expired],
            "unknown": [order.id for order in self.unknown],
            "differences": [[d.instrument.key, d.product.value, d.ours, d.theirs] for d in self.differences],
            "profits": [[p.instrument.key, p.product.value, p.ours_units, p.theirs_units] for p in self.profits],
            "triggers": self.triggers,
            "unacknowledged": list(self.unacknowledged),
            "skew_s": self.skew_s,
            "tries": self.tries,
        }

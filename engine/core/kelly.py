"""How large a part of the equity a strategy's own closed trades justify: Kelly's fraction, known only after enough of them.

A tally counts round trips after charges. The compiled replay and a running strategy keep the same one, so that both bet the same.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from engine.core.compiled import compiled, record_type
from engine.core.ledger import split_fill
from engine.core.records import Row, record

TRADES_NEEDED = 30
"""So many round trips tell something; before that the fraction is not known."""

MOST_PCT = 25.0
"""No position is worth more of the equity than this, however good the trades were: past trades flatter."""

TALLY = record(
    ("wins", "i8"),
    ("losses", "i8"),  # what came out even counts as one
    ("won", "i8"),  # units, after charges
    ("lost", "i8"),  # units, not negative
    ("open", "i8"),  # units, what the open round trip has come to so far
)
record_type("TALLY", TALLY)


@compiled("void(TALLY, i8)")
def count_trip(tally: Row, net: int) -> None:
    """Count a round trip that came to so much after charges, in units."""
    if net > 0:
        tally.wins += 1
        tally.won += net
    else:
        tally.losses += 1
        tally.lost -= net


@compiled("void(TALLY, i8, i8, i8, i8)")
def note_fill(tally: Row, held: int, quantity: int, realised: int, charges: int) -> None:
    """Take note of a fill (signed) into a position `held` before it: what it realised and cost, in units."""
    closed, opened, paid = split_fill(held, quantity, charges)
    tally.open += realised - paid
    if closed > 0 and closed == abs(held):
        count_trip(tally, tally.open)
        tally.open = 0
    if opened != 0:
        tally.open -= charges - paid


@compiled("f8(i8, i8, i8, i8)")
def kelly_pct(wins: int, losses: int, won: int, lost: int) -> float:
    """Return the percentage of equity to hold by Kelly's formula: W - (1 - W) / R, not negative; NaN before TRADES_NEEDED trades.

    W is the part of trades that won, R the average win divided by the average loss (Kelly, 1956, for a bet that pays R to 1).
    """
    trades = wins + losses
    if trades < TRADES_NEEDED:
        return math.nan
    if wins == 0:
        return 0.0
    if lost == 0:
        return 100.0 * wins / trades
    ratio = (won / wins) / (lost / losses)
    part = wins / trades
    return 100.0 * max(0.0, part - (1.0 - part) / ratio)


@compiled("f8(f8, f8)")
def bet_pct(kelly: float, fraction: float) -> float:
    """Return the part of Kelly's percentage that is bet, at most MOST_PCT; NaN while it is not known."""
    return kelly if math.isnan(kelly) else min(MOST_PCT, fraction * kelly)


@dataclass(slots=True)
class Tally:
    """A strategy's closed trades while it runs: the fields of TALLY that count."""

    wins: int = 0
    losses: int = 0
    won: int = 0
    lost: int = 0

    @property
    def trades(self) -> int:
        """How many were closed."""
        return self.wins + self.losses

    def add(self, net_units: int) -> None:
        """Count a round trip."""
        count_trip.plain(self, net_units)

    def bet_pct(self, fraction: float) -> float:
        """Return the percentage of equity to bet at a fraction of Kelly's; NaN before TRADES_NEEDED trades."""
        return float(bet_pct.plain(kelly_pct.plain(self.wins, self.losses, self.won, self.lost), fraction))

    def words(self, fraction: float) -> str:
        """Say how much is bet, and why."""
        bet = self.bet_pct(fraction)
        if math.isnan(bet):
            return f"Expected {TRADES_NEEDED} closed trades to bet by, was {self.trades}; sized by risk until then."
        if bet == 0.0:
            return f"Expected an edge in {self.trades} closed trades to bet on, was none; nothing is opened."
        return f"{bet:.1f} % of equity a position, by {self.trades} closed trades."

"""How much of what a feed says of an instrument can be believed: how far its price may move between two ticks, and in a day.

An option may double between two ticks where a share may not; what has derivatives trades without a fixed daily band.
"""

from __future__ import annotations

from engine.core.model import Exchange, Instrument, InstrumentKind

OPTION_JUMPS = 10.0
"""An option's price may change by so many times as much as a share's between two ticks."""

OPTION_FLOOR = 5.0
"""A change of an option's price by so many rupees is never a jump: the cheap ones treble in a moment."""

WIDEST_BAND = 0.20
"""The exchanges' widest daily band for shares without derivatives, around the close of the day before."""


def belief_in(instrument: Instrument, max_jump: float) -> tuple[float, float, float]:
    """Return jump, floor and band of a FEED row; `max_jump` is a share's, as a fraction, and 0 believes all of everything."""
    if max_jump == 0.0:
        return 0.0, 0.0, 0.0
    if instrument.kind in (InstrumentKind.CALL, InstrumentKind.PUT):
        return OPTION_JUMPS * max_jump, OPTION_FLOOR, 0.0
    has_band = (
        instrument.kind is InstrumentKind.EQUITY and not instrument.has_derivatives and instrument.exchange in (Exchange.NSE, Exchange.BSE)
    )
    return max_jump, 0.0, WIDEST_BAND if has_band else 0.0

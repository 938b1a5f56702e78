"""How far a price may move before it is doubted: a share a little, an option a lot, and what believes everything any way."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine.core.belief import OPTION_FLOOR, OPTION_JUMPS, WIDEST_BAND, belief_in
from engine.core.model import Exchange, Instrument, InstrumentKind

SHARE = Instrument(Exchange.NSE, "TINY", 7, kind=InstrumentKind.EQUITY, has_derivatives=False)


@pytest.mark.parametrize(
    ("instrument", "believed"),
    [
        (SHARE, (0.1, 0.0, WIDEST_BAND)),
        (replace(SHARE, exchange=Exchange.BSE), (0.1, 0.0, WIDEST_BAND)),
        (replace(SHARE, has_derivatives=True), (0.1, 0.0, 0.0)),
        (replace(SHARE, exchange=Exchange.NFO, kind=InstrumentKind.FUTURE), (0.1, 0.0, 0.0)),
        (replace(SHARE, exchange=Exchange.NFO, kind=InstrumentKind.CALL), (0.1 * OPTION_JUMPS, OPTION_FLOOR, 0.0)),
        (replace(SHARE, exchange=Exchange.NFO, kind=InstrumentKind.PUT), (0.1 * OPTION_JUMPS, OPTION_FLOOR, 0.0)),
    ],
)
def test_a_share_has_a_band_and_an_option_room(instrument: Instrument, believed: tuple[float, float, float]) -> None:
    assert belief_in(instrument, 0.1) == pytest.approx(believed)
    assert belief_in(instrument, 0.0) == (0.0, 0.0, 0.0)

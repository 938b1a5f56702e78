"""What a rule is told of an order: whether it opens something, and the price by which it is valued."""

from __future__ import annotations

import pytest

from engine.core.facts import PROTECTIVE, Facts
from engine.core.model import Exchange, Instrument, OrderRequest, Purpose, Side

SHARE = Instrument(Exchange.NSE, "TCS", 1)


@pytest.mark.parametrize("purpose", Purpose)
def test_entries_and_reversals_open_and_nothing_else_does(purpose: Purpose) -> None:
    facts = Facts(OrderRequest(SHARE, Side.BUY, 1, purpose=purpose))
    assert facts.opens == (purpose in (Purpose.ENTRY, Purpose.REVERSAL))
    assert not (facts.opens and purpose in PROTECTIVE)


def test_a_value_is_reckoned_by_the_order_s_own_price_before_the_market_s() -> None:
    def price(**fields: float) -> float:
        return Facts(OrderRequest(SHARE, Side.BUY, 1, **fields), last_price=9.0).price  # type: ignore[arg-type]

    assert price(price=1.0, trigger_price=2.0, reference_price=3.0) == 1.0
    assert price(trigger_price=2.0, reference_price=3.0) == 2.0
    assert price(reference_price=3.0) == 3.0
    assert price() == 9.0

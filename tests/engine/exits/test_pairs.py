"""What a pair of stop and target asks of the broker, for which positions there is one, and how one is known again."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine.brokers.triggers import Gtt
from engine.core.model import EXTERNAL, OrderType, Product, Purpose, Side
from engine.exits.pairs import Pair, ending_of, found_again, joined, pair_of, to_gtt, wording
from engine.protection import Plan
from tests.engine.fakes import OPEN_NS, RELIANCE, SECOND_NS, request

PLAN = Plan(stop=95.0, target=110.0, group="g")
PAIR = Pair(10, 95.0, 110.0, number=7)


def test_a_pair_is_over_all_that_is_held_and_its_stop_fills_beyond_its_trigger() -> None:
    assert pair_of(PLAN, Product.CNC, RELIANCE, 10) == replace(PAIR, number=0)
    stop, target = to_gtt(PAIR, RELIANCE, Product.CNC, 100.0).legs
    assert (stop.trigger_price, stop.price, stop.side, stop.quantity) == (95.0, 93.1, Side.SELL, 10)
    assert (target.trigger_price, target.price, target.product) == (110.0, 110.0, Product.CNC)
    short, _ = to_gtt(Pair(-10, 105.0, 90.0), RELIANCE, Product.NRML, 100.0).legs
    assert (short.side, short.price) == (Side.BUY, 107.1)


@pytest.mark.parametrize(
    ("plan", "product", "quantity"),
    [
        (None, Product.CNC, 10),
        (replace(PLAN, stop=None), Product.CNC, 10),
        (replace(PLAN, target=None), Product.CNC, 10),
        (PLAN, Product.MIS, 10),
        (PLAN, Product.CNC, 0),
    ],
)
def test_everything_else_is_a_matter_for_orders(plan: Plan | None, product: Product, quantity: int) -> None:
    assert pair_of(plan, product, RELIANCE, quantity) is None


def test_what_the_exchange_takes_only_in_slices_is_a_matter_for_orders() -> None:
    assert pair_of(PLAN, Product.NRML, replace(RELIANCE, freeze_quantity=9), 10) is None


def test_the_order_of_a_leg_is_its_owner_s_and_no_other_is() -> None:
    asked = request(-1, 10, price=93.1, product=Product.CNC, owner=EXTERNAL)
    made = joined(asked, "bot", PAIR, RELIANCE, "g")
    assert made is not None
    assert (made.owner, made.purpose, made.group) == ("bot", Purpose.STOP, "g")
    target = joined(replace(asked, price=110.0), "bot", PAIR, RELIANCE, "g")
    assert target is not None
    assert target.purpose is Purpose.TARGET
    for other in (
        replace(asked, price=93.0),
        replace(asked, quantity=9),
        replace(asked, side=Side.BUY),
        replace(asked, order_type=OrderType.SL),
    ):
        assert joined(other, "bot", PAIR, RELIANCE, "g") is None


def test_one_without_a_number_is_known_by_what_it_asks_and_when_it_was_made() -> None:
    asked = to_gtt(replace(PAIR, number=0), RELIANCE, Product.CNC, 100.0)

    def listed(seconds: float = 1.0, status: str = "active", of: Gtt = asked) -> Gtt:
        return replace(of, id=9, status=status, created_ns=OPEN_NS + round(seconds * SECOND_NS))

    right = listed()
    assert found_again(asked, OPEN_NS, [right], []) == right
    other = replace(asked, legs=to_gtt(Pair(11, 95.0, 110.0), RELIANCE, Product.CNC, 100.0).legs)
    for wrong in (listed(-6.0), listed(121.0), listed(status="triggered"), listed(of=other)):
        assert found_again(asked, OPEN_NS, [wrong], []) is None
    assert found_again(asked, OPEN_NS, [right], [9]) is None


def test_how_one_ended_is_said_in_the_broker_s_words() -> None:
    gtt = replace(to_gtt(PAIR, RELIANCE, Product.CNC, 100.0), status="rejected")
    assert ending_of(None) == "not listed"
    assert ending_of(gtt) == "rejected"
    assert ending_of(replace(gtt, legs=(replace(gtt.legs[0], outcome="No holdings"), gtt.legs[1]))) == "No holdings"
    assert wording(gtt)["legs"] == [[95.0, 93.1, -10], [110.0, 110.0, -10]]

"""What lies around an order is counted as it may come out at the worst: own orders, others' positions, cover, usual values."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from engine.core.facts import Facts
from engine.core.model import Instrument, InstrumentKind, Order, OrderStatus, OrderType, Product, Purpose
from engine.reservations import Reservations
from engine.risk_inputs import LoneDesk, Traffic
from engine.risk_surroundings import Surroundings
from tests.engine.fakes import OPEN_NS, RELIANCE, TCS, request

ALL = dict.fromkeys(
    ["max_open_orders", "own_orders", "opposing_owners", "short_option", "spread", "restricted", "margin_use", "unusual_order"], 5.0
)
CALL = replace(RELIANCE, kind=InstrumentKind.CALL, symbol="NIFTY26DEC24000CE", name="NIFTY", expiry=date(2026, 12, 29))
FURTHER = replace(CALL, symbol="NIFTY26DEC25000CE")
SOONER = replace(CALL, symbol="NIFTY26NOV25000CE", expiry=date(2026, 11, 24))
PUT = replace(CALL, symbol="NIFTY26DEC24000PE", kind=InstrumentKind.PUT)


class Desk(LoneDesk):
    """A desk that says what the test sets."""

    margin_pct = 55.0  # type: ignore[assignment]

    def __init__(self) -> None:
        super().__init__(10**9)
        self.options: list[tuple[Instrument, int]] = []
        self.opposed = ""
        self.wide = 1.0
        self.lists = ("", "")

    def spread_pct(self, key: str) -> float:
        return self.wide

    def restricted(self, instrument: Instrument) -> tuple[str, str]:
        return self.lists

    def opposed_by(self, key: str, product: Product, owner: str, side: int) -> str:
        return self.opposed

    def options_like(self, option: Instrument) -> list[tuple[Instrument, int]]:
        return [(held, quantity) for held, quantity in self.options if held.kind is option.kind]


class Bench:
    def __init__(self) -> None:
        self.desk, self.kept, self.traffic = Desk(), Reservations(), Traffic()
        self.around = Surroundings(self.desk, self.kept, self.traffic)

    def works(self, *args: Any, units: int = 0, **more: Any) -> int:
        """Let an order work."""
        return self.kept.add(request(*args, **more), units)

    def told(self, *args: Any, limits: dict[str, float] = ALL, by_hand: bool = False, **more: Any) -> Facts:
        """Tell of an order what lies around it."""
        wanted = request(*args, **more)
        facts = Facts(wanted, by_hand, last_price=100.0)
        facts.entering = self.kept.pending(wanted.instrument.key, wanted.product, wanted.owner, wanted.side)[0]
        self.around.tell(facts, limits, OPEN_NS)
        return facts


def test_working_orders_are_counted_with_what_they_bind_and_protection_is_not() -> None:
    bench = Bench()
    bench.works(units=700)
    bench.works(instrument=TCS, units=300)
    bench.works(-1, purpose=Purpose.EXIT, units=9)
    bench.works(-1, purpose=Purpose.STOP, trigger_price=90.0)
    facts = bench.told()
    assert (facts.open_orders, facts.open_orders_here, facts.open_units) == (3, 2, 1_000)
    quiet = bench.told(limits={})
    assert (quiet.open_orders, quiet.open_orders_here, quiet.open_units) == (0, 0, 0), "nobody asks for it"


@pytest.mark.parametrize(
    ("working", "asked", "crosses"),
    [
        ({"price": 105.0}, {"price": 105.0}, True),
        ({"price": 105.0}, {"price": 104.95}, False),
        ({"price": 101.0}, {}, True),  # a market order reaches two percent up
        ({"price": 102.05}, {}, False),
        ({"price": 103.0}, {"market_protection": 3.0}, True),
        ({}, {"price": 50.0}, True),  # what is at market takes any price
        ({"trigger_price": 99.0}, {}, False),  # it waits
        ({"price": 99.0}, {"trigger_price": 100.0, "price": 101.0, "order_type": OrderType.SL}, False),  # so does this one
    ],
)
def test_an_order_that_an_own_one_would_meet_is_found(working: dict[str, Any], asked: dict[str, Any], crosses: bool) -> None:
    bench = Bench()
    bench.works(-1, owner="ema", product=Product.NRML, **working)
    facts = bench.told(**asked)
    assert bool(facts.crossed) is crosses
    if crosses:
        assert facts.crossed.startswith("ema for -10 at ")
    assert not bench.told(-1, price=50.0).crossed, "the same side meets nobody"
    assert not bench.told(instrument=TCS, price=105.0).crossed


def test_a_sell_meets_a_buy_from_above() -> None:
    bench = Bench()
    bench.works(1, price=99.0)
    assert bench.told(-1, price=99.0).crossed
    assert not bench.told(-1, price=99.05).crossed


def test_an_order_that_was_triggered_or_changed_is_met_where_it_is_now() -> None:
    bench = Bench()
    number = bench.works(-1, trigger_price=99.0, price=98.0, order_type=OrderType.SL)
    order = Order("id", request(-1, trigger_price=99.0, price=98.0), OrderStatus.TRIGGER, quantity=10, price=98.0, reservation=number)
    bench.kept.on_order(order)
    assert not bench.told(price=98.0).crossed
    bench.kept.on_order(replace(order, status=OrderStatus.OPEN))
    assert bench.told(price=98.0).crossed
    bench.kept.on_order(replace(order, status=OrderStatus.OPEN, price=98.5))
    assert not bench.told(price=98.0).crossed


def test_another_owner_on_the_other_side_is_found_held_or_on_its_way() -> None:
    bench = Bench()
    assert bench.told().opposed == ""
    bench.works(-1, 7, owner="ema", price=500.0)
    assert bench.told().opposed == "an order of ema for -7"
    assert bench.told(owner="ema").opposed == "", "its own may turn"
    assert bench.told(product=Product.NRML).opposed == "", "another product is another position"
    bench.desk.opposed = "rsi with -5"
    assert bench.told().opposed == "rsi with -5"


@pytest.mark.parametrize(
    ("held", "working", "uncovered"),
    [
        ([], [], 10),
        ([(FURTHER, 10)], [], 0),
        ([(FURTHER, 9)], [], 1),
        ([(SOONER, 10)], [], 10),  # gone before what it covers
        ([(PUT, 10)], [], 10),
        ([(FURTHER, 10), (replace(CALL, symbol="NIFTY26DEC26000CE"), -4)], [], 4),
        ([(CALL, 10)], [], 0),  # sold out of what is held
        ([(CALL, 4)], [], 6),
        ([(CALL, -5), (FURTHER, 15)], [], 0),
        ([(CALL, -5), (FURTHER, 14)], [], 1),
        ([(FURTHER, 20)], [{"quantity": 10}], 0),
        ([(FURTHER, 19)], [{"quantity": 10}], 1),  # two orders do not share a cover
        ([(FURTHER, 10)], [{"quantity": 3, "instrument": SOONER}], 3),
        ([(FURTHER, 10)], [{"quantity": 3, "instrument": FURTHER, "purpose": Purpose.EXIT}], 3),  # the cover is being sold
        ([(FURTHER, 10)], [{"quantity": 3, "instrument": FURTHER, "purpose": Purpose.STOP, "trigger_price": 5.0}], 0),
        ([(FURTHER, 10)], [{"quantity": 3, "instrument": PUT}], 0),
    ],
)
def test_what_would_be_short_without_cover(held: list[tuple[Instrument, int]], working: list[dict[str, Any]], uncovered: int) -> None:
    bench = Bench()
    bench.desk.options = held
    for fields in working:
        bench.works(-1, **({"instrument": CALL} | fields))
    assert bench.told(-1, 10, instrument=CALL).uncovered == uncovered


def test_buying_an_option_or_selling_a_share_needs_no_cover() -> None:
    bench = Bench()
    assert bench.told(1, instrument=CALL).uncovered == 0
    assert bench.told(-1).uncovered == 0
    assert bench.told(-1, instrument=CALL, limits={}).uncovered == 0


@pytest.mark.parametrize(
    ("wide", "remark"),
    [(2.0, ""), (2.1, "Bid and offer of RELIANCE are 2.1 % apart; expect a poor price."), (5.1, "")],
)
def test_a_wide_spread_is_told_before_it_is_refused(wide: float, remark: str) -> None:
    bench = Bench()
    bench.desk.wide = wide
    facts = bench.told()
    assert (facts.spread_pct, facts.remark) == (wide, remark)


def test_lists_and_margin_are_told() -> None:
    bench = Bench()
    bench.desk.lists = ("ban", "ASM")
    facts = bench.told()
    assert (facts.restricted, facts.remark, facts.margin_pct) == ("ban", "ASM", 55.0)


def test_the_usual_value_is_the_median_of_the_last_entries_by_hand() -> None:
    bench = Bench()
    for value in (1, 2, 3, 4):
        bench.around.note(told(value))
    assert bench.told(by_hand=True).usual_units == 0, "too few to tell"
    bench.around.note(told(1_000))
    assert bench.told(by_hand=True).usual_units == 3_000
    assert bench.told(by_hand=False).usual_units == 0, "a strategy is not asked"
    for _ in range(60):
        bench.around.note(told(7))
    assert bench.told(by_hand=True).usual_units == 7_000, "only the last ones count"


def test_the_usual_value_is_learnt_from_orders_of_before() -> None:
    bench = Bench()
    made = [Order("id", request(quantity=10, price=100.0), OrderStatus.FILLED, quantity=10, filled=10, filled_value_units=9_000_000)]
    other = Order("id", request(owner="ema"), OrderStatus.FILLED, quantity=10)
    bench.around.recall([*made * 5, replace(made[0], status=OrderStatus.DENIED), other])
    assert bench.around.usual_units() == 900 * 10_000
    bench.around.recall([Order("id", request(quantity=1, price=1.0), OrderStatus.CANCELLED, quantity=1)] * 6)
    assert bench.around.usual_units() == 1 * 10_000


def told(thousands: int) -> Facts:
    facts = Facts(request(quantity=1_000))
    facts.each_units = thousands
    return facts


def test_messages_of_a_minute_are_counted_apart_from_those_of_a_second() -> None:
    bench, second = Bench(), 10**9
    for at in range(70):
        bench.traffic.count(OPEN_NS + at * second)
    now_ns = OPEN_NS + 69 * second
    assert (bench.traffic.messages(now_ns), bench.traffic.messages_in_minute(now_ns)) == (1, 60)
    facts = Facts(request())
    bench.around.tell(facts, {"messages_a_minute": 200.0}, now_ns)
    assert facts.messages_minute == 60

"""What an order costs is known before it is sent, and every fill carries its share, exactly."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from engine.charging import Charging, charges_of, free_of_charge
from engine.core.model import BrokerFill, Exchange, Instrument, Order, OrderRequest, OrderStatus, OrderType, Product, Side
from engine.tariffs import Tariff

INFY = Instrument(Exchange.NSE, "INFY", 408065, tick_size=Decimal("0.05"))
ON = date(2026, 5, 4)
AT_NS = 1_777_867_200_000_000_000  # that day, 09:30 IST


def request(quantity: int, **more: object) -> OrderRequest:
    return OrderRequest(INFY, Side.SELL, quantity, product=Product.MIS, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "priced",
    [
        {"order_type": OrderType.LIMIT, "price": 1500.0, "reference_price": 1.0},
        {"order_type": OrderType.SL_M, "trigger_price": 1500.0, "reference_price": 1.0},
        {"reference_price": 1500.0},
    ],
)
def test_the_estimate_is_what_the_fills_will_be_charged(priced: dict[str, object]) -> None:
    rates_of = Tariff.load("zerodha").rates
    wanted = request(40, **priced)
    charging = Charging(rates_of)
    order = Order("A", wanted, OrderStatus.OPEN, quantity=40)
    parts = [charging.fill_of(order, BrokerFill(str(n), 10, 1500.0, AT_NS + n)) for n in range(4)]
    estimate = charges_of(wanted, rates_of, ON)
    assert estimate == sum(part.charges_units for part in parts)
    assert 20 * 10_000 < estimate < 60 * 10_000


def test_without_a_price_or_a_tariff_nothing_is_charged() -> None:
    assert charges_of(request(40), Tariff.load("zerodha").rates, ON) == charges_of(request(0), Tariff.load("zerodha").rates, ON)
    assert charges_of(request(40, reference_price=1500.0), free_of_charge, ON) == 0


def test_fills_of_before_a_restart_count_in_what_the_next_one_costs() -> None:
    rates_of = Tariff.load("zerodha").rates
    order = Order("A", request(40), OrderStatus.OPEN, quantity=40)
    whole = Charging(rates_of)
    first, second = (whole.fill_of(order, BrokerFill(str(n), 20, 1500.0, AT_NS + n)) for n in range(2))
    again = Charging(rates_of)
    again.restore([first])
    assert again.fill_of(order, BrokerFill("1", 20, 1500.0, AT_NS + 1)).charges_units == second.charges_units


def test_each_slice_of_the_freeze_quantity_is_charged_as_an_order_of_its_own() -> None:
    rates_of = Tariff.load("zerodha").rates
    frozen = replace(INFY, freeze_quantity=10)
    order = Order("A", replace(request(25), instrument=frozen), OrderStatus.OPEN, quantity=25)
    charging, alone = Charging(rates_of), Charging(rates_of)
    parts = [charging.fill_of(order, BrokerFill(str(n), quantity, 15_000.0, AT_NS)) for n, quantity in enumerate([4, 6, 10, 5])]
    whole = [
        alone.fill_of(replace(order, id=str(n)), BrokerFill(str(n), quantity, 15_000.0, AT_NS)) for n, quantity in enumerate([10, 10, 5])
    ]
    assert [parts[0].charges_units + parts[1].charges_units, *(part.charges_units for part in parts[2:])] == [
        f.charges_units for f in whole
    ]
    again = Charging(rates_of)
    again.restore(parts[:1])
    assert again.fill_of(order, BrokerFill("1", 6, 15_000.0, AT_NS)).charges_units == parts[1].charges_units

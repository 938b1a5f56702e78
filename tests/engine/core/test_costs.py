from __future__ import annotations

from dataclasses import replace
from decimal import ROUND_HALF_UP, Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core.compiled import is_disabled
from engine.core.costs import HEADS, NO_CHARGES, PPB, RATES, Charges, breakdown, contract_note, order_charges, split_charges, to_paisa
from engine.core.model import Exchange, Fill, Instrument, InstrumentKind, Product, Purpose, Side, to_units
from engine.core.records import FILL, Row, Rows

SBIN = Instrument(Exchange.NSE, "SBIN", 779521)
SBIN_BSE = Instrument(Exchange.BSE, "SBIN", 128028676)
FUTURE = Instrument(Exchange.NFO, "SBIN26NOVFUT", 3, kind=InstrumentKind.FUTURE)


def rates(**given: object) -> Row:
    row = np.zeros(1, RATES)
    for name, value in given.items():
        row[0][name] = int(Decimal(str(value)) * PPB / 100) if name not in {"brokerage_cap", "brokerage_flat", "gst_on_ipft"} else value
    return row[0]


INTRADAY = rates(
    brokerage="0.03", brokerage_cap=to_units(20), stt_sell="0.025", exchange="0.00297", sebi="0.0001", ipft="0.0001", stamp_buy="0.003",
    gst=18, gst_on_ipft=1,
)  # fmt: skip
DELIVERY = rates(
    stt_buy="0.1", stt_sell="0.1", exchange="0.00297", sebi="0.0001", ipft="0.0001", stamp_buy="0.015", gst=18, gst_on_ipft=1
)  # fmt: skip
OPTIONS = rates(brokerage_flat=to_units(20), stt_sell="0.1", exchange="0.03503", sebi="0.0001", ipft="0.0005", stamp_buy="0.003", gst=18)


def rupees(**heads: str) -> Charges:
    return Charges(**{name: to_units(Decimal(value)) for name, value in heads.items()})


@pytest.mark.parametrize(
    ("of", "side", "value", "expected"),
    [
        (INTRADAY, 1, "10000", rupees(brokerage="3", exchange="0.30", sebi="0.01", ipft="0.01", stamp="0.30", gst="0.60")),
        (INTRADAY, -1, "10000", rupees(brokerage="3", stt="2.50", exchange="0.30", sebi="0.01", ipft="0.01", gst="0.60")),
        (INTRADAY, 1, "100000", rupees(brokerage="20", exchange="2.97", sebi="0.10", ipft="0.10", stamp="3", gst="4.17")),
        (DELIVERY, 1, "560", rupees(stt="0.56", exchange="0.02", stamp="0.08")),
        (DELIVERY, -1, "560", rupees(stt="0.56", exchange="0.02")),
        (OPTIONS, -1, "7500", rupees(brokerage="20", stt="7.50", exchange="2.63", sebi="0.01", ipft="0.04", gst="4.08")),
    ],
)
def test_heads_of_an_order(of: Row, side: int, value: str, expected: Charges) -> None:
    assert breakdown(of, side, 10, to_units(value)) == expected
    assert order_charges(of, side, 10, to_units(value)) == expected.total


def test_nothing_filled_costs_nothing() -> None:
    assert order_charges(OPTIONS, 1, 0, 0) == 0
    assert breakdown(OPTIONS, 1, 0, 0) == Charges()


def test_without_charges_nothing_costs_anything() -> None:
    assert order_charges(NO_CHARGES[0], 1, 100, to_units(10**9)) == 0


@settings(deadline=None, max_examples=300)
@given(value=st.integers(0, 10**15), rate=st.integers(0, 10**8))
def test_every_head_is_rounded_half_up_to_the_paisa(value: int, rate: int) -> None:
    exact = Decimal(value) * rate / PPB / 100
    assert to_paisa(value, rate) == int(exact.quantize(Decimal(1), ROUND_HALF_UP)) * 100


def test_half_a_paisa_goes_up() -> None:
    assert to_paisa(to_units("0.5"), PPB // 100) == 100
    assert to_paisa(to_units("0.4999"), PPB // 100) == 0


@settings(deadline=None, max_examples=100)
@given(steps=st.lists(st.tuples(st.integers(1, 1000), st.integers(1, 10**8)), min_size=1, max_size=10))
def test_increments_of_the_fills_add_up_to_the_order(steps: list[tuple[int, int]]) -> None:
    quantity = value = charged = 0
    for more, price in steps:
        quantity, value = quantity + more, value + more * price
        increment = order_charges(INTRADAY, -1, quantity, value) - charged
        assert increment >= 0
        charged += increment
    assert charged == breakdown(INTRADAY, -1, quantity, value).total


def fill(order: str, quantity: int, price: str, of: Instrument = SBIN, product: Product = Product.CNC) -> Fill:
    side = Side.BUY if quantity > 0 else Side.SELL
    return Fill(order, order, of, side, abs(quantity), to_units(Decimal(price)), 0, 1, product, "hand", Purpose.ENTRY)


def rates_of(instrument: Instrument, product: Product) -> Row:
    return OPTIONS if instrument.kind is InstrumentKind.FUTURE else INTRADAY if product is Product.MIS else DELIVERY


def test_taxes_of_the_day_are_whole_rupees_of_the_exact_sum() -> None:
    fills = [fill("a", 1, "560"), fill("b", 1, "561", SBIN_BSE), fill("c", 7, "49", replace(SBIN, symbol="TCS"))]
    note = contract_note(fills, rates_of)
    assert note.orders["a"] == breakdown(DELIVERY, 1, 1, to_units(560))
    assert (note.total.stt, note.total.stamp) == (to_units(1), 0)  # 1.464 and 0.2196
    assert note.total.exchange == sum(order.exchange for order in note.orders.values())
    assert note.total.total == to_units(1) + sum(order.exchange + order.gst for order in note.orders.values())


def test_half_a_rupee_of_tax_goes_up() -> None:
    assert contract_note([fill("a", 1, "500")], rates_of).total.stt == to_units(1)
    assert contract_note([fill("a", 1, "499.95")], rates_of).total.stt == 0


def test_shares_turned_within_the_day_are_billed_as_intraday() -> None:
    note = contract_note([fill("a", 100, "800"), fill("b", -100, "810")], rates_of)
    assert note.orders == {"a": breakdown(INTRADAY, 1, 100, to_units(80_000)), "b": breakdown(INTRADAY, -1, 100, to_units(81_000))}
    assert (note.total.stt, note.total.stamp) == (to_units(20), to_units(2))


def test_what_stays_overnight_is_billed_as_delivery_first_in_first_out() -> None:
    note = contract_note([fill("a", 60, "800"), fill("b", 60, "900"), fill("c", -70, "810", SBIN_BSE)], rates_of)
    assert note.orders["a"] == breakdown(INTRADAY, 1, 60, to_units(48_000))
    assert note.orders["b"] == breakdown(INTRADAY, 1, 10, to_units(9_000)) + breakdown(DELIVERY, 1, 50, to_units(45_000))
    assert note.orders["c"] == breakdown(INTRADAY, -1, 70, to_units(56_700))


def test_partial_fills_of_an_order_are_one_order() -> None:
    note = contract_note([fill("a", 60, "1200"), fill("a", 60, "1200"), fill("b", -120, "1200")], rates_of)
    assert note.orders["a"].brokerage == note.orders["b"].brokerage == to_units(20)


def test_products_and_derivatives_are_not_turned_against_shares_for_delivery() -> None:
    fills = [
        fill("a", 10, "800"),
        fill("b", -10, "800", product=Product.MIS),
        fill("c", 10, "80", FUTURE, Product.NRML),
        fill("d", -10, "80", FUTURE, Product.NRML),
    ]
    note = contract_note(fills, rates_of)
    assert note.orders["a"] == breakdown(DELIVERY, 1, 10, to_units(8_000))
    assert note.orders["b"] == breakdown(INTRADAY, -1, 10, to_units(8_000))
    assert note.orders["d"] == breakdown(OPTIONS, -1, 10, to_units(800))


@pytest.mark.skipif(is_disabled(), reason="machine code is switched off")
def test_machine_code_gives_the_same() -> None:
    for of in (INTRADAY, DELIVERY, OPTIONS, NO_CHARGES[0]):
        for side in (1, -1):
            for value in (0, 1, 49_999, to_units("66666.6667"), 10**15):
                assert order_charges.dispatcher(of, side, 1, value) == order_charges.py_func(of, side, 1, value)
    assert order_charges.dispatcher(OPTIONS, 1, 0, 0) == 0
    assert to_paisa.dispatcher(10**15, 10**8) == to_paisa.py_func(10**15, 10**8)


def charged(*given: tuple[int, int, str, int]) -> Rows:
    """Make FILL rows of (time, signed quantity, price, charges in units)."""
    rows: Rows = np.zeros(len(given), FILL)
    for row, (time_ns, quantity, price, charges) in zip(rows, given, strict=True):
        row["time_ns"], row["quantity"], row["price"], row["charges"] = time_ns, quantity, to_units(price), charges
    return rows


def split(fills: Rows, *periods: Row, since: tuple[int, ...] = (0,)) -> tuple[Charges, int]:
    heads = np.zeros(len(HEADS), dtype=np.int64)
    table = np.array([[*periods]], dtype=RATES)
    rest = split_charges.compile()(fills, table, np.array(since), np.ones(1, dtype=np.int64), heads)
    return Charges(*heads.tolist()), rest


def test_charges_of_fills_are_split_into_their_heads_by_the_rates_of_the_day() -> None:
    of = [
        breakdown(INTRADAY, 1, 10, to_units(10_000)),
        breakdown(INTRADAY, -1, 10, to_units(10_500)),
        breakdown(DELIVERY, 1, 5, to_units(500)),
    ]
    fills = charged((1, 10, "1000", of[0].total), (2, -10, "1050", of[1].total), (9, 5, "100", of[2].total))
    assert split(fills, INTRADAY, DELIVERY, since=(0, 5)) == (of[0] + of[1] + of[2], 0)


def test_parts_of_one_order_are_charged_as_one() -> None:
    first, whole = breakdown(INTRADAY, 1, 60, to_units(60_000)), breakdown(INTRADAY, 1, 100, to_units(100_000))
    assert whole.total != first.total + breakdown(INTRADAY, 1, 40, to_units(40_000)).total
    fills = charged((1, 60, "1000", first.total), (2, 40, "1000", whole.total - first.total))
    assert split(fills, INTRADAY) == (whole, 0)


def test_charges_that_the_rates_do_not_explain_are_told_apart() -> None:
    one = breakdown(INTRADAY, 1, 10, to_units(10_000))
    assert split(charged((1, 10, "1000", one.total), (2, 10, "1000", 123)), INTRADAY) == (one, 123)

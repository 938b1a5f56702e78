from __future__ import annotations

from datetime import date
from decimal import Decimal
from fractions import Fraction

import pytest

from engine import tariffs
from engine.core.costs import NO_CHARGES, PPB, breakdown, contract_note
from engine.core.errors import InvalidOption, InvalidOrder
from engine.core.model import UNITS, Exchange, Fill, Instrument, InstrumentKind, Product, Purpose, Side, to_units
from engine.core.records import Row
from engine.tariffs import Tariff, segment_of, tariff_names

JULY_2023, OCTOBER_2026 = date(2023, 7, 10), date(2026, 10, 7)
KINDS = {"FUT": InstrumentKind.FUTURE, "CE": InstrumentKind.CALL, "PE": InstrumentKind.PUT}


def instrument(key: str, name: str = "") -> Instrument:
    exchange, _, symbol = key.partition(":")
    kind = next((kind for end, kind in KINDS.items() if symbol.endswith(end) and exchange not in {"NSE", "BSE"}), InstrumentKind.EQUITY)
    return Instrument(Exchange(exchange), symbol, 1, name, kind)


@pytest.fixture(scope="module")
def zerodha() -> Tariff:
    return Tariff.load()


def exact_heads(rates: Row, side: int, value: str) -> dict[str, Fraction]:
    """Heads in rupees before any rounding, as the broker's own service answers."""
    worth = Fraction(value)
    heads = {
        "brokerage": min(worth * int(rates.brokerage) / PPB, Fraction(int(rates.brokerage_cap), UNITS) or worth)
        + Fraction(int(rates.brokerage_flat), UNITS),
        "tax": worth * int(rates.stt_buy if side > 0 else rates.stt_sell) / PPB,
        "exchange": worth * int(rates.exchange + rates.ipft) / PPB,
        "sebi": worth * int(rates.sebi) / PPB,
    }
    base = sum(heads[head] for head in ("brokerage", "exchange", "sebi")) - worth * int(rates.ipft) / PPB
    return heads | {"gst": base * int(rates.gst) / PPB}


@pytest.mark.parametrize(
    ("key", "product", "side", "value", "expected"),
    [
        (
            "NSE:SBIN",
            Product.CNC,
            1,
            "560",
            {"brokerage": "0", "tax": "0.56", "exchange": "0.01876", "sebi": "0.00056", "gst": "0.0033768"},
        ),
        (
            "MCX:GOLDPETAL23JULFUT",
            Product.NRML,
            -1,
            "5862",
            {"brokerage": "1.7586", "tax": "0.5862", "exchange": "0.152412", "sebi": "0.005862", "gst": "0.34503732"},
        ),
        (
            "NFO:NIFTY2371317900PE",
            Product.NRML,
            1,
            "150",
            {"brokerage": "20", "tax": "0", "exchange": "0.07575", "sebi": "0.00015", "gst": "3.613527"},
        ),
    ],
)
def test_the_contract_note_of_july_2023_to_the_last_digit(
    zerodha: Tariff, key: str, product: Product, side: int, value: str, expected: dict[str, str]
) -> None:
    rates = zerodha.rates(instrument(key), product, JULY_2023)[0]
    assert exact_heads(rates, side, value) == {head: Fraction(figure) for head, figure in expected.items()}
    billed = breakdown(rates, side, 1, to_units(Decimal(value)))
    for head, figure in expected.items():
        ours = {"tax": billed.stt, "exchange": billed.exchange + billed.ipft}.get(head, getattr(billed, head, 0))
        assert abs(ours - to_units(Decimal(figure))) <= 50, head  # half a paisa


def test_the_stamp_duty_of_that_note_is_rounded_to_nothing(zerodha: Tariff) -> None:
    fill = Fill("1", "1", instrument("NSE:SBIN"), Side.BUY, 1, to_units(560), 0, 1, Product.CNC, "hand", Purpose.ENTRY)
    note = contract_note([fill], lambda of, product: zerodha.rates(of, product, JULY_2023)[0])
    assert note.orders["1"].stamp == to_units("0.08")
    assert note.total.stamp == 0


@pytest.mark.parametrize(
    ("key", "product", "brokerage", "stt", "exchange", "stamp"),
    [
        ("NSE:SBIN", Product.CNC, ("0", 0, 0), ("0.1", "0.1"), "0.00307", "0.015"),
        ("NSE:SBIN", Product.NRML, ("0", 0, 0), ("0.1", "0.1"), "0.00307", "0.015"),
        ("NSE:SBIN", Product.MTF, ("0.3", 20, 0), ("0.1", "0.1"), "0.00307", "0.015"),
        ("NSE:SBIN", Product.MIS, ("0.03", 20, 0), ("0", "0.025"), "0.00307", "0.003"),
        ("BSE:SBIN", Product.MIS, ("0.03", 20, 0), ("0", "0.025"), "0.00375", "0.003"),
        ("NFO:SBIN26NOVFUT", Product.NRML, ("0.03", 20, 0), ("0", "0.05"), "0.00183", "0.002"),
        ("NFO:NIFTY26N1725000CE", Product.MIS, ("0", 0, 20), ("0", "0.15"), "0.03553", "0.003"),
        ("BFO:SENSEX26N1980000PE", Product.MIS, ("0", 0, 20), ("0", "0.15"), "0.0325", "0.003"),
        ("BFO:SENSEX26NOVFUT", Product.NRML, ("0.03", 20, 0), ("0", "0.05"), "0", "0.002"),
        ("CDS:USDINR26NOVFUT", Product.NRML, ("0.03", 20, 0), ("0", "0"), "0.00035", "0.0001"),
        ("CDS:USDINR26NOV90CE", Product.NRML, ("0.03", 20, 0), ("0", "0"), "0.0311", "0.0001"),
        ("BCD:USDINR26NOVFUT", Product.NRML, ("0.03", 20, 0), ("0", "0"), "0.00045", "0.0001"),
        ("BCD:USDINR26NOV90PE", Product.NRML, ("0.03", 20, 0), ("0", "0"), "0.001", "0.0001"),
        ("MCX:CRUDEOIL26NOVFUT", Product.NRML, ("0.03", 20, 0), ("0", "0.01"), "0.0021", "0.002"),
        ("MCX:CRUDEOIL26NOV6000CE", Product.NRML, ("0", 0, 20), ("0", "0.05"), "0.0418", "0.003"),
    ],
)
def test_the_rates_that_hold_since_april_2026(
    zerodha: Tariff, key: str, product: Product, brokerage: tuple[str, int, int], stt: tuple[str, str], exchange: str, stamp: str
) -> None:
    def percent(rate: int) -> Decimal:
        return Decimal(int(rate)) * 100 / PPB

    row = zerodha.rates(instrument(key), product, OCTOBER_2026)[0]
    assert (percent(row.brokerage), row.brokerage_cap, row.brokerage_flat) == (
        Decimal(brokerage[0]),
        to_units(brokerage[1]),
        to_units(brokerage[2]),
    )
    assert (percent(row.stt_buy), percent(row.stt_sell)) == tuple(map(Decimal, stt))
    assert percent(row.exchange + row.ipft) == Decimal(exchange)
    assert (percent(row.stamp_buy), row.stamp_sell) == (Decimal(stamp), 0)
    assert (percent(row.sebi), percent(row.gst), row.gst_on_ipft) == (Decimal("0.0001"), 18, 1)


@pytest.mark.parametrize(
    ("day", "percent"),
    [(date(2023, 3, 31), "0.01"), (date(2023, 4, 1), "0.0125"), (date(2024, 10, 1), "0.02"), (date(2026, 4, 1), "0.05")],
)
def test_a_rate_holds_from_its_day_on(zerodha: Tariff, day: date, percent: str) -> None:
    future = instrument("NFO:SBIN26NOVFUT")
    assert zerodha.rates(future, Product.NRML, day)[0].stt_sell == int(Decimal(percent) * PPB / 100)


def test_before_its_first_row_a_head_is_charged_by_that_row(zerodha: Tariff) -> None:
    early, first = (zerodha.rates(instrument("NSE:SBIN"), Product.MIS, day)[0] for day in (date(2015, 2, 2), date(2021, 1, 1)))
    assert early == first
    assert early.exchange == 34_500


def test_old_options_gave_less_to_the_state(zerodha: Tariff) -> None:
    row = zerodha.rates(instrument("NFO:NIFTY2371317900PE"), Product.NRML, JULY_2023)[0]
    assert (row.stt_sell, row.exchange, row.ipft, row.gst_on_ipft) == (625_000, 500_000, 5_000, 0)


def test_farm_produce_and_funds_have_rows_of_their_own(zerodha: Tariff) -> None:
    mentha = zerodha.rates(instrument("MCX:MENTHAOIL26NOVFUT", "MENTHAOIL"), Product.NRML, OCTOBER_2026)[0]
    assert (mentha.stt_sell, mentha.sebi, mentha.exchange) == (0, 100, 21_000)
    gold = zerodha.rates(instrument("NSE:GOLDBEES"), Product.MIS, OCTOBER_2026)[0]
    assert (gold.stt_sell, gold.stt_buy, gold.exchange) == (0, 0, 30_699)
    nifty = [zerodha.rates(instrument("NSE:NIFTYBEES"), product, OCTOBER_2026)[0] for product in (Product.CNC, Product.MIS)]
    assert [(row.stt_buy, row.stt_sell) for row in nifty] == [(0, 10_000), (0, 250_000)]


def test_the_days_of_change_are_known(zerodha: Tariff) -> None:
    assert zerodha.changes[-3:] == (date(2023, 4, 1), date(2024, 10, 1), date(2026, 4, 1))
    assert Tariff.load("none").changes == ()


def test_the_same_rates_are_found_once(zerodha: Tariff) -> None:
    first, later = (zerodha.rates(instrument("NSE:SBIN"), Product.MIS, day) for day in (date(2026, 5, 4), date(2026, 5, 5)))
    assert first is later


def test_a_free_market_charges_nothing() -> None:
    assert Tariff.load("none").rates(instrument("NSE:SBIN"), Product.MIS, OCTOBER_2026) is NO_CHARGES


def test_an_index_has_no_rates(zerodha: Tariff) -> None:
    index = Instrument(Exchange.NSE, "NIFTY 50", 256265, kind=InstrumentKind.INDEX)
    for tariff in (zerodha, Tariff.load("none")):
        with pytest.raises(InvalidOrder, match="was the index NSE:NIFTY 50"):
            tariff.rates(index, Product.MIS, OCTOBER_2026)


def test_an_unknown_tariff_says_what_was_meant() -> None:
    with pytest.raises(InvalidOption, match='Unknown charges "zeroda"; did you mean "zerodha"'):
        Tariff.load("zeroda")
    assert tariff_names() == ["none", "zerodha"]


def test_every_row_of_the_file_is_for_a_segment_that_exists(zerodha: Tariff) -> None:
    keys = ["NSE:A", "NFO:AFUT", "NFO:ACE", "CDS:AFUT", "CDS:APE", "MCX:AFUT", "MCX:ACE"]
    segments = {segment_of(instrument(key), product) for key in keys for product in Product}
    rows = [row for head in zerodha._rows.values() for row in head]
    assert {segment for row in rows for segment in row.segments} == segments
    assert {exchange for row in rows for exchange in row.exchanges} == set(Exchange)


def test_a_rate_finer_than_a_billionth_is_a_mistake() -> None:
    with pytest.raises(ValueError, match=r"whole billionths, was 0\.00000001 %"):
        tariffs._value("percent", Decimal("0.00000001"))


def test_what_leaves_the_holdings_pays_the_depository(zerodha: Tariff) -> None:
    assert zerodha.depository_units(instrument("NSE:SBIN"), OCTOBER_2026) == to_units("15.34")
    assert zerodha.depository_units(instrument("NSE:LIQUIDBEES"), OCTOBER_2026) == to_units("11.21")
    assert Tariff.load("none").depository_units(instrument("NSE:SBIN"), OCTOBER_2026) == 0

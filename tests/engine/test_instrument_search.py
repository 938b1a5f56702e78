"""What a trader types, and what is found: by symbol, name, expiry, strike and kind, among very many."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from engine.core.model import Exchange, Instrument, InstrumentKind
from engine.instrument_search import InstrumentSearch, take_apart
from engine.instruments import Instruments

CE, PE, FUT = InstrumentKind.CALL, InstrumentKind.PUT, InstrumentKind.FUTURE


def derivative(name: str, expiry: date, kind: InstrumentKind, strike: float = 0) -> Instrument:
    symbol = f"{name}{expiry:%y%b%d}".upper() + (f"{strike:g}" if strike else "") + kind.value
    return Instrument(Exchange.NFO, symbol, hash(symbol) & 0xFFFFFF, name=name, kind=kind, expiry=expiry, strike=Decimal(str(strike)))


NEAR, LATER = date(2026, 12, 1), date(2026, 12, 29)
ALL = [
    Instrument(Exchange.NSE, "NIFTY 50", 1, name="NIFTY 50", kind=InstrumentKind.INDEX),
    Instrument(Exchange.NSE, "NIFTYBEES", 2, name="NIPPON INDIA ETF NIFTY 50 BEES"),
    Instrument(Exchange.NSE, "RELIANCE", 3, name="RELIANCE INDUSTRIES"),
    Instrument(Exchange.BSE, "RELIANCE", 4, name="RELIANCE INDUSTRIES"),
    Instrument(Exchange.NSE, "RPOWER", 5, name="RELIANCE POWER"),
    Instrument(Exchange.NSE, "MARUTI", 6, name="MARUTI SUZUKI INDIA"),
    Instrument(Exchange.NSE, "SBIN", 7, name="STATE BANK OF INDIA"),
    *(derivative(n, e, FUT) for n in ("NIFTY", "BANKNIFTY", "RELIANCE") for e in (NEAR, LATER)),
    *(derivative("NIFTY", e, k, s) for e in (NEAR, LATER) for k in (CE, PE) for s in (24450, 24500, 24550)),
    *(derivative("BANKNIFTY", e, k, s) for e in (NEAR, LATER) for k in (CE, PE) for s in (52000, 52500)),
    derivative("IDEA", LATER, CE, 9.5),
]


@pytest.fixture(scope="module")
def search() -> InstrumentSearch:
    return InstrumentSearch(ALL)


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("nifty 24500 ce", ["NFO:NIFTY26DEC0124500CE", "NFO:NIFTY26DEC2924500CE"]),
        ("nifty 24500ce", ["NFO:NIFTY26DEC0124500CE", "NFO:NIFTY26DEC2924500CE"]),
        ("NIFTY CE 24500", ["NFO:NIFTY26DEC0124500CE"]),
        ("nifty 24500", ["NFO:NIFTY26DEC0124500CE", "NFO:NIFTY26DEC0124500PE", "NFO:NIFTY26DEC2924500CE"]),
        ("nifty 245", ["NFO:NIFTY26DEC0124500CE", "NFO:NIFTY26DEC0124500PE", "NFO:NIFTY26DEC0124550CE"]),
        ("reliance fut", ["NFO:RELIANCE26DEC01FUT", "NFO:RELIANCE26DEC29FUT"]),
        ("banknifty 29 dec 52000 pe", ["NFO:BANKNIFTY26DEC2952000PE"]),
        ("bank nifty 29dec 52000 pe", ["NFO:BANKNIFTY26DEC2952000PE"]),
        ("bnf 52000 put", ["NFO:BANKNIFTY26DEC0152000PE"]),
        ("nifty dec 26 fut", ["NFO:NIFTY26DEC01FUT", "NFO:NIFTY26DEC29FUT"]),
        ("nifty 1 dec 2026 fut", ["NFO:NIFTY26DEC01FUT"]),
        ("idea 9.5 call", ["NFO:IDEA26DEC299.5CE"]),
        ("nifty 50", ["NSE:NIFTY 50"]),
        ("reliance", ["NSE:RELIANCE", "BSE:RELIANCE", "NFO:RELIANCE26DEC01FUT"]),
        ("bse:reliance", ["BSE:RELIANCE"]),
        ("reliance bse", ["BSE:RELIANCE"]),
        ("mar", ["NSE:MARUTI"]),
        ("state india", ["NSE:SBIN"]),
        ("power", ["NSE:RPOWER"]),
    ],
)
def test_what_is_meant_comes_first(search: InstrumentSearch, text: str, first: list[str]) -> None:
    assert [instrument.key for instrument in search.find(text)][: len(first)] == first


@pytest.mark.parametrize(
    ("text", "count"), [("nifty 29 dec 24500 ce", 1), ("nifty 30 dec fut", 0), ("nifty dec 27 fut", 0), ("", 0), ("zz", 0)]
)
def test_no_more_is_found_than_there_is(search: InstrumentSearch, text: str, count: int) -> None:
    assert len(search.find(text)) == count


def test_no_more_is_found_than_was_asked_for(search: InstrumentSearch) -> None:
    assert len(search.find("nifty", limit=3)) == 3
    assert len({i.key for i in search.find("nifty", limit=30)}) == len(search.find("nifty", limit=30))


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        (
            "nfo:banknifty 29 dec 52000 pe",
            {"text": "BANKNIFTY", "exchange": Exchange.NFO, "day": 29, "month": 12, "strike": "52000", "kind": PE},
        ),
        ("mar", {"text": "MAR", "month": 0}),
        ("nifty mar 27", {"text": "NIFTY", "month": 3, "year": 2027, "strike": ""}),
        ("call", {"text": "CALL", "kind": None}),
        ("m&m 3600 ce", {"text": "M&M", "strike": "3600", "kind": CE}),
    ],
)
def test_what_was_typed_is_taken_apart(text: str, fields: dict[str, Any]) -> None:
    wanted = take_apart(text)
    assert {name: getattr(wanted, name) for name in fields} == fields


def test_the_catalogue_finds_what_came_after_the_index_was_built() -> None:
    catalogue = Instruments(ALL)
    assert catalogue.search("tcs") == []
    catalogue.add(Instrument(Exchange.NSE, "TCS", 99))
    assert [i.key for i in catalogue.search("tcs")] == ["NSE:TCS"]
    catalogue.add(replace(ALL[2], token=33))
    assert catalogue.search("reliance")[0].token == 33
    for number in range(300):
        catalogue.add(Instrument(Exchange.NSE, f"NEW{number}", 1000 + number))
    assert catalogue.search("NEW299")[0].symbol == "NEW299"


def test_a_real_list_is_searched_as_a_trader_types(shared_data: Path) -> None:
    catalogue = Instruments.from_kite_csv(shared_data / "instruments" / "kite_instruments_202608_NSE_NFO_BFO.csv.gz")
    found = catalogue.search("nifty 25 aug 24500 ce")
    assert [(i.name, i.kind, i.strike, i.expiry) for i in found] == [("NIFTY", CE, Decimal(24500), date(2026, 8, 25))]
    futures = catalogue.search("reliance fut")
    assert [i.kind for i in futures] == [FUT] * 3
    assert [i.expiry for i in futures] == sorted(i.expiry for i in futures if i.expiry)
    assert catalogue.search("nifty 50")[0].kind is InstrumentKind.INDEX

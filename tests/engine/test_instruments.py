"""The catalogue finds what a trader types, and says what was meant when it cannot."""

from __future__ import annotations

import gzip
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from engine.core.errors import UnknownSymbol, UserError
from engine.core.model import Exchange, Instrument, InstrumentKind
from engine.instruments import KITE_COLUMNS, Instruments, freeze_quantities

HEADER = ",".join(KITE_COLUMNS)
DUMP = [
    HEADER,
    "256265,1001,NIFTY 50,NIFTY 50,0.0,,0.0,0.0,0,EQ,INDICES,NSE",
    "738561,2885,RELIANCE,RELIANCE INDUSTRIES,0.0,,0.0,0.1,1,EQ,NSE,NSE",
    '98561,385,ODD,"ODD, NAMED",0.0,,0.0,0.01,1,EQ,NSE,NSE',
    "12540674,48987,RELIANCE26OCTFUT,RELIANCE,0.0,2026-10-27,0.0,0.1,500,FUT,NFO-FUT,NFO",
    "12540675,48988,NIFTY26OCT24500.5CE,NIFTY,0.0,2026-10-27,24500.5,0.05,65,CE,NFO-OPT,NFO",
    "1,1,GOLD,GOLD,0.0,,0.0,1,1,EQ,NCO,NCO",
]


def dump(tmp_path: Path, lines: list[str], name: str = "instruments.csv") -> Path:
    path = tmp_path / name
    text = "\n".join(lines).encode()
    path.write_bytes(gzip.compress(text) if name.endswith(".gz") else text)
    return path


def test_fifty_familiar_symbols_come_with_the_terminal() -> None:
    bundled = Instruments.load_bundled()
    assert len(bundled) == 50
    assert {i.symbol for i in bundled if not i.is_tradable} == {"NIFTY 50", "NIFTY BANK"}
    assert bundled.get("RELIANCE").token == 738561
    assert len({i.token for i in bundled}) == 50


def test_bundled_reference_prices_lie_on_the_grid_of_their_price_band() -> None:
    bundled = Instruments.load_bundled()
    for instrument in bundled:
        price = Decimal(str(bundled.reference_price(instrument.key)))
        assert price > 0
        assert price % instrument.tick_size == 0, instrument.key
        bands = {250: "0.01", 1000: "0.05", 5000: "0.10", 10_000: "0.50", 20_000: "1.00"}
        if instrument.is_tradable:
            assert instrument.tick_size == Decimal(next(tick for top, tick in bands.items() if price <= top)), instrument.key


def test_bundled_tokens_and_ticks_are_the_brokers(shared_data: Path) -> None:
    bundled = Instruments.load_bundled()
    brokers = Instruments.from_kite_csv(shared_data / "instruments/kite_instruments_202608_NSE_NFO_BFO.csv.gz")
    for instrument in bundled:
        assert brokers.get(instrument.key).token == instrument.token
        assert brokers.get(instrument.key).has_derivatives or not instrument.is_tradable


@pytest.mark.parametrize("text", ["RELIANCE", "reliance", " NSE:RELIANCE ", "nse:reliance"])
def test_a_symbol_is_found_however_it_is_typed(text: str) -> None:
    assert Instruments.load_bundled().get(text).key == "NSE:RELIANCE"


def test_a_bare_symbol_is_looked_for_on_every_exchange() -> None:
    known = Instruments([Instrument(Exchange.NFO, "NIFTY26OCTFUT", 7)])
    assert known.get("NIFTY26OCTFUT").exchange is Exchange.NFO


def test_an_unknown_symbol_says_what_was_meant() -> None:
    with pytest.raises(UnknownSymbol, match='Unknown symbol "RELIANSE"; did you mean "RELIANCE"'):
        Instruments.load_bundled().get("RELIANSE")
    with pytest.raises(UnknownSymbol, match=r'Unknown exchange "NSF".*did you mean "NSE"'):
        Instruments.load_bundled().get("NSF:TCS")
    with pytest.raises(UnknownSymbol, match="Expected a symbol"):
        Instruments.load_bundled().get("NSE:")


def test_among_thousands_of_symbols_the_hint_stays_one_line() -> None:
    many = Instruments(Instrument(Exchange.NSE, f"SYMBOL{n}", n) for n in range(1000))
    with pytest.raises(UnknownSymbol, match='did you mean "SYMBOL123"'):
        many.get("SYMBOM123")
    with pytest.raises(UnknownSymbol, match="give EXCHANGE:SYMBOL") as caught:
        many.get("ZZZ")
    assert len(str(caught.value)) < 100


def test_a_symbol_of_a_file_is_adopted_once_and_keeps_its_token() -> None:
    known = Instruments.load_bundled()
    adopted = known.adopt("TATAMOTORS")
    assert adopted.key == "NSE:TATAMOTORS"
    assert adopted.kind is InstrumentKind.EQUITY
    assert known.adopt("NSE:TATAMOTORS") is adopted is known.by_token(adopted.token)
    assert Instruments().adopt("TATAMOTORS") == adopted
    assert known.adopt("TCS").token == 2953217


def test_adopted_tokens_never_collide() -> None:
    first = Instruments().adopt("XYZ")
    known = Instruments([Instrument(Exchange.NSE, "OTHER", first.token)])
    assert known.adopt("XYZ").token != first.token
    assert known.by_token(first.token) == known.get("OTHER")


@pytest.mark.parametrize(
    ("key", "kind"),
    [
        ("NFO:NIFTY25DECFUT", InstrumentKind.FUTURE),
        ("NFO:NIFTY25DEC25000CE", InstrumentKind.CALL),
        ("NFO:NIFTY25DEC25000PE", InstrumentKind.PUT),
        ("NSE:RELIANCE", InstrumentKind.EQUITY),
        ("MCX:GOLD", InstrumentKind.EQUITY),
    ],
)
def test_an_adopted_derivative_is_known_by_its_ending(key: str, kind: InstrumentKind) -> None:
    assert Instruments().adopt(key).kind is kind


def test_search_ranks_exact_then_beginning_then_name() -> None:
    symbols = [i.symbol for i in Instruments.load_bundled().search("bajaj")]
    assert symbols == ["BAJAJ-AUTO", "BAJAJFINSV", "BAJFINANCE"]
    assert Instruments.load_bundled().search("lt")[0].symbol == "LT"
    assert len(Instruments.load_bundled().search("a", limit=4)) == 4
    assert Instruments.load_bundled().search("  ") == []


def test_replacing_an_instrument_forgets_its_old_token() -> None:
    known = Instruments([Instrument(Exchange.NSE, "TCS", 1)])
    known.add(Instrument(Exchange.NSE, "TCS", 2))
    assert known.by_token(1) is None
    assert known.by_token(2) == known.get("TCS")
    assert [i.token for i in known] == [2]
    assert "NSE:TCS" in known


@pytest.mark.parametrize("name", ["instruments.csv", "instruments.csv.gz"])
def test_the_brokers_list_is_read(tmp_path: Path, name: str) -> None:
    known = Instruments.from_kite_csv(dump(tmp_path, DUMP, name))
    assert len(known) == 5  # NCO is not traded here
    assert known.get("NIFTY 50").kind is InstrumentKind.INDEX
    assert known.get("NIFTY 50").tick_size == Decimal("0.05")
    assert known.get("NIFTY 50").lot_size == 1
    assert known.get("RELIANCE").has_derivatives
    assert known.get("RELIANCE").freeze_quantity == 0
    assert known.get("ODD").name == "ODD, NAMED"
    assert not known.get("ODD").has_derivatives
    future, call = known.get("RELIANCE26OCTFUT"), known.get("NIFTY26OCT24500.5CE")
    assert (future.kind, future.expiry, future.lot_size) == (InstrumentKind.FUTURE, date(2026, 10, 27), 500)
    assert (call.strike, call.freeze_quantity, call.has_derivatives) == (Decimal("24500.5"), 1800, False)


@pytest.mark.parametrize("bad", ["x,1,A,A,0,,0,0.05,1,EQ,NSE,NSE", "1,1,A,A,0,,0,NaN,1,EQ,NSE,NSE", "1,1,A,A,0,,0,0.05,1,XX,NSE,NSE"])
def test_a_row_that_is_not_the_brokers_is_named(tmp_path: Path, bad: str) -> None:
    with pytest.raises(UserError, match=r"instruments.csv row 2: expected an instrument"):
        Instruments.from_kite_csv(dump(tmp_path, [HEADER, bad]))


def test_a_file_that_is_no_instrument_list_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"instrument_token.* not found"):
        Instruments.from_kite_csv(dump(tmp_path, ["date,open", "1,2"]))
    with pytest.raises(UserError, match="Expected the broker's instrument list"):
        Instruments.from_kite_csv(tmp_path / "nowhere.csv")
    (tmp_path / "broken.csv.gz").write_bytes(gzip.compress(b"x" * 100)[:20])
    with pytest.raises(UserError, match="Expected the broker's instrument list"):
        Instruments.from_kite_csv(tmp_path / "broken.csv.gz")


@pytest.mark.parametrize("name", ["kite_instruments_202608_NSE_NFO_BFO.csv.gz", "kite_instruments_202512_NSE_NFO.csv.gz"])
def test_the_brokers_real_lists_are_read_whole(shared_data: Path, name: str) -> None:
    path = shared_data / "instruments" / name
    known = Instruments.from_kite_csv(path)
    with gzip.open(path, "rt", encoding="utf-8") as file:
        lines = sum(1 for _ in file) - 1
    assert len(known) == lines
    assert known.get("NIFTY 50").token == 256265
    assert all(i.lot_size >= 1 and i.tick_size > 0 for i in known)


def test_freeze_quantities_are_those_of_the_day() -> None:
    assert freeze_quantities(date(2025, 7, 31)) == {}
    assert freeze_quantities(date(2025, 8, 1))["NIFTY"] == 1800
    assert freeze_quantities()["BANKNIFTY"] == 600

"""What can be traded: the rows of the instruments dump. A price is a whole number of 1/10,000 rupee here, as everywhere in the exchange."""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

UNIT = 10_000  # of a rupee
SEGMENT_NUMBER = {"NSE": 1, "NFO": 2, "CDS": 3, "BSE": 4, "BFO": 5, "BCD": 6, "MCX": 7, "INDICES": 9, "NCO": 12}
COLUMNS = (
    "instrument_token", "exchange_token", "tradingsymbol", "name", "last_price", "expiry",
    "strike", "tick_size", "lot_size", "instrument_type", "segment", "exchange",
)  # fmt: skip

INDICES = {  # exchange, symbol: token, level in rupees
    ("NSE", "NIFTY 50"): (256265, 25000),
    ("NSE", "NIFTY BANK"): (260105, 56000),
    ("NSE", "INDIA VIX"): (264969, 13),
    ("BSE", "SENSEX"): (265, 82000),
}
SHARES = {  # NSE: token, price in rupees, name
    "RELIANCE": (738561, "1400.00", "RELIANCE INDUSTRIES"),
    "TCS": (2953217, "3100.00", "TATA CONSULTANCY SERV LT"),
    "INFY": (408065, "1500.00", "INFOSYS"),
    "HDFCBANK": (341249, "1000.00", "HDFC BANK"),
    "ICICIBANK": (1270529, "1350.00", "ICICI BANK"),
    "SBIN": (779521, "950.00", "STATE BANK OF INDIA"),
    "AXISBANK": (1510401, "1200.00", "AXIS BANK"),
    "ITC": (424961, "400.00", "ITC"),
    "M&M": (519937, "3600.00", "MAHINDRA & MAHINDRA"),
    "TATASTEEL": (895745, "170.00", "TATA STEEL"),
    "IDEA": (3677697, "9.50", "VODAFONE IDEA"),
    "MARUTI": (2815745, "16000.00", "MARUTI SUZUKI INDIA"),
    "BHARTIARTL": (2714625, "2100.00", "BHARTI AIRTEL"),
    "HINDUNILVR": (356865, "2450.00", "HINDUSTAN UNILEVER"),
    "IDFCFIRSTB": (2863105, "80.00", "IDFC FIRST BANK"),
    "ADANIENT": (6401, "2400.00", "ADANI ENTERPRISES"),
    "DRREDDY": (225537, "1250.00", "DR. REDDY'S LABORATORIES"),
}
FUTURES = {  # exchange, underlying: price in rupees, tick, lot, units a lot counts for, freeze, first exchange token
    ("NFO", "NIFTY"): ("25050.00", "0.10", 65, 1, 1800, 49001),
    ("NFO", "BANKNIFTY"): ("56100.00", "0.20", 30, 1, 600, 49101),
    ("NFO", "RELIANCE"): ("1405.00", "0.10", 500, 1, 50_000, 49201),
    ("NFO", "INFY"): ("1505.00", "0.10", 400, 1, 40_000, 49301),
    ("BFO", "SENSEX"): ("82100.00", "0.05", 20, 1, 1000, 845001),
    ("CDS", "USDINR"): ("88.5000", "0.0025", 1, 1000, 10_000, 10001),
    ("BCD", "USDINR"): ("88.5000", "0.0025", 1, 1000, 10_000, 11001),
    ("MCX", "CRUDEOIL"): ("5400.00", "1.00", 1, 100, 100, 440001),
    ("MCX", "GOLDM"): ("121000.00", "1.00", 1, 10, 100, 441001),
    ("NCO", "GOLD"): ("121000.00", "1.00", 1, 100, 100, 450001),
}


@dataclass(frozen=True, slots=True)
class Listing:
    """One instrument; prices and tick in units, quantity as Kite counts it (lots on MCX and CDS, where `multiplier` is units in a lot)."""

    row: int
    token: int
    exchange: str
    symbol: str
    name: str
    kind: str  # EQ FUT CE PE
    segment: str
    price: int
    tick: int
    lot: int = 1
    multiplier: int = 1
    freeze: int = 0  # 0 = none
    expiry: str = ""
    strike: int = 0
    underlying: str = ""

    @property
    def key(self) -> str:
        """Return `EXCHANGE:SYMBOL`."""
        return f"{self.exchange}:{self.symbol}"

    @property
    def is_index(self) -> bool:
        """Whether it is shown but not traded."""
        return self.segment == "INDICES"


def units(rupees: str | int | float | Decimal) -> int:
    """Turn rupees into whole units: a float into the nearest, text and Decimal exactly, or ValueError for a part of a unit."""
    exact = Decimal(str(round(rupees, 4) if isinstance(rupees, float) else rupees)) * UNIT
    if exact != int(exact):
        raise ValueError(f"{rupees} is finer than 1/{UNIT} rupee")
    return int(exact)


def rupees(amount: int) -> float:
    """Turn units into the float that JSON carries."""
    return amount / UNIT


def plain(amount: int) -> str:
    """Turn units into rupees as the dump writes them: no exponent, no zeros at the end."""
    return f"{amount // UNIT}.{amount % UNIT:04d}".rstrip("0").rstrip(".")


def share_tick(price: int) -> int:
    """Return NSE's tick for a share of this price, by its bands."""
    for below, tick in ((250, "0.01"), (1000, "0.05"), (5000, "0.10"), (10_000, "0.50"), (20_000, "1.00")):
        if price <= units(below):
            return units(tick)
    return units("5.00")


def expiries(today: date, weekday: int, count: int, holidays: Collection[date] = ()) -> list[date]:
    """Return the last such weekday of this month and the following ones, from today on; the working day before if it is a holiday."""
    found: list[date] = []
    month = today.replace(day=1)
    while len(found) < count:
        following = (month + timedelta(days=32)).replace(day=1)
        last = following - timedelta(days=1)
        last -= timedelta(days=(last.weekday() - weekday) % 7)
        while last in holidays or last.weekday() > 4:
            last -= timedelta(days=1)
        if last >= today:
            found.append(last)
        month = following
    return found


class Catalogue:
    """All listings, by token and by `EXCHANGE:SYMBOL`; a listing's `row` is its place in the market's arrays."""

    def __init__(self, count: int, today: date, holidays: Collection[date] = ()) -> None:
        self.listings: list[Listing] = []
        self.by_token: dict[int, Listing] = {}
        self.by_key: dict[str, Listing] = {}
        self._holidays = holidays
        self._add_known(today)
        self._add_generated(count)

    def add(self, exchange: str, symbol: str, number: int, kind: str, price: int, tick: int, **more: object) -> Listing:
        """List one more; `number` is the exchange's token, from which Kite's is made."""
        segment = str(more.pop("segment", exchange if kind == "EQ" else f"{exchange}-{'FUT' if kind == 'FUT' else 'OPT'}"))
        token = number * 256 + SEGMENT_NUMBER["INDICES" if segment == "INDICES" else exchange]
        name = str(more.pop("name", symbol))
        listing = Listing(len(self.listings), token, exchange, symbol, name, kind, segment, price, tick, **more)  # type: ignore[arg-type]
        self.listings.append(listing)
        self.by_token[token] = self.by_key[listing.key] = listing
        return listing

    def _add_known(self, today: date) -> None:
        for (exchange, symbol), (token, level) in INDICES.items():
            self.add(exchange, symbol, token // 256, "EQ", units(level), units("0.05"), segment="INDICES")
        for symbol, (token, price, name) in SHARES.items():
            self.add("NSE", symbol, token // 256, "EQ", units(price), share_tick(units(price)), name=name)
        for number, symbol in enumerate(("RELIANCE", "TCS", "INFY"), 500_000):
            self.add("BSE", symbol, number, "EQ", units(SHARES[symbol][1]), units("0.05"), name=SHARES[symbol][2])
        for (exchange, name), (price, tick, lot, multiplier, freeze, number) in FUTURES.items():
            for nth, expiry in enumerate(expiries(today, 3 if exchange == "BFO" else 1, 2, self._holidays)):
                symbol = f"{name}{expiry:%y%b}FUT".upper()
                self.add(
                    exchange, symbol, number + nth, "FUT", units(price), units(tick), name=name, lot=lot,
                    multiplier=multiplier, freeze=freeze, expiry=expiry.isoformat(), underlying=name,
                )  # fmt: skip
        self._add_options(today)

    def _add_options(self, today: date) -> None:
        expiry = expiries(today, 1, 1, self._holidays)[0]
        number = 60_001
        for strike in range(24_000, 26_050, 50):
            for kind in ("CE", "PE"):
                inner = max(0, 25_000 - strike if kind == "CE" else strike - 25_000)
                self.add(
                    "NFO", f"NIFTY{expiry:%y%b}{strike}{kind}".upper(), number, kind, units(inner) + units("80.00"), units("0.05"),
                    name="NIFTY", lot=65, freeze=1800, expiry=expiry.isoformat(), strike=units(strike), underlying="NIFTY",
                )  # fmt: skip
                number += 1

    def _add_generated(self, count: int) -> None:
        for nth in range(max(0, count - len(self.listings))):
            price = units(50 + nth * 7 % 4000)
            self.add("NSE", f"SHARE{nth:05d}", 100_001 + nth, "EQ", price, share_tick(price), name=f"GENERATED SHARE {nth}")

    def dump(self, prices: list[int], exchange: str | None = None) -> bytes:
        """Return the instruments dump as gzipped CSV; `prices` by row, in units."""
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(COLUMNS)
        for one in self.listings:
            if exchange is None or one.exchange == exchange:
                writer.writerow(
                    [one.token, one.token >> 8, one.symbol, one.name, plain(prices[one.row]), one.expiry, plain(one.strike),
                     plain(one.tick), one.lot, one.kind, one.segment, one.exchange]
                )  # fmt: skip
        return gzip.compress(out.getvalue().encode(), compresslevel=1, mtime=0)

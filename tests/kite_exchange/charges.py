"""What a trade costs at Zerodha, by the schedule in force since 1 April 2026; amounts in rupees, exact.

Percentages are of turnover. GST is 18 % of brokerage, exchange charge and SEBI fee.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from tests.kite_exchange.catalogue import UNIT, Listing

PERCENT = Decimal("0.01")
PAISA = Decimal("0.01")
NONE = Decimal(0)


@dataclass(frozen=True, slots=True)
class Tariff:
    """The percentages of one kind of instrument; `flat` brokerage in rupees replaces 0.03 % capped at 20."""

    buy_tax: str
    sell_tax: str
    exchange: str
    stamp: str
    brokerage: str = "0.03"
    flat: str = ""
    tax: str = "stt"


DELIVERY = Tariff("0.1", "0.1", "0.00307", "0.015", brokerage="0")
INTRADAY = Tariff("0", "0.025", "0.00307", "0.003")
TARIFFS = {
    ("NSE", "delivery"): DELIVERY,
    ("NSE", "intraday"): INTRADAY,
    ("BSE", "delivery"): Tariff("0.1", "0.1", "0.00375", "0.015", brokerage="0"),
    ("BSE", "intraday"): Tariff("0", "0.025", "0.00375", "0.003"),
    ("NFO", "FUT"): Tariff("0", "0.05", "0.00183", "0.002"),
    ("NFO", "OPT"): Tariff("0", "0.15", "0.03553", "0.003", flat="20"),
    ("BFO", "FUT"): Tariff("0", "0.05", "0", "0.002"),
    ("BFO", "OPT"): Tariff("0", "0.15", "0.0325", "0.003", flat="20"),
    ("CDS", "FUT"): Tariff("0", "0", "0.00035", "0.0001", tax=""),
    ("CDS", "OPT"): Tariff("0", "0", "0.0311", "0.0001", tax=""),
    ("BCD", "FUT"): Tariff("0", "0", "0.00045", "0.0001", tax=""),
    ("BCD", "OPT"): Tariff("0", "0", "0.001", "0.0001", tax=""),
    ("MCX", "FUT"): Tariff("0", "0.01", "0.0021", "0.002", tax="ctt"),
    ("MCX", "OPT"): Tariff("0", "0.05", "0.0418", "0.003", flat="20", tax="ctt"),
    ("NCO", "FUT"): Tariff("0", "0.01", "0.0001", "0.002", tax="ctt"),
    ("NCO", "OPT"): Tariff("0", "0.05", "0.001", "0.003", flat="20", tax="ctt"),
}
SEBI = Decimal("0.0001") * PERCENT
GST = Decimal("0.18")


@dataclass(frozen=True, slots=True)
class Charges:
    """The heads of one order's charges, in rupees, unrounded."""

    tax: Decimal
    tax_type: str
    exchange: Decimal
    sebi: Decimal
    brokerage: Decimal
    stamp: Decimal
    gst: Decimal

    @property
    def total(self) -> Decimal:
        """The sum of the heads."""
        return self.tax + self.exchange + self.sebi + self.brokerage + self.stamp + self.gst

    def in_paise(self) -> Charges:
        """Return the heads, each rounded half up to the paisa, as an account is debited."""
        heads = (self.tax, self.exchange, self.sebi, self.brokerage, self.stamp, self.gst)
        tax, exchange, sebi, brokerage, stamp, gst = (head.quantize(PAISA, ROUND_HALF_UP) for head in heads)
        return Charges(tax, self.tax_type, exchange, sebi, brokerage, stamp, gst)

    def as_kite(self, stamp_to: str = "0.01") -> dict[str, Any]:
        """Return the `charges` object of a calculator: floats, only the stamp duty rounded, to that step."""
        stamp = self.stamp.quantize(Decimal(stamp_to), ROUND_HALF_UP)
        return {
            "transaction_tax": float(self.tax),
            "transaction_tax_type": self.tax_type,
            "exchange_turnover_charge": float(self.exchange),
            "sebi_turnover_charge": float(self.sebi),
            "brokerage": float(self.brokerage),
            "stamp_duty": float(stamp),
            "gst": {"igst": float(self.gst), "cgst": 0, "sgst": 0, "total": float(self.gst)},
            "total": float(self.total - self.stamp + stamp),
        }


def charges_of(listing: Listing, product: str, side: int, value: int, is_intraday: bool = False) -> Charges:
    """Reckon one order's charges.

    Args:
        listing: What was traded.
        product: CNC, MTF, MIS or NRML.
        side: 1 for a purchase, -1 for a sale.
        value: Units x quantity x multiplier.
        is_intraday: CNC bought and sold the same day.
    """
    if listing.kind == "EQ":
        kind = "delivery" if product in ("CNC", "MTF", "NRML") and not is_intraday else "intraday"
    else:
        kind = "FUT" if listing.kind == "FUT" else "OPT"
    tariff = TARIFFS[listing.exchange, kind]
    turnover = Decimal(value) / UNIT
    tax = turnover * Decimal(tariff.buy_tax if side > 0 else tariff.sell_tax) * PERCENT
    brokerage = min(Decimal(20), turnover * Decimal(tariff.brokerage) * PERCENT)
    if tariff.flat and turnover:
        brokerage = Decimal(tariff.flat)
    exchange = turnover * Decimal(tariff.exchange) * PERCENT
    sebi = turnover * SEBI
    stamp = turnover * Decimal(tariff.stamp) * PERCENT if side > 0 else NONE
    return Charges(tax, tariff.tax, exchange, sebi, brokerage, stamp, (brokerage + exchange + sebi) * GST)

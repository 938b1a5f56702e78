"""Nouns to keep, and a database to keep them in."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from engine.core.model import (
    Exchange,
    Fill,
    Instrument,
    InstrumentKind,
    Order,
    OrderRequest,
    OrderStatus,
    OrderType,
    Pending,
    Position,
    Product,
    Purpose,
    Side,
    Trade,
    Validity,
)
from engine.store import Store

OPTION = Instrument(
    Exchange.NFO,
    "NIFTY26OCT24500.5CE",
    12540675,
    "NIFTY",
    InstrumentKind.CALL,
    Decimal("0.05"),
    65,
    1,
    date(2026, 10, 27),
    Decimal("24500.5"),
    False,
    1800,
)
SHARE = Instrument(Exchange.NSE, "M&M", 519937, "Mahindra & Mahindra", tick_size=Decimal("0.10"), has_derivatives=True)


class Nouns:
    """Makes nouns with every field set to something."""

    option = OPTION
    share = SHARE

    def order(self, id: str = "R1", filled: int = 30, instrument: Instrument = OPTION) -> Order:
        request = OrderRequest(
            instrument,
            Side.SELL,
            130,
            OrderType.SL,
            Product.NRML,
            price=101.35,
            trigger_price=101.4,
            validity=Validity.IOC,
            disclosed_quantity=65,
            owner="ema-1",
            purpose=Purpose.REVERSAL,
            reference_price=0.1 + 0.2,
            stop=110.0,
            target=None,
            trail=2.5,
            group="g1",
        )
        return Order(
            id, request, OrderStatus.PARTIAL, Pending.MODIFY, "2211", 130, 101.3, 101.45, filled, 3_040_500, "part", 7, 1_000, 2_000, 2
        )

    def fill(self, trade_id: str = "t1", order_id: str = "R1", quantity: int = 65) -> Fill:
        return Fill(trade_id, order_id, OPTION, Side.SELL, quantity, 1_013_500, 23_700, 5_000, Product.NRML, "ema-1", Purpose.STOP)

    def trade(self, exit_ns: int = 9) -> Trade:
        return Trade(SHARE, "hand", Product.MIS, 10, 1, exit_ns, 30_000_000, 31_000_000, 1_000_000, 51_400, Purpose.TARGET)

    def position(self, quantity: int = 10, owner: str = "hand") -> Position:
        return Position(SHARE, Product.MIS, owner, quantity, 30_000_000, -5, 51_400, 3_100_000, 10, 0, 77)


@pytest.fixture
def nouns() -> Nouns:
    return Nouns()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "data" / "shikra.db"


@pytest.fixture
def store(file: Path) -> Iterator[Store]:
    store = Store.open(file)
    store.account = "AB1234"
    yield store
    store.close()

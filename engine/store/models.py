"""The tables of the database: what was ordered, what was filled, what it came to.

Money is INTEGER units of 1/10,000 rupee; prices are rupees as the nouns have them; times are UTC nanoseconds, days ISO text.
The migrations must make exactly these tables: a test compares them.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Double, ForeignKey, Index, Integer, LargeBinary, Text, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

Serial = BigInteger().with_variant(Integer, "sqlite")
"""A growing row number; SQLite numbers rows by itself only in a column called INTEGER."""


class Base(DeclarativeBase):
    """All tables."""

    type_annotation_map = {int: BigInteger(), str: Text(), float: Double(), bytes: LargeBinary(), bool: Boolean()}  # noqa: RUF012


class StoredInstrument(Base):
    """An instrument as it was when something was traded in it; lots and tokens change, what was traded does not."""

    __tablename__ = "instruments"

    id: Mapped[int] = mapped_column(Serial, primary_key=True)
    identity: Mapped[str] = mapped_column(unique=True)
    """All that follows as one text."""
    exchange: Mapped[str]
    symbol: Mapped[str]
    token: Mapped[int]
    name: Mapped[str]
    kind: Mapped[str]
    tick_size: Mapped[str]
    lot_size: Mapped[int]
    multiplier: Mapped[int]
    expiry: Mapped[str | None]
    strike: Mapped[str]
    has_derivatives: Mapped[bool]
    freeze_quantity: Mapped[int]


class StoredEntry(Base):
    """One line of the journal. Each carries the hash of the line before it, and the database refuses to change or delete one."""

    __tablename__ = "journal"
    __table_args__ = (Index("ix_journal_order_id", "order_id"),)

    seq: Mapped[int] = mapped_column(Serial, primary_key=True, autoincrement=False)
    time_ns: Mapped[int]
    account: Mapped[str]
    kind: Mapped[str]
    order_id: Mapped[str]
    payload: Mapped[str]
    prev_hash: Mapped[str]
    hash: Mapped[str]


class StoredOrder(Base):
    """An order in its latest state."""

    __tablename__ = "orders"

    account: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    instrument_id: Mapped[int] = mapped_column(ForeignKey("instruments.id"))
    owner: Mapped[str]
    side: Mapped[int]
    order_type: Mapped[str]
    product: Mapped[str]
    validity: Mapped[str]
    purpose: Mapped[str]
    asked_quantity: Mapped[int]
    asked_price: Mapped[float | None]
    asked_trigger_price: Mapped[float | None]
    disclosed_quantity: Mapped[int]
    reference_price: Mapped[float | None]
    stop: Mapped[float | None]
    target: Mapped[float | None]
    trail: Mapped[float | None]
    order_group: Mapped[str]
    status: Mapped[str]
    pending: Mapped[str]
    broker_order_id: Mapped[str]
    quantity: Mapped[int]
    price: Mapped[float | None]
    trigger_price: Mapped[float | None]
    filled: Mapped[int]
    filled_value_units: Mapped[int]
    message: Mapped[str]
    reservation: Mapped[int]
    created_ns: Mapped[int]
    updated_ns: Mapped[int]
    modifications: Mapped[int]


class StoredFill(Base):
    """An execution; the same one is taken once, however often it is told."""

    __tablename__ = "fills"
    __table_args__ = (UniqueConstraint("account", "order_id", "trade_id", name="uq_fills_execution"),)

    seq: Mapped[int] = mapped_column(Serial, primary_key=True)
    account: Mapped[str]
    order_id: Mapped[str]
    trade_id: Mapped[str]
    instrument_id: Mapped[int] = mapped_column(ForeignKey("instruments.id"))
    side: Mapped[int]
    quantity: Mapped[int]
    price_units: Mapped[int]
    charges_units: Mapped[int]
    time_ns: Mapped[int]
    product: Mapped[str]
    owner: Mapped[str]
    purpose: Mapped[str]


class StoredTrade(Base):
    """A round trip; told twice in the very same words it is taken once."""

    __tablename__ = "trades"
    __table_args__ = (
        UniqueConstraint(
            "account",
            "instrument_id",
            "owner",
            "product",
            "entry_ns",
            "exit_ns",
            "quantity",
            "entry_value_units",
            "exit_value_units",
            "charges_units",
            name="uq_trades_round_trip",
        ),
    )

    seq: Mapped[int] = mapped_column(Serial, primary_key=True)
    account: Mapped[str]
    instrument_id: Mapped[int] = mapped_column(ForeignKey("instruments.id"))
    owner: Mapped[str]
    product: Mapped[str]
    quantity: Mapped[int]
    entry_ns: Mapped[int]
    exit_ns: Mapped[int]
    entry_value_units: Mapped[int]
    exit_value_units: Mapped[int]
    pnl_units: Mapped[int]
    charges_units: Mapped[int]
    reason: Mapped[str]


class StoredPosition(Base):
    """What one owner holds of one instrument and product, as of the last fill."""

    __tablename__ = "positions"

    account: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    product: Mapped[str] = mapped_column(primary_key=True)
    owner: Mapped[str] = mapped_column(primary_key=True)
    instrument_id: Mapped[int] = mapped_column(ForeignKey("instruments.id"))
    quantity: Mapped[int]
    cost_units: Mapped[int]
    realised_units: Mapped[int]
    charges_units: Mapped[int]
    last_price_units: Mapped[int]
    bought: Mapped[int]
    sold: Mapped[int]
    updated_ns: Mapped[int]


class StoredSession(Base):
    """One run of the terminal."""

    __tablename__ = "sessions"

    id: Mapped[str] = mapped_column(primary_key=True)
    account: Mapped[str]
    mode: Mapped[str]
    broker: Mapped[str]
    started_ns: Mapped[int]
    ended_ns: Mapped[int | None]
    data: Mapped[str]


class StoredStrategy(Base):
    """A strategy and its state."""

    __tablename__ = "strategies"

    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    strategy_type: Mapped[str]
    parameters: Mapped[str]
    mode: Mapped[str]
    state: Mapped[str]
    state_buffer: Mapped[bytes | None]
    description: Mapped[str]
    symbols: Mapped[str]
    config: Mapped[str]


class StoredAlert(Base):
    """An alert in its latest state, or a sentence that was told and who has acknowledged it."""

    __tablename__ = "alerts"
    __table_args__ = (Index("ix_alerts_time_ns", "account", "kind", "time_ns"),)

    account: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str]
    time_ns: Mapped[int]
    data: Mapped[str]


class StoredDay(Base):
    """The account's figures of one day."""

    __tablename__ = "account_days"

    account: Mapped[str] = mapped_column(primary_key=True)
    day: Mapped[str] = mapped_column(primary_key=True)
    start_units: Mapped[int]
    end_units: Mapped[int]
    realised_units: Mapped[int]
    unrealised_units: Mapped[int]
    charges_units: Mapped[int]
    peak_units: Mapped[int]
    orders: Mapped[int]
    fills: Mapped[int]
    denied: Mapped[int]
    state: Mapped[str]
    reason: Mapped[str]


class StoredSetting(Base):
    """One named value, as JSON."""

    __tablename__ = "settings"

    name: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[str]


class StoredStudy(Base):
    """One search for parameters."""

    __tablename__ = "studies"

    id: Mapped[int] = mapped_column(Serial, primary_key=True, autoincrement=False)
    name: Mapped[str] = mapped_column(unique=True)
    strategy: Mapped[str]
    method: Mapped[str]
    total: Mapped[int]
    started_ns: Mapped[int]
    ended_ns: Mapped[int | None]
    asked: Mapped[str]


class StoredTrial(Base):
    """One combination that a study tried."""

    __tablename__ = "trials"

    study_id: Mapped[int] = mapped_column(Serial, primary_key=True, autoincrement=False)
    number: Mapped[int] = mapped_column(Serial, primary_key=True, autoincrement=False)
    point: Mapped[int]
    first_value: Mapped[float | None]
    second_value: Mapped[float | None]
    net_units: Mapped[int]
    fills: Mapped[int]
    fault: Mapped[str]
    returns: Mapped[bytes | None]

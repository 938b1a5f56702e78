"""The first tables; the journal's can only grow."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

SQLITE_GUARDS = (
    "CREATE TRIGGER journal_no_update BEFORE UPDATE ON journal BEGIN SELECT RAISE(ABORT, 'the journal only grows'); END",
    "CREATE TRIGGER journal_no_delete BEFORE DELETE ON journal BEGIN SELECT RAISE(ABORT, 'the journal only grows'); END",
)
POSTGRES_GUARDS = (
    "CREATE FUNCTION journal_only_grows() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'the journal only grows'; END $$",
    "CREATE TRIGGER journal_only_grows BEFORE UPDATE OR DELETE OR TRUNCATE ON journal EXECUTE FUNCTION journal_only_grows()",
)


def upgrade() -> None:
    """Make all tables."""
    _make_traded()
    _make_kept()
    op.create_index("ix_journal_order_id", "journal", ["order_id"])
    for guard in POSTGRES_GUARDS if op.get_bind().dialect.name == "postgresql" else SQLITE_GUARDS:
        op.execute(guard)


def downgrade() -> None:
    """There is nothing before the first tables, and a journal is never thrown away."""
    raise RuntimeError("The first tables cannot be taken back; move the database aside instead.")


def _text(*names: str, key: bool = False) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text(), primary_key=key, nullable=False) for name in names]


def _whole(*names: str) -> list[sa.Column[int]]:
    return [sa.Column(name, sa.BigInteger(), nullable=False) for name in names]


def _price(*names: str) -> list[sa.Column[float]]:
    return [sa.Column(name, sa.Double(), nullable=True) for name in names]


def _serial(name: str) -> sa.Column[int]:
    return sa.Column(name, SERIAL, primary_key=True, nullable=False)


def _instrument() -> sa.Column[int]:
    return sa.Column("instrument_id", SERIAL, sa.ForeignKey("instruments.id"), nullable=False)


def _make_traded() -> None:
    op.create_table(
        "instruments",
        _serial("id"),
        *_text("identity", "exchange", "symbol", "name", "kind", "tick_size", "strike"),
        *_whole("token", "lot_size", "multiplier", "freeze_quantity"),
        sa.Column("expiry", sa.Text(), nullable=True),
        sa.Column("has_derivatives", sa.Boolean(), nullable=False),
        sa.UniqueConstraint("identity"),
    )
    op.create_table(
        "orders",
        *_text("account", "id", key=True),
        _instrument(),
        *_text("owner", "order_type", "product", "validity", "purpose", "order_group", "status", "pending", "broker_order_id", "message"),
        *_whole("side", "asked_quantity", "disclosed_quantity", "quantity", "filled", "filled_value_units", "reservation"),
        *_whole("created_ns", "updated_ns", "modifications"),
        *_price("asked_price", "asked_trigger_price", "reference_price", "stop", "target", "trail", "price", "trigger_price"),
    )
    op.create_table(
        "fills",
        _serial("seq"),
        _instrument(),
        *_text("account", "order_id", "trade_id", "product", "owner", "purpose"),
        *_whole("side", "quantity", "price_units", "charges_units", "time_ns"),
        sa.UniqueConstraint("account", "order_id", "trade_id", name="uq_fills_execution"),
    )
    round_trip = ("account", "instrument_id", "owner", "product", "entry_ns", "exit_ns", "quantity")
    money = ("entry_value_units", "exit_value_units", "charges_units")
    op.create_table(
        "trades",
        _serial("seq"),
        _instrument(),
        *_text("account", "owner", "product", "reason"),
        *_whole("quantity", "entry_ns", "exit_ns", "entry_value_units", "exit_value_units", "pnl_units", "charges_units"),
        sa.UniqueConstraint(*round_trip, *money, name="uq_trades_round_trip"),
    )
    op.create_table(
        "positions",
        *_text("account", "key", "product", "owner", key=True),
        _instrument(),
        *_whole("quantity", "cost_units", "realised_units", "charges_units", "last_price_units", "bought", "sold", "updated_ns"),
    )


def _make_kept() -> None:
    op.create_table(
        "journal",
        sa.Column("seq", SERIAL, primary_key=True, autoincrement=False, nullable=False),
        *_whole("time_ns"),
        *_text("account", "kind", "order_id", "payload", "prev_hash", "hash"),
    )
    op.create_table(
        "sessions",
        *_text("id", key=True),
        *_text("account", "mode", "broker", "data"),
        *_whole("started_ns"),
        sa.Column("ended_ns", sa.BigInteger(), nullable=True),
    )
    op.create_table(
        "strategies",
        *_text("id", key=True),
        *_text("name", "strategy_type", "parameters", "mode", "state", "description", "symbols", "config"),
        sa.Column("state_buffer", sa.LargeBinary(), nullable=True),
    )
    op.create_table(
        "account_days",
        *_text("account", "day", key=True),
        *_whole("start_units", "end_units", "realised_units", "unrealised_units", "charges_units", "peak_units"),
        *_whole("orders", "fills", "denied"),
        *_text("state", "reason"),
    )
    op.create_table("settings", *_text("name", key=True), *_text("value"))

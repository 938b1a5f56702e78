"""Searches for parameters, and what each of their trials came to."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the tables of studies and trials."""
    op.create_table(
        "studies",
        sa.Column("id", SERIAL, primary_key=True, autoincrement=False, nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("name", "strategy", "method", "asked")),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in ("total", "started_ns")),
        sa.Column("ended_ns", sa.BigInteger(), nullable=True),
        sa.UniqueConstraint("name"),
    )
    op.create_table(
        "trials",
        *(sa.Column(name, SERIAL, primary_key=True, autoincrement=False, nullable=False) for name in ("study_id", "number")),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in ("point", "net_units", "fills")),
        *(sa.Column(name, sa.Double(), nullable=True) for name in ("first_value", "second_value")),
        sa.Column("fault", sa.Text(), nullable=False),
        sa.Column("returns", sa.LargeBinary(), nullable=True),
    )


def downgrade() -> None:
    """Forget all studies; they can be made again."""
    op.drop_table("trials")
    op.drop_table("studies")

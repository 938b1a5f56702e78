"""Alerts, and what was told."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table of alerts and of what was told."""
    op.create_table(
        "alerts",
        *(sa.Column(name, sa.Text(), primary_key=True, nullable=False) for name in ("account", "id")),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("time_ns", sa.BigInteger(), nullable=False),
        sa.Column("data", sa.Text(), nullable=False),
    )
    op.create_index("ix_alerts_time_ns", "alerts", ["account", "kind", "time_ns"])


def downgrade() -> None:
    """Forget all alerts; they can be made again."""
    op.drop_table("alerts")

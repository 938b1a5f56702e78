"""Runs the migrations on the connection that the store hands over; there is no alembic.ini, and no other way in."""

from __future__ import annotations

from alembic import context

from engine import failpoints
from engine.store.models import Base


def on_step(*_: object, **__: object) -> None:
    """Pass the point after each migration, before they are committed together."""
    if failpoints.reached is not None:
        failpoints.reached("mid-migration")


context.configure(connection=context.config.attributes["connection"], target_metadata=Base.metadata, on_version_apply=on_step)

with context.begin_transaction():
    context.run_migrations()

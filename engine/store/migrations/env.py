"""Runs the migrations on the connection that the store hands over; there is no alembic.ini, and no other way in."""

from __future__ import annotations

from alembic import context

from engine.store.models import Base

context.configure(connection=context.config.attributes["connection"], target_metadata=Base.metadata)

with context.begin_transaction():
    context.run_migrations()

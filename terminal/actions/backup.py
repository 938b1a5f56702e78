"""Copies of the database: looked through, and one of them put back in safe mode. The terminal closes for it and opens again."""

from __future__ import annotations

import asyncio

from engine.core.errors import UserError
from engine.core.model import SAFE_MODE
from terminal.actions import Context, action


@action("backup.show", title="Restore a backup")
async def show(context: Context, payload: object) -> None:
    """Look into the copies, off the loop, and list them in the window."""
    context.view.backups = tuple(await asyncio.to_thread(context.engine.keeping.list_backups))
    context.window.show_dialog("restore")


@action("backup.restore", title="Put a backup in the database's place")
async def restore(context: Context, payload: str) -> None:
    """Look the copy through, by its path, and close: it is put back once nobody has the database open; then the terminal opens again."""
    if not context.view.is_safe_mode:
        raise UserError(f"Expected {SAFE_MODE}, was a terminal that trades; close it, and restore by `shikra backup restore`.")
    context.view.notify("info", "The backup is looked through; then the terminal closes, puts it back and opens again.")
    await asyncio.to_thread(context.engine.keeping.put_back, payload)
    context.window.restart()

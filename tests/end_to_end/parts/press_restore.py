"""Opens the real window on a damaged database, restores an older backup by mouse and keys, and says as JSON how it came up again."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

import terminal.app
from engine.clock import ManualClock
from engine.safety.backups import Backups
from engine.store import Setting, Store
from terminal.desk import LEAVE, Desk
from tests.end_to_end.parts.press_kill import until

FOLDER = Path(os.environ["SHIKRA_HOME"])
OLD = "shikra-20261123-120000.db"
told: dict[str, Any] = {}
lives: list[Desk] = []
playing: set[asyncio.Task[None]] = set()


def damage() -> None:
    """Leave two backups and a database that is none."""
    file, wall = FOLDER / "shikra.db", ManualClock(1_795_415_400_000_000_000)
    for value in ("old", "new"):
        store = Store.open(file)
        store.write(Setting("kept", value))
        store.close()
        Backups(file, wall).make()
        wall.advance(86_400)
    file.write_bytes(b"no database at all" * 500)


def click(button: Any) -> None:
    """Press a button as a hand does."""
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)


def state_of(desk: Desk) -> dict[str, Any]:
    """Say how a life of the terminal stands."""
    kept = desk.engine.session.store.settings().get("kept")
    banner: Any = desk.window.banner  # type: ignore[attr-defined]
    return {"kept": kept, "state": desk.engine.session.risk.state.value, "banner": banner.isVisible(), "why": banner.reason.toolTip()}


async def restore(desk: Desk) -> None:
    """Choose the older backup."""
    window: Any = desk.window
    await until(window.banner.isVisible)
    told["before"] = state_of(desk)
    click(window.banner.restore)
    dialog = await until(lambda: window.dialogs._open.get("restore"))
    told["offered"] = [Path(backup.path).name for backup in desk.view.backups]
    while not dialog.chosen.path.endswith(OLD):
        QTest.keyClick(dialog.table, Qt.Key.Key_Down if dialog.table.currentRow() < told["offered"].index(OLD) else Qt.Key.Key_Up)
    QTest.keyClicks(dialog.line, "restore")
    click(dialog.go_on)


async def look(desk: Desk) -> None:
    """Say how it came up again, and leave."""
    window: Any = desk.window
    await until(window.banner.isVisible)
    told["after"] = state_of(desk)
    window.leave(LEAVE)


opened = Desk.open


async def open_and_play(desk: Desk) -> None:
    """Open, and act beside the terminal's own loop."""
    await opened(desk)
    lives.append(desk)
    playing.add(asyncio.get_running_loop().create_task(restore(desk) if len(lives) == 1 else look(desk)))


if __name__ == "__main__":
    damage()
    Desk.open = open_and_play  # type: ignore[method-assign]
    sys.argv = ["main.py"]
    code = terminal.app.main()
    print(json.dumps(told))
    sys.exit(code)

"""Says what is in a backup, so that the trader can tell one from another: how many orders and fills, and when its journal ends.

It is only read, without opening it as a database of ours: that might upgrade it. Whether it is whole is looked at when it is chosen.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing

from engine.core.model import BackupInfo
from engine.safety.backups import Backup

COUNTS = ("orders", "fills", "journal")
"""Tables whose rows are counted."""


def look_into(backup: Backup) -> BackupInfo:
    """Return what a copy has; one that cannot be read says why."""
    path, made, size = str(backup.path), backup.made, backup.size
    try:
        with closing(sqlite3.connect(f"file:{backup.path}?mode=ro", uri=True)) as line:
            orders, fills, lines = (int(line.execute(f"SELECT COUNT(*) FROM {table}").fetchone()[0]) for table in COUNTS)
            last = line.execute("SELECT MAX(time_ns) FROM journal").fetchone()[0]
    except sqlite3.Error as error:
        return BackupInfo(path, made, size, fault=f"cannot be read: {error}")
    return BackupInfo(path, made, size, orders, fills, lines, int(last or 0))

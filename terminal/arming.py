"""Whether real money may be traded: a person said so with the account's id, and it is forgotten when that day's log-in ends.

Kept in a file of its own in the data folder, never among the settings: nothing that is copied or restored can arm a terminal for long.
"""

from __future__ import annotations

import json
from pathlib import Path

from terminal.settings import write_whole

FILE_NAME = "armed.json"


def arm(folder: Path, user_id: str, until_ns: int) -> None:
    """Let this terminal trade the account's real money until then."""
    write_whole(folder / FILE_NAME, json.dumps({"user_id": user_id, "until_ns": until_ns}))


def disarm(folder: Path) -> None:
    """Trade on paper from the next start on."""
    (folder / FILE_NAME).unlink(missing_ok=True)


def is_armed(folder: Path, now_ns: int) -> bool:
    """Tell whether real money may be traded; a file that cannot be read arms nothing."""
    try:
        return now_ns < int(json.loads((folder / FILE_NAME).read_text(encoding="utf-8"))["until_ns"])
    except (OSError, ValueError, KeyError, TypeError):
        return False

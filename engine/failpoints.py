"""Lets a test end the process at a named point, as a power cut or the operating system would, to see what a restart makes of it.

Off unless the environment names a point; no setting can do it. Where nothing is named, passing a point costs one look at a global.
"""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Callable

from engine.core.errors import InvalidOption

VARIABLE = "SHIKRA_KILL_AT"
"""`name:n` ends the process when it passes the point of that name for the n-th time; `:n` may be left out."""

POINTS = frozenset(
    {
        "before intent", "after intent", "after sent", "mid-write", "after reply", "after ack", "mid-fill", "mid-cancel", "mid-modify",
        "between kill legs", "mid-reconcile", "mid-migration", "mid-backup",
    }
)  # fmt: skip

reached: Callable[[str], None] | None = None
"""To be told of each point that is passed; None where no point was named."""


def kill() -> None:
    """End this process at once: nothing is flushed, closed or told."""
    # Windows has no SIGKILL; there any other signal goes to TerminateProcess.
    os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))


def arm(wanted: str, end: Callable[[], None] = kill) -> None:
    """End the process at the point that `wanted` names, as the variable does, or nowhere if it is empty.

    Raises InvalidOption for a point that there is not.
    """
    global reached
    name, _, times = wanted.partition(":")
    if not wanted:
        reached = None
        return
    if name not in POINTS or not (times or "1").isdigit():
        raise InvalidOption(f"Expected one of {', '.join(sorted(POINTS))} and a count in {VARIABLE}, was {wanted!r}; leave it unset.")
    left = Counter({name: int(times or 1)})

    def pass_by(point: str) -> None:
        if point == name:
            left[point] -= 1
            if left[point] == 0:
                end()

    reached = pass_by


arm(os.environ.get(VARIABLE, ""))

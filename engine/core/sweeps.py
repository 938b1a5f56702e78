"""Keeps Python's sweeps for unused memory from stopping the window while machine code is made.

Compiling makes and drops objects by the hundred thousand, and a full sweep over them and all else stops every thread for a tenth of a
second. So meanwhile none is made but one after each function, over what came of it alone; what is left then stays, and is not swept again.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

NEVER = 1_000_000
"""So many smaller sweeps do not happen before the next full one."""

_LOCK = Lock()
_USUAL: list[tuple[int, int, int]] = []
"""The thresholds that were found by each block that is inside; the first are the usual ones."""


def keep_all() -> None:
    """Let no later sweep look at what there is now: modules, windows, tables."""
    gc.freeze()


@contextmanager
def few_sweeps() -> Iterator[None]:
    """Make no full sweep inside the block but a small one at its end; blocks may lie in each other, or overlap in other threads."""
    with _LOCK:
        if not _USUAL:
            keep_all()
        _USUAL.append(gc.get_threshold())
        gc.set_threshold(*_USUAL[0][:2], NEVER)
    try:
        yield
    finally:
        with _LOCK:
            gc.collect()
            keep_all()
            if len(_USUAL) == 1:
                gc.set_threshold(*_USUAL[0])
            _USUAL.pop()

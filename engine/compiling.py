"""Turns what trading needs into machine code, beside the loop: until a function is ready it runs as it is written, with the same result.

Cold this takes seconds, afterwards it is read from the disk. The replay's own loops are left to whoever runs a replay.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from importlib import import_module

from engine.core.compiled import Compiled, compile_all
from engine.core.registry import RULES, TEMPLATES

_MODULES = ("quotes", "frames", "bars", "grid", "ledger", "costs", "limits", "kelly", "matching", "sizing")
"""Of the core, those that a tick, a decision, an order and a fill go through; what comes first is needed first."""


def wanted_for_trading() -> Iterator[Compiled[..., object]]:
    """Walk over what a session calls: the core's inner functions, the templates and the rules."""
    for name in _MODULES:
        for called, value in vars(import_module(f"engine.core.{name}")).items():
            if isinstance(value, Compiled) and not called.startswith("_"):  # those are only called by compiled neighbours
                yield value
    for found in (*(TEMPLATES.get(name).on_bar for name in TEMPLATES.names()), *(RULES.get(name).check for name in RULES.names())):
        if isinstance(found, Compiled):
            yield found


def compile_for_trading(stop: threading.Event | None = None) -> int:
    """Compile what a session calls; for a worker thread. Ends early once `stop` is set; returns how many are ready."""
    count = 0
    for function in list(wanted_for_trading()):
        if stop is not None and stop.is_set():
            break
        count += compile_all([function])
    return count

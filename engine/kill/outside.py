"""Heeds the kill switch of another process, such as `shikra kill` typed in a shell, and answers it order by order.

Whoever claims the question first acts on it: a terminal that was hung while the command acted itself only stops when it comes back.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from typing import Any

from engine.kill.switch import KillSwitch
from engine.session_parts import SessionParts

LOOKS_S = 0.2
"""How often the file is looked at."""

FROM_OUTSIDE = "the kill switch was latched from outside"


class Outside:
    """The ear for other processes."""

    def __init__(self, parts: SessionParts, switch: KillSwitch, press: Callable[[str, bool], None]) -> None:
        """`press` presses the switch: why, and whether positions are to be closed."""
        self._parts, self._switch, self._press = parts, switch, press
        self._number = ""
        self._heeded: set[str] = set()
        self._told: dict[str, Any] = {}

    def begin(self) -> None:
        """Leave what was asked before this start unanswered: whoever asked acted without us, or is gone."""
        latched = self._parts.latch.read()
        if latched is not None:
            self._heeded.add(latched.number)

    def heed(self) -> bool:
        """Press the switch when somebody else has latched it; tells whether it holds now."""
        latch = self._parts.latch
        latched = latch.read() if latch.is_set else None
        if latched is None:
            return self._switch.is_latched
        is_new = bool(latched.number) and latched.number not in self._heeded
        if is_new:
            self._heeded.add(latched.number)
        if is_new and latch.claim(latched.number):
            self._number, self._told = latched.number, {}
            self._press(latched.reason or FROM_OUTSIDE, latched.flatten)
        elif not self._switch.is_latched:
            self._press(latched.reason or FROM_OUTSIDE, latched.flatten and not latched.number)
        return True

    async def watch(self) -> None:
        """Look at the file as long as the session lives, and answer whoever asked."""
        while True:
            self.heed()
            await self._answer()
            await self._parts.wall.sleep(LOOKS_S)

    async def _answer(self) -> None:
        report = self._switch.report
        if not self._number or report is None:
            return
        told = report.as_dict() | {"pid": os.getpid()}
        if told == self._told:
            return
        try:
            await asyncio.to_thread(self._parts.latch.answer, self._number, told)
        except OSError:
            return  # it is tried again with the next look
        self._told = told
        if report.is_over:
            self._number = ""

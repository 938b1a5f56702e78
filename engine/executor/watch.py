"""Watches how long a strategy takes to decide and what it prints: slow is told, far too slow is paused where it cannot be ended.

What runs in a process of its own is ended from outside when it does not answer; what runs here can only be measured.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TypeVar

from engine.clock import Clock
from engine.host.answers import Answer
from engine.host.limits import LIMITS, Limits

log = logging.getLogger(__name__)

T = TypeVar("T")

AGAIN_NS = 60_000_000_000
"""Slowness is told once in so long."""

LOGGED_LINES = 20
"""Printed lines of one decision that are logged."""


class Watch:
    """The watch over one strategy's code."""

    def __init__(self, name: str, clock: Clock, limits: Limits = LIMITS) -> None:
        """`clock` measures durations."""
        self._name, self._clock, self._limits = name, clock, limits
        self.warn: Callable[[str], None] = log.warning
        """Is told of slowness, in words."""
        self.pause: Callable[[str], None] = log.warning
        """Is told of what was far too slow and runs in our own process."""
        self._told_ns: int | None = None

    def timed(self, what: str, ask: Callable[[], T]) -> T:
        """Return what a strategy's code in our own process returns, and look at how long it took."""
        began = self._clock.monotonic_ns()
        try:
            return ask()
        finally:
            took_s = (self._clock.monotonic_ns() - began) / 1e9
            if took_s > self._limits.stop_s:
                self.pause(
                    f"{self._name} was paused: {what} took {took_s:.1f} s, at most {self._limits.stop_s:g} s is allowed, and it runs "
                    "inside the terminal; make it faster, then resume it."
                )
            else:
                self._look(took_s, what)

    def heard(self, answer: Answer, what: str) -> None:
        """Take what a strategy's process said beside its answer."""
        self._look(answer.took_ms / 1_000.0, what)
        lines = answer.said.splitlines()
        for line in lines[:LOGGED_LINES]:
            log.info("%s says: %s", self._name, line)
        if len(lines) > LOGGED_LINES or answer.lost:
            log.info("%s says more: %d lines in all, %d characters lost", self._name, len(lines), answer.lost)

    def _look(self, took_s: float, what: str) -> None:
        if took_s <= self._limits.slow_s:
            return
        now_ns = self._clock.monotonic_ns()
        if self._told_ns is None or now_ns - self._told_ns >= AGAIN_NS:
            self._told_ns = now_ns
            limit_ms = 1_000 * self._limits.slow_s
            self.warn(f"{self._name} is slow: {what} took {1_000 * took_s:.0f} ms, expected at most {limit_ms:.0f} ms; make it faster.")

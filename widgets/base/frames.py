"""Lets the screen keep pace with the market: however fast it ticks, everything is painted at most once a frame.

Who has something new asks for a frame; all who asked are called together, so that one window is painted once. Nobody asks: nothing runs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from weakref import WeakMethod

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QElapsedTimer, QObject, QTimer
from shiboken6 import isValid

from engine.view import EngineView

FRAME_MS = 60


class Frames(QObject):
    """One frame for all who show the same view, and how long ago each quote was heard by the wall's clock."""

    def __init__(self, view: EngineView) -> None:
        super().__init__(view)
        self._waiting: dict[tuple[int, str], WeakMethod[Callable[[], None]]] = {}
        self._elapsed = QElapsedTimer()
        self._elapsed.start()
        self._heard_ms = np.full(256, -1, dtype=np.int64)
        self._frame_ms = -1
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(FRAME_MS)
        self._timer.timeout.connect(self.flush)
        view.ticks_received.connect(self._on_ticks)

    @classmethod
    def of(cls, view: EngineView) -> Frames:
        """Return the one of this view, made on first use; it lives as long as the view."""
        found = view.findChild(cls)
        return found if isinstance(found, cls) else cls(view)

    @property
    def now_ms(self) -> int:
        """Milliseconds since the first use; never runs backwards."""
        return self._elapsed.elapsed()

    def ask(self, method: Callable[[], None]) -> None:
        """Call a widget's bound method with the next frame, once however often it was asked; a widget that is gone is not called."""
        owner: Any = method.__self__  # type: ignore[attr-defined]  # a bound method, as the docstring says
        self._waiting[id(owner), method.__name__] = WeakMethod(method)
        if not self._timer.isActive():
            self._timer.start()

    def flush(self) -> None:
        """Do the frame now; when one of those who asked fails, the others are called with the next."""
        self._timer.stop()
        batch, self._waiting = self._waiting, {}
        try:
            while batch:
                method = batch.pop(next(iter(batch)))()
                if method is not None and isValid(method.__self__):  # type: ignore[attr-defined]
                    method()
        finally:
            if batch:
                self._waiting = batch | self._waiting
                self._timer.start()

    def age_s(self, slot: int | None) -> float:
        """Return how many seconds ago a slot of the board was heard; infinity when never."""
        if slot is None or slot >= len(self._heard_ms) or self._heard_ms[slot] < 0:
            return float("inf")
        return (self.now_ms - int(self._heard_ms[slot])) / 1e3

    @property
    def feed_age_s(self) -> float:
        """How many seconds ago anything was heard; infinity when never."""
        return (self.now_ms - self._frame_ms) / 1e3 if self._frame_ms >= 0 else float("inf")

    def _on_ticks(self, slots: NDArray[np.int64]) -> None:
        if len(slots) == 0:
            return
        highest = int(slots.max())
        if highest >= len(self._heard_ms):
            grown = np.full(max(2 * len(self._heard_ms), highest + 1), -1, dtype=np.int64)
            grown[: len(self._heard_ms)] = self._heard_ms
            self._heard_ms = grown
        self._frame_ms = self.now_ms
        self._heard_ms[slots] = self._frame_ms

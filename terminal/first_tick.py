"""Notes when the first tick of the market is on the screen: heard, written into its row, and painted."""

from __future__ import annotations

import logging

from PySide6.QtCore import QObject, QTimer

from engine.view import EngineView
from terminal.stopwatch import since_start_s
from widgets.base.frames import Frames

log = logging.getLogger(__name__)


class FirstTick(QObject):
    """Listens once."""

    def __init__(self, view: EngineView) -> None:
        super().__init__(view)
        self._view = view
        self.seconds = 0.0
        """Since process start; 0 before it is there."""
        view.ticks_received.connect(self._on_ticks)

    def _on_ticks(self) -> None:
        self._view.ticks_received.disconnect(self._on_ticks)
        Frames.of(self._view).ask(self.on_frame)

    def on_frame(self) -> None:
        """Wait for the repaint that this frame asked for: it comes before a timer of no time."""
        QTimer.singleShot(0, self._on_painted)

    def _on_painted(self) -> None:
        self.seconds = since_start_s()
        log.info("first tick on screen after %.2f s", self.seconds)

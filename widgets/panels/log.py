"""What happened, line by line: orders, refusals, the connection, the strategies; newest at the end, kept in view until one scrolls up."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.core.model import LogLine
from engine.view import KEPT_LOG_LINES, EngineView
from widgets.base import numbers
from widgets.base.columns import Column
from widgets.base.grid import Grid
from widgets.base.inputs import Segments, TextBox
from widgets.base.layouts import column, strip
from widgets.base.panel import BOTTOM, Panel, panel
from widgets.base.theme import Theme

LEVELS = {"debug": 0, "info": 1, "warning": 2, "error": 3, "critical": 4}
TONES = {"debug": "faint", "info": "muted", "warning": "warn", "error": "bad", "critical": "bad"}
NEAR_END_PX = 40


def _level(line: LogLine) -> str:
    return line.level.lower()


COLUMNS: tuple[Column[LogLine], ...] = (
    Column("time", "Time", lambda line: numbers.clock(line.time_ns), 68, tone=lambda line: "muted"),
    Column("level", "Level", _level, 64, tone=lambda line: TONES.get(_level(line), "muted")),
    Column("source", "From", lambda line: line.source, 120, tone=lambda line: "muted"),
    Column("text", "What", lambda line: line.text, 900, tone=lambda line: "bad" if LEVELS.get(_level(line), 1) > 2 else "text"),
)


@panel("Log", area=BOTTOM)
class Log(Panel):
    """The engine's log."""

    def __init__(self, view: EngineView, theme: Theme) -> None:
        super().__init__(view, theme)
        self.level: Segments[int] = Segments([("All", 0), ("Info", 1), ("Warnings", 2), ("Errors", 3)], name="Lines shown")
        self.level.choose(1)
        self.words = TextBox("Show lines with...")
        self.words.setMaximumWidth(260)
        self.grid: Grid[LogLine] = Grid(self, COLUMNS, empty="Nothing has happened yet.")
        self.grid.horizontalHeader().setStretchLastSection(True)
        self.setFocusProxy(self.grid)
        column(self, strip(self.level, None, self.words), self.grid)
        self._number = 0
        self.level.chosen.connect(self._filter)
        self.words.textChanged.connect(self._filter)
        view.log_added.connect(self._on_line)
        self._load()

    def _load(self) -> None:
        lines = list(self.view.log)
        self.grid.rows.load((str(number), line) for number, line in enumerate(lines))
        self._number = len(lines)
        self._filter()

    def _filter(self, _: object = None) -> None:
        least, words = self.level.value, self.words.text().strip().lower()
        self.grid.rows.show_only(
            lambda line: LEVELS.get(_level(line), 1) >= least and (not words or words in f"{line.source} {line.text}".lower())
        )
        self.grid.scrollToBottom()

    def _on_line(self, line: LogLine) -> None:
        bar = self.grid.verticalScrollBar()
        is_at_end = bar.maximum() - bar.value() < NEAR_END_PX
        self.grid.rows.put(str(self._number), line)
        self._number += 1
        if len(self.grid.rows.by_key) > KEPT_LOG_LINES:
            self.grid.rows.remove(next(iter(self.grid.rows.by_key)))
        if is_at_end and self.isVisible():
            self.frames.ask(self._to_end)

    def _to_end(self) -> None:
        self.grid.scrollToBottom()

    def save_state(self) -> dict[str, Any]:
        """Return which lines are shown and how the table is set."""
        return {"level": self.level.value, "grid": self.grid.save_state()}

    def restore_state(self, state: Mapping[str, Any]) -> None:
        """Take what was remembered."""
        self.grid.restore_state(state.get("grid", {}))
        if state.get("level") in self.level.values:
            self.level.choose(state["level"])

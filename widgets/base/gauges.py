"""Limits as rows of a grid: what it is called, how much of it is used in words, and the same as a bar below."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout

from widgets.base.layouts import Label
from widgets.base.meter import Meter
from widgets.base.theme import Theme


@dataclass(frozen=True, slots=True)
class Gauge:
    """One row."""

    title: Label
    text: Label
    meter: Meter


class Gauges(QGridLayout):
    """Rows by key, in the order in which they came."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self.rows: dict[Hashable, Gauge] = {}
        self.setVerticalSpacing(4)
        self.setColumnStretch(0, 1)

    def put(self, key: Hashable, title: str, words: str, share: float) -> None:
        """Show how much of something is used, 1 being all of it."""
        gauge = self.rows.get(key) or self._add(key, title)
        gauge.meter.set_share(share)
        tone = gauge.meter.tone
        gauge.text.say(words, tone if tone != "accent" else "text")

    def head(self, text: str) -> None:
        """Put a name over the rows that come next."""
        self.addWidget(Label(self._theme, text), self.rowCount(), 0, 1, 2)

    def _add(self, key: Hashable, title: str) -> Gauge:
        gauge = self.rows[key] = Gauge(Label(self._theme, title, "muted"), Label(self._theme), Meter(self._theme, title))
        row = self.rowCount()
        self.addWidget(gauge.title, row, 0)
        self.addWidget(gauge.text, row, 1, Qt.AlignmentFlag.AlignRight)
        self.addWidget(gauge.meter, row + 1, 0, 1, 2)
        return gauge

"""The box that finds an instrument by a few letters of its symbol or name; Enter takes the first, arrows another."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from PySide6.QtCore import QStringListModel, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QAbstractItemView, QCompleter

from engine.core.model import Instrument
from engine.view import EngineView
from widgets.base.inputs import TextBox

SHOWN = 12


class Finder(TextBox):
    """Calls back with the instrument that was chosen, and empties itself."""

    def __init__(self, view: EngineView, hint: str, on_found: Callable[[Instrument], object]) -> None:
        super().__init__(hint)
        self._view = view
        self._on_found = on_found
        self._found: dict[str, Instrument] = {}
        self._titles = QStringListModel(self)
        self._list = QCompleter(self._titles, self)
        self._list.setCompletionMode(QCompleter.CompletionMode.UnfilteredPopupCompletion)
        self._list.setMaxVisibleItems(SHOWN)
        self._list.setWidget(self)
        self._list.activated.connect(self._take)
        self.setClearButtonEnabled(True)
        self.textEdited.connect(self._look)

    @property
    def _popup(self) -> QAbstractItemView:
        return cast(QAbstractItemView, self._list.popup())  # None only in a completer that shows no list

    def _look(self, text: str) -> None:
        found = self._view.find(text, SHOWN) if text.strip() else []
        self._found = {_title(instrument): instrument for instrument in found}
        self._titles.setStringList(list(self._found))
        if found:
            self._list.complete()
            self._popup.setCurrentIndex(self._titles.index(0))
        else:
            self._popup.hide()
        self.mark_wrong(bool(text.strip()) and not found)

    def _take(self, title: str) -> None:
        instrument = self._found.get(title)
        if instrument is not None:
            self._popup.hide()
            self.clear()
            self._on_found(instrument)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            chosen = self._popup.currentIndex().data() if self._popup.isVisible() else None
            if self.text().strip():
                self._look(self.text())
                self._take(str(chosen) if chosen else next(iter(self._found), ""))
            event.accept()
        elif event.key() == Qt.Key.Key_Escape and self.text():
            self._popup.hide()
            self.clear()
            self.mark_wrong(False)
        else:
            super().keyPressEvent(event)


def _title(instrument: Instrument) -> str:
    return f"{instrument.symbol}   {instrument.exchange}   {instrument.name}".rstrip()

"""Which strategy file it is: typed or looked for, then read elsewhere; what was found in it comes back by the view."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QPushButton, QWidget

from engine.view import EngineView, StrategyFile
from widgets.base.inputs import TextBox


class FilePicker(QWidget):
    """A path, and what is known of the file there."""

    requested = Signal(str, object)
    """`strategy.read` with the path."""
    changed = Signal()
    """Another path, or the file was read."""

    def __init__(self, view: EngineView) -> None:
        super().__init__()
        self.path = TextBox("path of a .py file, then Enter", name="File")
        self.browse = QPushButton("Browse…")
        self.browse.setAutoDefault(False)
        self.file: StrategyFile | None = None
        """What the file is, once it was read."""
        self._is_asked = False
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.path, 1)
        row.addWidget(self.browse)
        self.path.textChanged.connect(self._on_path)
        self.path.returnPressed.connect(self._read)
        self.path.editingFinished.connect(self._on_left)
        self.browse.clicked.connect(self._browse)
        view.file_read.connect(self._on_file)

    @property
    def text(self) -> str:
        """The path that was typed."""
        return self.path.text().strip()

    @property
    def problem(self) -> str:
        """What keeps the file from being used; "" when nothing does."""
        if not self.text:
            return "Give the path of a strategy file."
        return "The file is not read yet: press Enter in its field." if self.file is None else self.file.fault

    def take(self, path: str) -> None:
        """Put in the path of a file, and have it read."""
        self.path.setText(path)
        self._read()

    def _on_path(self, _: object = None) -> None:
        self.file, self._is_asked = None, False
        self.path.setToolTip(self.text)
        self.changed.emit()

    def _on_left(self) -> None:
        if not self._is_asked:
            self._read()

    def _read(self) -> None:
        """Ask what the file is; Enter asks again, for it may have changed."""
        if self.text:
            self._is_asked = True
            self.requested.emit("strategy.read", self.text)

    def _browse(self) -> None:
        dialog = QFileDialog(self, "Strategy file", self.path.text(), "Python (*.py)")
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.fileSelected.connect(self.take)
        dialog.open()

    def _on_file(self, file: StrategyFile) -> None:
        if file.path == self.text:
            self.file = file
            self.changed.emit()

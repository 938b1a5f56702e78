"""How the terminal looks: one list of named colours, by night and by day, and the type it is set in.

Nothing else names a colour: a widget asks the theme for a word ("up", "muted") and asks again when `changed` is emitted.
"""

from __future__ import annotations

import tomllib
from functools import cached_property
from importlib.resources import files
from string import Template

from PySide6.QtCore import QByteArray, QObject, QRectF, Qt, Signal
from PySide6.QtGui import QBrush, QColor, QFont, QFontMetrics, QIcon, QPainter, QPalette, QPen, QPixmap
from PySide6.QtWidgets import QApplication

from engine.core.errors import InvalidOption, did_you_mean

FAMILIES = ("Inter", "Segoe UI", "SF Pro Text", "Noto Sans", "Ubuntu", "Cantarell", "DejaVu Sans Condensed", "DejaVu Sans")
"""Faces whose figures are all of one width, or can be told to be; the first that is installed is used."""

_FOLDER = files("resources") / "themes"
_ICONS = files("resources") / "icons"
_ICON_SIZES = (16, 24, 32, 48)


class Theme(QObject):
    """The colours in force. One lives as long as the window; `switch` changes it under everyone's hands."""

    changed = Signal()

    def __init__(self, name: str) -> None:
        super().__init__()
        self._read(name)

    @classmethod
    def load(cls, name: str = "dark") -> Theme:
        """Read a theme of that name; raises InvalidOption with the nearest one when there is none."""
        return cls(name)

    @staticmethod
    def names() -> list[str]:
        """List the themes there are."""
        return sorted(entry.name.removesuffix(".toml") for entry in _FOLDER.iterdir() if entry.name.endswith(".toml"))

    def _read(self, name: str) -> None:
        if name not in self.names():
            raise InvalidOption(f'Unknown theme "{name}"{did_you_mean(name, self.names())}')
        table = tomllib.loads((_FOLDER / f"{name}.toml").read_text(encoding="utf-8"))
        self.name = name
        self.title: str = table["title"]
        self.is_dark: bool = table["is_dark"]
        self.colours: dict[str, str] = table["colours"]
        self._colours = {word: QColor(text) for word, text in self.colours.items()}
        self._pens: dict[str, QPen] = {}
        self._icons: dict[tuple[str, str], QIcon] = {}

    def switch(self, name: str) -> None:
        """Take the colours of another theme, and tell everyone."""
        self._read(name)
        application = QApplication.instance()
        if isinstance(application, QApplication):
            self._dress(application)
        self.changed.emit()

    def colour(self, word: str) -> QColor:
        """Return the colour of a word; KeyError for a word that is none."""
        return self._colours[word]

    def pen(self, word: str) -> QPen:
        """Return a pen one pixel wide at every zoom."""
        made = self._pens.get(word)
        if made is None:
            made = self._pens[word] = QPen(self._colours[word], 1)
            made.setCosmetic(True)
        return made

    def apply(self, app: QApplication, font_size: int = 10) -> None:
        """Dress the whole application in it; `font_size` in points."""
        app.setStyle("Fusion")
        app.setFont(face(font_size))
        self._dress(app)

    def _dress(self, app: QApplication) -> None:
        app.styleHints().setColorScheme(Qt.ColorScheme.Dark if self.is_dark else Qt.ColorScheme.Light)
        app.setPalette(self.palette)
        app.setStyleSheet(Template((_FOLDER / "window.qss").read_text(encoding="utf-8")).substitute(self.colours))

    @property
    def palette(self) -> QPalette:
        """Return the colours as Qt's own roles."""
        role, group = QPalette.ColorRole, QPalette.ColorGroup
        words = {
            role.Window: "window", role.WindowText: "text", role.Base: "panel", role.AlternateBase: "raised", role.Text: "text",
            role.Button: "raised", role.ButtonText: "text", role.BrightText: "bad", role.Highlight: "accent",
            role.HighlightedText: "on_accent", role.ToolTipBase: "raised", role.ToolTipText: "text", role.PlaceholderText: "faint",
            role.Link: "accent", role.LinkVisited: "accent", role.Light: "line_strong", role.Midlight: "line", role.Mid: "line",
            role.Dark: "line", role.Shadow: "window", role.Accent: "accent",
        }  # fmt: skip
        made = QPalette()
        for where, word in words.items():
            made.setBrush(where, QBrush(self._colours[word]))
        for where in (role.WindowText, role.Text, role.ButtonText):
            made.setBrush(group.Disabled, where, QBrush(self._colours["faint"]))
        return made

    def icon(self, name: str, word: str = "muted") -> QIcon:
        """Return a bundled icon, drawn in the colour of a word; KeyError when there is no such icon."""
        made = self._icons.get((name, word))
        if made is None:
            made = self._icons[name, word] = self._draw_icon(name, word)
        return made

    def _draw_icon(self, name: str, word: str) -> QIcon:
        from PySide6.QtSvg import QSvgRenderer

        path = _ICONS / f"{name}.svg"
        if not path.is_file():
            raise KeyError(f"There is no icon {name!r} in resources/icons.")
        text = path.read_text(encoding="utf-8")
        made = QIcon()
        for mode, ink in ((QIcon.Mode.Normal, word), (QIcon.Mode.Disabled, "line_strong")):
            renderer = QSvgRenderer(QByteArray(text.replace("currentColor", self.colours[ink]).encode()))
            for size in _ICON_SIZES:
                picture = QPixmap(size, size)
                picture.fill(Qt.GlobalColor.transparent)
                painter = QPainter(picture)
                renderer.render(painter, QRectF(0, 0, size, size))
                painter.end()
                made.addPixmap(picture, mode)
        return made

    @cached_property
    def row_height(self) -> int:
        """Return how high a row of a table is, in pixels."""
        return QFontMetrics(QApplication.font()).height() + 7


def face(size: int, *, is_bold: bool = False) -> QFont:
    """Return the terminal's type at a size in points, its figures all of one width."""
    made = QFont(list(FAMILIES), size)
    made.setFeature(QFont.Tag("tnum"), 1)
    if is_bold:
        made.setWeight(QFont.Weight.DemiBold)
    return made

"""What every panel of the window is: something that reads the view, and has one way out.

A panel cannot do anything: it asks, `requested("order.submit", request)`, and the window's one door decides. A file in
`widgets/panels` with `@panel("Title", area=...)` is all it takes; the View menu and the layout follow.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar

from PySide6.QtCore import Signal
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import QWidget

from engine.core.registry import Registry
from engine.view import EngineView
from widgets.base.frames import Frames
from widgets.base.keys import DEFAULT_KEYS
from widgets.base.theme import Theme


class Area(StrEnum):
    """Where a panel stands on the first day."""

    LEFT = "left"
    CENTRE = "centre"
    RIGHT = "right"
    BOTTOM = "bottom"


LEFT, CENTRE, RIGHT, BOTTOM = Area.LEFT, Area.CENTRE, Area.RIGHT, Area.BOTTOM


class Panel(QWidget):
    """One panel. Subclasses list in `verbs` what a key may ask of the focused row."""

    requested = Signal(str, object)
    """Name of an action and its payload: the only way out."""

    def __init__(self, view: EngineView, theme: Theme) -> None:
        super().__init__()
        self.view = view
        self.theme = theme
        self.frames = Frames.of(view)
        self.setAutoFillBackground(True)
        self.setBackgroundRole(QPalette.ColorRole.Base)
        self.keys: dict[str, str] = dict(DEFAULT_KEYS)

    def bind(self, keys: Mapping[str, str]) -> None:
        """Let these keys ("Shift+Del") mean these actions on a focused row, and no others."""
        self.keys = dict(keys)

    def verbs(self) -> Mapping[str, Callable[[], object]]:
        """Name the actions a key may ask for here, each with what gives its payload; None as payload asks for nothing."""
        return {}

    def has_key(self, key: str) -> bool:
        """Tell whether a key means something here."""
        return self.keys.get(key, "") in self.verbs()

    def press(self, key: str) -> bool:
        """Ask for what a key means; tell whether it meant something here."""
        action = self.keys.get(key, "")
        maker = self.verbs().get(action)
        if maker is None:
            return False
        payload = maker()
        if payload is not None:
            self.requested.emit(action, payload)
        return True

    def save_state(self) -> dict[str, Any]:
        """Return what should be remembered, as JSON takes it."""
        return {}

    def restore_state(self, state: Mapping[str, Any]) -> None:
        """Take what was remembered; what is missing or not understood is left as it is."""


@dataclass(frozen=True, slots=True)
class PanelInfo:
    """A panel as the View menu and the layout know it."""

    name: str
    title: str
    area: Area
    cls: type[Panel]
    shortcut: str = ""
    is_late: bool = False
    """Made after the first paint: it brings in something heavy."""


PANELS: Registry[PanelInfo] = Registry("panel", package="widgets.panels")

P = TypeVar("P", bound=type[Panel])


def panel(title: str, *, area: Area, shortcut: str = "", is_late: bool = False) -> Callable[[P], P]:
    """Make a class a panel, named after its file."""

    def wrap(cls: P) -> P:
        name = cls.__module__.rpartition(".")[2]
        PANELS.add(name, PanelInfo(name, title, area, cls, shortcut, is_late))
        return cls

    return wrap

"""Where the panels stand: docked, tabbed or floating, locked or free, and put back as they were on the next start.

Panels are known by name only; what cannot be restored is put where it stood on the first day.
"""

from __future__ import annotations

import json
import logging
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Any

import PySide6QtAds as ads
from PySide6.QtCore import QByteArray
from PySide6.QtWidgets import QMainWindow, QWidget

from terminal.settings import write_whole

log = logging.getLogger(__name__)

FILE_NAME = "layout.json"
VERSION = 1
LEFT, CENTRE, RIGHT, BOTTOM = "left", "centre", "right", "bottom"
SHARES = {LEFT: 0.27, RIGHT: 0.25, BOTTOM: 0.36}
"""Part of the window's width or height on the first day."""

ORDER = ("market_watch", "chart", "risk", "orders", "positions", "trades", "strategies", "alerts", "log")
"""Which panel comes first where several share an area; those not named come last, by name."""

_FREE = ads.CDockWidget.DockWidgetFeature
_ADS_AREAS = {
    LEFT: ads.LeftDockWidgetArea,
    CENTRE: ads.CenterDockWidgetArea,
    RIGHT: ads.RightDockWidgetArea,
    BOTTOM: ads.BottomDockWidgetArea,
}


class Docks:
    """The dock manager of one window."""

    def __init__(self, window: QMainWindow) -> None:
        flag, manager = ads.CDockManager.eConfigFlag, ads.CDockManager
        manager.setConfigFlags(ads.CDockManager.eConfigFlag(0))
        for wanted in (
            flag.OpaqueSplitterResize,
            flag.AlwaysShowTabs,
            flag.DockAreaHasTabsMenuButton,
            flag.DockAreaDynamicTabsMenuButtonVisibility,
        ):
            manager.setConfigFlag(wanted, True)
        for unwanted in (flag.DockAreaHasCloseButton, flag.DockAreaHasUndockButton, flag.ActiveTabHasCloseButton):
            manager.setConfigFlag(unwanted, False)
        manager.setConfigFlag(flag.FocusHighlighting, True)
        self._manager = manager(window)
        self.dress({})
        self._window = window
        self._docks: dict[str, ads.CDockWidget] = {}
        self._areas: dict[str, str] = {}

    def dress(self, colours: Mapping[str, str]) -> None:
        """Take the theme's colours for tabs and splitters; none leaves them as the palette has them."""
        sheet = (files("resources") / "themes" / "docks.qss").read_text(encoding="utf-8") if colours else ""
        self._manager.setStyleSheet(Template(sheet).substitute(colours))

    def add(self, name: str, title: str, widget: QWidget, area: str) -> None:
        """Take in a panel; `arrange` or `restore` gives it its place."""
        dock = ads.CDockWidget(self._manager, title)
        dock.setObjectName(name)
        dock.setMinimumSizeHintMode(ads.CDockWidget.eMinimumSizeHintMode.MinimumSizeHintFromDockWidget)
        dock.setWidget(widget, ads.CDockWidget.eInsertMode.ForceNoScrollArea)
        self._docks[name] = dock
        self._areas[name] = area if area in _ADS_AREAS else BOTTOM

    def replace(self, name: str, widget: QWidget) -> None:
        """Put a panel in the place of what only kept it free."""
        dock = self._docks[name]
        old = dock.takeWidget()
        dock.setWidget(widget, ads.CDockWidget.eInsertMode.ForceNoScrollArea)
        if old is not None:
            old.deleteLater()

    def arrange(self) -> None:
        """Put all panels where they stand on the first day: right ones one above the other, the others as tabs."""
        places: dict[str, Any] = {}
        for area in (CENTRE, LEFT, RIGHT, BOTTOM):
            for name in self._names_in(area):
                dock = self._docks[name]
                if area not in places:
                    places[area] = self._manager.addDockWidget(_ADS_AREAS[area], dock)
                elif area == RIGHT:
                    self._manager.addDockWidget(ads.BottomDockWidgetArea, dock, places[area])
                else:
                    self._manager.addDockWidgetTabToArea(dock, places[area])
        self._share_out(places)
        self._bring_first_to_front()

    def _names_in(self, area: str) -> list[str]:
        names = [name for name, place in self._areas.items() if place == area]
        return sorted(names, key=lambda name: (ORDER.index(name) if name in ORDER else len(ORDER), name))

    def _share_out(self, places: Mapping[str, Any]) -> None:
        width, height = max(self._window.width(), 800), max(self._window.height(), 500)
        sides = [part for part in (LEFT, CENTRE, RIGHT) if part in places]
        middle = 1.0 - sum(SHARES.get(part, 0.0) for part in sides)
        if CENTRE in places:
            self._manager.setSplitterSizes(places[CENTRE], [round(width * SHARES.get(part, middle)) for part in sides])
        if BOTTOM in places:
            self._manager.setSplitterSizes(places[BOTTOM], [round(height * (1 - SHARES[BOTTOM])), round(height * SHARES[BOTTOM])])

    def reset(self) -> None:
        """Put all panels back where they stood on the first day."""
        for dock in self._docks.values():
            self._manager.removeDockWidget(dock)
        self.arrange()
        for dock in self._docks.values():
            dock.toggleView(True)
        self._bring_first_to_front()

    def _bring_first_to_front(self) -> None:
        for area in (CENTRE, LEFT, BOTTOM):
            for name in self._names_in(area)[:1]:
                self._docks[name].setAsCurrentTab()

    def show(self, name: str) -> QWidget | None:
        """Bring a panel to the front and return it, None when there is none of that name."""
        dock = self._docks.get(name)
        if dock is None:
            return None
        dock.toggleView(True)
        dock.setAsCurrentTab()
        dock.raise_()
        widget: QWidget | None = dock.widget()
        return widget

    def toggles(self) -> list[Any]:
        """Return the View menu's entries, one a panel."""
        return [self._docks[name].toggleViewAction() for area in (LEFT, CENTRE, RIGHT, BOTTOM) for name in self._names_in(area)]

    def lock(self, is_locked: bool) -> None:
        """Keep panels where they are, or let them be moved."""
        features = _FREE.DockWidgetMovable | _FREE.DockWidgetFloatable | _FREE.DockWidgetClosable | _FREE.DockWidgetPinnable
        self._manager.lockDockWidgetFeaturesGlobally(features if is_locked else _FREE.NoDockWidgetFeatures)

    def state(self) -> bytes:
        """Return the places of all panels."""
        return bytes(self._manager.saveState(VERSION).data())

    def restore(self, state: bytes) -> bool:
        """Put the panels where they were; False when the state does not fit."""
        return state.startswith(b"<?xml") and bool(self._manager.restoreState(QByteArray(state), VERSION))

    def close(self) -> None:
        """Take down floating panels with the window."""
        self._manager.deleteLater()


def save_layout(folder: Path, geometry: bytes, docks: bytes, content: Mapping[str, Any]) -> None:
    """Write window, panels and what each panel shows to `folder`/layout.json."""
    page = {"version": VERSION, "geometry": _text(geometry), "docks": _text(docks), "content": dict(content)}
    write_whole(folder / FILE_NAME, json.dumps(page, indent=1))


def load_layout(folder: Path, apply: Callable[[bytes, bytes, dict[str, Any]], None]) -> bool:
    """Read the file and hand geometry, panels and content to `apply`; False when there is none that can be used."""
    path = folder / FILE_NAME
    if not path.is_file():
        return False
    try:
        page = json.loads(path.read_text(encoding="utf-8"))
        if page["version"] != VERSION:
            return False
        geometry, docks, content = b64decode(page["geometry"]), b64decode(page["docks"]), dict(page["content"])
    except (ValueError, KeyError, TypeError, OSError) as error:
        log.warning("The layout in %s cannot be read (%s); the panels stand as on the first day.", path, error)
        return False
    apply(geometry, docks, content)
    return True


def _text(data: bytes) -> str:
    return b64encode(data).decode("ascii")

"""The window: panels from the registry, docked as the trader left them; it shows and asks, and decides nothing.

A panel's only way out is connected to the one door; a new panel or action needs no line here.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QByteArray, QTimer, Signal
from PySide6.QtGui import QCloseEvent, QGuiApplication, QPaintEvent
from PySide6.QtWidgets import QApplication, QMainWindow, QWidget

from engine.core.errors import UserError
from engine.view import EngineView
from terminal.desk import LEAVE, RESTART
from terminal.dialogs.hold_overlay import HoldOverlay
from terminal.dialogs.leaving import LeavingDialog, still_open
from terminal.layout import Docks, load_layout, save_layout
from terminal.repeats import Repeats
from terminal.settings import Settings
from terminal.shortcuts import Shortcuts
from terminal.window_dialogs import Dialogs
from widgets.base.notice_bar import NoticeBar
from widgets.base.panel import PANELS, Panel, PanelInfo
from widgets.base.safe_banner import SafeBanner
from widgets.base.status_bar import StatusBar
from widgets.base.theme import Theme

if TYPE_CHECKING:
    from terminal.actions import Actions
    from terminal.backtests import Backtests
    from terminal.connection import Connection
    from terminal.keymap import Keymap

SMALLEST = (960, 600)
SMALL_SCREEN = 1920
"""Up to this width the window takes all of the screen on the first day."""


class MainWindow(QMainWindow):
    """What the trader sees."""

    painted = Signal()
    """Once: the first frame is on the screen."""
    leaving = Signal(str)
    """The trader closes the terminal: leave, cancel or flatten what is open."""

    def __init__(
        self,
        view: EngineView,
        settings: Settings,
        actions: Actions,
        keymap: Keymap,
        theme: Theme,
        connection: Connection,
        backtests: Backtests,
    ) -> None:
        super().__init__()
        self.view, self.settings, self.door, self.theme = view, settings, actions, theme
        self.panels: dict[str, Panel] = {}
        self._content: dict[str, Any] = {}
        self._is_painted = self._may_close = False
        self.setObjectName("shikra")
        self.setWindowTitle("Shikra")
        self.setMinimumSize(*SMALLEST)
        self.shortcuts = Shortcuts(self, keymap, actions.run, settings["hold_ms"])
        self.docks = Docks(self)
        self._dress()
        theme.changed.connect(self._dress)
        self.dialogs = Dialogs(self, view, theme, actions.run, connection, backtests)
        self._fit_screen()
        self._furnish()

    def _dress(self) -> None:
        self.docks.dress(self.theme.colours)

    def _fit_screen(self) -> None:
        screen = QGuiApplication.primaryScreen().availableGeometry()
        part = 1.0 if screen.width() <= SMALL_SCREEN else 0.9
        self.resize(round(part * screen.width()), round(part * screen.height()))
        self.move(screen.center() - self.rect().center())

    def _furnish(self) -> None:
        for name, info in PANELS.items():
            self.docks.add(name, info.title, QWidget() if info.is_late else self._make(name, info), info.area)
        self.docks.arrange()
        menu = self.shortcuts.menus["View"]
        first = menu.actions()[0]
        menu.insertActions(first, self.docks.toggles())
        menu.insertSeparator(first)
        self.banner = SafeBanner(self.view, self.theme)
        self.banner.requested.connect(self.door.run)
        self.addToolBar(self.banner)
        self.setStatusBar(StatusBar(self.view, self.theme))
        self.notices = NoticeBar(self.view, self.theme, self)
        self.notices.requested.connect(self.door.run)
        self.overlay = HoldOverlay(self.view, self)
        self.shortcuts.hold.progressed.connect(self.overlay.show_progress)
        self._filters = (self.shortcuts.hold, Repeats(self))  # the last one installed sees a key first
        for each in self._filters:
            _application().installEventFilter(each)
        self.docks.lock(self.settings["lock_layout"])

    def _make(self, name: str, info: PanelInfo) -> Panel:
        panel = self.panels[name] = info.cls(self.view, self.theme)
        panel.requested.connect(self.door.run)
        panel.bind(self.shortcuts.row_keys())
        return panel

    def make_late_panels(self) -> None:
        """Make the panels that bring in something heavy; the first frame did not wait for them."""
        for name, info in PANELS.items():
            if info.is_late and name not in self.panels:
                panel = self._make(name, info)
                self.docks.replace(name, panel)
                panel.restore_state(self._content.get(name, {}))

    # What an action may ask of the window

    def open_ticket(self, key: str, side: int) -> None:
        """Open an order ticket for an instrument, or for the focused row when no key is given."""
        key = key or self._focused_key()
        instrument = self.view.catalogue.get(key)
        if instrument is None:
            raise UserError("Expected a focused row to trade, was none; click a symbol in the market watch first.")
        self.dialogs.open_ticket(instrument, side)

    def open_alert(self, given: dict[str, Any]) -> None:
        """Open the form of an alert; without an instrument for the one that has the focus."""
        alert_id = str(given.pop("alert_id", ""))
        if "kind" not in given and not given.get("key"):
            given["key"] = self._focused_key()
        self.dialogs.open_alert({"kind": "price"} | given, alert_id)

    def _focused_key(self) -> str:
        widget = QApplication.focusWidget()
        while widget is not None and not isinstance(widget, Panel):
            widget = widget.parentWidget()
        for panel in (widget, self.panels.get("market_watch")):
            maker = panel.verbs().get("ticket.buy") if isinstance(panel, Panel) else None
            payload = maker() if maker is not None else None
            if isinstance(payload, dict):
                return str(payload.get("key", ""))
        return ""

    def open_let_trade(self, owner: str) -> None:
        """Ask why an owner may trade again that its limits have stopped."""
        self.dialogs.open_let_trade(owner)

    def open_chart(self, key: str) -> None:
        """Show the instrument on the chart."""
        self.make_late_panels()
        self.docks.show("chart")
        chart: Any = self.panels["chart"]
        chart.show_key(key)

    def show_panel(self, name: str) -> None:
        """Bring a panel to the front and give it the focus."""
        widget = self.docks.show(name)
        if widget is not None:
            grid = getattr(widget, "grid", None)
            (grid if isinstance(grid, QWidget) else widget).setFocus()

    def show_dialog(self, name: str) -> None:
        """Open a dialog by its name; `search` puts the cursor into the market watch's finder."""
        if name == "search":
            watch: Any = self.docks.show("market_watch")
            watch.finder.setFocus()
        else:
            self.dialogs.show(name, self.settings, self.shortcuts.keymap)

    def change_layout(self, what: str) -> None:
        """Reset the panels, lock or unlock them, or change to and from the full screen."""
        if what == "reset":
            self.docks.reset()
        elif what == "lock":
            self.docks.lock(self.settings["lock_layout"])
        elif self.isFullScreen():
            self.showNormal()
        else:
            self.showFullScreen()

    def apply_settings(self, changed: dict[str, Any]) -> None:
        """Let changed settings act at once."""
        if "theme" in changed:
            self.theme.switch(changed["theme"])
        if "font_size" in changed:
            self.theme.apply(_application(), changed["font_size"])
        if "lock_layout" in changed:
            self.docks.lock(changed["lock_layout"])
        if "hold_ms" in changed:
            self.shortcuts.hold.hold_ms = changed["hold_ms"]

    def bind(self, keymap: Keymap) -> None:
        """Let other keys be in force, everywhere."""
        self.shortcuts.bind(keymap)
        for panel in self.panels.values():
            panel.bind(self.shortcuts.row_keys())

    def ask_to_close(self) -> None:
        """Close the window, asking first when something is open."""
        self.close()

    def copy(self, text: str) -> None:
        """Put a text on the clipboard."""
        QGuiApplication.clipboard().setText(text)

    def restart(self) -> None:
        """Close the window and open it anew, on the market that the settings name now; what is open stays as it is."""
        self.leave(RESTART)

    # Remembering

    def restore(self, folder: Path) -> None:
        """Put everything back as it was left; what cannot be is as on the first day."""
        load_layout(folder, self._restore)

    def _restore(self, geometry: bytes, docks: bytes, content: dict[str, Any]) -> None:
        self._content = content
        self.restoreGeometry(QByteArray(geometry))
        self.docks.restore(docks)
        for name, panel in self.panels.items():
            panel.restore_state(content.get(name, {}))

    def save(self, folder: Path) -> None:
        """Remember window, places and what each panel shows."""
        content = self._content | {name: panel.save_state() for name, panel in self.panels.items()}
        save_layout(folder, bytes(self.saveGeometry().data()), self.docks.state(), content)

    # Qt's own events

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint, and tell once that the first frame is there."""
        super().paintEvent(event)
        if not self._is_painted:
            self._is_painted = True
            QTimer.singleShot(0, self.painted.emit)

    def closeEvent(self, event: QCloseEvent) -> None:
        """Ask what becomes of what is open; close only when that is known."""
        if self._may_close:
            event.accept()
            return
        event.ignore()
        lines = still_open(self.view)
        if not lines:
            self.leave(LEAVE)
            return
        dialog = LeavingDialog(lines, self)
        dialog.chosen.connect(self.leave)
        self.dialogs.keep("leaving", dialog)

    def leave(self, choice: str) -> None:
        """Tell that the trader closes the terminal; `shut` really closes the window once the engine has."""
        if not self._may_close:
            self._may_close = True
            self.leaving.emit(choice)

    def shut(self) -> None:
        """Close the window for good."""
        self._may_close = True
        for each in self._filters:
            _application().removeEventFilter(each)
        self.close()
        self.docks.close()


def _application() -> QApplication:
    application = QApplication.instance()
    assert isinstance(application, QApplication)  # without one there is no window
    return application

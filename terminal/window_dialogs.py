"""The dialogs of the window: one of each, kept while it is open, every one with the same single way out.

None of them blocks: they are opened, never executed, so that the market goes on behind them. Tickets may be many.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QDialog, QMessageBox, QWidget

from engine.core.errors import InvalidOption, did_you_mean
from engine.core.model import Instrument
from engine.view import EngineView
from terminal import VERSION
from terminal.backtests import Backtests
from terminal.connection import Connection
from terminal.dialogs.key_sheet import KeySheet
from terminal.dialogs.palette import Palette, commands
from terminal.dialogs.restore import RestoreDialog
from terminal.dialogs.resume import ResumeDialog
from terminal.dialogs.settings_form import SettingsDialog
from terminal.keymap import Keymap
from terminal.settings import Settings
from widgets.base.theme import Theme
from widgets.dialogs.alert import AlertDialog
from widgets.dialogs.backtest import BacktestDialog
from widgets.dialogs.books import BooksDialog
from widgets.dialogs.connect import ConnectDialog
from widgets.dialogs.new_strategy import NewStrategyDialog
from widgets.dialogs.order_ticket import OrderTicket

STEP = 28
"""Pixels by which a further ticket is moved, so that none hides another."""


class Dialogs:
    """Opens them over one window."""

    def __init__(
        self,
        window: QWidget,
        view: EngineView,
        theme: Theme,
        run: Callable[[str, object], object],
        connection: Connection,
        backtests: Backtests,
    ) -> None:
        self._window, self._view, self._theme, self._run = window, view, theme, run
        self._connection, self._backtests = connection, backtests
        self._open: dict[str, QDialog] = {}
        self._tickets: list[OrderTicket] = []

    def open_ticket(self, instrument: Instrument, side: int) -> OrderTicket:
        """Open a ticket beside those that are open."""
        ticket = OrderTicket(self._view, self._theme, instrument, side, self._window)
        ticket.requested.connect(self._run)
        self._tickets.append(ticket)
        ticket.finished.connect(lambda result: self._on_ticket_closed(ticket))
        ticket.adjustSize()
        shift = STEP * (len(self._tickets) - 1)
        area = self._window.frameGeometry()
        ticket.move(area.center() - ticket.rect().center() + QPoint(shift, shift))
        ticket.show()
        ticket.raise_()
        ticket.activateWindow()
        return ticket

    def _on_ticket_closed(self, ticket: OrderTicket) -> None:
        self._tickets.remove(ticket)
        (self._tickets[-1] if self._tickets else self._window).activateWindow()

    def open_alert(self, given: dict[str, Any], alert_id: str) -> None:
        """Open the form of an alert, filled in; another that is open gives way."""
        if "alert" in self._open:
            self._open["alert"].reject()
        self.keep("alert", AlertDialog(self._view, self._theme, given, alert_id, self._window))

    def open_let_trade(self, owner: str) -> None:
        """Ask why an owner may trade again; a question that is open gives way."""
        if "let_trade" in self._open:
            self._open["let_trade"].reject()
        self.keep("let_trade", ResumeDialog(self._view, self._window, owner=owner))

    def show(self, name: str, settings: Settings, keymap: Keymap) -> None:
        """Open settings, palette, keys, strategy, backtest or about; the one that is open already comes to the front."""
        if name in self._open:
            self._open[name].raise_()
            self._open[name].activateWindow()
            return
        makers: dict[str, Callable[[], QDialog]] = {
            "settings": lambda: self._settings(settings),
            "palette": lambda: Palette(commands(keymap), "Type a command", self._window),
            "keys": lambda: KeySheet(keymap, self._window),
            "strategy": lambda: NewStrategyDialog(self._view, self._theme, self._window),
            "connect": self._connect,
            "backtest": self._backtest,
            "books": lambda: BooksDialog(self._view, self._theme, self._window),
            "resume": lambda: ResumeDialog(self._view, self._window),
            "restore": lambda: RestoreDialog(self._view, self._theme, self._window),
            "about": lambda: self._about(settings),
        }
        if name not in makers:
            raise InvalidOption(f'Unknown dialog "{name}"{did_you_mean(name, makers)}')
        self.keep(name, makers[name]())

    def keep(self, name: str, dialog: QDialog) -> None:
        """Open a dialog and hold it until it is closed."""
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        requested: Any = getattr(dialog, "requested", None)
        if requested is not None:
            requested.connect(self._run)
        self._open[name] = dialog
        dialog.finished.connect(lambda result: self._on_closed(name))
        dialog.open()

    def _on_closed(self, name: str) -> None:
        self._open.pop(name, None)
        self._window.activateWindow()  # a window manager does this, too; keys must find the window again where there is none

    def _settings(self, settings: Settings) -> QDialog:
        dialog = SettingsDialog(settings.values(), self._theme, self._window, self._view)
        self._run("alert.list_addresses", None)
        return dialog

    def _connect(self) -> QDialog:
        dialog = ConnectDialog(self._connection.login, self._theme, self._window)
        self._connection.changed.connect(dialog.show_login)
        return dialog

    def _backtest(self) -> QDialog:
        dialog = BacktestDialog(self._view, self._theme, self._window)
        self._backtests.began.connect(dialog.on_began)
        self._backtests.ended.connect(dialog.on_ended)
        return dialog

    def _about(self, settings: Settings) -> QDialog:
        box = QMessageBox(self._window)
        box.setWindowTitle("About Shikra")
        box.setText(f"<b>Shikra {VERSION}</b><br>A desktop trading terminal for Indian markets.")
        where = settings.path.parent if settings.path is not None else "nowhere"
        box.setInformativeText(f"Everything of yours lies in {where}.")
        return box

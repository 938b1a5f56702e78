"""Opens the window and keeps it alive: paint first, then the engine, then what is heavy to draw; close in the other order.

Qt's event loop is the asyncio loop; there is one thread that owns all state.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

os.environ.setdefault("QT_API", "pyside6")
os.environ.setdefault("PYQTGRAPH_QT_LIB", "PySide6")

import qasync
from PySide6.QtWidgets import QApplication, QMessageBox

from engine.core.errors import AuthenticationError, TradingError, UserError
from engine.core.model import LinkState
from engine.engine_settings import EngineSettings
from terminal import keymap as keymaps
from terminal.actions import bindings
from terminal.cli.plan import engine_settings
from terminal.cli.smoke import smoke
from terminal.crash import CrashHooks
from terminal.desk import LEAVE, RESTART, Desk
from terminal.first_tick import FirstTick
from terminal.keymap import Keymap
from terminal.logs import LineHandler, start_logging, stop_logging
from terminal.main_window import MainWindow
from terminal.settings import Settings, data_folder, make_folder
from terminal.stopwatch import since_start_s
from widgets.base.theme import Theme

log = logging.getLogger(__name__)

AGAIN = -1
"""What a life returns instead of an exit code when the window is to be opened anew."""


def open_window(arguments: argparse.Namespace) -> int:
    """Open the window and return the exit code once it is closed; raises TradingError for what cannot be used."""
    folder = data_folder(arguments.data_dir)
    settings, fault = _settings(folder)
    plan = engine_settings(arguments, settings, folder)
    make_folder(folder)
    handler = start_logging(folder / "logs", settings["log_level"])
    crash = CrashHooks(folder / "logs")
    crash.install()
    try:
        return int(
            qasync.run(_lives(arguments, folder, _Terminal(settings, plan, crash, is_smoke=arguments.smoke, with_api=arguments.api), fault))
        )
    finally:
        crash.remove()
        stop_logging(handler)


async def _lives(arguments: argparse.Namespace, folder: Path, terminal: _Terminal, fault: str) -> int:
    """Open the window anew as often as another broker is chosen or a backup is put back; returns the exit code of the last one."""
    while (code := await terminal.live(fault)) == AGAIN:
        settings, fault = _settings(folder)
        # After a backup was put back somebody has to look first, whatever is found.
        plan = replace(engine_settings(arguments, settings, folder), why_safe=terminal.desk.restored)
        terminal = _Terminal(settings, plan, terminal.crash, with_api=arguments.api)
    return code


def _settings(folder: Path) -> tuple[Settings, str]:
    """Read the settings; a file that cannot be read is told in the window, and the first day's settings serve meanwhile."""
    try:
        return Settings.load(folder), ""
    except UserError as error:
        return Settings(), f"{error} Until then everything is as on the first day, and changes are not saved."


class _Terminal:
    """One life of the window."""

    def __init__(
        self, settings: Settings, plan: EngineSettings, crash: CrashHooks, *, is_smoke: bool = False, with_api: bool = False
    ) -> None:
        self.settings, self.plan, self.crash, self.is_smoke = settings, plan, crash, is_smoke
        self.desk = Desk(settings, plan, crash, with_api=with_api)
        self.view = self.desk.view

    async def live(self, fault: str) -> int:
        """Paint, open the engine, wait until the trader leaves; returns the exit code."""
        loop = asyncio.get_running_loop()
        self.crash.watch(loop)
        self.crash.tell = lambda text: loop.call_soon_threadsafe(self.view.notify, "critical", text)
        lines = LineHandler(lambda line: loop.call_soon_threadsafe(self.view.on_log, line))
        logging.getLogger().addHandler(lines)
        window = self._make_window()
        leaving: asyncio.Queue[str] = asyncio.Queue()
        window.leaving.connect(leaving.put_nowait)
        restore_signals = _let_signals_close(loop, window)
        try:
            await self._show(window, fault)
            if not await self._open_engine(window):
                return AGAIN if await leaving.get() == RESTART else 0
            if self.is_smoke:
                return await smoke(self.desk)
            choice = await leaving.get()
            await self.desk.wind_up(choice)
            return AGAIN if choice == RESTART else 0
        finally:
            restore_signals()
            await self.desk.close()
            stop_logging(lines)
            if not self.is_smoke:
                window.save(self.plan.data_dir)
            window.shut()

    def _make_window(self) -> MainWindow:
        application = QApplication.instance()
        assert isinstance(application, QApplication)
        application.setApplicationName("shikra")
        application.setApplicationDisplayName("Shikra")
        application.setQuitOnLastWindowClosed(False)
        theme = Theme.load(self.settings["theme"])
        theme.apply(application, self.settings["font_size"])
        keys, self._key_fault = _keymap(self.settings, self.plan)
        window = MainWindow(self.view, self.settings, self.desk.actions, keys, theme, self.desk.connection, self.desk.backtests)
        self.desk.window = window
        self.view.link_changed.connect(self._on_link)
        window.restore(self.plan.data_dir)
        return window

    def _on_link(self, state: LinkState, reason: str) -> None:
        """Ask for a log-in as soon as the broker wants one."""
        if state is LinkState.RELOGIN:
            self.desk.actions.run("broker.connect")

    async def _show(self, window: MainWindow, fault: str) -> None:
        painted = asyncio.Event()
        window.painted.connect(painted.set)
        self.first_tick = FirstTick(self.view)
        window.show()
        await painted.wait()
        log.info("first painted window after %.2f s", since_start_s())
        for text in (fault, self._key_fault):
            if text:
                self.view.notify("critical", text)

    async def _open_engine(self, window: MainWindow) -> bool:
        """Open the engine; what cannot be used is told in the window too, unless it came from the command line.

        Where one must log in first the Connect dialog says so, and the window stays without an engine: False.
        """
        try:
            await self.desk.open()
        except AuthenticationError as error:
            self.view.notify("critical", str(error))
            self.desk.actions.run("broker.connect")
            return False
        except TradingError as error:
            if self.plan.replay is None and not self.is_smoke:
                await _told(window, str(error))
            raise
        window.make_late_panels()
        return True


def _let_signals_close(loop: asyncio.AbstractEventLoop, window: MainWindow) -> Callable[[], None]:
    """Close as if by the trader, leaving everything as it is, on Ctrl+C in the console and when the system ends us."""
    kept = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def on_signal(number: int, frame: object) -> None:
        loop.call_soon_threadsafe(window.leave, LEAVE)

    for number in kept:
        signal.signal(number, on_signal)

    def restore() -> None:
        for number, handler in kept.items():
            signal.signal(number, handler)

    return restore


def _keymap(settings: Settings, plan: EngineSettings) -> tuple[Keymap, str]:
    """Put bundled set and the trader's own keys together; what does not fit is told, and the terminal's own keys serve."""
    try:
        return Keymap(bindings(), keymaps.bundled(settings["keymap"]) | keymaps.own(plan.data_dir)), ""
    except UserError as error:
        return Keymap(bindings()), str(error)


async def _told(window: MainWindow, text: str) -> None:
    """Show a sentence over the window until it is read."""
    read = asyncio.Event()
    box = QMessageBox(QMessageBox.Icon.Critical, "Shikra cannot start", text, QMessageBox.StandardButton.Close, window)
    box.finished.connect(read.set)
    box.open()
    await read.wait()

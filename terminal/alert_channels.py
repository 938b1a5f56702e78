"""The ways a message goes out on this machine besides the window: by a sound, and as the desktop's own notification.

Sounds are played by what the operating system brings; without it there is at least a beep.
"""

from __future__ import annotations

import shutil
import sys
from importlib.resources import files
from pathlib import Path

from PySide6.QtCore import QProcess
from PySide6.QtWidgets import QApplication, QSystemTrayIcon

from engine.alerts.channels import Channel, Message, channel
from engine.core.alerts import Level
from widgets.base.theme import Theme

PLAYERS = ("pw-play", "paplay", "aplay", "afplay")
"""Programs that play a sound file, the better one first: Linux's sound servers, ALSA, macOS."""

SHOWN_MS = 15_000


@channel("sound", "Sound")
class SoundChannel(Channel):
    """One sound a level; a sound that still plays is not begun again."""

    def __init__(self) -> None:
        super().__init__()
        self._player = next((found for name in PLAYERS if (found := shutil.which(name))), "")

    def send(self, message: Message) -> None:
        """Play it."""
        path = Path(str(files("resources") / "sounds" / f"{message.level.value}.wav"))
        if sys.platform == "win32":
            import winsound

            winsound.PlaySound(str(path), winsound.SND_FILENAME | winsound.SND_ASYNC | winsound.SND_NODEFAULT)
        elif not self._player or not QProcess.startDetached(self._player, [str(path)])[0]:
            QApplication.beep()
        self.on_outcome("")


@channel("desktop", "Desktop")
class DesktopChannel(Channel):
    """The desktop's notification, from an icon in its tray that is there from the first message on."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._icon: QSystemTrayIcon | None = None

    def send(self, message: Message) -> None:
        """Show it."""
        if not QSystemTrayIcon.isSystemTrayAvailable():
            self.on_outcome("this desktop has no tray that shows notifications.")
            return
        if self._icon is None:
            self._icon = QSystemTrayIcon(self._theme.icon("shikra"), QApplication.instance())
            self._icon.setToolTip("Shikra")
            self._icon.show()
        signs = {Level.WARNING: QSystemTrayIcon.MessageIcon.Warning, Level.CRITICAL: QSystemTrayIcon.MessageIcon.Critical}
        sign = signs.get(message.level, QSystemTrayIcon.MessageIcon.Information)
        self._icon.showMessage("Shikra", message.text, sign, SHOWN_MS)
        self.on_outcome("")

    def close(self) -> None:
        """Take the icon away."""
        if self._icon is not None:
            self._icon.hide()
            self._icon.deleteLater()
            self._icon = None

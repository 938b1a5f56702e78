"""The sound and the desktop's notification: what the operating system offers is used, and what it lacks is told."""

from __future__ import annotations

import wave
from importlib.resources import files
from typing import Any

import pytest
from PySide6.QtCore import QProcess
from PySide6.QtWidgets import QApplication, QSystemTrayIcon

from engine.alerts.channels import CHANNELS, Message
from engine.core.alerts import Level
from terminal.alert_channels import DesktopChannel, SoundChannel
from terminal.options import CHANNELS as OFFERED
from widgets.base.theme import Theme


def test_every_level_has_a_short_sound() -> None:
    for level in Level:
        with wave.open(str(files("resources") / "sounds" / f"{level}.wav")) as sound:
            assert 0.1 < sound.getnframes() / sound.getframerate() < 1.0


def test_the_systems_player_plays_it_and_without_one_it_beeps(qapp: QApplication, monkeypatch: pytest.MonkeyPatch) -> None:
    played: list[list[str]] = []
    beeps: list[int] = []
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setattr(QApplication, "beep", lambda: beeps.append(1))
    monkeypatch.setattr(QProcess, "startDetached", lambda program, words: (played.append([program, *words]), (True, 1))[1])
    monkeypatch.setattr("shutil.which", lambda name: f"/usr/bin/{name}" if name == "paplay" else None)
    SoundChannel().send(Message(Level.CRITICAL, "look"))
    assert played[0][0] == "/usr/bin/paplay"
    assert played[0][1].endswith("critical.wav")
    monkeypatch.setattr("shutil.which", lambda name: None)
    SoundChannel().send(Message(Level.INFO, "look"))
    assert (len(played), beeps) == (1, [1])


def test_the_desktop_shows_it_from_an_icon_that_goes_with_us(qapp: QApplication, monkeypatch: pytest.MonkeyPatch) -> None:
    outcomes: list[str] = []
    shown: list[tuple[Any, ...]] = []
    channel = DesktopChannel(Theme.load("dark"))
    channel.on_outcome = outcomes.append
    monkeypatch.setattr(QSystemTrayIcon, "isSystemTrayAvailable", staticmethod(lambda: False))
    channel.send(Message(Level.WARNING, "one"))
    assert outcomes == ["this desktop has no tray that shows notifications."]
    monkeypatch.setattr(QSystemTrayIcon, "isSystemTrayAvailable", staticmethod(lambda: True))
    monkeypatch.setattr(QSystemTrayIcon, "show", lambda self: None)  # there is no tray on the offscreen platform
    monkeypatch.setattr(QSystemTrayIcon, "showMessage", lambda self, *words: shown.append(words))
    channel.send(Message(Level.CRITICAL, "two"))
    channel.send(Message(Level.INFO, "three"))
    assert [(words[1], words[2].name) for words in shown] == [("two", "Critical"), ("three", "Information")]
    assert outcomes[1:] == ["", ""]
    channel.close()
    channel.close()
    assert channel._icon is None


def test_settings_offer_the_channels_that_there_are() -> None:
    import engine.alerts.remote  # noqa: F401  # registers itself

    assert set(OFFERED) == set(CHANNELS.names())

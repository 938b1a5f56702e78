"""The ways a message goes out: to the window, by sound, to the desktop, to a phone; one class each, found by name.

Sending returns at once and never fails to its caller: what goes wrong is told once through the other channels, and never through itself.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from engine.core.alerts import Level
from engine.core.errors import InvalidOption
from engine.core.registry import Registry


@dataclass(frozen=True, slots=True)
class Message:
    """What is sent."""

    level: Level
    text: str


class Channel(ABC):
    """One way out. `on_outcome(problem)` is called after each attempt: "" when it went out."""

    is_remote = False
    """It leaves this machine: slow, and not for repeating."""

    def __init__(self) -> None:
        self.on_outcome: Callable[[str], None] = lambda problem: None

    @abstractmethod
    def send(self, message: Message) -> None:
        """Send, or begin to."""


@dataclass(frozen=True, slots=True)
class ChannelInfo:
    """A channel as settings and the alert form know it."""

    name: str
    title: str
    cls: type[Channel]


CHANNELS: Registry[ChannelInfo] = Registry("channel", InvalidOption)

C = TypeVar("C", bound=type[Channel])


def channel(name: str, title: str) -> Callable[[C], C]:
    """Make a class a channel under a name."""

    def wrap(cls: C) -> C:
        CHANNELS.add(name, ChannelInfo(name, title, cls))
        return cls

    return wrap


@channel("window", "Window")
class WindowChannel(Channel):
    """The notices in the corner of the window."""

    def __init__(self, show: Callable[[str, str], None]) -> None:
        """`show(level, text)` is the view's own signal."""
        super().__init__()
        self._show = show

    def send(self, message: Message) -> None:
        """Show it."""
        self._show(message.level, message.text)
        self.on_outcome("")

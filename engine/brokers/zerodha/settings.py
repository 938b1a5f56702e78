"""Where Zerodha is found, and what a broker of it is made with; a test points it at an exchange of its own."""

from __future__ import annotations

import webbrowser
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from engine.brokers.zerodha.login import PAGE, PORT
from engine.brokers.zerodha.rest import ROOT, TIMEOUTS_S
from engine.brokers.zerodha.secrets import Keyring
from engine.folders import home_folder

WS_ROOT = "wss://ws.kite.trade"


@dataclass(frozen=True, slots=True)
class KiteSettings:
    """The surroundings of one account."""

    root: str = ROOT
    ws_root: str = WS_ROOT
    page: str = PAGE
    """Of the login."""
    redirect_port: int = PORT
    """Of the redirect URL that is registered for the app."""
    data_dir: Path | None = field(default_factory=home_folder)
    """Where instrument lists and history are kept; None keeps nothing."""
    proxies: Mapping[str, str] = field(default_factory=dict)
    timeouts_s: tuple[float, float] = TIMEOUTS_S
    """Until there is a connection, and between two bytes of an answer."""
    keyring: Keyring | None = None
    """None: the operating system's."""
    open_browser: Callable[[str], object] = webbrowser.open

"""The way to a broker: whose key, logged in or not, and where the terminal trades next; what the Connect dialog shows and does.

Logging in runs beside the loop. A terminal that trades already takes the new session up by itself, from the keyring.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal

from engine.clock import Clock, SystemClock
from engine.core.errors import AuthenticationError, BrokerError, UserError
from engine.core.model import Login
from terminal.arming import arm, disarm
from terminal.settings import Settings

if TYPE_CHECKING:
    from engine.brokers.zerodha.access import Access

log = logging.getLogger(__name__)

ZERODHA = "zerodha"


def kite_options(settings: Settings, folder: Path) -> dict[str, Any]:
    """Return where Zerodha is found, as `create_broker("zerodha", ...)` takes it."""
    where: dict[str, Any] = {"api_key": settings["api_key"], "data_dir": folder, "redirect_port": settings["login_port"]}
    if root := settings["kite_root"]:
        where |= {"root": root, "page": f"{root.rstrip('/')}/connect/login"}
    if ws_root := settings["kite_ws_root"]:
        where["ws_root"] = ws_root
    return where


class Connection(QObject):
    """Whether Zerodha lets this terminal in."""

    changed = Signal(object)
    """Login."""

    def __init__(self, settings: Settings, folder: Path, mode: str = "paper", clock: Clock | None = None) -> None:
        """`mode`: in which the terminal trades now."""
        super().__init__()
        self._settings, self._folder = settings, folder
        self._clock = clock or SystemClock()
        self._access: Access | None = None
        self._tries = 0
        self.login = Login(settings["broker"], mode, settings["api_key"])

    async def look(self) -> Login:
        """Find out how it stands, from the keyring; the broker is not asked."""
        if self._settings["api_key"]:
            await asyncio.to_thread(self._own_access().restore)
        return self._say()

    async def log_in(self, api_key: str, api_secret: str = "") -> None:
        """Open the browser and wait for it to come back; what goes wrong is said. A secret that is given is kept in the keyring."""
        self._settings.change(api_key=api_key)
        access = self._own_access()
        self._tries += 1
        this_try = self._tries
        self._say(is_waiting=True)
        message = ""
        try:
            await asyncio.to_thread(self._log_in, access, api_secret)
        except BrokerError as error:
            message = str(error)
        if this_try == self._tries:
            self._say(message=message)

    async def log_in_with(self, pasted: str) -> None:
        """Log in with the address that the browser ended at, or the request token in it."""
        access = self._own_access()
        self._tries += 1
        message = ""
        try:
            await asyncio.to_thread(access.log_in_with, pasted)
        except BrokerError as error:
            message = str(error)
        access.cancel()
        self._say(message=message)

    async def log_out(self) -> None:
        """End the session at the broker, and forget it here; real money is disarmed."""
        disarm(self._folder)
        access = self._own_access()
        await asyncio.to_thread(access.restore)
        await asyncio.to_thread(access.log_out)
        self._say()

    def use(self, broker: str, mode: str) -> None:
        """Trade there from the next start of the engine on; raises UserError for real money without a log-in."""
        if broker == ZERODHA and not self.login.user_id:
            raise UserError("Expected a log-in at Zerodha, was none; log in first.")
        self._settings.change(broker=broker)
        if broker == ZERODHA and mode == "live":
            arm(self._folder, self.login.user_id, self.login.expires_ns)
        else:
            disarm(self._folder)
        log.info("trading goes on at %s, %s", broker, mode)

    def close(self) -> None:
        """Wait for no browser any more."""
        if self._access is not None:
            self._access.cancel()

    def _own_access(self) -> Access:
        """Return the access of the key that is set."""
        api_key = self._settings["api_key"]
        if self._access is None or self._access.api_key != api_key:
            from engine.brokers.base import create_broker

            self.close()
            made: Any = create_broker(ZERODHA, **kite_options(self._settings, self._folder))
            self._access = made.access
        assert self._access is not None
        return self._access

    @staticmethod
    def _log_in(access: Access, api_secret: str) -> None:
        from engine.brokers.zerodha.secrets import Secret

        if api_secret:
            access.keep_secret(Secret(api_secret))
        access.log_in_by_browser()

    def _say(self, *, is_waiting: bool = False, message: str = "") -> Login:
        access = self._access
        token = None
        if access is not None:
            try:
                token = access.require_alive()
            except AuthenticationError:
                token = None
        self.login = replace(
            self.login,
            broker=self._settings["broker"],
            api_key=self._settings["api_key"],
            has_secret=access is not None and access.has_secret,
            user_id=token.user_id if token is not None else "",
            user_name=token.user_name if token is not None else "",
            expires_ns=token.expires_ns if token is not None else 0,
            is_waiting=is_waiting,
            redirect=access.redirect_url if access is not None else f"http://127.0.0.1:{self._settings['login_port']}/",
            message=message,
        )
        self.changed.emit(self.login)
        return self.login

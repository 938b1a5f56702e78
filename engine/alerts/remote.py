"""Messages to a phone or a mailbox: Telegram, e-mail and everything else that apprise knows, sent beside the loop.

The addresses hold passwords and tokens: they lie in the operating system's keyring alone, and are shown by their kind only.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections import deque
from collections.abc import Callable
from typing import Any, TypeVar

from engine.alerts.channels import Channel, Message, channel
from engine.core.alerts import Level
from engine.core.errors import AuthenticationError, InvalidOption
from engine.keyrings import Keyring, Secret, ask, system_keyring
from engine.tasks import Tasks

T = TypeVar("T")

SERVICE, NAME = "shikra.alerts", "addresses"
PATIENCE_S = 20.0
"""So long one message may take, to all addresses together."""
MOST_QUEUED = 20
"""What waits for a slow server; older messages are dropped for newer ones."""

LOUDNESS = {Level.INFO: "info", Level.WARNING: "warning", Level.CRITICAL: "failure"}


class Addresses:
    """Where remote messages go, in the keyring."""

    def __init__(self, keyring: Keyring | None = None) -> None:
        """Without a keyring the system's is asked for when it is first needed."""
        self._keyring = keyring
        self._known: list[Secret] | None = None

    def read(self) -> list[Secret]:
        """Return all addresses; raises AuthenticationError when there is no keyring, or it cannot be read. Asked once; may wait."""
        if self._known is None:
            kept = self._ask(lambda ring: ring.get_password(SERVICE, NAME))
            try:
                self._known = [Secret(str(address)) for address in json.loads(kept)] if kept else []
            except (ValueError, TypeError):
                raise AuthenticationError("Expected a list of addresses in the keyring, was something else; remove it there.") from None
        return self._known

    def kinds(self) -> list[str]:
        """Name the addresses without showing them, in their order."""
        return [f"{address.value.partition('://')[0]}://…" for address in self.read()]

    def add(self, address: str) -> None:
        """Keep one more; raises InvalidOption when apprise does not know its kind, AuthenticationError when there is no keyring."""
        if not _is_known(address):
            kind = address.partition("://")[0][:20] if "://" in address else "one without ://"
            raise InvalidOption(f"Expected an address as apprise writes it (tgram://token/chat, mailto://user:password@host), was {kind}.")
        self._write([*self.read(), Secret(address)])

    def remove(self, place: int) -> None:
        """Forget the one at a place in the list."""
        self._write([address for at, address in enumerate(self.read()) if at != place])

    def _write(self, addresses: list[Secret]) -> None:
        self._ask(lambda ring: ring.set_password(SERVICE, NAME, json.dumps([address.value for address in addresses])))
        self._known = addresses

    def _ask(self, question: Callable[[Keyring], T]) -> T:
        if self._keyring is None:
            self._keyring = system_keyring()
        return ask(self._keyring, question)


def _is_known(address: str) -> bool:
    return _apprise().Apprise.instantiate(address, suppress_exceptions=True) is not None


def _apprise() -> Any:
    """Bring apprise in, silenced: its own log would show addresses."""
    import apprise

    logging.getLogger("apprise").setLevel(logging.CRITICAL + 1)
    return apprise


@channel("remote", "Telegram, e-mail and others")
class RemoteChannel(Channel):
    """Sends by apprise, one message after the other."""

    is_remote = True

    def __init__(self, tasks: Tasks, addresses: Addresses | None = None) -> None:
        """`tasks` awaits what is on its way; nothing is imported before the first message."""
        super().__init__()
        self.addresses = addresses or Addresses()
        self._tasks = tasks
        self._queue: deque[Message] = deque(maxlen=MOST_QUEUED)
        self._is_sending = False

    def send(self, message: Message) -> None:
        """Queue it; whoever waits for a channel waits for nobody here."""
        self._queue.append(message)
        if not self._is_sending:
            self._is_sending = True
            self._tasks.spawn(self._send_all(), "alerts to afar", service=True)

    async def _send_all(self) -> None:
        try:
            while self._queue:
                self.on_outcome(await self._send_one(self._queue.popleft()))
        finally:
            self._is_sending = False

    async def _send_one(self, message: Message) -> str:
        """Return what went wrong, "" when nothing did; never an address."""
        try:
            return await asyncio.wait_for(asyncio.to_thread(_deliver, self.addresses, message), PATIENCE_S)
        except TimeoutError:
            return f"there was no answer within {PATIENCE_S:g} s."
        except AuthenticationError as error:
            return str(error)


def _deliver(addresses: Addresses, message: Message) -> str:
    """Send to every address; for a worker thread."""
    known = addresses.read()
    if not known:
        return ""
    made, failed = _apprise(), []
    for address in known:
        # Asked of each service itself: apprise's own loop over them leaves threads behind.
        service = made.Apprise.instantiate(address.value, suppress_exceptions=True)
        kind = made.NotifyType(LOUDNESS[message.level])
        if service is None or not service.notify(title="Shikra", body=message.text, notify_type=kind):
            failed.append(address.value.partition("://")[0])
    return f"{', '.join(failed)} did not take the message." if failed else ""

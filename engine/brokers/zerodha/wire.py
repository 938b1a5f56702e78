"""One websocket to Kite, dialled with care: certificate checked, no redirect, no proxy, no compression, and nothing of it in the log.

The token stands in the address, so neither the address nor an error that quotes it may leave this room.
"""

from __future__ import annotations

import logging
from urllib.parse import urlencode, urlsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus

from engine.core.errors import InvalidOption

KITE_ROOT = "wss://ws.kite.trade"
MAX_FRAME = 16 * 2**20
"""Bytes of the largest frame that is taken; 65,535 full packets need 12 million."""

PING_INTERVAL_S = 10
CLOSE_TIMEOUT_S = 1
"""A server that does not say good-bye is not waited for longer."""

LOST = (OSError, InvalidHandshake, ConnectionClosed)
"""What the wire raises when it cannot be had, or is there no more."""

# The library writes every header and address into its log at DEBUG: this logger is deaf to that, whatever the terminal's level.
_quiet = logging.getLogger("shikra.feed.wire")
_quiet.setLevel(logging.WARNING)


class _Dial(connect):
    """A connect that follows no redirect: the token is for one server only."""

    def process_redirect(self, exc: Exception) -> Exception:
        """Take a redirect for what it is, a refusal."""
        return exc


def address_of(root: str, api_key: str, access_token: str) -> str:
    """Return the feed's address with its secrets; raises InvalidOption for an unencrypted root that leaves this machine."""
    parts = urlsplit(root)
    is_local = parts.hostname in ("127.0.0.1", "::1", "localhost")
    if not parts.hostname or parts.scheme not in ("wss", "ws") or (parts.scheme == "ws" and not is_local):
        raise InvalidOption(f"Expected a feed address like {KITE_ROOT}, was {parts.scheme}://{parts.hostname}; use wss.")
    return f"{root.rstrip('/')}/?{urlencode({'api_key': api_key, 'access_token': access_token})}"


async def dial(address: str) -> ClientConnection:
    """Open the socket; raises one of LOST. Waits without limit: who dials watches the time."""
    return await _Dial(
        address,
        compression=None,
        max_size=MAX_FRAME,
        open_timeout=None,
        close_timeout=CLOSE_TIMEOUT_S,
        ping_interval=PING_INTERVAL_S,
        ping_timeout=None,  # a pong proves the road, not that quotes still come
        proxy=None,
        user_agent_header="Shikra",
        additional_headers={"X-Kite-Version": "3"},
        logger=_quiet,
    )


async def drop(socket: ClientConnection) -> None:
    """Let go of the socket at once, without asking the other side, which may be gone."""
    socket.transport.abort()
    await socket.wait_closed()


def is_refusal(error: BaseException) -> bool:
    """Tell whether Kite refused the session itself: dialling again with the same token is of no use."""
    return isinstance(error, InvalidStatus) and error.response.status_code in (401, 403)


def explain(error: BaseException) -> str:
    """Say in a few words why the wire was lost; never quotes an address."""
    if isinstance(error, InvalidStatus):
        return f"the feed answered {error.response.status_code}"
    if isinstance(error, ConnectionClosed):
        return f"the feed was cut ({error.rcvd.code})" if error.rcvd else "the feed was cut"
    if isinstance(error, InvalidHandshake):
        return "the feed answered with something else than a websocket"
    return f"the feed cannot be reached ({error.strerror or type(error).__name__})" if isinstance(error, OSError) else "the feed was lost"

"""What became of a call to Zerodha: accepted, a definite no, never sent, or unknown; and a sentence that says what to do.

An allow-list: what is not known to be definite is unknown. Text of exceptions is never passed on, for it may hold URLs with tokens.
"""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from engine.core.errors import AuthenticationError, BrokerError, ConnectionLost, NotPermitted, OrderRejected, OutcomeUnknown, RateLimited

LOG_IN = "log in again: Connect in the window, or `shikra login` on a console"

_REFUSALS = frozenset(
    {
        "InputException",
        "MarginException",
        "HoldingException",
        "OrderException",
        "UserException",
        "TwoFAException",
        "PermissionException",
        "PermissionError",
        "TokenException",
    }
)
"""Error types that, with a status of 4xx, mean that nothing was done."""

_PERMISSIONS = frozenset({"PermissionException", "PermissionError"})

_NEVER_LEFT = frozenset({"NewConnectionError", "NameResolutionError", "ConnectTimeoutError", "ConnectTimeout", "EmptyPoolError"})
"""Names of the exceptions, along their chain, that come before the first byte of a request leaves."""

_SHOWN = 300
"""Characters of the broker's own words that are passed on."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back over the wire."""

    status: int
    body: bytes
    content_type: str = "application/json"


def error_of_reply(reply: Reply, is_write: bool) -> BrokerError | None:
    """Return what an answer means; None when the call was carried out.

    `is_write`: the call places, changes or cancels something, so that an answer nobody understands leaves its outcome unknown.
    """
    if not is_write and reply.status == 200 and "csv" in reply.content_type:
        return None
    said = _json_of(reply.body)
    error_type, message = str(said.get("error_type") or ""), str(said.get("message") or "")[:_SHOWN]
    if reply.status == 200 and said.get("status") == "success" and not error_type:
        return None
    if reply.status == 429 and (error_type or not is_write):
        return RateLimited("Zerodha asks for fewer requests; nothing was done, it is slower for a while.")
    if 400 <= reply.status < 500 and error_type in _REFUSALS:
        return _refusal(reply.status, error_type, message, is_write)
    what = f"HTTP {reply.status}" + (f", {error_type}: {message}" if error_type else "" if said else ", no answer that can be read")
    if is_write:
        return OutcomeUnknown(f"Zerodha answered in a way that does not say whether it was done ({what})")
    return BrokerError(f"Zerodha could not answer ({what}); try again in a minute.")


def error_of_exception(error: BaseException, is_write: bool) -> BrokerError:
    """Return what an exception of the wire means: never sent only where no byte can have left."""
    chain = list(_chain(error))
    names = {type(link).__name__ for link in chain}
    if any(isinstance(link, ssl.SSLCertVerificationError) for link in chain):
        return ConnectionLost("Not sent: the certificate shown is not Zerodha's; look at proxies and virus scanners on this network.")
    if any(isinstance(link, ssl.SSLError) and getattr(link, "reason", "") == "WRONG_VERSION_NUMBER" for link in chain):
        return ConnectionLost("Not sent: what answers there speaks no TLS; look at proxies on this network.")
    if names & _NEVER_LEFT:
        return ConnectionLost("Not sent: Zerodha cannot be reached; look at the network.")
    name = type(error).__name__
    if is_write:
        return OutcomeUnknown(f"The connection broke before Zerodha's answer came ({name})")
    return ConnectionLost(f"Zerodha did not answer ({name}); look at the network, or try again in a minute.")


def error_of_meaning(error: BaseException, is_write: bool) -> BrokerError:
    """Return what an answer means that was well-formed and lacked what it should hold."""
    if is_write:
        return OutcomeUnknown(f"Zerodha's answer lacks the order's number ({type(error).__name__})")
    return BrokerError(f"Zerodha's answer is not what it should be ({type(error).__name__}); try again in a minute.")


def _refusal(status: int, error_type: str, message: str, is_write: bool) -> BrokerError:
    words = message.lower()
    if error_type == "TokenException":
        return AuthenticationError(f"Zerodha has ended the session ({message.rstrip('.')}); {LOG_IN}.")
    if is_write and ("whitelist" in words or "static ip" in words or " ip " in f" {words} "):
        return NotPermitted(
            f"Zerodha takes orders only from the registered static IP ({message.rstrip('.')}); register this machine's address in the "
            "developer console of Kite Connect, or trade from the one that is."
        )
    if error_type in _PERMISSIONS and not is_write:
        return NotPermitted(
            f"The plan of this API key has no market data ({message.rstrip('.')}); subscribe to Kite Connect's paid plan, or trade "
            "without quotes and history."
        )
    if error_type in _PERMISSIONS:
        return NotPermitted(f"Zerodha does not permit that to this API key ({message.rstrip('.')}); look at the app's permissions.")
    if status == 428:
        return OrderRejected(f"{message} Authorise the sale of these shares in Kite first, then place the order again.")
    if error_type == "MarginException":
        return OrderRejected(f"Not enough funds: {message}")
    if error_type == "HoldingException":
        return OrderRejected(f"Not enough holdings: {message}")
    return OrderRejected(message or error_type) if is_write else BrokerError(f"Zerodha refused: {message or error_type}")


def _json_of(body: bytes) -> dict[str, Any]:
    try:
        said = json.loads(body)
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Walk from an exception to what it wraps, by cause, context, `reason` and arguments, each once."""
    seen: set[int] = set()
    todo: list[object] = [error]
    while todo:
        link = todo.pop()
        if not isinstance(link, BaseException) or id(link) in seen:
            continue
        seen.add(id(link))
        yield link
        todo += [link.__cause__, link.__context__, getattr(link, "reason", None), *link.args]

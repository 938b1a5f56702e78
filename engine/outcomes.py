"""Reads a broker's answer to a place, change or cancel: a definite yes, a definite no, never left, or unknown.

Only what is known to be definite counts as such; everything else is unknown and must be looked up before anything is sent again.
"""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import dataclass
from enum import Enum

from engine.core.errors import AuthenticationError, BrokerError, ConnectionLost, OrderRejected, RateLimited


class Fate(Enum):
    """What became of a request."""

    YES = "accepted"
    NO = "refused"
    NOT_SENT = "not sent"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Answer:
    """What the broker said."""

    fate: Fate
    text: str = ""
    """The broker's order id of a YES to a place, the reason of everything else."""
    may_ask_again: bool = False
    """Asking once more can do no harm and may help."""


async def ask(question: Awaitable[str | None]) -> Answer:
    """Await a request to the broker and read its answer; errors that are no BrokerError pass through."""
    try:
        said = await question
    except (OrderRejected, AuthenticationError) as error:
        return Answer(Fate.NO, str(error))
    except RateLimited as error:
        return Answer(Fate.NO, str(error), may_ask_again=True)
    except ConnectionLost as error:
        return Answer(Fate.NOT_SENT, str(error), may_ask_again=True)
    except BrokerError as error:
        return Answer(Fate.UNKNOWN, str(error))
    return Answer(Fate.YES, said or "")

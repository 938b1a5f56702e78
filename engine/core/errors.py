"""What can go wrong in trading, as a tree: what the user may fix, what the broker said, what the data lacks, what is our fault.

    TradingError
      UserError        shown as it is: InvalidOrder, InvalidOption, UnknownTemplate, UnknownSymbol
      BrokerError      AuthenticationError | ConnectionLost | RateLimited | OrderRejected (NotPermitted) | OutcomeUnknown
      DataError        HistoryMissing, BadTick
    InvalidTransition, InvariantBroken     ours; never caught but at the named boundaries

A message ends where the user can act: "Expected N, was M; do X".
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class TradingError(Exception):
    """Anything that a trader, a broker or the data brought about."""


class UserError(TradingError):
    """The user asked for something that cannot be; the message says what was expected."""


class InvalidOrder(UserError):
    """An order that no exchange would take."""


class InvalidOption(UserError):
    """An unknown or unusable parameter, limit or setting."""


class UnknownTemplate(UserError):
    """No strategy template of that name."""


class UnknownSymbol(UserError):
    """No instrument of that name."""


class BrokerError(TradingError):
    """The broker refused, or could not be reached."""


class AuthenticationError(BrokerError):
    """The session is dead or was never opened: log in."""


class ConnectionLost(BrokerError):
    """Nothing of the request left this machine: it was certainly not placed."""


class RateLimited(BrokerError):
    """The broker asked for fewer requests; nothing was placed."""


class OrderRejected(BrokerError):
    """The broker said a definite no."""


class NotPermitted(OrderRejected):
    """A definite no, because the account, its plan or this machine's address may not do it: asking again does not help."""


class OutcomeUnknown(BrokerError):
    """The request may or may not have been carried out; it must be looked up before anything is sent again."""


class DataError(TradingError):
    """Market data is missing or cannot be true."""


class HistoryMissing(DataError):
    """No bars or ticks for what was asked."""


class BadTick(DataError):
    """A quote that cannot be true: counted, put aside, shown once."""


class InvalidTransition(Exception):
    """An order was asked to go where the state table has no way."""


class InvariantBroken(Exception):
    """A statement that must always hold did not: new risk halts."""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return `; did you mean "x"?` for the nearest known word, or the list of known words when none is near."""
    names = sorted(known)
    near = get_close_matches(word, names, n=1, cutoff=0.6)
    return f'; did you mean "{near[0]}"?' if near else f"; known are: {', '.join(names)}"

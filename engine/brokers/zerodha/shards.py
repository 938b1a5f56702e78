"""Which socket carries which instrument: three sockets of 3,000 are all that Kite gives one account.

Pure. An instrument keeps its socket until it is given back, so that subscribing more moves nothing; sockets are filled one after the
other, for other programs of the same account may want one, too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from engine.core.errors import InvalidOption

SOCKETS = 3
CAPACITY = 3_000
"""Instruments a socket carries."""


class Shards:
    """The socket of every instrument, by token."""

    def __init__(self, sockets: int = SOCKETS, capacity: int = CAPACITY) -> None:
        self._sockets = sockets
        self._capacity = capacity
        self._socket_of: dict[int, int] = {}
        self._load: Counter[int] = Counter()

    def __len__(self) -> int:
        """Count the instruments."""
        return len(self._socket_of)

    def assign(self, tokens: Iterable[int]) -> dict[int, list[int]]:
        """Give each token a socket, or find the one it has; returns tokens by socket.

        Raises InvalidOption, and assigns none, when all sockets together have no room for them.
        """
        wanted = list(dict.fromkeys(tokens))
        total = len(self) + sum(token not in self._socket_of for token in wanted)
        if total > self._sockets * self._capacity:
            raise InvalidOption(
                f"Expected at most {self._sockets * self._capacity:,} instruments on the feed, was {total:,}; unsubscribe some first."
            )
        shares: dict[int, list[int]] = {}
        for token in wanted:
            if token not in self._socket_of:
                self._socket_of[token] = socket = self._first_with_room()
                self._load[socket] += 1
            shares.setdefault(self._socket_of[token], []).append(token)
        return shares

    def release(self, tokens: Iterable[int]) -> dict[int, list[int]]:
        """Give tokens back; returns those that had a socket, by socket."""
        shares: dict[int, list[int]] = {}
        for token in tokens:
            socket = self._socket_of.pop(token, None)
            if socket is not None:
                self._load[socket] -= 1
                shares.setdefault(socket, []).append(token)
        return shares

    def _first_with_room(self) -> int:
        return next(socket for socket in range(self._sockets) if self._load[socket] < self._capacity)

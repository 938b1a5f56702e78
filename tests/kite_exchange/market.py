"""Where prices come from when no test sets them: a seeded walk, or a file played again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from tests.kite_exchange.exchange import Exchange
    from tests.kite_exchange.replay import Tape


class Walk:
    """Every instrument moves by a tick or two, `ticks_per_second` times a second, within its band; waves share the second."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        options = exchange.options
        self._random = np.random.default_rng(options.seed)
        count = len(exchange.board.token)
        moving = min(count, options.moving or count)
        self._waves = [np.arange(first, moving, options.waves) for first in range(options.waves)]
        names = [one.exchange for one in exchange.catalogue.listings]
        self._of_exchange = {name: np.array([one == name for one in names]) for name in set(names)}
        self._step_s = 1 / options.ticks_per_second / options.waves
        self._nth = 0
        exchange.clock.call_later(self._step_s, self._step)

    def _step(self) -> None:
        exchange, board = self._exchange, self._exchange.board
        rows = self._waves[self._nth % len(self._waves)]
        self._nth += 1
        exchange.clock.call_later(self._step_s, self._step)
        if exchange.options.hours:
            rows = rows[self._dealt()[rows]]
        if len(rows) == 0:
            return
        steps = self._random.integers(-2, 3, len(rows))
        pull = np.sign(board.close[rows] - board.last[rows]) * (self._random.random(len(rows)) < 0.02)
        prices = np.clip(board.last[rows] + (steps + pull) * board.tick[rows], board.lower[rows], board.upper[rows])
        exchange.move(rows, np.maximum(prices, board.tick[rows]), self._random.integers(1, 100, len(rows)))

    def _dealt(self) -> np.ndarray:
        """Return which rows' markets are open."""
        days = self._exchange.days
        dealt = np.zeros(len(self._exchange.board.token), bool)
        for name, mask in self._of_exchange.items():
            dealt |= mask & days.is_open(name)
        return dealt


class Replay:
    """A tape of trades, each at its own time."""

    def __init__(self, exchange: Exchange, tape: Tape) -> None:
        self._exchange = exchange
        self._tape = tape
        self._edges = [*np.flatnonzero(np.diff(tape.time_ns, prepend=-1)).tolist(), len(tape.time_ns)]
        self._nth = 0
        while not self.is_over and tape.time_ns[self._edges[self._nth]] <= exchange.clock.now_ns:
            self._remember()
        self._plan()

    def _part(self) -> slice:
        part = slice(self._edges[self._nth], self._edges[self._nth + 1])
        self._nth += 1
        return part

    def _remember(self) -> None:
        """Put into the history what was traded before the exchange began; the last price of it is where it begins."""
        part = self._part()
        tape, exchange = self._tape, self._exchange
        exchange.history.recorder.print(tape.row[part], tape.price[part], tape.quantity[part], int(tape.time_ns[part.start]))
        exchange.board.last[tape.row[part]] = tape.price[part]
        exchange.board.quote_around(tape.row[part])

    def _plan(self) -> None:
        if not self.is_over:
            self._exchange.clock.call_at(int(self._tape.time_ns[self._edges[self._nth]]), self._play)

    def _play(self) -> None:
        part = self._part()
        self._exchange.move(self._tape.row[part], self._tape.price[part], self._tape.quantity[part])
        self._plan()

    @property
    def is_over(self) -> bool:
        """Whether all has been played."""
        return self._nth >= len(self._edges) - 1

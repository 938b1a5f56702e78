"""The exchange as a whole: clock, listings, market, orders, account, sessions. No network here; everything is a plain call.

What it says of its own accord goes to `on_update` (an order's row) and `on_ticks` (rows of the board that moved).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import numpy as np

from tests.kite_exchange.amendments import Amendments
from tests.kite_exchange.board import Board
from tests.kite_exchange.candles import History
from tests.kite_exchange.catalogue import Catalogue, Listing, units
from tests.kite_exchange.clock import IST, SECOND, Clock, read_start
from tests.kite_exchange.days import Days, read_holidays
from tests.kite_exchange.desk import Desk
from tests.kite_exchange.errors import wrong_input
from tests.kite_exchange.gtt import Triggers
from tests.kite_exchange.intake import Intake
from tests.kite_exchange.market import Replay, Walk
from tests.kite_exchange.options import Options
from tests.kite_exchange.orders import Order, update_of
from tests.kite_exchange.purse import Account
from tests.kite_exchange.replay import read_tape
from tests.kite_exchange.sessions import Sessions

START = "2026-11-23 10:00:00"


class Exchange:
    """One exchange and one account in it."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.holidays = read_holidays(options.holidays)
        start_ns = read_start(options.now or START)
        self.catalogue = Catalogue(options.instruments, datetime.fromtimestamp(start_ns / SECOND, IST).date(), self.holidays)
        tape = read_tape(options.replay, self.catalogue, options.replay_ticks) if options.replay else None
        if tape is not None and not options.now:
            start_ns = int(tape.time_ns[0]) - SECOND
        self.clock = Clock(start_ns, options.scale)
        self.board = Board(self.catalogue.listings, options.spread_ticks, options.depth_quantity, start_ns // SECOND)
        for row, price in tape.first.items() if tape is not None else ():
            self.board.start_from(row, price)
        self.taped = set(tape.first) if tape is not None else set()  # rows whose past is the file's
        self.account = Account(self)
        self.intake = Intake(self)
        self.desk = Desk(self)
        self.amendments = Amendments(self)
        self.sessions = Sessions(options, self.clock)
        self.on_update: Callable[[dict[str, Any]], None] = lambda update: None
        self.on_ticks: Callable[[np.ndarray], None] = lambda rows: None
        self.on_session_end: Callable[[str], None] = lambda token: None
        self.redirect_url = options.redirect_url
        self.login_answer = "success"
        self.dumps: dict[str | None, bytes] = {}  # of the day, by exchange
        self.late: list[tuple[float, dict[str, str]]] = []
        self.triggers = Triggers(self)
        self.history = History(self)
        self.market: Walk | Replay | None = None
        if tape is not None:
            self.market = Replay(self, tape)
        elif options.market == "walk":
            self.market = Walk(self)
        self.days = Days(self)

    def listing(self, key: str) -> Listing:
        """Return the listing of `EXCHANGE:SYMBOL`, NSE unless said."""
        found = self.catalogue.by_key.get(key if ":" in key else f"NSE:{key}")
        if found is None:
            raise wrong_input(f"no instrument {key}")
        return found

    # Prices.

    def move(self, rows: np.ndarray, prices: np.ndarray, quantities: np.ndarray) -> None:
        """Print trades (no row twice), let orders meet the new prices, send the ticks."""
        now_ns = self.clock.now_ns
        self.board.trade(rows, prices, quantities, now_ns // SECOND)
        self.history.recorder.print(rows, prices, quantities, now_ns)
        self._after_move(rows)

    def _after_move(self, rows: np.ndarray) -> None:
        self.on_ticks(rows)
        self.desk.on_prices(_among(rows, self.desk.busy_rows()))
        waiting = self.triggers.rows_waiting()
        if waiting:
            self.triggers.on_prices(set(_among(rows, waiting)))

    def set_price(self, key: str, price: str | float, quantity: int = 1) -> None:
        """Let one instrument trade at a price in rupees."""
        row = self.listing(key).row
        self.move(np.array([row]), np.array([units(price)]), np.array([quantity]))

    def set_depth(self, key: str, buy: Sequence[Sequence[float]], sell: Sequence[Sequence[float]]) -> None:
        """Show these levels, (price in rupees, quantity[, orders]), and let orders meet them."""
        sides = [[(units(level[0]), int(level[1]), int(level[2]) if len(level) > 2 else 1) for level in side] for side in (buy, sell)]
        row = self.listing(key).row
        self.board.set_depth(row, *sides)
        self.board.exchange_time[row] = self.clock.now_ns // SECOND
        self._after_move(np.array([row]))

    def end_session(self, token: str = "") -> None:
        """End one session, or all, and what hangs on it."""
        self.sessions.kill(token)
        self.on_session_end(token)

    # Orders.

    def publish(self, row: dict[str, Any]) -> None:
        """Send the update of an order."""
        self.on_update(update_of(row, self.options.user_id, 1, self.options.api_secret))

    def late_ns(self, order: Order) -> int:
        """Return how long an order stays out of sight in the order book, by what a test has asked for."""
        row = order.row()
        for wish in self.late:
            if all(str(row.get(name)) == value for name, value in wish[1].items()):
                self.late.remove(wish)
                return int(wish[0] * SECOND)
        return 0

    def visible(self) -> list[Order]:
        """Return the orders that the order book shows by now."""
        return [order for order in self.desk.orders.values() if order.visible_ns <= self.clock.now_ns]


def _among(rows: np.ndarray, wanted: set[int]) -> list[int]:
    """Return those of the rows that are wanted, in their order."""
    return [row for row in rows.tolist() if row in wanted] if wanted else []

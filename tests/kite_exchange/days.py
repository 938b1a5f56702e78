"""The course of a day: opening, close, the morning after. Hours are minutes of the day in India."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

from tests.kite_exchange.clock import SECOND, day_ns

if TYPE_CHECKING:
    from tests.kite_exchange.exchange import Exchange

HOURS = {"NSE": (555, 930), "BSE": (555, 930), "NFO": (555, 940), "BFO": (555, 940), "CDS": (540, 1020), "BCD": (540, 1020)}
LONG_HOURS = (540, 1410)
MORNING = 360  # sessions end, the books of a new day are opened


def hours_of(exchange: str) -> tuple[int, int]:
    """Return opening and end of an exchange's session."""
    return HOURS.get(exchange, LONG_HOURS)


def read_holidays(text: str) -> frozenset[date]:
    """Read dates with commas between them."""
    return frozenset(date.fromisoformat(one.strip()) for one in text.split(",") if one.strip())


class Days:
    """Opens and closes the market, and turns the day over at six in the morning."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._plan()

    def is_open(self, name: str) -> bool:
        """Whether an exchange deals now: a working day, inside its hours."""
        now = self._exchange.clock.ist()
        start, end = hours_of(name)
        return self.is_working(now.date()) and start <= now.hour * 60 + now.minute < end

    def is_working(self, day: date) -> bool:
        """Whether the market opens on a day."""
        return day.weekday() < 5 and day not in self._exchange.holidays

    def _plan(self) -> None:
        """Set the timers of the day that is on, up to the next morning."""
        clock = self._exchange.clock
        now = clock.ist()
        day = now.date() if now.hour * 60 + now.minute >= MORNING else now.date() - timedelta(days=1)
        clock.call_at(day_ns(day + timedelta(days=1)) + MORNING * 60 * SECOND, self._morning)
        if not self._exchange.options.hours or not self.is_working(day):
            return
        for name in sorted({one.exchange for one in self._exchange.catalogue.listings}):
            start, end = (day_ns(day) + minute * 60 * SECOND for minute in hours_of(name))
            if start > clock.now_ns:
                clock.call_at(start, lambda name=name: self._exchange.desk.release_amo(name))  # type: ignore[misc]
            if end > clock.now_ns:
                clock.call_at(end, lambda name=name: self._exchange.desk.end_day(name))  # type: ignore[misc]

    def _morning(self) -> None:
        self.turn()
        if self._exchange.options.sessions_expire:
            self._exchange.end_session()
        self._plan()

    def turn(self) -> None:
        """Close the day: MIS is squared off, orders end, shares are delivered, what is carried becomes overnight."""
        exchange = self._exchange
        self.square_off()
        exchange.desk.end_day()
        exchange.account.settle()
        exchange.desk.forget()
        exchange.board.start_day()
        exchange.dumps.clear()

    def square_off(self) -> list[str]:
        """Close every MIS position at the market, as the broker does; returns the order numbers."""
        made = []
        for one in list(self._exchange.account.positions.values()):
            if one.product == "MIS" and one.net:
                form = {
                    "exchange": one.listing.exchange,
                    "tradingsymbol": one.listing.symbol,
                    "transaction_type": "SELL" if one.net > 0 else "BUY",
                    "product": "MIS",
                    "order_type": "MARKET",
                }
                order = self._exchange.intake.order_of("regular", form, abs(one.net), app_id=0)
                self._exchange.desk.accept(order)
                made.append(order.order_id)
        return made

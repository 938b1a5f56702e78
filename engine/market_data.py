"""What the market says now: every tick on the quote board, every closed bar told once, bad ticks put aside and counted.

The only writer of the board. Within a frame the board is complete before anyone is told; minutes are told before larger bars.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from datetime import date
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Signal

from engine.bar_builder import BarBuilder, Frame
from engine.bar_tape import BarTape
from engine.clock import Clock
from engine.core import frames
from engine.core.bars import MINUTE_NS, SECOND_NS, resample
from engine.core.belief import belief_in
from engine.core.errors import UnknownSymbol, did_you_mean
from engine.core.model import Bar, Instrument, Quote
from engine.core.records import Rows
from engine.staleness import Staleness
from engine.view import QuoteBoard

if TYPE_CHECKING:
    from engine.calendar import Calendar

_EPOCH = date(1970, 1, 1).toordinal()
_NSE_OPEN_NS = (9 * 60 + 15) * MINUTE_NS
_NSE_CLOSE_NS = (15 * 60 + 30) * MINUTE_NS

REASONS = {
    frames.UNKNOWN_TOKEN: "an instrument that nobody subscribed",
    frames.NOT_A_PRICE: "a price that is not a positive number",
    frames.JUMP: "a jump that no second tick confirmed",
    frames.CROSSED: "a best bid above the best ask",
    frames.OUTSIDE: "a price outside the widest band that the exchange has around the close of the day before",
    frames.WRONG_TIME: "a time that lies in the future, or before that of a tick that came earlier",
}
"""Why a tick was put aside."""


class MarketDataHandler(QObject):
    """Quotes, bars and the state of the market, for whoever asks."""

    ticks_received = Signal(object)
    """NDArray of the slots that a frame changed."""
    bars_closed = Signal(int, object)
    """Interval in seconds, BAR rows (`instrument` is the slot)."""
    minutes_over = Signal(object)
    """A moment (int, ns) by which all bars that had ended were told."""
    tick_rejected = Signal(str)
    """One sentence, the first time an instrument sends such a tick."""

    def __init__(
        self,
        board: QuoteBoard,
        clock: Clock,
        calendar: Calendar | None = None,
        parent: QObject | None = None,
        *,
        max_jump_pct: float = 10.0,
    ) -> None:
        """`max_jump_pct`: a larger change between two ticks needs a second tick to be believed; 0 believes all (replayed data)."""
        super().__init__(parent)
        self.board = board
        self.ticks = 0
        """Ticks received, good and bad."""
        self.rejected: Counter[str] = Counter()
        """Ticks put aside, by reason."""
        self._clock = clock
        self._calendar = calendar
        self._max_jump = max_jump_pct / 100.0
        self._builder = BarBuilder(board, self._open_of)
        self._tape = BarTape()
        self._told: set[tuple[int, int]] = set()
        self._doubted: set[int] = set()
        self._staleness = Staleness(calendar)
        self._followed: set[int] = set()

    def subscribe(self, instruments: Iterable[Instrument]) -> list[int]:
        """Listen to these from now on; returns their slots on the board."""
        now_ns = self._clock.now_ns()
        slots = []
        for instrument in instruments:
            slot = self.board.add(instrument)
            self._builder.watch(slot, instrument, now_ns, belief_in(instrument, self._max_jump))
            slots.append(slot)
        self._tape.make_room(len(self.board))
        return slots

    def unsubscribe(self, instruments: Iterable[Instrument]) -> None:
        """Listen to these no more; their last quotes stay on the board."""
        for instrument in instruments:
            self._builder.forget(instrument.token)

    def is_subscribed(self, instrument: Instrument) -> bool:
        """Tell whether its ticks are listened to."""
        return self._builder.is_watched(instrument.token)

    def want_interval(self, slot: int, interval_s: int) -> None:
        """Tell closed bars of this interval, too; raises InvalidOption unless it is whole minutes."""
        self._builder.want(slot, interval_s, self._clock.now_ns())
        self._followed.add(slot)

    def seed(self, slot: int, minutes: Rows) -> None:
        """Fill in minute bars of history that end where the ticks begin, so that the bars being made are whole."""
        self._builder.seed(slot, minutes)
        self._tape.fill_in(slot, minutes)

    def interrupt(self, tokens: Iterable[int], from_ns: int, to_ns: int) -> list[int]:
        """Take note that nothing was heard of these for a while; returns the slots whose bars somebody waits for, for `mend` to fill.

        A break inside one minute needs no mending: what the next tick tells of the day's volume makes up for it.
        """
        if from_ns // MINUTE_NS == to_ns // MINUTE_NS:
            return []
        missed = set(tokens)
        slots = [slot for slot, one in enumerate(self.board.instruments) if one.token in missed and self.is_subscribed(one)]
        for slot in slots:
            self._builder.interrupt(slot, to_ns)
        return [slot for slot in slots if slot in self._followed]

    def mend(self, slot: int, minutes: Rows, from_ns: int) -> None:
        """Take an instrument's minutes of today from history (BAR rows, oldest first) and tell the bars that ended after `from_ns`.

        What was told before it was whole is told again; whoever decides on bars passes over those that he knows.
        """
        if len(minutes) == 0:
            return
        self._tape.fill_in(slot, minutes)
        own = self._tape.of(slot)
        rows = np.concatenate([minutes, own[own["time_ns"] > minutes["time_ns"][-1]]])
        rows["instrument"] = slot
        for interval_s, bars in [(60, rows[: len(minutes)]), *self._builder.mend(slot, rows)]:
            late = bars[bars["time_ns"] + interval_s * SECOND_NS > from_ns]
            if len(late):
                self.bars_closed.emit(interval_s, late)

    def on_ticks(self, ticks: Rows) -> None:
        """Take a frame of TICK rows in order of arrival; tells the changed slots, then the bars that closed by it."""
        if len(ticks) == 0:
            return
        frame = self._builder.take(ticks, self._clock.now_ns())
        self.ticks += len(ticks)
        if self._doubted:
            self._believe_again(frame.changed)
        if frame.refused:
            self._put_aside(ticks, frame)
        if len(frame.changed):
            self.ticks_received.emit(frame.changed)
        if len(frame.closed):
            self._tell(frame.closed, 0)

    def on_time(self, time_ns: int) -> None:
        """Close the bars that ended by then, also those that a hole in the data left open."""
        if self._builder.is_due(time_ns):
            self._tell(self._builder.close_minutes(time_ns), time_ns)
            self.minutes_over.emit(time_ns)

    def quote(self, symbol: str) -> Quote:
        """Return the latest of `RELIANCE` or `NSE:RELIANCE`; raises UnknownSymbol when it is not watched."""
        return self.board.quote(self.slot_of(symbol))

    def slot_of(self, symbol: str) -> int:
        """Return the slot of a symbol or key; raises UnknownSymbol with the nearest one."""
        known: dict[str, int] = {}
        for slot, instrument in enumerate(self.board.instruments):
            known.setdefault(instrument.symbol, slot)
            known[instrument.key] = slot
        if symbol not in known:
            raise UnknownSymbol(f'"{symbol}" is not watched{did_you_mean(symbol, known)}; subscribe it first.')
        return known[symbol]

    def history(self, symbol: str, interval_s: int = 60) -> Rows:
        """Return the closed minutes of this session as bars of an interval (BAR rows, oldest first; the last may not be over yet)."""
        return resample(self._tape.of(self.slot_of(symbol)), interval_s)

    def ohlc(self, symbol: str, interval_s: int = 60, count: int = 100) -> list[Bar]:
        """Return the last bars of `history` as records."""
        instrument = self.board.instruments[self.slot_of(symbol)]
        return [to_bar(row, instrument, interval_s) for row in self.history(symbol, interval_s)[-count:]]

    def on_tick(self, callback: Callable[[Quote], None], symbols: Iterable[str] = ()) -> Callable[[], None]:
        """Call back with the Quote of every change, of all or of the given symbols; returns what ends it.

        The callback runs in the caller's process, on the loop: it must return quickly.
        """
        wanted = {self.slot_of(symbol) for symbol in symbols}

        def on_slots(slots: NDArray[np.int64]) -> None:
            for slot in slots.tolist():
                if not wanted or slot in wanted:
                    callback(self.board.quote(slot))

        def end() -> None:
            self.ticks_received.disconnect(on_slots)

        self.ticks_received.connect(on_slots)
        return end

    def stale(self) -> list[Instrument]:
        """List what is watched and has had no tick for too long while its market traded: 5 s for what trades briskly, 30 s for the rest."""
        board = self.board
        stale = self._staleness.stale(board.instruments, board.time_ns[: len(board)], self._clock.now_ns())
        return [board.instruments[slot] for slot in np.flatnonzero(stale) if self.is_subscribed(board.instruments[slot])]

    def is_market_open(self, symbol: str | None = None) -> bool:
        """Tell whether the market trades now: that of the symbol, or else NSE's by its usual hours."""
        now_ns = self._clock.now_ns()
        if self._calendar is not None:
            instrument = None if symbol is None else self.board.instruments[self.slot_of(symbol)]
            return self._calendar.is_open(instrument, now_ns)
        local_ns = now_ns + frames.IST_OFFSET_NS
        is_weekday = (local_ns // frames.DAY_NS + 3) % 7 < 5
        return is_weekday and _NSE_OPEN_NS <= local_ns % frames.DAY_NS < _NSE_CLOSE_NS

    def _open_of(self, instrument: Instrument, day: int) -> int:
        """Return the open of the day's session; 09:15 when no calendar tells."""
        if self._calendar is not None and day > 0:
            sessions = self._calendar.sessions(instrument, date.fromordinal(_EPOCH + day))
            if sessions:
                return int(sessions[0][0])
        return day * frames.DAY_NS - frames.IST_OFFSET_NS + _NSE_OPEN_NS

    def _tell(self, minutes: Rows, time_ns: int) -> None:
        if len(minutes):
            self._tape.add(minutes)
            self.bars_closed.emit(60, minutes)
        for interval_s, rows in self._builder.close_larger(minutes, time_ns):
            self.bars_closed.emit(interval_s, rows)

    def _believe_again(self, slots: NDArray[np.int64]) -> None:
        """Take the mark from quotes that a believed tick has renewed."""
        renewed = self._doubted.intersection(slots.tolist())
        for slot in renewed:
            self.board.is_doubted[slot] = False
        self._doubted -= renewed

    def _put_aside(self, ticks: Rows, frame: Frame) -> None:
        """Count bad ticks, and mark the quotes that they leave as they were; the first of its kind from an instrument is told."""
        # Told by the last tick of each instrument: one that was believed after it has renewed the quote.
        last = dict(zip(frame.slots[: len(ticks)].tolist(), frame.verdicts[: len(ticks)].tolist(), strict=True))
        for slot, verdict in last.items():
            if slot >= 0 and verdict:
                self.board.is_doubted[slot] = True
                self._doubted.add(slot)
        for i in np.flatnonzero(frame.verdicts[: len(ticks)]):
            reason, token = int(frame.verdicts[i]), int(ticks["instrument_token"][i])
            self.rejected[REASONS[reason]] += 1
            if (token, reason) not in self._told:
                self._told.add((token, reason))
                slot = int(frame.slots[i])
                name = self.board.instruments[slot].key if slot >= 0 else f"token {token}"
                self.tick_rejected.emit(f"Put aside a tick of {name} at {ticks['last_price'][i]:g}: {REASONS[reason]}.")


def to_bar(row: Rows, instrument: Instrument, interval_s: int) -> Bar:
    """Turn a BAR row into the record that the screen and a plain-Python strategy see."""
    return Bar(
        instrument,
        interval_s,
        int(row["time_ns"]),
        int(row["session_minute"]),
        float(row["open"]),
        float(row["high"]),
        float(row["low"]),
        float(row["close"]),
        float(row["volume"]),
        float(row["oi"]),
    )

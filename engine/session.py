"""One account at one broker: builds the managers, wires them, and is the one door through which orders go.

The circuit on one screen: ticks -> quotes and bars -> marks; updates -> orders -> fills -> positions -> risk; and each to the view.
Verbs go down by call, facts come up by signal; a check is never a signal.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from numpy.typing import NDArray
from PySide6.QtCore import Qt, Signal, SignalInstance

from engine.closing import Closer
from engine.completing import completed, showable
from engine.core.errors import InvalidOrder, UnknownSymbol, did_you_mean
from engine.core.model import (
    HAND,
    Instrument,
    LinkState,
    Order,
    OrderChange,
    OrderRequest,
    OrderStatus,
    OrderUpdate,
    Position,
    Product,
    Purpose,
    TradingState,
)
from engine.core.reconciliation import Report
from engine.core.records import Row, Rows
from engine.exits.desk import Exits
from engine.exits.elsewhere import ClosedElsewhere
from engine.guard import Guard
from engine.kill.gate import Gate
from engine.kill.outside import Outside
from engine.kill.switch import KillSwitch
from engine.protection import DELIVERED
from engine.risk_limits import FIRST as UNSOUND
from engine.session_life import SessionLife
from engine.session_parts import SessionParts


class TradingSession(SessionParts):
    """The account, while it trades."""

    killed = Signal(str)
    """The kill switch was pressed, here or by another process; why."""

    def __init__(self, *args: Any, **options: Any) -> None:
        """Build and wire the managers; takes what `SessionParts` takes. Nothing is read or sent before `open`."""
        super().__init__(*args, **options)
        self.report: Report | None = None
        self.guard = Guard(self, self.orders, self.positions)
        self.guard.stop_first = DELIVERED if self.desk.is_live else frozenset()
        self.closer = Closer(self, self.orders, self.positions, self.risk, self.tasks, self.clock)
        self.life = SessionLife(self, self, self.guard, self.closer)
        self.elsewhere = ClosedElsewhere(self, self.guard, self.orders, self.positions)
        self.exits = Exits(self, self, self.guard, self.closer, self.life.tell)
        self.switch = KillSwitch(self, self, self.guard, self.life.tell, self.on_order_update)
        self.switch.flattening.is_busy = self.exits.is_busy
        self.outside = Outside(self, self.switch, self.kill)
        self._wire()

    def _wire(self) -> None:
        """Connect the circuit; where two listen, the one that others rely on comes first."""
        _connect(self.market_data.ticks_received, self._on_quotes)
        _connect(self.market_data.bars_closed, self._on_bars)
        _connect(self.orders.order_filled, self.positions.on_fill)
        _connect(self.orders.order_changed, self.risk.on_order)
        _connect(self.positions.book_changed, self.life.keep)
        _connect(self.positions.trade_closed, self.life.keep)
        if (view := self.view) is not None:
            _connect(self.orders.order_filled, view.on_fill)
            _connect(self.orders.order_changed, view.on_order)
            _connect(self.positions.position_changed, view.on_position)
            _connect(self.positions.trade_closed, view.on_trade)
            _connect(self.market_data.bars_closed, view.on_bars)
        _connect(self.orders.order_filled, self.guard.on_fill)
        _connect(self.orders.order_changed, self.guard.on_order)
        _connect(self.orders.order_filled, self.elsewhere.on_fill)
        _connect(self.orders.order_filled, self.exits.on_fill)
        _connect(self.orders.order_changed, self.exits.on_order)
        _connect(self.orders.order_changed, self._on_order)
        _connect(self.orders.alarm_raised, self.warn)
        _connect(self.orders.ghost_seen, self._on_ghost)
        _connect(self.orders.doubt_raised, self.life.books.look_again)
        _connect(self.orders.fills_replaced, self.positions.rebuild)
        _connect(self.orders.store_failed, self.life.on_store_failed)
        _connect(self.market_data.tick_rejected, self.life.tell)
        _connect(self.risk.trading_state_changed, self._on_trading_state)
        _connect(self.risk.owner_stopped, self.life.on_owner_stopped)
        _connect(self.risk.told, self.life.tell)
        _connect(self.risk.memory_changed, self.life.keep_memory)
        _connect(self.risk.limits_changed, self.life.on_limits)
        _connect(self.positions.trade_closed, self.risk.on_trade)
        self.orders.submit = self.submit
        self.guard.is_off = lambda: self.risk.state is TradingState.HALTED or self.broker.is_warming_up
        # A replayed market stands still until the session has settled: there nothing can wait for its time.
        gate = Gate(self, self.outside)
        self.orders.guard(gate.why_not, None if self.is_replay else self._turn)
        self.broker.last_look = gate.last_look

    async def open(self) -> Report:
        """Take over what the store remembers, connect, and compare with the broker; new risk is refused until that is done.

        Raises BrokerError when the broker cannot be reached or read: then nothing new may be risked.
        """
        self.switch.take_up()
        self.outside.begin()
        self.exits.triggers.take_up()
        self.report = await self.life.open()
        self.switch.finish()
        self.exits.begin()
        if self.latch.is_kept:
            self.tasks.spawn(self.outside.watch(), "kill switch of other processes", service=True)
        return self.report

    async def close(self) -> None:
        """Let what is on its way end, close the broker, and write down how it ended; orders and positions stay as they are."""
        await self.life.close()

    def submit(self, request: OrderRequest, *, by_hand: bool | None = None) -> Order:
        """Send an order past the rules; returns it as INTENT, or DENIED with the reason. Never raises for risk.

        Raises InvalidOrder for what is no order at all: a field of the wrong kind, such as a side that is a number.

        `by_hand`: asked for by a person; by default when the owner is the trader.
        """
        request, fault = completed(request, self.desk, self.risk.reservations, self.broker.capabilities)
        verdict = self.risk.check(request, by_hand=by_hand, fault=fault)
        order = self.orders.create(showable(request) if verdict.rule == UNSOUND else request, verdict)
        if order.status is OrderStatus.INTENT:
            self.orders.send(order, self.broker)
        return order

    def doubt_of(self, request: OrderRequest) -> str:
        """Say what is unusual about an order by hand, so that the trader confirms it (`is_confirmed`); "" when nothing is."""
        return self.risk.doubt_of(completed(request, self.desk, self.risk.reservations, self.broker.capabilities)[0])

    def modify(self, order_id: str, change: OrderChange) -> Order:
        """Change a working order; raises InvalidOrder when it cannot be changed, or a rule refuses the change."""
        order = self.orders.require_changeable(order_id)
        verdict = self.risk.check_change(order, change)
        if not verdict.is_allowed:
            self.orders.reserve(order_id, verdict.reservation)
            raise InvalidOrder(verdict.reason)
        self.guard.follow(order, change)
        self.risk.count_message()
        return self.orders.modify(order_id, change, self.broker, reservation=verdict.reservation)

    def cancel(self, order_id: str) -> Order:
        """Cancel an order; raises InvalidOrder when it has ended."""
        return self.orders.cancel(order_id, self.broker)

    def cancel_all(self, owner: str | None = None, key: str | None = None) -> list[Order]:
        """Cancel all working orders, protective ones too, of one owner or instrument if given."""
        return [self.cancel(order.id) for order in self.orders.working(owner, key)]

    def flatten(self, owner: str | None = None, key: str | None = None, product: Product | None = None) -> list[Order]:
        """Close all positions at market, or those of one owner, instrument or product; returns the exits that left at once."""
        return self.closer.flatten(owner, key, product)

    def kill(self, reason: str, flatten: bool = False) -> None:
        """Stop everything now: latch, cancel all until that is certain, and close all positions only if asked; stays so until `rearm`."""
        self.switch.press(reason, flatten=flatten)
        self.killed.emit(reason)

    def rearm(self, reason: str) -> None:
        """Take the kill switch and other stops back, for a reason that is kept; raises UserError without one. Nothing is placed again."""
        self.switch.take_back(reason)

    def position(self, instrument: Instrument | str, product: Product = Product.MIS, owner: str = "") -> Position:
        """Return what an owner holds, or the net (owner ""); raises UnknownSymbol for a key that nobody watches."""
        return self.positions.position(self.instrument(instrument), product, owner)

    def instrument(self, wanted: Instrument | str) -> Instrument:
        """Return the instrument of a key such as NSE:RELIANCE; raises UnknownSymbol with the nearest one."""
        if isinstance(wanted, Instrument):
            return wanted
        slot = self.board.slot(wanted)
        if slot is None:
            raise UnknownSymbol(f'"{wanted}" is not watched{did_you_mean(wanted, [i.key for i in self.board.instruments])}')
        return self.board.instruments[slot]

    def trail(self, bar: Row, instrument: Instrument, product: Product, owner: str) -> None:
        """Draw an owner's trailing stop after a closed bar of its interval; to be called after it has decided."""
        self.guard.trail(instrument, product, owner, float(bar.high), float(bar.low))

    async def subscribe(self, instruments: Iterable[Instrument]) -> list[int]:
        """Watch instruments; returns their rows on the board."""
        wanted = list(instruments)
        slots = self.market_data.subscribe(wanted)
        await self.broker.subscribe(wanted)
        return slots

    def on_ticks(self, ticks: Rows) -> None:
        """Take a frame of TICK rows from the broker."""
        self.life.on_clock()
        self.market_data.on_ticks(ticks)

    def on_time(self, time_ns: int) -> None:
        """Take the market's time: intraday positions are squared off first, then bars close and strategies decide."""
        self.life.on_clock()
        if not self.broker.is_warming_up:
            if self.is_replay:
                self._look()
            self.closer.square_off()
            self.exits.timed.on_time(time_ns)
            if self.guard.has_expired:
                self.guard.rearm(self.risk.desk.is_open)
        self.market_data.on_time(time_ns)

    def on_order_update(self, update: OrderUpdate) -> None:
        """Take what the broker says of an order; during reconciliation it waits its turn."""
        if not self.life.books.holds_back(update):
            self.orders.on_update(update)

    def on_link(self, state: LinkState, reason: str) -> None:
        """Take a change of the connection: without one only exits pass, and after one the books are compared again."""
        self.life.on_link(state, reason)

    def on_gap(self, tokens: Sequence[int], from_ns: int, to_ns: int) -> None:
        """Take note of what a broken connection missed; the bars that strategies wait for are filled in from history."""
        self.mender.on_gap(tokens, from_ns, to_ns)

    def acknowledge(self, key: str) -> bool:
        """Let an instrument be traded again whose position differed from the broker's; tells whether it waited for that."""
        return self.life.books.acknowledge(key)

    async def compare(self) -> Report:
        """Compare the books with the broker's now; raises BrokerError when that cannot be done."""
        return await self.life.books.compare("asked")

    async def settle(self) -> None:
        """Wait until all orders, changes and cancels that were asked for are answered."""
        await self.tasks.settle()

    def working_in(self, key: str, product: Product, owner: str) -> list[Order]:
        """List an owner's working orders in an instrument and product."""
        return self.orders.working_in(key, product, owner)

    def move_order(self, order_id: str, change: OrderChange, purpose: Purpose) -> None:
        """Change a protective order without asking the rules: it only follows the position."""
        self.risk.count_message()
        self.orders.modify(order_id, change, self.broker, purpose=purpose)

    def warn(self, text: str) -> None:
        """Tell the trader what must be looked at."""
        self.life.tell(text, "critical")

    def _on_quotes(self, slots: NDArray[Any]) -> None:
        if self.positions.mark(self.board):
            if not self.is_replay:
                self._look()
            self.life.publish_soon()
        if self.view is not None:
            self.view.on_ticks(slots, self.clock.now_ns())

    def _look(self) -> None:
        """Look at equity: it may be a new peak, or a loss too many."""
        self.positions.note_peak()
        self.risk.look()

    def _on_bars(self, interval_s: int, bars: Rows) -> None:
        """Draw the trader's own trailing stops after each minute; a strategy draws its own after it has decided."""
        for key, products in self.guard.trailing(HAND).items() if interval_s == 60 else ():
            for bar in bars[bars["instrument"] == self.board.slot(key)]:
                for product in products:
                    self.trail(bar, self.instrument(key), product, HAND)

    def _on_order(self, order: Order) -> None:
        if order.status.is_working and not self.risk.counts(order):
            self.orders.reserve(order.id, self.risk.adopt(order))
        self.life.books.on_order(order)
        self.life.publish_soon()

    def _on_ghost(self, order: Order) -> None:
        self.cancel(order.id)

    async def _turn(self) -> None:
        """Wait until one more message is within the rate."""
        while (wait_s := self.risk.wait_s()) > 0.0:
            await self.clock.sleep(wait_s)
        self.risk.count_message()

    def _on_trading_state(self, state: TradingState) -> None:
        if state is not TradingState.HALTED:
            self.guard.enforce_all()
        if self.report is not None:  # that it stands still while the books are compared is no news
            self.life.tell(f"The account is {state.value}{': ' + self.risk.reason if self.risk.reason else ''}.", "warning")
        self.life.publish_soon()


def _connect(signal: SignalInstance, slot: Any) -> None:
    signal.connect(slot, Qt.ConnectionType.DirectConnection)

"""What the screen may see of the engine: the latest of everything, and a past-tense signal when it changes.

Widgets read it and connect to it; they cannot send anything through it. The managers are its only writers.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Signal

from engine.core.alerts import Alert, AlertEvent
from engine.core.model import (
    SAFE_MODE,
    Account,
    BackupInfo,
    Fill,
    Instrument,
    LinkState,
    LogLine,
    Order,
    OrderRequest,
    Phase,
    Position,
    Quote,
    RiskStatus,
    StrategyStatus,
    Trade,
)
from engine.core.reconciliation import Report
from engine.core.records import BAR, Rows
from engine.core.registry import Template

KEPT_LOG_LINES = 5_000
KEPT_REPORTS, KEPT_EVENTS = 50, 500


class QuoteBoard:
    """The latest quote of every instrument, one array per column; an instrument's row is its slot.

    MarketDataHandler is the only writer. `version[slot]` grows with every change, so a reader finds what is new by comparing.
    """

    COLUMNS = (
        "last_price",
        "open",
        "high",
        "low",
        "close",
        "average_price",
        "bid",
        "ask",
        "bid_quantity",
        "ask_quantity",
        "last_quantity",
        "volume",
        "oi",
    )

    def __init__(self, capacity: int = 256) -> None:
        """Make room for that many instruments; it grows by itself."""
        self.instruments: list[Instrument] = []
        self._slots: dict[str, int] = {}
        self._allocate(capacity)

    def _allocate(self, capacity: int) -> None:
        for name in self.COLUMNS:
            self._grow(name, np.zeros(capacity, dtype=np.float64))
        self._grow("time_ns", np.zeros(capacity, dtype=np.int64))
        self._grow("version", np.zeros(capacity, dtype=np.int64))
        self._grow("is_doubted", np.zeros(capacity, dtype=np.bool_))
        self._grow("depth_price", np.zeros((capacity, 2, 5), dtype=np.float64))
        self._grow("depth_quantity", np.zeros((capacity, 2, 5), dtype=np.int64))
        self._grow("forming", np.zeros(capacity, dtype=BAR))

    def _grow(self, name: str, fresh: NDArray[Any]) -> None:
        old = getattr(self, name, None)
        if old is not None:
            fresh[: len(old)] = old
        setattr(self, name, fresh)

    last_price: NDArray[np.float64]
    open: NDArray[np.float64]
    high: NDArray[np.float64]
    low: NDArray[np.float64]
    close: NDArray[np.float64]
    average_price: NDArray[np.float64]
    bid: NDArray[np.float64]
    ask: NDArray[np.float64]
    bid_quantity: NDArray[np.float64]
    ask_quantity: NDArray[np.float64]
    last_quantity: NDArray[np.float64]
    volume: NDArray[np.float64]
    oi: NDArray[np.float64]
    time_ns: NDArray[np.int64]
    """When the quote was received, by the session's clock; 0 before the first."""
    version: NDArray[np.int64]
    is_doubted: NDArray[np.bool_]
    """The latest tick could not be true and was put aside: the quote is the one before it."""
    depth_price: NDArray[np.float64]
    depth_quantity: NDArray[np.int64]
    forming: Rows
    """The minute bar that is being made, per slot; volume 0 and time_ns 0 before the first tick."""

    def __len__(self) -> int:
        """Count the instruments."""
        return len(self.instruments)

    def add(self, instrument: Instrument) -> int:
        """Give the instrument a slot, or return the one it has."""
        slot = self._slots.get(instrument.key)
        if slot is None:
            slot = len(self.instruments)
            if slot == len(self.last_price):
                self._allocate(2 * slot)
            self.instruments.append(instrument)
            self._slots[instrument.key] = slot
        return slot

    def slot(self, key: str) -> int | None:
        """Return the slot of `EXCHANGE:SYMBOL`, or None when it was never added."""
        return self._slots.get(key)

    def quote(self, slot: int) -> Quote:
        """Return the latest of one instrument as a record."""
        bids, asks = (
            [(float(p), int(q)) for p, q in zip(self.depth_price[slot, s], self.depth_quantity[slot, s], strict=True) if q] for s in (0, 1)
        )
        return Quote(
            instrument=self.instruments[slot],
            last_price=float(self.last_price[slot]),
            open=float(self.open[slot]),
            high=float(self.high[slot]),
            low=float(self.low[slot]),
            close=float(self.close[slot]),
            volume=int(self.volume[slot]),
            average_price=float(self.average_price[slot]),
            oi=int(self.oi[slot]),
            bid=float(self.bid[slot]),
            ask=float(self.ask[slot]),
            bid_quantity=int(self.bid_quantity[slot]),
            ask_quantity=int(self.ask_quantity[slot]),
            bids=tuple(bids),
            asks=tuple(asks),
            time_ns=int(self.time_ns[slot]),
            is_doubted=bool(self.is_doubted[slot]),
        )


@dataclass(frozen=True, slots=True)
class StrategyFile:
    """A strategy file of the trader's, as it was read."""

    path: str
    """As it was given."""
    template: Template | None = None
    """What it can be run with; None when it cannot be read."""
    findings: tuple[str, ...] = ()
    """What in it is worth a look, a sentence with its lines each."""
    fault: str = ""


class EngineView(QObject):
    """The read model of the whole engine."""

    ticks_received = Signal(object)
    """NDArray of the slots that changed, once a frame of the feed."""
    bars_closed = Signal(int, object)
    """Interval in seconds, BAR rows that just closed (`instrument` is the board's slot)."""
    history_loaded = Signal(str, int, object)
    """Key, interval in seconds, BAR rows: the answer to an action that asked for them."""
    order_changed = Signal(object)
    order_filled = Signal(object)
    trade_closed = Signal(object)
    position_changed = Signal(object)
    account_changed = Signal(object)
    risk_changed = Signal(object)
    strategy_changed = Signal(object)
    strategy_removed = Signal(str)
    link_changed = Signal(object, str)
    phase_changed = Signal(object, str)
    """Phase, and how it reads with its countdown ("continuous, closes in 2:14:05")."""
    log_added = Signal(object)
    notice_given = Signal(str, str)
    """Level (info, warning, critical) and one sentence for the trader."""
    book_changed = Signal(object)
    """Position of one owner."""
    alert_changed = Signal(object)
    alert_removed = Signal(str)
    alert_told = Signal(object)
    """AlertEvent: told, counted or acknowledged."""
    addresses_listed = Signal()
    """The kinds of the addresses for messages to afar are known, or others now."""
    reconciled = Signal(object)
    """Report of a comparison with the broker's books."""
    difference_seen = Signal(str)
    """Key of an instrument whose difference somebody has acknowledged."""
    instruments_changed = Signal()
    file_read = Signal(object)
    """StrategyFile: the answer to an action that asked what a file is."""
    cleared = Signal()
    """Everything was forgotten: another session begins."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.board = QuoteBoard()
        self.orders: dict[str, Order] = {}
        self.fills: list[Fill] = []
        self.trades: list[Trade] = []
        self.positions: dict[tuple[str, str], Position] = {}
        """Net positions by (instrument key, product)."""
        self.books: dict[tuple[str, str, str], Position] = {}
        """Positions by (instrument key, product, owner)."""
        self.strategies: dict[str, StrategyStatus] = {}
        self.alerts: dict[str, Alert] = {}
        self.alert_events: dict[str, AlertEvent] = {}
        """What was told, by id, the oldest first; the newest some hundreds."""
        self.reports: deque[Report] = deque(maxlen=KEPT_REPORTS)
        """What comparing with the broker's books has found, the oldest first."""
        self.backups: tuple[BackupInfo, ...] = ()
        """Copies of the database as they were last looked at, the newest first."""
        self.addresses: tuple[str, ...] = ()
        """Kinds of the addresses that far messages go to; never an address."""
        self.addresses_problem = ""
        self.notice_desk: Callable[[str, str], None] | None = None
        """Who counts and sends on what is told, before it is shown; None shows it at once."""
        self.account: Account | None = None
        self.risk: RiskStatus | None = None
        self.link = LinkState.DISCONNECTED
        self.link_reason = ""
        self.phase = Phase.CLOSED
        self.phase_text = ""
        self.mode = "paper"
        """paper, live or replay: what the window's border and status bar show."""
        self.broker_name = ""
        self.now_ns = 0
        """The market's time, as of the last frame."""
        self.log: deque[LogLine] = deque(maxlen=KEPT_LOG_LINES)
        self.templates: tuple[Template, ...] = ()
        self.catalogue: dict[str, Instrument] = {}
        """All known instruments by key; the board holds only those that are subscribed."""
        self.doubt_of: Callable[[OrderRequest], str] | None = None
        """Says what is unusual about an order by hand, so that the trader confirms it; "" when nothing."""
        self.charges_of: Callable[[OrderRequest], int] | None = None
        """What a request would cost in charges if it filled in full, in money units; None until a schedule of charges is known."""

    def find(self, text: str, limit: int = 30) -> list[Instrument]:
        """Find instruments whose symbol or name has the text, those that begin with it first."""
        wanted = text.strip().upper()
        starts = [i for i in self.catalogue.values() if i.symbol.startswith(wanted)]
        holds = [i for i in self.catalogue.values() if wanted in i.symbol[1:] or wanted in i.name.upper()]
        return list(dict.fromkeys(starts + holds))[:limit]

    def last_price(self, key: str) -> float:
        """Return the last price of an instrument, 0 when there is none yet."""
        slot = self.board.slot(key)
        return 0.0 if slot is None else float(self.board.last_price[slot])

    @property
    def is_safe_mode(self) -> bool:
        """Tell whether a bad start holds all new risk back."""
        return self.risk is not None and any(each.control == SAFE_MODE for each in self.risk.restraints)

    def working_orders(self) -> list[Order]:
        """List the orders that may still fill."""
        return [order for order in self.orders.values() if order.status.is_working]

    def set_catalogue(self, instruments: Iterable[Instrument]) -> None:
        """Replace the known instruments."""
        self.catalogue = {instrument.key: instrument for instrument in instruments}
        self.instruments_changed.emit()

    def on_ticks(self, slots: NDArray[np.int64], now_ns: int) -> None:
        """Tell which slots of the board changed."""
        self.now_ns = now_ns
        self.ticks_received.emit(slots)

    def on_bars(self, interval_s: int, bars: Rows) -> None:
        """Repeat closed bars."""
        self.bars_closed.emit(interval_s, bars)

    def on_history(self, key: str, interval_s: int, bars: Rows) -> None:
        """Hand over history that an action asked for."""
        self.history_loaded.emit(key, interval_s, bars)

    def on_order(self, order: Order) -> None:
        """Keep and repeat an order's latest state."""
        self.orders[order.id] = order
        self.order_changed.emit(order)

    def on_fill(self, fill: Fill) -> None:
        """Keep and repeat a fill."""
        self.fills.append(fill)
        self.order_filled.emit(fill)

    def on_trade(self, trade: Trade) -> None:
        """Keep and repeat a round trip."""
        self.trades.append(trade)
        self.trade_closed.emit(trade)

    def on_position(self, position: Position) -> None:
        """Keep and repeat a net position."""
        self.positions[position.instrument.key, position.product] = position
        self.position_changed.emit(position)

    def on_book(self, position: Position) -> None:
        """Keep and repeat what one owner holds."""
        self.books[position.instrument.key, position.product, position.owner] = position
        self.book_changed.emit(position)

    def on_alert(self, alert: Alert) -> None:
        """Keep and repeat how an alert stands."""
        self.alerts[alert.id] = alert
        self.alert_changed.emit(alert)

    def on_alert_removed(self, alert_id: str) -> None:
        """Forget an alert."""
        if self.alerts.pop(alert_id, None) is not None:
            self.alert_removed.emit(alert_id)

    def on_addresses(self, kinds: Iterable[str], problem: str = "") -> None:
        """Keep and tell of what kinds the addresses for messages to afar are, or why they cannot be read."""
        self.addresses, self.addresses_problem = tuple(kinds), problem
        self.addresses_listed.emit()

    def on_alert_event(self, event: AlertEvent) -> None:
        """Keep and repeat what was told, or that it was acknowledged."""
        self.alert_events[event.id] = event
        while len(self.alert_events) > KEPT_EVENTS:
            del self.alert_events[next(iter(self.alert_events))]
        self.alert_told.emit(event)

    def on_report(self, report: Report) -> None:
        """Keep and repeat what a comparison of the books has found."""
        self.reports.append(report)
        self.reconciled.emit(report)

    def on_difference_seen(self, key: str) -> None:
        """Note that the difference of an instrument was acknowledged."""
        if self.reports:
            left = tuple(other for other in self.reports[-1].unacknowledged if other != key)
            self.reports[-1] = replace(self.reports[-1], unacknowledged=left)
        self.difference_seen.emit(key)

    def on_account(self, account: Account) -> None:
        """Keep and repeat the account's figures."""
        self.account = account
        self.account_changed.emit(account)

    def on_risk(self, status: RiskStatus) -> None:
        """Keep and repeat limits and trading state."""
        self.risk = status
        self.risk_changed.emit(status)

    def on_strategy(self, status: StrategyStatus) -> None:
        """Keep and repeat a strategy's state."""
        self.strategies[status.id] = status
        self.strategy_changed.emit(status)

    def on_strategy_file(self, file: StrategyFile) -> None:
        """Repeat what a strategy file is."""
        self.file_read.emit(file)

    def on_strategy_removed(self, strategy_id: str) -> None:
        """Forget a strategy."""
        if self.strategies.pop(strategy_id, None) is not None:
            self.strategy_removed.emit(strategy_id)

    def on_link(self, state: LinkState, reason: str) -> None:
        """Keep and repeat the state of the connection."""
        self.link, self.link_reason = state, reason
        self.link_changed.emit(state, reason)

    def on_phase(self, phase: Phase, text: str) -> None:
        """Keep and repeat the market's phase."""
        self.phase, self.phase_text = phase, text
        self.phase_changed.emit(phase, text)

    def on_log(self, line: LogLine) -> None:
        """Keep and repeat a line of the log."""
        self.log.append(line)
        self.log_added.emit(line)

    def notify(self, level: str, text: str) -> None:
        """Tell the trader one sentence."""
        if self.notice_desk is not None:
            self.notice_desk(level, text)
        else:
            self.notice_given.emit(level, text)

    def clear(self, fills: Sequence[Fill] = ()) -> None:
        """Forget orders, fills, positions and strategies of the session before."""
        self.orders.clear()
        self.fills[:] = fills
        self.trades.clear()
        self.positions.clear()
        self.books.clear()
        self.strategies.clear()
        self.account = None
        self.risk = None
        self.cleared.emit()

"""What happens to orders, strategies and books, in a sentence each, told once: for alerts on events."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, Qt

from engine.core.model import Instrument, Order, OrderStatus, StrategyState, StrategyStatus
from engine.core.reconciliation import Report
from engine.session import TradingSession
from engine.view import EngineView

SUBJECTS = {OrderStatus.REJECTED: ("rejected", "was rejected"), OrderStatus.UNKNOWN: ("unknown", "is of unknown fate")}

OnEvent = Callable[[str, str, Instrument | None], None]
"""Takes the subject of an event alert, the sentence, and which instrument it is about."""


class Events(QObject):
    """Hears one session."""

    def __init__(self, session: TradingSession, view: EngineView, on_event: OnEvent, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._on_event = on_event
        self._told: dict[str, OrderStatus] = {}
        self._faulted: set[str] = set()
        direct = Qt.ConnectionType.DirectConnection
        session.orders.order_changed.connect(self._on_order, direct)
        view.strategy_changed.connect(self._on_strategy, direct)
        view.reconciled.connect(self._on_report, direct)

    def _on_order(self, order: Order) -> None:
        subject = SUBJECTS.get(order.status)
        if subject is None:
            if self._told:
                self._told.pop(order.id, None)
        elif self._told.get(order.id) is not order.status:
            self._told[order.id] = order.status
            word, said = subject
            text = f"The order for {order.instrument.symbol} {said}: {order.message or 'no reason was given'}"
            self._on_event(word, text, order.instrument)

    def _on_strategy(self, status: StrategyStatus) -> None:
        if status.state is not StrategyState.FAULTED:
            self._faulted.discard(status.id)
        elif status.id not in self._faulted:
            self._faulted.add(status.id)
            self._on_event("fault", f"{status.name} failed: {status.last_error or 'see the log'}", None)

    def _on_report(self, report: Report) -> None:
        for difference in report.differences:
            self._on_event("difference", f"The books differed from the broker's: {difference}", difference.instrument)

"""Changes a working order where it stands: quantity, price, trigger, on the tick grid; Ctrl+Enter asks for it, Enter never does.

The order was fixed when the strip was opened. What fills meanwhile shows; what ends the order closes the strip.
"""

from __future__ import annotations

from decimal import Decimal

from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QHBoxLayout, QWidget

from engine.core.grid import is_on_tick
from engine.core.model import Order, OrderChange
from widgets.base import numbers
from widgets.base.inputs import NumberBox
from widgets.base.layouts import GAP, Label, Verb
from widgets.base.theme import Theme


class AmendStrip(QWidget):
    """A row of boxes above the orders; hidden until an order is opened in it."""

    changed = Signal(str, object)
    """Order id and OrderChange."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.order: Order | None = None
        self._title = Label(theme, is_bold=True)
        self.quantity = NumberBox("Quantity")
        self.price = NumberBox("Price", decimals=2)
        self.trigger = NumberBox("Trigger price", decimals=2)
        self._fault = Label(theme, tone="bad")
        self._labels = {box: Label(theme, text, "muted") for box, text in self._boxes().items()}
        row = QHBoxLayout(self)
        row.setContentsMargins(GAP, 2, GAP, 2)
        row.setSpacing(GAP)
        row.addWidget(self._title)
        for box, label in self._labels.items():
            box.setFixedWidth(92)
            row.addWidget(label)
            row.addWidget(box)
            box.value_changed.connect(self._check)
        self._send = Verb(theme, "Change order", "Change the order at the exchange (Ctrl+Enter)", self.send)
        row.addWidget(self._send)
        row.addWidget(Verb(theme, "", "Leave the order as it is (Esc)", self.close_strip, "close"))
        row.addWidget(self._fault, 1)
        self.hide()

    def _boxes(self) -> dict[NumberBox, str]:
        return {self.quantity: "Qty", self.price: "Price", self.trigger: "Trigger"}

    def open(self, order: Order) -> None:
        """Show an order's figures and let them be changed; what it does not have cannot be."""
        self.order = order
        instrument = order.instrument
        self._title.say(f"{order.request.side.name} {instrument.symbol}", order.request.side.name.lower())
        self.quantity.step = self.quantity.low = Decimal(instrument.lot_size)
        for box, value in ((self.price, order.price), (self.trigger, order.trigger_price)):
            box.step = instrument.tick_size
            box.decimals = numbers.decimals_of(instrument.tick_size)
            box.put(value)
            box.setVisible(value is not None)
            self._labels[box].setVisible(value is not None)
        self.quantity.put(order.quantity)
        self.show()
        first = self.price if order.price is not None else self.trigger if order.trigger_price is not None else self.quantity
        first.setFocus()
        first.selectAll()
        self._check()

    def follow(self, order: Order) -> None:
        """Hear of the order's later state; one that is done closes the strip."""
        if self.order is not None and order.id == self.order.id:
            self.order = order
            if order.status.is_terminal:
                self.close_strip()
            else:
                self._check()

    def close_strip(self) -> None:
        """Forget the order and hide."""
        self.order = None
        self.hide()

    @property
    def fault(self) -> str:
        """Say why it cannot be sent; "" when it can."""
        order = self.order
        if order is None:
            return "No order is open."
        quantity, lot = self.quantity.number, order.instrument.lot_size
        if quantity is None or quantity != int(quantity) or quantity % lot or quantity <= order.filled:
            return f"Expected whole lots of {lot} above the {numbers.grouped(order.filled)} filled."
        for box, before in ((self.price, order.price), (self.trigger, order.trigger_price)):
            if before is not None and not _is_price(box.value, order):
                return f"Expected a {box.accessibleName().lower()} on the grid of {order.instrument.tick_size}."
        return "" if self.change != OrderChange() else "Nothing is changed yet."

    @property
    def change(self) -> OrderChange:
        """Return what differs from the order."""
        order = self.order
        if order is None:
            return OrderChange()
        quantity, price, trigger = self.quantity.number, self.price.value, self.trigger.value
        return OrderChange(
            quantity=int(quantity) if quantity is not None and quantity != order.quantity else None,
            price=price if order.price is not None and price != order.price else None,
            trigger_price=trigger if order.trigger_price is not None and trigger != order.trigger_price else None,
        )

    def send(self) -> None:
        """Ask for the change, once, and close; a strip with a fault stays open."""
        if self.order is not None and not self.fault:
            self.changed.emit(self.order.id, self.change)
            self.close_strip()

    def _check(self) -> None:
        fault = self.fault
        self._fault.say(fault, "faint" if fault.startswith("Nothing") else "bad")
        self._send.setEnabled(not fault)

    def event(self, event: QEvent) -> bool:
        """Keep Ctrl+Enter and Esc for the strip."""
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent) and (_is_send(event) or _is_escape(event)):
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if _is_send(event):
            if not event.isAutoRepeat():
                self.send()
        elif _is_escape(event):
            self.close_strip()
        else:
            super().keyPressEvent(event)


def _is_price(value: float | None, order: Order) -> bool:
    return value is not None and value > 0 and is_on_tick(value, float(order.instrument.tick_size))


def _is_send(event: QKeyEvent) -> bool:
    return event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier)


def _is_escape(event: QKeyEvent) -> bool:
    return event.key() == Qt.Key.Key_Escape

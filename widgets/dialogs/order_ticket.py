"""The order ticket: one instrument, fixed when it was opened, and everything one looks at before sending.

Ctrl+Enter sends; Enter goes to the next field and never sends; Esc closes and never trades. After sending it locks for a moment, so
that a trembling hand sends once.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

from PySide6.QtCore import QEvent, Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QCheckBox, QDialog, QFormLayout, QGridLayout, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from engine.core.model import Instrument, OrderType, Phase, Product, Quote, Side, Validity, to_units
from engine.view import EngineView
from widgets.base import numbers
from widgets.base.depth import Depth
from widgets.base.draft import Draft
from widgets.base.frames import Frames
from widgets.base.inputs import NumberBox, Segments
from widgets.base.layouts import Label, Rule
from widgets.base.theme import Theme
from widgets.base.ticket_head import TicketHead

LOCK_MS = 700
AGE_MS = 500
TYPES = (("Market", OrderType.MARKET), ("Limit", OrderType.LIMIT), ("SL", OrderType.SL), ("SL-M", OrderType.SL_M))
PRODUCTS = (("MIS intraday", Product.MIS), ("CNC delivery", Product.CNC), ("NRML carry", Product.NRML))


class OrderTicket(QDialog):
    """A window of its own beside the main one; it blocks nothing."""

    requested = Signal(str, object)

    def __init__(
        self, view: EngineView, theme: Theme, instrument: Instrument, side: Side | int | None = None, parent: QWidget | None = None
    ) -> None:
        """`side` None or 0 leaves it open; the instrument never changes."""
        super().__init__(parent)
        self.view, self.theme, self.instrument = view, theme, instrument
        self._frames = Frames.of(view)
        self._decimals = numbers.decimals_of(instrument.tick_size)
        self._is_locked = False
        self._doubted: Draft | None = None  # what the trader was asked to confirm, and so may send as it stands
        self._doubt = ""
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.head = TicketHead(theme, instrument, Side(side) if side else None)
        self.product: Segments[Product] = Segments(PRODUCTS, name="Product")
        self.order_type: Segments[OrderType] = Segments(TYPES, name="Order type")
        self.validity: Segments[Validity] = Segments([("Day", Validity.DAY), ("IOC", Validity.IOC)], name="Validity")
        lot = Decimal(instrument.lot_size)
        self.quantity = NumberBox("Quantity", step=lot, low=lot)
        self.price, self.trigger = self._price_box("Price"), self._price_box("Trigger price")
        self.stop, self.target, self.minutes = self._price_box("Stop loss"), self._price_box("Target"), NumberBox("Minutes")
        self.levels = Depth(theme, self._decimals)
        self.value, self.charges = Label(theme, numbers.NONE), Label(theme, numbers.NONE)
        self.remark = Label(theme, "", "muted")
        self.keep_open = QCheckBox("Keep open after sending")
        self.send_button, self.close_button = QPushButton(), QPushButton("Close (Esc)")
        self._build()
        self._wire()
        self.quantity.put(lot)
        self.quantity.setFocus()
        self.quantity.selectAll()
        self.refresh()

    def _price_box(self, name: str) -> NumberBox:
        return NumberBox(name, step=self.instrument.tick_size, decimals=self._decimals, low=self.instrument.tick_size)

    def _build(self) -> None:
        self.remark.setWordWrap(True)
        self.remark.setMinimumHeight(2 * self.theme.row_height - 8)
        self.remark.setAlignment(Qt.AlignmentFlag.AlignTop)
        for button in (self.send_button, self.close_button):
            button.setAutoDefault(False)
        for box in (self.price, self.trigger, self.stop, self.target, self.minutes):
            box.setPlaceholderText({self.price: "at market", self.minutes: "never"}.get(box, "none"))
        body = QVBoxLayout()
        body.setContentsMargins(14, 10, 14, 12)
        body.setSpacing(8)
        for choice in (self.product, self.order_type):
            body.addWidget(choice, 0, Qt.AlignmentFlag.AlignLeft)
        body.addLayout(self._fields())
        body.addWidget(Rule(self.theme))
        body.addWidget(self.levels)
        body.addWidget(Rule(self.theme))
        body.addLayout(self._estimate())
        body.addWidget(self.remark)
        foot = QHBoxLayout()
        foot.addWidget(self.keep_open)
        foot.addStretch(1)
        foot.addWidget(self.close_button)
        body.addLayout(foot)
        body.addWidget(self.send_button)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(0)
        outer.addWidget(self.head)
        outer.addLayout(body)
        self.setFixedWidth(max(380, self.sizeHint().width()))

    def _fields(self) -> QGridLayout:
        grid = QGridLayout()
        grid.setHorizontalSpacing(10)
        grid.setVerticalSpacing(6)
        lot = self.instrument.lot_size
        cells = (
            (f"Quantity (lots of {lot})" if lot > 1 else "Quantity", self.quantity, 0, 0),
            ("Price", self.price, 0, 1),
            ("Trigger", self.trigger, 0, 2),
            ("Stop loss, once filled", self.stop, 2, 0),
            ("Target, once filled", self.target, 2, 1),
            ("Validity", self.validity, 2, 2),
            ("Close after, minutes", self.minutes, 4, 0),
        )
        for title, field, row, place in cells:
            grid.addWidget(Label(self.theme, title, "muted"), row, place)
            grid.addWidget(field, row + 1, place)
            grid.setColumnStretch(place, 1)
        return grid

    def _estimate(self) -> QFormLayout:
        form = QFormLayout()
        form.setVerticalSpacing(2)
        for title, label in (("Value", self.value), ("Charges, about", self.charges)):
            label.setAlignment(Qt.AlignmentFlag.AlignRight)
            form.addRow(Label(self.theme, title, "muted"), label)
        return form

    def _wire(self) -> None:
        self.head.side_chosen.connect(self._on_edit)
        for choice in (self.product, self.order_type, self.validity):
            choice.chosen.connect(self._on_edit)
        for box in (self.quantity, self.price, self.trigger, self.stop, self.target, self.minutes):
            box.value_changed.connect(self._on_edit)
        self.levels.price_chosen.connect(self._take_price)
        self.send_button.clicked.connect(self.send)
        self.close_button.clicked.connect(self.reject)
        self.view.ticks_received.connect(self._on_ticks)
        self._lock = QTimer(self)
        self._lock.setSingleShot(True)
        self._lock.setInterval(LOCK_MS)
        self._lock.timeout.connect(self._unlock)
        self._ageing = QTimer(self)
        self._ageing.setInterval(AGE_MS)
        self._ageing.timeout.connect(self._show_quote)
        self._ageing.start()

    @property
    def quote(self) -> Quote | None:
        """The latest quote of the instrument, None before the first."""
        slot = self.view.board.slot(self.instrument.key)
        return None if slot is None else self.view.board.quote(slot)

    @property
    def draft(self) -> Draft:
        """What stands in the fields now."""
        return Draft(
            instrument=self.instrument,
            side=self.head.side,
            quantity=self.quantity.number,
            order_type=self.order_type.value,
            product=self.product.value,
            price=self.price.value,
            trigger=self.trigger.value,
            stop=_wanted(self.stop),
            target=_wanted(self.target),
            validity=self.validity.value,
            minutes=_wanted(self.minutes),
        )

    def send(self) -> None:
        """Ask for the order, once; nothing happens while it has a fault or is locked."""
        quote = self.quote
        draft = self.draft
        if self._is_locked or draft.fault(quote)[1]:
            return
        request = draft.request(quote)
        doubt = "" if self.view.doubt_of is None else self.view.doubt_of(request)
        if doubt and draft != self._doubted:
            self._ask(draft, doubt)
            return
        self._is_locked = True
        self._doubted = None
        self.requested.emit("order.submit", replace(request, is_confirmed=bool(doubt)))
        if self.keep_open.isChecked():
            self._lock.start()
            self.refresh()
        else:
            self.accept()

    def _ask(self, draft: Draft, doubt: str) -> None:
        """Say what is unusual; the next press sends it as it stands, but not one of the same trembling hand."""
        self._doubted, self._doubt = draft, doubt
        self._is_locked = True
        self._lock.start()
        self.refresh()

    def _unlock(self) -> None:
        self._is_locked = False
        self.refresh()

    def _take_price(self, price: float) -> None:
        if self.order_type.value is OrderType.MARKET:
            self.order_type.choose(OrderType.LIMIT)
        box = self.price if self.draft.has_price else self.trigger
        box.put(price)
        box.setFocus()

    def _on_edit(self, _: object = None) -> None:
        draft, quote = self.draft, self.quote
        for box, is_needed in ((self.price, draft.has_price), (self.trigger, draft.has_trigger)):
            box.setEnabled(is_needed)
            if is_needed and box.is_empty and quote is not None and quote.last_price and not box.hasFocus():
                box.put(quote.last_price)
        self.refresh()

    def _on_ticks(self, slots: Any) -> None:
        slot = self.view.board.slot(self.instrument.key)
        if slot is not None and slot in slots:
            self._frames.ask(self.refresh)

    def refresh(self) -> None:
        """Write quote, estimate, remark and button anew."""
        draft, quote = self.draft, self.quote
        self._show_quote()
        field, fault = draft.fault(quote)
        boxes = {"quantity": self.quantity, "price": self.price, "trigger": self.trigger, "stop": self.stop, "target": self.target}
        for name, box in boxes.items():
            box.mark_wrong(name == field)
        self.price.setEnabled(draft.has_price)
        self.trigger.setEnabled(draft.has_trigger)
        advice = draft.advice(quote)
        is_asked = draft == self._doubted
        self.remark.say(fault or (self._doubt if is_asked else advice), "bad" if fault else "warn")
        self._show_estimate(draft, quote, bool(fault))
        self.send_button.setEnabled(not fault and not self._is_locked)
        self.send_button.setText(("Confirm: " * is_asked + self._summary(draft)) if not fault else "Send (Ctrl+Enter)")
        self._paint_side(draft.side.name if draft.side is not None else "")
        self.setWindowTitle(f"{draft.side.name.capitalize() if draft.side else 'Order'} {self.instrument.symbol}")

    def _paint_side(self, side: str) -> None:
        button = self.send_button
        if button.property("side") != side:
            button.setProperty("side", side)
            button.style().unpolish(button)
            button.style().polish(button)

    def _show_quote(self) -> None:
        quote = self.quote
        age = self._frames.age_s(self.view.board.slot(self.instrument.key))
        self.head.show_quote(quote, age, self.view.phase is Phase.CONTINUOUS, self._decimals)
        if quote is not None:
            self.levels.show_quote(quote)

    def _show_estimate(self, draft: Draft, quote: Quote | None, has_fault: bool) -> None:
        reference = draft.reference(quote)
        if has_fault or not reference or draft.quantity is None:
            self.value.say(numbers.NONE)
            self.charges.say(numbers.NONE)
            return
        units = to_units(reference) * int(draft.quantity) * self.instrument.multiplier
        self.value.say(f"₹ {numbers.money(units)}")
        reckon = self.view.charges_of
        self.charges.say(numbers.NONE if reckon is None else f"₹ {numbers.money(reckon(draft.request(quote)))}")

    def _summary(self, draft: Draft) -> str:
        side = draft.side.name if draft.side else ""
        at = numbers.price(draft.price, self._decimals) if draft.has_price else "market"
        if draft.has_trigger:
            at += f", trigger {numbers.price(draft.trigger, self._decimals)}"
        return f"{side} {numbers.grouped(int(draft.quantity or 0))} {self.instrument.symbol} at {at}   (Ctrl+Enter)"

    def event(self, event: QEvent) -> bool:
        """Keep Ctrl+Enter for the ticket."""
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent) and _is_send(event):
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if _is_send(event):
            if not event.isAutoRepeat():
                self.send()
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.focusNextChild()
        else:
            super().keyPressEvent(event)


def _wanted(box: NumberBox) -> float | None:
    return None if box.is_empty else box.value or 0.0


def _is_send(event: QKeyEvent) -> bool:
    return event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier)

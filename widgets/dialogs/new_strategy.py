"""The form for a new strategy: which template on which symbols, how much at what risk, on paper unless said otherwise.

What can be set comes from the templates themselves; a form is filled in, never programmed. What comes out is what a script would
give to the public API. A new strategy stands still until it is started.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QCompleter,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QHBoxLayout,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from engine.core.errors import TradingError
from engine.core.model import Product
from engine.core.registry import Template
from engine.view import EngineView
from widgets.base.file_picker import FilePicker
from widgets.base.inputs import ChoiceBox, NumberBox, Segments, TextBox
from widgets.base.layouts import Label, Rule
from widgets.base.parameters import filled_box, parameter_box, title_of
from widgets.base.theme import Theme

INTERVALS = ((1, "1 minute"), (3, "3 minutes"), (5, "5 minutes"), (15, "15 minutes"), (30, "30 minutes"), (60, "1 hour"))

RISK = (
    ("capital", "Capital, rupees", 100_000.0, 0),
    ("max_risk_per_trade", "Risk per trade, % of capital", 1.0, 2),
    ("max_position_size", "Largest position, % of capital", 20.0, 2),
    ("max_daily_loss", "Largest loss of a day, rupees", 3_000.0, 0),
    ("max_positions", "Open positions at most", 3.0, 0),
)
"""Key of risk_config, title, default, decimals."""

ABOUT_FILES = "A class derived from Strategy, or a compiled template, in a file that only you can write."

FILE = "file"
"""What is chosen instead of a template for a strategy in a file of the trader's."""

LIVE_WARNING = "LIVE: this strategy sends orders with real money as soon as it is started."


class NewStrategyDialog(QDialog):
    """Asks for a strategy; blocks nothing."""

    requested = Signal(str, object)

    def __init__(self, view: EngineView, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.view, self.theme = view, theme
        self.setWindowTitle("New strategy")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.name = TextBox("as it is shown in the order book", name="Name")
        choices = [(template.title, template.name) for template in view.templates]
        self.template = ChoiceBox([*choices, ("A file of your own…", FILE)] if choices else [], name="Template")
        self.place = FilePicker(view)
        self.symbols = TextBox("RELIANCE, TCS", name="Symbols")
        self.interval = ChoiceBox([(title, minutes) for minutes, title in INTERVALS], name="Bar")
        self.product: Segments[Product] = Segments([(p.value, p) for p in (Product.MIS, Product.CNC, Product.NRML)], name="Product")
        self.mode: Segments[str] = Segments([("Paper", "paper"), ("Live", "live")], name="Mode")
        self.sizing: Segments[str] = Segments([("By risk", "risk"), ("Fixed quantity", "fixed")], name="Sizing")
        self.fixed = NumberBox("Fixed quantity")
        self.fixed.put(1)
        self.parameters: dict[str, NumberBox] = {}
        self.risk = {key: filled_box(title, default, decimals) for key, title, default, decimals in RISK}
        self.about = Label(theme, tone="muted")
        self.findings = Label(theme, tone="warn")
        self.fault = Label(theme, tone="bad")
        self.add = QPushButton("Add strategy  (Ctrl+Enter)")
        self._left, self._form = QFormLayout(), QFormLayout()
        self._build()
        self._wire()
        self._show_template()

    def _build(self) -> None:
        for label in (self.about, self.findings, self.fault):
            label.setWordWrap(True)
        self.fault.setMinimumHeight(2 * self.theme.row_height - 8)
        left = self._left
        rows: tuple[tuple[str, QWidget], ...] = (
            ("Template", self.template),
            ("File", self.place),
            ("Name", self.name),
            ("Symbols", self.symbols),
            ("Bar", self.interval),
            ("Product", self.product),
            ("Mode", self.mode),
        )
        for title, field in rows:
            left.addRow(Label(self.theme, title, "muted"), field)
        right = QFormLayout()
        right.addRow(Label(self.theme, "Sizing", "muted"), self.sizing)
        right.addRow(Label(self.theme, "Fixed quantity", "muted"), self.fixed)
        for key, title, _, _ in RISK:
            right.addRow(Label(self.theme, title, "muted"), self.risk[key])
        columns = QHBoxLayout()
        columns.setSpacing(28)
        for form in (left, self._form, right):
            form.setVerticalSpacing(6)
            form.setHorizontalSpacing(10)
            columns.addLayout(form)
        buttons = QDialogButtonBox()
        buttons.addButton(self.add, QDialogButtonBox.ButtonRole.ActionRole)
        close = buttons.addButton("Close (Esc)", QDialogButtonBox.ButtonRole.RejectRole)
        for button in (self.add, close):
            button.setAutoDefault(False)
        buttons.rejected.connect(self.reject)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(16, 14, 16, 12)
        outer.setSpacing(10)
        outer.addWidget(self.about)
        outer.addWidget(Rule(self.theme))
        outer.addLayout(columns)
        outer.addWidget(self.findings)
        outer.addWidget(self.fault)
        outer.addWidget(buttons)

    def _wire(self) -> None:
        words = QCompleter(sorted(key.partition(":")[2] for key, item in self.view.catalogue.items() if item.is_tradable), self)
        words.setCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        self.symbols.setCompleter(words)
        self.template.currentIndexChanged.connect(self._show_template)
        self.place.requested.connect(self.requested)
        self.place.changed.connect(self._show_template)
        for box in (self.name, self.symbols, self.fixed, *self.risk.values()):
            box.textChanged.connect(self._check)
        for choice in (self.sizing, self.mode):
            choice.chosen.connect(self._check)
        self.add.clicked.connect(self.send)

    @property
    def is_file(self) -> bool:
        """Tell whether a file of the trader's is chosen instead of a template."""
        return bool(self.template.currentData() == FILE)

    @property
    def chosen(self) -> Template | None:
        """The template that is chosen, or what the file is; None when there is none."""
        if self.is_file:
            return self.place.file.template if self.place.file is not None else None
        name = self.template.currentData()
        return next((template for template in self.view.templates if template.name == name), None)

    def _show_template(self, _: object = None) -> None:
        """Draw the form of the chosen template."""
        while self._form.rowCount():
            self._form.removeRow(0)
        template = self.chosen
        self.parameters = {}
        self._left.setRowVisible(self.place, self.is_file)
        found = self.place.file.findings if self.is_file and self.place.file is not None else ()
        self.findings.say("\n".join(found))
        self.findings.setVisible(bool(found))
        if template is None:
            self.about.say(ABOUT_FILES if self.is_file else "")
            self.name.setPlaceholderText("as it is shown in the order book")
        else:
            self.about.say(template.title if self.is_file else _told(template))
            for parameter in template.parameters:
                box = self.parameters[parameter.name] = parameter_box(parameter)
                box.textChanged.connect(self._check)
                self._form.addRow(Label(self.theme, title_of(parameter.name), "muted"), box)
            self.name.setPlaceholderText(template.title)
        self._check()

    @property
    def symbol_list(self) -> list[str]:
        """The symbols that were typed, in order, each once."""
        words = (word.strip().upper() for word in self.symbols.text().replace(";", ",").split(","))
        return list(dict.fromkeys(word for word in words if word))

    def problem(self) -> str:
        """Say what keeps it from being added; "" when nothing does."""
        template = self.chosen
        if self.is_file and (problem := self.place.problem):
            return problem
        if template is None:
            return "There are no templates yet: the engine is still starting."
        if not self.symbol_list:
            return "Give at least one symbol."
        catalogue = self.view.catalogue
        unknown = [word for word in self.symbol_list if catalogue and (word if ":" in word else f"NSE:{word}") not in catalogue]
        if unknown:
            return f"Unknown symbol {unknown[0]}: type a part of its name in the market watch to find it."
        wrong = next((box for box in (*self.parameters.values(), *self.risk.values()) if box.number is None), None)
        if wrong is not None:
            return f"{wrong.accessibleName()}: give a number."
        fixed = self.fixed.number
        if self.sizing.value == "fixed" and (fixed is None or fixed < 1 or fixed != int(fixed)):
            return "Give the fixed quantity as a whole number."
        try:
            template.parse(self._given())
        except TradingError as error:
            return str(error)
        return ""

    def _given(self) -> dict[str, float]:
        return {name: float(box.number or 0) for name, box in self.parameters.items()}

    def _check(self, _: object = None) -> None:
        problem = self.problem()
        self.fixed.setEnabled(self.sizing.value == "fixed")
        live = LIVE_WARNING if self.mode.value == "live" else ""
        self.fault.say(problem or live, "muted" if not self.symbol_list else "bad")
        self.add.setEnabled(not problem)

    @property
    def config(self) -> Mapping[str, Any]:
        """What stands in the form, as the public API takes it."""
        template = self.chosen
        size = "risk" if self.sizing.value == "risk" else f"fixed:{int(self.fixed.number or 1)}"
        return {
            "strategy_config": {
                "name": self.name.text().strip() or (template.title if template else ""),
                "strategy_type": self.place.text if self.is_file else template.name if template else "",
                "symbols": self.symbol_list,
                "product": self.product.value.value,
                "sizing": size,
                "parameters": {**self._given(), "scan_interval": self.interval.currentData()},
            },
            "risk_config": {key: float(box.number or 0) for key, box in self.risk.items()},
            "mode": self.mode.value,
        }

    def send(self) -> None:
        """Ask for the strategy and close; a form with a problem stays open."""
        if not self.problem():
            self.requested.emit("strategy.add", self.config)
            self.accept()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            if event.modifiers() & Qt.KeyboardModifier.ControlModifier and not event.isAutoRepeat():
                self.send()
            return
        super().keyPressEvent(event)


def _told(template: Template) -> str:
    module = sys.modules.get(template.on_bar.__module__)
    text = (module.__doc__ if module is not None else None) or template.on_bar.__doc__ or template.title
    return text.strip().splitlines()[0]

"""The form for a backtest: which strategy on which file, how much, at what cost; and what came of it, beneath.

It only asks: what stands in the form becomes the words of a command, which a trader could as well type.
"""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QFontDatabase, QKeyEvent
from PySide6.QtWidgets import (
    QDialog,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QPlainTextEdit,
    QProgressBar,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from engine.core.model import Product
from engine.core.registry import Template
from engine.view import EngineView
from widgets.base.inputs import ChoiceBox, NumberBox, Segments, TextBox
from widgets.base.layouts import Label
from widgets.base.parameters import filled_box, parameter_box, title_of
from widgets.base.theme import Theme

INTERVALS = ((0, "The file's own"), (1, "1 minute"), (5, "5 minutes"), (15, "15 minutes"), (30, "30 minutes"), (60, "1 hour"))
OWN = ""
"""In the place of a template's name: a file of the trader's."""
HINT = "Figures appear here; the report has charts, every trade and all metrics."


class BacktestDialog(QDialog):
    """Asks for a backtest and shows its figures; blocks nothing."""

    requested = Signal(str, object)

    def __init__(self, view: EngineView, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.view, self.theme, self.is_running = view, theme, False
        self.setWindowTitle("Backtest")
        entries: list[tuple[str, object]] = [(template.title, template.name) for template in view.templates]
        self.template = ChoiceBox([*entries, ("A file of mine...", OWN)], name="Strategy")
        self.own = TextBox("my_strategy.py", name="Strategy file")
        self.data = TextBox("bars: CSV, Parquet or zip", name="Data file")
        self.symbols = TextBox("all of the file", name="Symbols")
        self.benchmark = TextBox("what was traded", name="Benchmark")
        self.interval = ChoiceBox([(title, minutes) for minutes, title in INTERVALS], name="Bar")
        self.product: Segments[Product] = Segments([(p.value, p) for p in (Product.MIS, Product.CNC, Product.NRML)], name="Product")
        self.charges: Segments[str] = Segments([("Zerodha", "zerodha"), ("None", "none")], name="Charges")
        self.quantity = filled_box("Quantity", 1, 0)
        self.capital = filled_box("Capital", 100_000, 0)
        self.slippage = filled_box("Slippage", 2, 1)
        self.parameters: dict[str, NumberBox] = {}
        self.fault = Label(theme, tone="bad")
        self.figures = QPlainTextEdit()
        self.busy = QProgressBar()
        self.go = QPushButton("Run  (Ctrl+Enter)")
        self.stop = QPushButton("Cancel run")
        self.report = QPushButton("Open report")
        self._own_row = self._with_browser(self.own, "Strategy", "Python (*.py)")
        self._left, self._parameters = QFormLayout(), QFormLayout()
        self._build()
        self._wire()
        self._show_template()

    def _with_browser(self, field: TextBox, what: str, kinds: str) -> QWidget:
        button = QPushButton("Browse...")
        button.setAutoDefault(False)
        button.clicked.connect(lambda: self._browse(field, what, kinds))
        made = QWidget()
        row = QHBoxLayout(made)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(field, 1)
        row.addWidget(button)
        return made

    def _browse(self, field: TextBox, what: str, kinds: str) -> None:
        files = QFileDialog(self, what, str(Path(field.text()).parent) if field.text() else "", kinds)
        files.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        files.fileSelected.connect(field.setText)
        files.open()

    def _build(self) -> None:
        left, right = self._left, QFormLayout()
        rows: tuple[tuple[QFormLayout, str, QWidget], ...] = (
            (left, "Strategy", self.template),
            (left, "", self._own_row),
            (left, "Data", self._with_browser(self.data, "Bars", "Bars (*.csv *.gz *.parquet *.zip)")),
            (left, "Symbols", self.symbols),
            (left, "Bar", self.interval),
            (left, "Compared with", self.benchmark),
            (right, "Capital, rupees", self.capital),
            (right, "Quantity an order", self.quantity),
            (right, "Product", self.product),
            (right, "Charges", self.charges),
            (right, "Slippage, bps", self.slippage),
        )
        for form, title, field in rows:
            form.addRow(Label(self.theme, title, "muted"), field)
        columns = QHBoxLayout()
        columns.setSpacing(28)
        for form, share in ((left, 3), (self._parameters, 2), (right, 2)):
            form.setVerticalSpacing(6)
            form.setHorizontalSpacing(10)
            columns.addLayout(form, share)
        self.figures.setReadOnly(True)
        self.figures.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.figures.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
        self.figures.setPlaceholderText(HINT)
        self.figures.setMinimumSize(760, 380)
        self.busy.setRange(0, 0)
        self.busy.setTextVisible(False)
        self.busy.setMaximumHeight(4)
        self.fault.setWordWrap(True)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(16, 14, 16, 12)
        outer.setSpacing(10)
        outer.addLayout(columns)
        for part in (self.fault, self.busy, self.figures):
            outer.addWidget(part)
        outer.addLayout(self._buttons())

    def _buttons(self) -> QHBoxLayout:
        row, close = QHBoxLayout(), QPushButton("Close (Esc)")
        for button in (self.go, self.stop, self.report, close):
            button.setAutoDefault(False)
            row.addWidget(button)
        row.insertStretch(2)
        close.clicked.connect(self.reject)
        return row

    def _wire(self) -> None:
        self.template.currentIndexChanged.connect(self._show_template)
        for field in (self.own, self.data, self.quantity, self.capital, self.slippage):
            field.textChanged.connect(self._check)
        self.go.clicked.connect(self.send)
        self.stop.clicked.connect(lambda: self.requested.emit("backtest.cancel", None))
        self.report.clicked.connect(lambda: self.requested.emit("backtest.report", None))
        self.report.setEnabled(False)
        self.on_ended("", "", False)

    @property
    def chosen(self) -> Template | None:
        """The template that is chosen, None for a file of the trader's."""
        name = self.template.currentData()
        return next((template for template in self.view.templates if template.name == name), None)

    def _show_template(self, _: object = None) -> None:
        """Draw the form of the chosen template; a file's own parameters keep their defaults."""
        while self._parameters.rowCount():
            self._parameters.removeRow(0)
        template = self.chosen
        self._left.setRowVisible(self._own_row, template is None)
        self.parameters = {}
        for parameter in template.parameters if template is not None else ():
            box = self.parameters[parameter.name] = parameter_box(parameter)
            box.textChanged.connect(self._check)
            self._parameters.addRow(Label(self.theme, title_of(parameter.name), "muted"), box)
        self._check()

    def problem(self) -> str:
        """Say what keeps it from being run; "" when nothing does."""
        if self.chosen is None and not self.own.text().strip():
            return "Name the file of your strategy."
        if not self.data.text().strip():
            return "Name a file of bars to test on."
        wrong = [box for box in (self.quantity, self.capital, self.slippage, *self.parameters.values()) if box.value is None]
        return "A field has no number in it." if wrong else ""

    def _check(self, _: object = None) -> None:
        self.go.setEnabled(not self.is_running and not self.problem())

    @property
    def words(self) -> list[str]:
        """What stands in the form, as the command line takes it."""
        template = self.chosen
        said = ["--strategy", template.name if template is not None else self.own.text().strip(), "--data", self.data.text().strip()]
        for parameter in template.parameters if template is not None else ():
            value = self.parameters[parameter.name].value
            if value is not None and value != parameter.default:
                said += ["--param", f"{parameter.name}={value:.10g}"]
        if self.symbols.text().strip():
            said += ["--symbols", self.symbols.text().strip()]
        if self.interval.currentData():
            said += ["--interval", str(self.interval.currentData())]
        if self.benchmark.text().strip():
            said += ["--benchmark", self.benchmark.text().strip()]
        said += [
            "--capital",
            f"{self.capital.value:.10g}",
            "--sizing",
            f"fixed:{self.quantity.value:g}",
            "--slippage-bps",
            f"{self.slippage.value:g}",
        ]
        return [*said, "--product", self.product.value.value, "--charges", self.charges.value]

    def send(self) -> None:
        """Ask for the backtest; a form with a problem says what it is."""
        self.fault.say(self.problem())
        if not self.problem() and not self.is_running:
            self.requested.emit("backtest.run", self.words)

    def on_began(self, command: str) -> None:
        """Show that it runs, and which command it is."""
        self.is_running = True
        self.figures.setPlainText(command)
        self.fault.say("")
        self.busy.show()
        self.stop.setEnabled(True)
        self._check()

    def on_ended(self, figures: str, wrong: str, has_report: bool) -> None:
        """Show what came of it."""
        self.is_running = False
        self.busy.hide()
        self.stop.setEnabled(False)
        self.figures.setPlainText(figures)
        self.fault.say(wrong)
        self.report.setEnabled(has_report or self.report.isEnabled())
        self._check()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            if event.modifiers() & Qt.KeyboardModifier.ControlModifier and not event.isAutoRepeat():
                self.send()
            return
        super().keyPressEvent(event)

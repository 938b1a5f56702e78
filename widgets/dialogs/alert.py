"""The form of an alert: what is watched, where the level lies, how loud it is told, once or again and again.

Only the fields of the chosen kind are seen. What makes no sense is said as it is typed; what comes out is what the REST API takes.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QCheckBox, QCompleter, QDialog, QDialogButtonBox, QFormLayout, QPushButton, QVBoxLayout, QWidget

from engine.core.alerts import OPTIONS, SUBJECTS, AlertKind, parse_alert, title_of
from engine.core.errors import InvalidOption
from engine.view import EngineView
from widgets.base.inputs import ChoiceBox, NumberBox, Segments, TextBox
from widgets.base.layouts import Label, Rule
from widgets.base.theme import Theme

K = AlertKind

KINDS = (
    ("Price", K.PRICE),
    ("Quick change", K.CHANGE),
    ("Indicator", K.INDICATOR),
    ("Profit and loss", K.PNL),
    ("Risk", K.RISK),
    ("Connection", K.CONNECTION),
    ("Orders and strategies", K.EVENT),
)

FIELDS: Mapping[AlertKind, tuple[str, ...]] = {
    K.PRICE: ("key", "side", "value", "hysteresis"),
    K.CHANGE: ("key", "side", "value", "seconds"),
    K.INDICATOR: ("key", "indicator", "side", "other", "value", "interval_s", "hysteresis"),
    K.PNL: ("subject", "key", "owner", "side", "value", "unit", "hysteresis"),
    K.RISK: ("rule", "value", "hysteresis"),
    K.CONNECTION: ("subject", "key", "seconds"),
    K.EVENT: ("subject", "key"),
}
"""Which fields a kind has; those about how it is told belong to all."""

TITLES = {
    "account": "The account",
    "strategy": "One strategy",
    "position": "One position",
    "link": "The broker is not heard",
    "stale": "One instrument stands still",
    "rejected": "An order is rejected",
    "unknown": "Nobody knows what became of an order",
    "fault": "A strategy fails",
    "difference": "Books differ from the broker's",
}
SPANS = (("10 seconds", 10), ("30 seconds", 30), ("1 minute", 60), ("5 minutes", 300), ("15 minutes", 900), ("1 hour", 3_600))
BARS = (("1 minute", 60), ("3 minutes", 180), ("5 minutes", 300), ("15 minutes", 900), ("30 minutes", 1_800), ("1 hour", 3_600))
STEPS = {K.PRICE: Decimal("0.05"), K.CHANGE: Decimal("0.5")}


class AlertDialog(QDialog):
    """Asks for an alert, or for a change of one; blocks nothing."""

    requested = Signal(str, object)

    def __init__(
        self,
        view: EngineView,
        theme: Theme,
        given: Mapping[str, Any] | None = None,
        alert_id: str = "",
        parent: QWidget | None = None,
    ) -> None:
        """`given` fills fields in, as `engine.core.alerts.OPTIONS` name them; `alert_id` is the alert that is changed."""
        super().__init__(parent)
        self.view, self.theme, self.alert_id = view, theme, alert_id
        self.setWindowTitle("Change the alert" if alert_id else "New alert")
        self._make_fields()
        self.about, self.fault = Label(theme, tone="muted"), Label(theme, tone="bad")
        self.send_button = QPushButton(f"{'Change' if alert_id else 'Add'} alert  (Ctrl+Enter)")
        self._form = QFormLayout()
        self._build()
        self._fill(given or {})
        self._wire()
        self._show_kind()

    def _make_fields(self) -> None:
        strategies = [(status.name, status.id) for status in self.view.strategies.values()]
        rules = sorted(set(self.view.risk.limits) & set(self.view.risk.used)) if self.view.risk is not None else []
        self.kind = ChoiceBox(list(KINDS), name="What is watched")
        self.key = TextBox("NSE:RELIANCE", name="Instrument")
        self.subject = ChoiceBox(name="What of it")
        self.indicator = TextBox("ema(20), rsi(14), macd(12,26,9).signal or close", name="Indicator")
        self.other = TextBox("nothing, or another indicator", name="Compared with")
        self.owner = ChoiceBox(strategies, name="Strategy")
        self.rule = ChoiceBox([("Trading state changes", "state"), *((rule, rule) for rule in rules)], name="Limit")
        self.side: Segments[str] = Segments([("Above", "above"), ("Below", "below")], name="Crossing")
        self.value = NumberBox("Level", decimals=2)
        self.unit: Segments[str] = Segments([("Rupees", "rupees"), ("Percent", "percent")], name="Unit")
        self.seconds = ChoiceBox(list(SPANS), name="Within")
        self.interval_s = ChoiceBox(list(BARS), name="Bars")
        self.hysteresis = NumberBox("Way back", decimals=2)
        self.level: Segments[str] = Segments([("Info", "info"), ("Warning", "warning"), ("Critical", "critical")], name="How loud")
        self.is_repeating = QCheckBox("Armed again after it was told")
        self.cooldown_s = NumberBox("Cool-down, seconds")
        self.note = TextBox("words of your own that are told with it", name="Note")

    def _build(self) -> None:
        rows: tuple[tuple[str, QWidget], ...] = (
            ("What is watched", self.kind),
            ("Instrument", self.key),
            ("What of it", self.subject),
            ("Strategy", self.owner),
            ("Limit", self.rule),
            ("Indicator", self.indicator),
            ("Crossing", self.side),
            ("Compared with", self.other),
            ("Level", self.value),
            ("Unit", self.unit),
            ("Within", self.seconds),
            ("Bars", self.interval_s),
            ("How loud", self.level),
            ("", self.is_repeating),
            ("Way back before it is armed", self.hysteresis),
            ("Cool-down, seconds", self.cooldown_s),
            ("Note", self.note),
        )
        self._titles = {field: Label(self.theme, title, "muted") for title, field in rows}
        for _, field in rows:
            self._form.addRow(self._titles[field], field)
        self._form.setVerticalSpacing(6)
        self._form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        for label in (self.about, self.fault):
            label.setWordWrap(True)
        self.fault.setMinimumHeight(2 * self.theme.row_height - 8)
        buttons = QDialogButtonBox()
        buttons.addButton(self.send_button, QDialogButtonBox.ButtonRole.ActionRole)
        close = buttons.addButton("Close (Esc)", QDialogButtonBox.ButtonRole.RejectRole)
        for button in (self.send_button, close):
            button.setAutoDefault(False)
        buttons.rejected.connect(self.reject)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(16, 14, 16, 12)
        outer.setSpacing(10)
        for part in (self.about, Rule(self.theme)):
            outer.addWidget(part)
        outer.addLayout(self._form)
        outer.addWidget(self.fault)
        outer.addWidget(buttons)
        self.setMinimumWidth(460)

    def _fill(self, given: Mapping[str, Any]) -> None:
        """Write what is given into the fields, and the usual figures into the rest."""
        all_given = {option.name: option.default for option in OPTIONS} | dict(given)
        kind = K(all_given["kind"])
        self.kind.setCurrentIndex(self.kind.findData(kind))
        self._list_subjects()
        self.key.setText(str(all_given["key"]))
        for box in (self.subject, self.rule):
            box.setCurrentIndex(max(0, box.findData(all_given["subject"])))
        self.indicator.setText(str(all_given["subject"]) if kind is K.INDICATOR else "")
        self.other.setText(str(all_given["other"]) if kind is K.INDICATOR else "")
        self.owner.setCurrentIndex(max(0, self.owner.findData(all_given["other"])))
        for choice in (self.side, self.unit, self.level):
            name = next(name for name, field in vars(self).items() if field is choice)
            choice.choose(str(all_given[name]))
        if given.get("value") is not None:
            self.value.put(float(given["value"]))
        for choices, name in ((self.seconds, "seconds"), (self.interval_s, "interval_s")):
            choices.setCurrentIndex(max(0, choices.findData(int(all_given[name]))))
        self.hysteresis.put(float(all_given["hysteresis"]))
        self.cooldown_s.put(float(all_given["cooldown_s"]))
        self.is_repeating.setChecked(bool(all_given["is_repeating"]))
        self.note.setText(str(all_given["note"]))

    def _wire(self) -> None:
        words = QCompleter(sorted(self.view.catalogue), self)
        words.setCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        words.setFilterMode(Qt.MatchFlag.MatchContains)
        self.key.setCompleter(words)
        self.kind.currentIndexChanged.connect(self._on_kind)
        for chosen in (self.subject, self.owner, self.rule, self.seconds, self.interval_s):
            chosen.currentIndexChanged.connect(self._show_kind)
        for typed in (self.key, self.indicator, self.value, self.hysteresis, self.cooldown_s, self.note):
            typed.textChanged.connect(self._check)
        for choice in (self.side, self.unit, self.level):
            choice.chosen.connect(self._check)
        self.is_repeating.toggled.connect(self._show_kind)
        self.other.textChanged.connect(self._show_kind)
        self.send_button.clicked.connect(self.send)

    @property
    def chosen(self) -> AlertKind:
        """The kind that is chosen."""
        return K(self.kind.currentData())

    def _on_kind(self, _: object = None) -> None:
        self._list_subjects()
        self._show_kind()

    def _list_subjects(self) -> None:
        self.subject.blockSignals(True)
        self.subject.clear()
        for subject in SUBJECTS.get(self.chosen, ()):
            self.subject.addItem(TITLES[subject], subject)
        self.subject.blockSignals(False)

    def _show_kind(self, _: object = None) -> None:
        """Show the fields of the kind, and no others."""
        shown = set(FIELDS[self.chosen])
        subject = self.subject.currentData()
        if self.chosen in (K.PNL, K.CONNECTION) and subject not in ("position", "stale"):
            shown.discard("key")
        if subject != "strategy" or self.chosen is not K.PNL:
            shown.discard("owner")
        if self.chosen is K.INDICATOR and self.other.text().strip():
            shown.discard("value")
        if self.chosen is K.RISK and self.rule.currentData() == "state":
            shown.discard("value")
        if not self.is_repeating.isChecked() or (self.chosen is K.RISK and "value" not in shown):
            shown.discard("hysteresis")
        for name in {name for names in FIELDS.values() for name in names}:
            self._form.setRowVisible(getattr(self, name), name in shown)
        self._form.setRowVisible(self.cooldown_s, self.is_repeating.isChecked())
        is_percent = self.chosen in (K.CHANGE, K.RISK)
        self._titles[self.value].say("Percent of the limit" if self.chosen is K.RISK else "Percent" if is_percent else "Level")
        self._titles[self.key].say("Instrument, or all" if self.chosen is K.EVENT else "Instrument")
        self._titles[self.side].say("Direction" if self.chosen is K.CHANGE else "Crossing")
        self.value.step = STEPS.get(self.chosen, Decimal(1))
        self._check()

    @property
    def given(self) -> dict[str, Any]:
        """What stands in the form."""
        kind = self.chosen
        subjects: dict[AlertKind, Any] = {K.INDICATOR: self.indicator.text().strip(), K.RISK: self.rule.currentData()}
        others: dict[AlertKind, Any] = {K.INDICATOR: self.other.text().strip()}
        if kind is K.PNL and self.subject.currentData() == "strategy":
            others[K.PNL] = self.owner.currentData() or ""
        key = self.key.text().strip().upper()
        return {
            "kind": str(kind),
            "key": (key if ":" in key or not key else f"NSE:{key}") if self._form.isRowVisible(self.key) else "",
            "subject": str(subjects.get(kind, self.subject.currentData() or "")),
            "other": str(others.get(kind, "")),
            "side": self.side.value,
            "value": float(self.value.number or 0),
            "unit": self.unit.value,
            "seconds": self.seconds.currentData(),
            "interval_s": self.interval_s.currentData(),
            "level": self.level.value,
            "is_repeating": self.is_repeating.isChecked(),
            "hysteresis": float(self.hysteresis.number or 0) if self._form.isRowVisible(self.hysteresis) else 0.0,
            "cooldown_s": float(self.cooldown_s.number or 0),
            "note": self.note.text().strip(),
        }

    def problem(self) -> str:
        """Say what keeps it from being added; "" when nothing does."""
        given = self.given
        if self._form.isRowVisible(self.value) and self.value.number is None:
            return "Give the level as a number."
        if given["key"] and self.view.catalogue and given["key"] not in self.view.catalogue:
            return f"Unknown instrument {given['key']}: type a part of its name, then choose."
        try:
            parse_alert("", given)
        except InvalidOption as error:
            return str(error)
        return ""

    def _check(self, _: object = None) -> None:
        problem = self.problem()
        self.about.say(title_of(parse_alert("", self.given)) if not problem else "Tells you when it happens; it never trades.")
        self.fault.say(problem, "muted" if not self.key.text().strip() or self.value.is_empty else "bad")
        self.send_button.setEnabled(not problem)

    def send(self) -> None:
        """Ask for the alert and close; a form with a problem stays open."""
        if not self.problem():
            self.requested.emit(
                "alert.change" if self.alert_id else "alert.add", (self.alert_id, self.given) if self.alert_id else self.given
            )
            self.accept()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            if event.modifiers() & Qt.KeyboardModifier.ControlModifier and not event.isAutoRepeat():
                self.send()
            return
        super().keyPressEvent(event)

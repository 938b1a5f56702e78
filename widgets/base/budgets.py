"""How much of its day each strategy has used: orders and loss against what one may, and what else counts up towards a stop.

The hand has no budget of a strategy; what it shares with them, refusals by the broker and losing stops, shows once there is one.
"""

from __future__ import annotations

from PySide6.QtWidgets import QVBoxLayout, QWidget

from engine.core.model import Budget
from engine.view import EngineView
from widgets.base.gauges import Gauges
from widgets.base.layouts import Label
from widgets.base.position_rows import owner_name
from widgets.base.rule_titles import in_unit
from widgets.base.theme import Theme

EMPTY = "No strategy has traded today."

SHORT = {
    "strategy_orders": "Orders",
    "strategy_quantity": "Quantity",
    "strategy_loss": "Loss",
    "loss_streak": "Losing stops in a row",
    "broker_rejects": "Refused in the last minute",
}
"""Controls under the name of who has used them."""

OWN = frozenset({"strategy_orders", "strategy_quantity", "strategy_loss"})
"""Limits of each strategy for itself, shown also while nothing is used."""


class Budgets(QWidget):
    """One block of bars an owner."""

    def __init__(self, view: EngineView, theme: Theme) -> None:
        super().__init__()
        self._view, self._theme = view, theme
        self._blocks: tuple[tuple[str, str], ...] = ()
        self.gauges = Gauges(theme)
        self._bars = QWidget()
        self._bars.setLayout(self.gauges)
        self.empty = Label(theme, EMPTY, "muted")
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(4)
        self._column.addWidget(Label(theme, "Used of today's budgets", is_bold=True))
        self._column.addWidget(self.empty)
        self._column.addWidget(self._bars)
        self.show_budgets(())

    def show_budgets(self, budgets: tuple[Budget, ...]) -> None:
        """Show what each owner has used; a new block is made only when there is somebody or something new."""
        shown = [budget for budget in budgets if budget.limit > 0 and (budget.used > 0 or budget.control in OWN)]
        blocks = tuple((owner_name(budget.owner, self._view), budget.control) for budget in shown)
        if blocks != self._blocks:
            self._blocks = blocks
            self._begin_anew()
        self.empty.setVisible(not shown)
        self._bars.setVisible(bool(shown))
        last = ""
        for budget in shown:
            key, name = (budget.owner, budget.control), owner_name(budget.owner, self._view)
            if key not in self.gauges.rows and name != last:
                self.gauges.head(name)
            last = name
            words = f"{in_unit(budget.control, budget.used)} of {in_unit(budget.control, budget.limit)}"
            self.gauges.put(key, SHORT.get(budget.control, budget.control), words, budget.used / budget.limit)

    def _begin_anew(self) -> None:
        old = self._bars
        self.gauges, self._bars = Gauges(self._theme), QWidget()
        self._bars.setLayout(self.gauges)
        self._column.replaceWidget(old, self._bars)
        self.gauges.setContentsMargins(0, 0, 0, 0)
        old.hide()
        old.deleteLater()

"""Who may not open anything at present, why, until when, and what ends it; and limits that loosen later.

What only a person ends has a button beside it: it asks for a reason before anything goes on.
"""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QVBoxLayout, QWidget

from engine.core.model import Restraint, RiskStatus, TradingState
from engine.view import EngineView
from widgets.base import numbers
from widgets.base.layouts import Label, Verb
from widgets.base.position_rows import owner_name
from widgets.base.rule_titles import in_unit, title_of
from widgets.base.theme import Theme

EMPTY = "Nothing is held back."

REDUCED, HALTED = ("▲", "warn"), ("■", "bad")
"""Shape and tone of what is stopped, as the account's state has them."""


def who(restraint: Restraint, view: EngineView) -> str:
    """Name the account, or the owner, or the instrument that is held back."""
    symbol = restraint.key.partition(":")[2] or restraint.key
    name = owner_name(restraint.owner, view) if restraint.owner else "" if symbol else "The account"
    return " · ".join(part for part in (name, symbol) if part)


def why(restraint: Restraint) -> str:
    """Say what holds it back, in one sentence."""
    reason = restraint.reason.strip().rstrip(".")
    return f"{title_of(restraint.control)}: {reason}." if reason else f"{title_of(restraint.control)}."


def until(restraint: Restraint) -> str:
    """Say what ends it, and when where that is known."""
    when = f" at {numbers.clock(restraint.until_ns)}" if restraint.until_ns else ""
    return f"Ends {restraint.ends}{when}."


def waits_for_a_person(owner: str, view: EngineView) -> bool:
    """Tell whether an owner trades again only once a person says so."""
    restraints = view.risk.restraints if view.risk is not None else ()
    return any(each.owner == owner and each.needs_person for each in restraints)


class HeldBack(QWidget):
    """A block for each restraint, the account's first, and a line for each limit that waits."""

    requested = Signal(str, object)
    """`strategy.let_trade` or `books.show`."""

    def __init__(self, view: EngineView, theme: Theme) -> None:
        super().__init__()
        self._view, self._theme = view, theme
        self._shown: object = None
        self.buttons: dict[tuple[str, str], Verb] = {}
        """By owner and instrument."""
        self._content = QWidget()
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(4)
        self._column.addWidget(Label(theme, "Held back", is_bold=True))
        self._column.addWidget(self._content)
        self.show_status(None)

    def show_status(self, status: RiskStatus | None) -> None:
        """Show what holds somebody back now; nothing is drawn anew while nothing has changed."""
        restraints = status.restraints if status is not None else ()
        waiting = status.waiting if status is not None else {}
        names = tuple(who(restraint, self._view) for restraint in restraints)
        shown = restraints, names, tuple(waiting.items())
        if shown == self._shown:
            return
        self._shown = shown
        self._begin_anew()
        blocks: dict[tuple[str, str], list[Restraint]] = {}
        for restraint in restraints:
            blocks.setdefault((restraint.owner, restraint.key), []).append(restraint)
        for block in blocks.values():
            self._add(block)
        if status is not None and waiting:
            self._add_waiting(status)
        if not restraints:
            self._lines.insertWidget(0, Label(self._theme, EMPTY, "muted"))

    def _begin_anew(self) -> None:
        self.buttons.clear()
        old, self._content = self._content, QWidget()
        self._lines = QVBoxLayout(self._content)
        self._lines.setContentsMargins(0, 0, 0, 0)
        self._lines.setSpacing(2)
        self._column.replaceWidget(old, self._content)
        old.hide()
        old.deleteLater()

    def _add(self, block: Sequence[Restraint]) -> None:
        """Show all that holds one back, under one name with one way out."""
        shape, tone = HALTED if any(each.state is TradingState.HALTED for each in block) else REDUCED
        head = QHBoxLayout()
        head.addWidget(Label(self._theme, f"{shape} {who(block[0], self._view)}", tone), 1)
        button = self._button(block)
        if button is not None:
            head.addWidget(button)
        self._lines.addLayout(head)
        for restraint in block:
            for text, word in ((why(restraint), "text"), (until(restraint), "muted")):
                label = Label(self._theme, text, word)
                label.setWordWrap(True)
                self._lines.addWidget(label)
        self._lines.addSpacing(6)

    def _button(self, block: Sequence[Restraint]) -> Verb | None:
        """Make the way out where a person has to take it; the account's own is above, beside its state."""
        owner, key, name = block[0].owner, block[0].key, who(block[0], self._view)
        if key and not owner:
            made = Verb(self._theme, "Look at it…", "Show what comparing with the broker has found", self._ask_books)
            made.setAccessibleName(f"Look at what differs in {name}")
        elif owner and any(restraint.needs_person for restraint in block):
            tip = "Asks for the reason, which is kept in the journal"
            made = Verb(self._theme, "Let it trade…", tip, lambda: self._ask(owner), "start")
            made.setAccessibleName(f"Let {name} trade…")
        else:
            return None
        self.buttons[owner, key] = made
        return made

    def _ask(self, owner: str) -> None:
        self.requested.emit("strategy.let_trade", {"owner": owner})

    def _ask_books(self) -> None:
        self.requested.emit("books.show", None)

    def _add_waiting(self, status: RiskStatus) -> None:
        self._lines.addWidget(Label(self._theme, "Limits that loosen later", "muted"))
        grid = QGridLayout()
        grid.setVerticalSpacing(3)
        grid.setColumnStretch(0, 1)
        for row, (rule, (new, due_ns)) in enumerate(status.waiting.items()):
            old = status.limits.get(rule)
            words = " → ".join("none" if limit is None else in_unit(rule, limit) for limit in (old, new))
            grid.addWidget(Label(self._theme, title_of(rule), "text"), row, 0)
            grid.addWidget(Label(self._theme, f"{words} at {numbers.clock(due_ns)}", "text"), row, 1, Qt.AlignmentFlag.AlignRight)
        self._lines.addLayout(grid)

"""Which key does what in a table or on the chart, and how a pressed key is read.

Single letters act only where a row is focused; a held key never acts twice; words being typed are never taken for commands.
"""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import QEvent, QKeyCombination, Qt
from PySide6.QtGui import QKeyEvent, QKeySequence

DEFAULT_KEYS: Mapping[str, str] = {
    "B": "ticket.buy",
    "F1": "ticket.buy",
    "S": "ticket.sell",
    "F2": "ticket.sell",
    "Return": "chart.open",
    "C": "chart.open",
    "A": "alert.new",
    "Del": "order.cancel",
    "Shift+Del": "order.cancel_symbol",
}
"""Key to action, until the window binds its own keymap."""

_MODIFIERS = (
    Qt.KeyboardModifier.ShiftModifier
    | Qt.KeyboardModifier.ControlModifier
    | Qt.KeyboardModifier.AltModifier
    | Qt.KeyboardModifier.MetaModifier
)


def key_text(event: QKeyEvent) -> str:
    """Write a pressed key as the keymap does, "Shift+Del"; both Enter keys are "Return"; "" for a bare modifier."""
    key = Qt.Key(event.key()) if event.key() else Qt.Key.Key_unknown
    if key in (Qt.Key.Key_unknown, Qt.Key.Key_Shift, Qt.Key.Key_Control, Qt.Key.Key_Alt, Qt.Key.Key_Meta):
        return ""
    if key == Qt.Key.Key_Enter:
        key = Qt.Key.Key_Return
    return QKeySequence(QKeyCombination(event.modifiers() & _MODIFIERS, key)).toString(QKeySequence.SequenceFormat.PortableText)


def is_typing(event: QEvent) -> bool:
    """Tell whether a ShortcutOverride is a key that writes, erases or ends a line, which no shortcut may take from a text."""
    if not isinstance(event, QKeyEvent):
        return False
    held = event.modifiers() & _MODIFIERS
    plain = held in (Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.ShiftModifier)
    named = (Qt.Key.Key_Delete, Qt.Key.Key_Backspace, Qt.Key.Key_Return, Qt.Key.Key_Enter)
    return plain and (event.key() in named or bool(event.text().strip()) or event.key() == Qt.Key.Key_Space)

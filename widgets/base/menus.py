"""The menu of a row: what it names was fixed when it was opened, whatever moves under it meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QMenu

from widgets.base.panel import Panel

Asked = tuple[str, str, object]
"""Title, action, payload."""

Own = tuple[str, Callable[[], object]]
"""Title, and what the panel itself does."""


def pop_up(panel: Panel, at: QPoint, asked: Sequence[Asked], own: Sequence[Own] = ()) -> QMenu:
    """Show a menu of actions to ask for, then of things the panel does itself; returns it."""
    menu = QMenu(panel)
    menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    key_of = {action: key for key, action in reversed(panel.keys.items())}
    for title, action, payload in asked:
        key = key_of.get(action, "")
        entry = menu.addAction(f"{title}\t{key}" if key and action in panel.verbs() else title)
        entry.triggered.connect(lambda _=False, action=action, payload=payload: panel.requested.emit(action, payload))
    if own:
        menu.addSeparator()
    for title, do in own:
        menu.addAction(title).triggered.connect(lambda _=False, do=do: do())
    menu.popup(at)
    return menu

"""What is seen: panels to the front, the layout, the full screen."""

from __future__ import annotations

from collections.abc import Callable

from terminal.actions import Context, action

PANEL_KEYS = {
    "market_watch": ("Market watch", "F6"),
    "orders": ("Orders", "F3"),
    "positions": ("Positions", "F4 Alt+F6"),
    "trades": ("Trades", "F8"),
    "chart": ("Chart", "F7"),
    "strategies": ("Strategies", "Shift+F8"),
    "risk": ("Risk", "Shift+F4"),
    "alerts": ("Alerts", "Shift+F6"),
    "log": ("Log", "Shift+F3"),
}
"""Panels that have a key of their own; every panel is in the View menu."""


def _shows(name: str) -> Callable[[Context, object], None]:
    def show(context: Context, payload: object) -> None:
        context.window.show_panel(name)

    return show


for _name, (_title, _keys) in PANEL_KEYS.items():
    action(f"view.{_name}", title=_title, keys=_keys)(_shows(_name))


@action("view.full_screen", title="Full screen", keys="F11", menu="View")
def full_screen(context: Context, payload: object) -> None:
    """Change to the full screen and back."""
    context.window.change_layout("full_screen")


@action("layout.lock", title="Lock or unlock the panels", menu="View")
def lock(context: Context, payload: object) -> None:
    """Keep panels from being moved by accident, or let them move again."""
    context.settings.change(lock_layout=not context.settings["lock_layout"])
    context.window.change_layout("lock")


@action("layout.reset", title="Put all panels back", menu="View")
def reset(context: Context, payload: object) -> None:
    """Put all panels back where they were on the first day."""
    context.window.change_layout("reset")


@action("view.theme", title="Dark or light", menu="View")
def change_theme(context: Context, payload: object) -> None:
    """Change between the dark and the light theme."""
    other = "light" if context.settings["theme"] == "dark" else "dark"
    context.window.apply_settings(context.settings.change(theme=other))

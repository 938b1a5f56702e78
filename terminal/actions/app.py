"""The terminal itself: settings, the command palette, the key sheet, closing."""

from __future__ import annotations

from typing import Any

from terminal.actions import Context, action


@action("app.search", title="Find an instrument", keys="Ctrl+K", menu="Terminal")
def search(context: Context, payload: object) -> None:
    """Put the cursor where an instrument is searched."""
    context.window.show_dialog("search")


@action("app.palette", title="Command palette", keys="Ctrl+Shift+P", menu="Terminal")
def palette(context: Context, payload: object) -> None:
    """List every command by name."""
    context.window.show_dialog("palette")


@action("app.settings", title="Settings...", keys="Ctrl+,", menu="Terminal")
def settings(context: Context, payload: object) -> None:
    """Open the settings."""
    context.window.show_dialog("settings")


@action("app.change_settings", title="Save settings")
def change_settings(context: Context, payload: dict[str, Any]) -> Any:
    """Check, save and apply what the settings dialog holds."""
    changed = context.settings.change(**payload)
    context.window.apply_settings(changed)
    if any(name.startswith("alert_") for name in changed):
        context.route_alerts()
    return context.switch_api() if {"api", "api_port"} & set(changed) else None


@action("app.copy_token", title="Copy a token of the REST API", menu="Terminal")
def copy_token(context: Context, payload: object) -> None:
    """Put the token for paper trading on the clipboard."""
    context.window.copy(context.api_token())
    context.view.notify("info", "The token for paper trading is on the clipboard; whoever has it can drive your strategies.")


@action("app.revoke_tokens", title="Revoke all tokens of the REST API", menu="Terminal")
def revoke_tokens(context: Context, payload: object) -> None:
    """Let no token be worth anything any more."""
    context.revoke_tokens()
    context.view.notify("info", "No token of the REST API is worth anything any more.")


@action("app.keys", title="Keys", keys="Shift+F1", menu="Help")
def keys(context: Context, payload: object) -> None:
    """Show which key does what, as it is now."""
    context.window.show_dialog("keys")


@action("app.about", title="About Shikra", menu="Help")
def about(context: Context, payload: object) -> None:
    """Say which version this is and where its data lies."""
    context.window.show_dialog("about")


@action("app.quit", title="Quit", keys="Ctrl+Q", menu="Terminal")
def leave(context: Context, payload: object) -> None:
    """Close the terminal, asking first when something is open."""
    context.window.ask_to_close()

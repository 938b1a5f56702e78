"""The chart: which instrument, and the history it asks for."""

from __future__ import annotations

from typing import Any

from terminal.actions import Context, action


@action("chart.open", title="Chart of the focused row", keys="Return C", scope="grid")
def open_chart(context: Context, payload: str) -> None:
    """Show an instrument on the chart by its key."""
    context.window.open_chart(payload)


@action("chart.load", title="Load history for the chart")
def load(context: Context, payload: tuple[str, int]) -> Any:
    """Ask for the bars of (key, interval in seconds); they arrive by the view."""
    key, interval_s = payload
    return context.engine.load_history(key, interval_s)

"""Backtests: open the form, run what it asks for, cancel it, see its page.

Nothing of it touches an account: it runs in a process of its own, on a file.
"""

from __future__ import annotations

from collections.abc import Sequence

from terminal.actions import Context, action


@action("backtest.open", title="Backtest...", keys="Ctrl+B", menu="Strategy")
def open_form(context: Context, payload: object) -> None:
    """Open the form for a backtest."""
    context.window.show_dialog("backtest")


@action("backtest.run", title="Run a backtest")
def run(context: Context, payload: Sequence[str]) -> None:
    """Run one with the words of the command line: ["--strategy", "ema_crossover", "--data", "minutes.csv", ...]."""
    context.backtests.run(payload)


@action("backtest.cancel", title="Cancel the backtest")
def cancel(context: Context, payload: object) -> None:
    """End the one that runs."""
    context.backtests.cancel()


@action("backtest.report", title="Open the report of the last backtest", menu="Strategy")
def report(context: Context, payload: object) -> None:
    """Open the last page in the browser."""
    context.backtests.show_page()

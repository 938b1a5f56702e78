"""Where the terminal starts: reads what was typed, and opens a window, trades without one, or does one thing and ends.

Nothing is imported before it is needed: `--version` costs a blink, and the first window is painted before the engine is there.
"""

from __future__ import annotations

import sys
from argparse import Namespace
from importlib import import_module

from engine.core.errors import TradingError
from terminal import VERSION
from terminal.cli.arguments import parser
from terminal.cli.console import fail

COMMANDS = {
    "run": "run",
    "backtest": "backtest",
    "optimise": "optimise",
    "import": "take_in",
    "doctor": "doctor",
    "kill": "kill",
    "login": "login",
    "serve": "serve",
    "token": "token",
    "journal": "journal",
    "backup": "backup",
}
"""Word typed -> file of `terminal.cli` that has a function of the same name as the file."""

INTERRUPTED = 130


def main() -> int:
    """Do what the command line says; returns the exit code: 0 done, 1 failed, 2 wrong input, 130 interrupted."""
    try:
        return _start(parser(VERSION).parse(sys.argv[1:]))
    except TradingError as error:
        return fail(error)
    except KeyboardInterrupt:
        return INTERRUPTED


def _start(arguments: Namespace) -> int:
    if arguments.command is not None:
        name = COMMANDS[arguments.command]
        return int(getattr(import_module(f"terminal.cli.{name}"), name)(arguments))
    from terminal.cli.doctor import has_display

    if arguments.headless or not has_display():
        if not arguments.headless:
            sys.stderr.write("shikra: no display here, so this runs without a window; Ctrl+C ends it.\n")
        from terminal.cli.headless import headless

        return headless(arguments)
    from terminal.window_app import open_window

    return open_window(arguments)

"""What the engine is started with, read from the command line and the settings: whose data, which market, how much money.

A file that is not there is refused before anything is opened; what is in it is read later, by whoever plays it.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from engine.clock import Clock, SystemClock
from engine.core.errors import InvalidOption
from engine.engine_settings import EngineSettings
from terminal.arming import is_armed
from terminal.connection import kite_options
from terminal.settings import Settings

REPLAY_SPEED = 60.0
"""Times real time, when a file is played in the window and nothing else was said."""


def engine_settings(arguments: argparse.Namespace, settings: Settings, folder: Path, clock: Clock | None = None) -> EngineSettings:
    """Put command line and settings together; raises InvalidOption for what does not go together.

    Real money needs `--live`, or an arming of this very day.
    """
    file = existing(arguments.replay) if arguments.replay else None
    if file is None and arguments.symbols:
        raise InvalidOption("Expected --replay FILE with --symbols, was none; give the file that the symbols are in.")
    if file is None and arguments.speed == 0:
        raise InvalidOption("Expected a factor as --speed of the generated market, was max: it has no end; give for example 60.")
    return EngineSettings(
        data_dir=folder,
        database=settings["database"],
        broker=settings["broker"],
        broker_options={} if file is not None else _broker_options(settings, folder, arguments.speed or 1.0),
        mode="live" if arguments.live or is_armed(folder, (clock or SystemClock()).now_ns()) else "paper",
        capital=settings["capital"],
        charges=settings["charges"],
        replay=file,
        speed=REPLAY_SPEED if arguments.speed is None else arguments.speed,
        symbols=arguments.symbols,
        square_off_early_min=settings["square_off_early"],
    )


def _broker_options(settings: Settings, folder: Path, speed: float) -> dict[str, Any]:
    if settings["broker"] != "zerodha":
        return {"seed": settings["market_seed"], "speed": speed}
    if not settings["api_key"]:
        raise InvalidOption("Expected an API key for Zerodha, was none; give it in Connect, or as api_key among the settings.")
    return kite_options(settings, folder)


def existing(name: str) -> Path:
    """Return the path of a file that can be read; raises InvalidOption when there is none."""
    path = Path(name).expanduser()
    if not path.is_file():
        raise InvalidOption(f"Expected a file of bars or ticks, was {name}, which is {'a folder' if path.is_dir() else 'not there'}.")
    try:
        path.open("rb").close()
    except OSError as error:
        raise InvalidOption(f"Expected a file that can be read, was {name} ({error.strerror}).") from error
    return path

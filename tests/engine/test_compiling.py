"""What trading needs is compiled beside the loop, and that can be cut short."""

from __future__ import annotations

import threading

from engine.compiling import compile_for_trading, wanted_for_trading
from engine.core import frames, quotes
from engine.core.compiled import is_disabled
from engine.core.registry import TEMPLATES


def test_it_compiles_what_ticks_decisions_and_fills_go_through() -> None:
    wanted = list(wanted_for_trading())
    assert frames.take_trades in wanted
    assert TEMPLATES.get("ema_crossover").on_bar in wanted
    assert compile_for_trading() > 20
    assert quotes.take_frame.is_ready is not is_disabled()


def test_it_stops_when_told() -> None:
    stop = threading.Event()
    stop.set()
    assert compile_for_trading(stop) == 0

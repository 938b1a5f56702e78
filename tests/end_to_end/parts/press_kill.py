"""Opens the real window, lets an order rest, holds Ctrl+Shift+K, and resumes by typing a reason; says what came of each as JSON."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

import terminal.app
import terminal.window_app
from engine.core.model import OrderRequest, OrderType, Side

CONTROL = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier


async def until(is_so: Callable[[], Any]) -> Any:
    """Wait until something is so."""
    async with asyncio.timeout(60):
        while not (found := is_so()):  # noqa: ASYNC110  # the window is looked at as a trader does
            await asyncio.sleep(0.02)
    return found


def resting(engine: Any, wish: OrderRequest) -> Any:
    """Return an order that rests, sent once something new may pass: a loop that came late lets nothing for a moment."""
    made = [order for order in engine.session.orders.orders if order.request.owner == "hand"]
    if engine.session.risk.state.value == "ACTIVE" and (not made or made[-1].status.is_terminal):
        engine.submit(replace(wish, quantity=len(made) + 1))  # no two alike
    return made[-1] if made and made[-1].status.value == "OPEN" else None


async def press(desk: Any) -> int:
    """Do what a trader does."""
    view, engine, window = desk.view, desk.engine, desk.window
    instrument = view.catalogue["NSE:RELIANCE"]
    price = await until(lambda: engine.session.risk.desk.last_price(instrument.key))
    wish = OrderRequest(instrument, Side.BUY, 1, OrderType.LIMIT, price=round(price * 0.985 / 0.1) * 0.1)
    order = await until(lambda: resting(engine, wish))
    QTest.keyPress(window, Qt.Key.Key_K, CONTROL)
    await until(lambda: engine.session.risk.state.value == "HALTED")
    QTest.keyRelease(window, Qt.Key.Key_K, CONTROL)
    await until(lambda: view.orders[order.id].status.value == "CANCELLED")
    await until(lambda: engine.session.latch.is_set)
    told = {"reason": engine.session.risk.reason, "strategies": sorted({s.state.value for s in view.strategies.values()})}
    desk.actions.run("account.resume")
    dialog = await until(lambda: window.dialogs._open.get("resume"))
    dialog.go_on.click()
    told["after a click alone"] = engine.session.risk.state.value
    QTest.keyClicks(dialog.line, "looked at the book")
    dialog.go_on.click()
    told["after a reason"] = engine.session.risk.state.value
    told["latch"] = engine.session.latch.is_set
    print(json.dumps(told))
    return 0


if __name__ == "__main__":
    terminal.window_app.smoke = press
    sys.argv = ["main.py", "--smoke"]
    sys.exit(terminal.app.main())

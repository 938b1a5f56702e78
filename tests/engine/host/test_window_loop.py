"""On the window's loop, too, a strategy's process answers, and one that hangs is ended while the loop goes on."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.engine.host.conftest import CodeOf

ROOT = Path(__file__).resolve().parents[3]

STORY = """
import sys
from dataclasses import replace
import qasync
from PySide6.QtWidgets import QApplication
from engine.core.model import Exchange, Instrument
from engine.host.limits import LIMITS
from engine.host.process import StrategyProcess
from engine.host.wire import encode_instrument
from engine.authored.files import code_of
from engine.tasks import Tasks

SEAT = {"ask": "seat", "values": {}, "instrument": encode_instrument(Instrument(Exchange.NSE, "RELIANCE", 1)), "interval_s": 60, "kept": []}

def bar(number):
    row = [number * 60_000_000_000, 0, 0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0]
    return {"ask": "bar", "seat": 0, "row": row, "held": 0, "equity": 1.0, "past": False, "fills": []}

async def story():
    tasks = Tasks()
    process = StrategyProcess(tasks, "mine", replace(LIMITS, stop_s=0.2))
    await process.start(code_of(sys.argv[1]))
    await process.call(SEAT, "on_start", 20.0)
    print((await process.call(bar(1), "on_bar", 20.0)).wish[0])
    process.on_lost = print
    process.ask(bar(2), print, "on_bar")
    await process._gone
    await tasks.close()

app = QApplication([])
qasync.run(story())
"""


def test_it_answers_and_is_ended_on_the_loop_of_qt(code: CodeOf) -> None:
    path = code("def on_bar(self, bar):\n    self.buy()\n    time.sleep(bar.time_ns // 120_000_000_000 * 60)").path
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "QT_API": "pyside6", "QT_QPA_PLATFORM": "offscreen"}
    words = [sys.executable, "-c", STORY, str(path)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=120, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "1.0", "The process of mine did not come back from on_bar within 0.2 s; mend the strategy and start it again."
    ]  # fmt: skip

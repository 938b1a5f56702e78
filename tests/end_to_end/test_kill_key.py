"""The real window: Ctrl+Shift+K held stops everything, and only a typed reason lets trading go on."""

from __future__ import annotations

import json
import subprocess
import sys

from tests.end_to_end.conftest import ROOT, Shikra


def test_the_held_key_kills_and_a_typed_reason_lets_trading_go_on(shikra: Shikra) -> None:
    script = ROOT / "tests/end_to_end/parts/press_kill.py"
    done = subprocess.run(
        [sys.executable, str(script)], cwd=ROOT, env=shikra.environment(), capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "reason": "by hand",
        "strategies": ["STOPPED"],
        "after a click alone": "HALTED",
        "after a reason": "ACTIVE",
        "latch": False,
    }

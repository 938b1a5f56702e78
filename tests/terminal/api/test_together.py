"""Window, two scripts and a foreign page at once: the state agrees wherever one looks, and nothing happens twice."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.terminal.api.conftest import ROOT

ROUNDS = int(os.environ.get("SHIKRA_ROUNDS", "25"))
"""500 take a good minute."""


def test_the_state_agrees_everywhere_and_nothing_happens_twice(tmp_path: Path) -> None:
    environment = os.environ | {
        "PYTHONPATH": str(ROOT),
        "SHIKRA_HOME": str(tmp_path),
        "SHIKRA_ROUNDS": str(ROUNDS),
        "QT_QPA_PLATFORM": "offscreen",
    }
    command = [sys.executable, str(Path(__file__).with_name("together.py")), str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=170, check=False)
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout.splitlines()[-1])
    for script in seen["scripts"]:
        assert script == {"ids": 1, "deploy 200": 2 * ROUNDS, "stop 200": ROUNDS, "list 200": ROUNDS}
    assert seen["page"] == {"403": 4 * ROUNDS}
    assert seen["risk"] == "ACTIVE"
    assert len(seen["api"]) == seen["kept"] + 2
    assert {state for _, state in seen["api"]} == {"STOPPED"}
    assert seen["api"] == seen["view"] == seen["database"]
    assert seen["rows"] == len(seen["api"])

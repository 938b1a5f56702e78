"""The real window in safe mode: a chosen backup is put back while the terminal is closed for it, and it opens again by itself."""

from __future__ import annotations

import json
import subprocess
import sys

from tests.end_to_end.conftest import ROOT, Shikra


def test_a_backup_is_put_back_and_the_terminal_opens_again_in_safe_mode(shikra: Shikra) -> None:
    script = ROOT / "tests/end_to_end/parts/press_restore.py"
    done = subprocess.run(
        [sys.executable, str(script)], cwd=ROOT, env=shikra.environment(), capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["before"]["kept"] == "new", "the newest whole backup takes the damaged database's place"
    assert {"shikra-20261123-120000.db", "shikra-20261124-120000.db"} <= set(told["offered"])
    for life in ("before", "after"):
        assert (told[life]["state"], told[life]["banner"]) == ("HALTED", True)
    assert told["after"]["kept"] == "old"
    assert "shikra-20261123-120000.db is the database now" in told["after"]["why"]
    assert len(list((shikra.home / "set-aside").rglob("shikra.db"))) == 2, "the damaged one and the newer one"

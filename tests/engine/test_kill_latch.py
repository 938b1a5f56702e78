"""The kill switch's file."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.kill_latch import KillLatch


def test_a_latch_is_seen_by_everyone_and_stays_until_it_is_cleared(tmp_path: Path) -> None:
    path = tmp_path / "new" / "kill.latch"
    latch, other = KillLatch(path), KillLatch(path)
    assert (latch.is_set, latch.reason) == (False, "")
    latch.set("the phone rang")
    assert (other.is_set, other.reason) == (True, "the phone rang")
    other.clear()
    other.clear()
    assert not latch.is_set


def test_without_a_path_nothing_is_kept() -> None:
    latch = KillLatch(None)
    latch.set("x")
    assert (latch.is_set, latch.reason) == (False, "")
    latch.clear()


def test_a_latch_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="file"):
        KillLatch(tmp_path / "file" / "kill.latch").set("x")

"""The latch is a file: whoever writes it stops every send, it holds over a restart, and says who acts on it."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.kill_latch import KillLatch, Latched


def test_it_holds_over_a_restart_until_it_is_taken_back(tmp_path: Path) -> None:
    path = tmp_path / "data" / "kill.latch"
    latch = KillLatch(path)
    assert not latch.is_set
    assert latch.reason == ""
    assert latch.read() is None
    latch.set("too  much\nlost")
    again = KillLatch(path)
    assert again.is_set
    assert again.reason == "too much lost"
    assert again.read() == Latched("too much lost")
    again.clear()
    again.clear()
    assert not latch.is_set


def test_it_says_whether_to_close_and_who_waits(tmp_path: Path) -> None:
    latch = KillLatch(tmp_path / "kill.latch")
    latch.set("flatten: yes", number="17")
    assert latch.read() == Latched("flatten: yes", flatten=False, number="17"), "a reason is no order"
    latch.set("storm", flatten=True)
    assert latch.read() == Latched("storm", flatten=True)


def test_only_the_first_claims_a_question(tmp_path: Path) -> None:
    latch, other = KillLatch(tmp_path / "kill.latch"), KillLatch(tmp_path / "kill.latch")
    assert latch.heard("17") is None
    assert latch.claim("17")
    assert not other.claim("17")
    assert other.heard("17") == {}
    latch.answer("17", {"is_over": False})
    assert other.heard("17") == {"is_over": False}
    latch.set("storm")
    latch.clear()
    assert other.heard("17") is None, "answers go with the latch"
    assert [path.name for path in tmp_path.iterdir()] == []


def test_an_answer_that_cannot_be_read_is_one_that_says_nothing(tmp_path: Path) -> None:
    latch = KillLatch(tmp_path / "kill.latch")
    (tmp_path / "kill-17.json").write_text("{", encoding="utf-8")
    assert latch.heard("17") == {}
    (tmp_path / "kill-17.json").write_text("[1]", encoding="utf-8")
    assert latch.heard("17") == {}


def test_what_cannot_be_read_is_latched_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "kill.latch").mkdir()
    latch = KillLatch(tmp_path / "kill.latch")
    assert latch.is_set
    assert latch.read() == Latched()
    (tmp_path / "kill.latch").rmdir()
    (tmp_path / "kill.latch").write_bytes(b"")
    assert latch.read() == Latched()


def test_a_failed_write_is_told_and_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(OSError, match="file"):
        KillLatch(tmp_path / "file" / "kill.latch").set("storm")
    (tmp_path / "kill.latch").mkdir()
    with pytest.raises(OSError, match=r"kill\.latch"):
        KillLatch(tmp_path / "kill.latch").set("storm")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "kill.latch"]


def test_without_a_path_it_holds_nothing() -> None:
    latch = KillLatch(None)
    latch.set("nobody will know")
    latch.answer("17", {})
    latch.clear()
    assert not latch.is_set
    assert not latch.is_kept
    assert latch.read() is None
    assert not latch.claim("17")

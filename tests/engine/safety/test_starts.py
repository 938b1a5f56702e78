"""Three starts that broke off within ten minutes are a circle; what ended well, or long ago, does not count."""

from __future__ import annotations

from pathlib import Path

from engine.clock import ManualClock
from engine.safety.starts import NAME, Starts


def broken_off(folder: Path, wall: ManualClock, apart_s: float) -> str:
    """Start and never end; returns what the start said."""
    said = Starts(folder, wall).begin()
    wall.advance(apart_s)
    return said


def test_the_fourth_start_after_three_that_broke_off_is_told(tmp_path: Path, wall: ManualClock) -> None:
    assert [broken_off(tmp_path, wall, 60) for _ in range(3)] == ["", "", ""]
    assert "broke off 3 times within ten minutes" in broken_off(tmp_path, wall, 60)


def test_what_ended_well_does_not_count(tmp_path: Path, wall: ManualClock) -> None:
    for _ in range(5):
        start = Starts(tmp_path, wall)
        assert start.begin() == ""
        start.end()
        start.end()
        wall.advance(1)
    assert [broken_off(tmp_path, wall, 1) for _ in range(3)] == [""] * 3


def test_what_broke_off_long_ago_does_not_count(tmp_path: Path, wall: ManualClock) -> None:
    assert [broken_off(tmp_path, wall, 200) for _ in range(9)] == [""] * 9, "the third before is ten minutes old"
    assert broken_off(tmp_path, wall, 199) == ""
    assert "3 times" in broken_off(tmp_path, wall, 1)
    wall.advance(601)
    assert broken_off(tmp_path, wall, 1) == ""


def test_a_clock_that_was_set_back_and_a_file_of_nonsense_say_nothing(tmp_path: Path, wall: ManualClock) -> None:
    for _ in range(3):
        broken_off(tmp_path, wall, 1)
    wall = ManualClock(wall.now_ns() - 3_600 * 10**9)
    assert broken_off(tmp_path, wall, 1) == ""
    (tmp_path / NAME).write_text('{"not": "a list"', encoding="utf-8")
    assert broken_off(tmp_path, wall, 1) == ""
    (tmp_path / NAME).write_text('{"not": "a list"}', encoding="utf-8")
    assert broken_off(tmp_path, wall, 1) == ""

from __future__ import annotations

from pathlib import Path

import pytest

from terminal.arming import FILE_NAME, arm, disarm, is_armed


def test_an_arming_ends_with_its_log_in(tmp_path: Path) -> None:
    assert not is_armed(tmp_path, 1)
    arm(tmp_path, "AB1234", 10)
    assert is_armed(tmp_path, 9)
    assert not is_armed(tmp_path, 10)


def test_disarming_is_at_once_and_may_be_repeated(tmp_path: Path) -> None:
    arm(tmp_path, "AB1234", 10)
    disarm(tmp_path)
    disarm(tmp_path)
    assert not is_armed(tmp_path, 1)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"until_ns": "soon"}', '{"until_ns": null}'])
def test_a_file_that_makes_no_sense_arms_nothing(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE_NAME).write_text(text, encoding="utf-8")
    assert not is_armed(tmp_path, 1)

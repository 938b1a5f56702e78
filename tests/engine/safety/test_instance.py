"""One terminal a folder: the second is refused with the name of the first, and a dead one is in nobody's way."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from engine.core.errors import UserError
from engine.safety.instance import NAME, InstanceLock, is_taken

HOLD = "import sys, pathlib; from engine.safety.instance import InstanceLock; InstanceLock(pathlib.Path(sys.argv[1])).take(); print('held', flush=True); sys.stdin.read()"  # noqa: E501


def test_the_second_is_refused_by_the_name_of_the_first(tmp_path: Path) -> None:
    first, second = InstanceLock(tmp_path), InstanceLock(tmp_path)
    first.take()
    with pytest.raises(UserError, match=f"process {os.getpid()} trades there"):
        second.take()
    assert not second.is_held
    assert is_taken(tmp_path)
    first.release()
    second.take()
    second.release()
    assert not is_taken(tmp_path)


def test_taking_it_twice_is_taking_it_once(tmp_path: Path) -> None:
    lock = InstanceLock(tmp_path)
    lock.take()
    lock.take()
    lock.release()
    lock.release()
    assert not is_taken(tmp_path)


def test_what_cannot_be_read_of_the_holder_is_left_out(tmp_path: Path) -> None:
    first = InstanceLock(tmp_path)
    first.take()
    (tmp_path / NAME).write_text("?", encoding="utf-8")
    with pytest.raises(UserError, match="another process trades there"):
        InstanceLock(tmp_path).take()
    first.release()


def test_a_folder_without_a_terminal_is_not_taken(tmp_path: Path) -> None:
    assert not is_taken(tmp_path / "nowhere")
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")
def test_a_terminal_that_was_killed_is_in_nobodys_way(tmp_path: Path) -> None:
    other = subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert other.stdout is not None
    assert other.stdin is not None
    assert other.stdout.readline() == b"held\n"
    assert json.loads((tmp_path / NAME).read_text(encoding="utf-8")) == {"pid": other.pid}
    with pytest.raises(UserError, match=f"process {other.pid} trades there"):
        InstanceLock(tmp_path).take()
    other.send_signal(signal.SIGKILL)
    other.wait()
    other.stdin.close()
    other.stdout.close()
    mine = InstanceLock(tmp_path)
    mine.take()
    mine.release()

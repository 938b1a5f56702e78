from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QObject
from pytestqt.qtbot import QtBot
from shiboken6 import delete

from widgets.base.frames import Frames


class Painter(QObject):
    def __init__(self) -> None:
        super().__init__()
        self.times = 0

    def paint(self) -> None:
        self.times += 1


def test_however_often_one_asks_one_is_called_once_a_frame(desk: Any) -> None:
    frames, painter = Frames.of(desk.view), Painter()
    for _ in range(100):
        frames.ask(painter.paint)
    assert painter.times == 0
    frames.flush()
    assert painter.times == 1
    frames.flush()
    assert painter.times == 1


def test_the_frame_comes_by_itself_and_all_who_asked_are_in_it(desk: Any, qtbot: QtBot) -> None:
    frames, first, second = Frames.of(desk.view), Painter(), Painter()
    frames.ask(first.paint)
    frames.ask(second.paint)
    qtbot.waitUntil(lambda: first.times == 1 and second.times == 1)


def test_there_is_one_for_each_view(desk: Any) -> None:
    assert Frames.of(desk.view) is Frames.of(desk.view)


def test_who_is_gone_is_not_called(desk: Any, qtbot: QtBot) -> None:
    frames, dropped, deleted = Frames.of(desk.view), Painter(), Painter()
    frames.ask(dropped.paint)
    frames.ask(deleted.paint)
    delete(deleted)
    del dropped
    frames.flush()
    assert deleted.times == 0


def test_who_asks_again_while_painting_waits_for_the_next_frame(desk: Any) -> None:
    frames = Frames.of(desk.view)

    class Restless(Painter):
        def paint(self) -> None:
            super().paint()
            frames.ask(self.paint)

    restless = Restless()
    frames.ask(restless.paint)
    frames.flush()
    assert restless.times == 1


def test_one_that_fails_does_not_keep_the_others_from_painting(desk: Any) -> None:
    frames = Frames.of(desk.view)

    class Failing(Painter):
        def paint(self) -> None:
            raise ValueError("no such figure")

    failing, other = Failing(), Painter()
    frames.ask(failing.paint)
    frames.ask(other.paint)
    with pytest.raises(ValueError, match="no such figure"):
        frames.flush()
    frames.flush()
    assert other.times == 1


def test_ages_are_counted_from_the_last_frame_of_the_feed(desk: Any, qtbot: QtBot) -> None:
    frames = Frames.of(desk.view)
    assert frames.feed_age_s == frames.age_s(0) == frames.age_s(None) == float("inf")
    desk.view.on_ticks(np.array([0, 700]), 1)
    assert frames.age_s(0) < 5
    assert frames.age_s(700) < 5
    assert frames.age_s(1) == float("inf")
    assert frames.age_s(5_000) == float("inf")
    before = frames.age_s(0)
    qtbot.waitUntil(lambda: frames.age_s(0) > before)
    assert frames.feed_age_s > before
    desk.view.on_ticks(np.array([], dtype=np.int64), 2)
    assert frames.feed_age_s > before, "an empty frame is no sign of life of any quote"

from __future__ import annotations

from typing import Any

import pytest

from engine.core.model import LogLine
from engine.view import KEPT_LOG_LINES
from widgets.base.theme import Theme
from widgets.panels.log import Log


@pytest.fixture
def log(desk: Any, theme: Theme, shown: Any) -> Log:
    desk.view.on_log(LogLine(1, "info", "session", "Opened"))
    return shown(Log(desk.view, theme))  # type: ignore[no-any-return]


def texts(log: Log) -> list[str]:
    return [line.record.text for line in log.grid.rows.lines]


def test_lines_come_at_the_end(log: Log, desk: Any) -> None:
    desk.view.on_log(LogLine(2, "WARNING", "risk", "Denied"))
    assert texts(log) == ["Opened", "Denied"]
    assert log.grid.rows.data(log.grid.rows.index(1, 1)) == "warning"


def test_lines_are_chosen_by_level_and_words(log: Log, desk: Any) -> None:
    desk.view.on_log(LogLine(2, "debug", "feed", "frame"))
    desk.view.on_log(LogLine(3, "warning", "risk", "Denied RELIANCE"))
    desk.view.on_log(LogLine(4, "critical", "store", "Disk full"))
    assert texts(log) == ["Opened", "Denied RELIANCE", "Disk full"]
    log.level.choose(3)
    assert texts(log) == ["Disk full"]
    log.level.choose(0)
    assert len(texts(log)) == 4
    log.words.setText("reliance")
    assert texts(log) == ["Denied RELIANCE"]
    log.words.setText("RISK")
    assert texts(log) == ["Denied RELIANCE"], "where it comes from counts, too"


def test_it_follows_the_end_until_one_scrolls_up(log: Log, desk: Any) -> None:
    bar = log.grid.verticalScrollBar()
    for number in range(100):
        desk.view.on_log(LogLine(number, "info", "x", str(number)))
        desk.frame()
    assert bar.value() == bar.maximum() > 0
    bar.setValue(0)
    desk.view.on_log(LogLine(1, "info", "x", "more"))
    desk.frame()
    assert bar.value() == 0


def test_it_keeps_no_more_lines_than_the_view(log: Log, desk: Any) -> None:
    for number in range(KEPT_LOG_LINES + 5):
        log._on_line(LogLine(number, "debug", "x", str(number)))
    assert len(log.grid.rows.by_key) == KEPT_LOG_LINES

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from PySide6.QtCore import QEvent, QPoint, Qt
from PySide6.QtGui import QGuiApplication, QKeyEvent
from PySide6.QtWidgets import QApplication, QMenu
from pytestqt.qtbot import QtBot

from widgets.base.columns import Column, by_sign
from widgets.base.grid import FLASH_MS, Grid
from widgets.base.panel import Panel
from widgets.base.theme import Theme


@dataclass
class Row:
    name: str
    value: float


class Host(Panel):
    grid: Grid[Row]

    def verbs(self) -> dict[str, Callable[[], object]]:
        return {"ticket.buy": lambda: self.grid.record, "order.cancel": lambda: self.grid.record}


COLUMNS: tuple[Column[Row], ...] = (
    Column("name", "Name", lambda r: r.name, 80),
    Column("value", "Value", lambda r: f"{r.value:.1f}", 60, is_number=True, tone=lambda r: by_sign(r.value), order=lambda r: r.value,
                flash=lambda r: r.value),
    Column("secret", "Secret", lambda r: r.name[::-1], 60, is_hidden=True, tip="Backwards"),
)  # fmt: skip


@pytest.fixture
def host(desk: Any, theme: Theme, shown: Any) -> Host:
    made = Host(desk.view, theme)
    made.grid = Grid(made, COLUMNS, empty="Nothing here.\nAdd something.")
    made.grid.resize(400, 200)
    return shown(made)  # type: ignore[no-any-return]


@pytest.fixture
def grid(host: Host) -> Grid[Row]:
    for name, value in (("beta", 2.0), ("alpha", -1.0), ("gamma", 3.0)):
        host.grid.rows.put(name, Row(name, value))
    host.grid.show()
    return host.grid


def names(grid: Grid[Row]) -> list[str]:
    return [line.key for line in grid.rows.lines]


def text(grid: Grid[Row], row: int, column: int) -> Any:
    return grid.rows.data(grid.rows.index(row, column))


def test_a_row_shows_its_record_as_the_columns_write_it(grid: Grid[Row]) -> None:
    assert [text(grid, 1, 0), text(grid, 1, 1)] == ["alpha", "-1.0"]
    assert grid.rows.data(grid.rows.index(1, 1), Qt.ItemDataRole.AccessibleTextRole) == "Value -1.0"
    assert grid.rows.data(grid.rows.index(1, 1), Qt.ItemDataRole.DecorationRole) is None
    assert grid.rows.data(grid.rows.index(-1, -1)) is None
    assert grid.rows.headerData(1, Qt.Orientation.Horizontal) == "Value"
    assert grid.rows.headerData(2, Qt.Orientation.Horizontal, Qt.ItemDataRole.ToolTipRole) == "Backwards"
    assert grid.rows.headerData(1, Qt.Orientation.Horizontal, Qt.ItemDataRole.TextAlignmentRole) & Qt.AlignmentFlag.AlignRight
    assert grid.rows.headerData(1, Qt.Orientation.Vertical) is None
    assert grid.isColumnHidden(2)


def test_putting_a_key_again_replaces_its_record_in_place(grid: Grid[Row]) -> None:
    grid.rows.put("alpha", Row("alpha", 9.0))
    assert names(grid) == ["beta", "alpha", "gamma"]
    assert text(grid, 1, 1) == "9.0"


def test_newest_first_puts_what_comes_on_top(host: Host) -> None:
    grid: Grid[Row] = Grid(host, COLUMNS, is_newest_first=True)
    for name in "abc":
        grid.rows.put(name, Row(name, 0.0))
    assert names(grid) == ["c", "b", "a"]


def test_a_filter_hides_rows_and_a_row_that_comes_back_stands_where_it_stood(grid: Grid[Row]) -> None:
    grid.rows.show_only(lambda row: row.value > 0)
    assert names(grid) == ["beta", "gamma"]
    grid.rows.put("alpha", Row("alpha", 1.0))
    assert names(grid) == ["beta", "alpha", "gamma"]
    grid.rows.put("beta", Row("beta", -2.0))
    assert names(grid) == ["alpha", "gamma"]
    grid.rows.remove("beta")
    grid.rows.remove("no such key")
    grid.rows.show_only(lambda row: True)
    assert names(grid) == ["alpha", "gamma"]


def test_sorting_keeps_the_focus_on_the_record_not_on_the_row(grid: Grid[Row]) -> None:
    grid.focus_key("alpha")
    grid.sort_by(1, is_descending=True)
    assert names(grid) == ["gamma", "beta", "alpha"]
    assert grid.record == Row("alpha", -1.0)
    grid.rows.remove("gamma")
    assert grid.record == Row("alpha", -1.0)


def test_a_click_on_a_header_sorts_then_turns_then_lets_go(grid: Grid[Row]) -> None:
    header = grid.horizontalHeader()
    header.sectionClicked.emit(1)
    assert names(grid) == ["gamma", "beta", "alpha"], "figures: the highest first"
    header.sectionClicked.emit(1)
    assert names(grid) == ["alpha", "beta", "gamma"]
    header.sectionClicked.emit(1)
    assert names(grid) == ["beta", "alpha", "gamma"]
    header.sectionClicked.emit(0)
    assert names(grid) == ["alpha", "beta", "gamma"], "words: from A"


def test_the_order_holds_still_while_the_table_has_the_focus(grid: Grid[Row], host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    grid.sort_by(1, is_descending=True)
    grid.rows.put("alpha", Row("alpha", 99.0))
    monkeypatch.setattr(grid, "hasFocus", lambda: True)
    grid._sorter.timeout.emit()
    assert names(grid) == ["gamma", "beta", "alpha"]
    monkeypatch.setattr(grid, "hasFocus", lambda: False)
    monkeypatch.setattr(grid, "underMouse", lambda: True)
    grid._sorter.timeout.emit()
    assert names(grid) == ["gamma", "beta", "alpha"]
    monkeypatch.setattr(grid, "underMouse", lambda: False)
    grid._sorter.timeout.emit()
    assert names(grid) == ["alpha", "gamma", "beta"]


def test_a_row_can_be_moved_by_hand(grid: Grid[Row]) -> None:
    grid.rows.move("gamma", -1)
    assert names(grid) == ["beta", "gamma", "alpha"]
    grid.rows.move("beta", -1)
    assert names(grid) == ["beta", "gamma", "alpha"]


def test_a_key_acts_on_the_focused_row(grid: Grid[Row], host: Host, asked: Any, press: Any) -> None:
    kept = asked(host)
    grid.focus_key("gamma")
    press(grid, Qt.Key.Key_B, "b")
    press(grid, Qt.Key.Key_Delete)
    assert kept == [("ticket.buy", Row("gamma", 3.0)), ("order.cancel", Row("gamma", 3.0))]


def test_a_held_key_acts_once_and_never_again(grid: Grid[Row], host: Host, asked: Any, press: Any) -> None:
    kept = asked(host)
    grid.focus_key("gamma")
    press(grid, Qt.Key.Key_B, "b")
    for _ in range(20):
        press(grid, Qt.Key.Key_B, "b", is_held=True)
    assert len(kept) == 1


def test_letters_without_a_meaning_neither_ask_nor_search(grid: Grid[Row], host: Host, asked: Any, press: Any) -> None:
    kept = asked(host)
    grid.focus_key("beta")
    press(grid, Qt.Key.Key_G, "g")
    assert kept == []
    assert grid.record == Row("beta", 2.0)
    press(grid, Qt.Key.Key_Down)
    assert grid.record == Row("alpha", -1.0)


def test_shortcuts_of_the_window_do_not_get_the_keys_that_act_here(grid: Grid[Row]) -> None:
    def overrides(key: Qt.Key, text: str) -> bool:
        event = QKeyEvent(QEvent.Type.ShortcutOverride, key, Qt.KeyboardModifier.NoModifier, text)
        event.ignore()
        QApplication.sendEvent(grid, event)
        return event.isAccepted()

    assert overrides(Qt.Key.Key_B, "b")
    assert not overrides(Qt.Key.Key_F3, "")


def test_a_frame_writes_only_rows_that_are_seen_and_flashes_what_moved(grid: Grid[Row], desk: Any) -> None:
    grid.on_frame()
    line = grid.rows.put("alpha", Row("alpha", 5.0))
    assert line.is_dirty
    grid.on_frame()
    assert not line.is_dirty
    until, word = line.flashes[1]
    assert word == "up_flash"
    assert until <= grid.panel.frames.now_ms + FLASH_MS
    grid.rows.put("alpha", Row("alpha", 4.0))
    grid.on_frame()
    assert line.flashes[1][1] == "down_flash"
    for number in range(200):
        grid.rows.put(f"row {number}", Row("x", 1.0))
    last = grid.rows.by_key["row 199"]
    grid.on_frame()
    assert last.is_dirty, "what is out of sight is not written"


def test_a_column_that_fails_is_not_asked_while_painting(host: Host) -> None:
    asked_for: list[str] = []

    def fail(row: Row) -> str:
        asked_for.append(row.name)
        raise ValueError(row.name)

    grid: Grid[Row] = Grid(host, [Column("name", "Name", fail)])
    grid.show()
    line = grid.rows.put("one", Row("one", 1.0))
    with pytest.raises(ValueError, match="one"):
        grid.on_frame()
    assert not grid.grab().isNull(), "an exception inside Qt's painting would end the process"
    assert asked_for == ["one"]
    assert not line.is_dirty


def test_a_flash_goes_out_by_itself(grid: Grid[Row], qtbot: QtBot) -> None:
    grid.on_frame()
    line = grid.rows.put("alpha", Row("alpha", 5.0))
    grid.on_frame()
    assert line.flashes
    qtbot.waitUntil(lambda: not line.flashes)


def test_a_hidden_table_does_not_work(grid: Grid[Row], desk: Any) -> None:
    desk.frame()
    grid.hide()
    line = grid.rows.put("alpha", Row("alpha", 5.0))
    grid.ask_frame()
    desk.frame()
    assert line.is_dirty
    grid.show()
    desk.frame()
    assert not line.is_dirty


def test_the_clipboard_gets_the_focused_row_without_hidden_cells(grid: Grid[Row], press: Any) -> None:
    grid.focus_key("alpha")
    press(grid, Qt.Key.Key_C, "", Qt.KeyboardModifier.ControlModifier)
    assert QGuiApplication.clipboard().text() == "alpha\t-1.0"


def test_columns_are_chosen_from_the_header_and_remembered(grid: Grid[Row], host: Host) -> None:
    grid.horizontalHeader().customContextMenuRequested.emit(QPoint(5, 5))
    menu = grid.findChild(QMenu)
    assert isinstance(menu, QMenu)
    entries = menu.actions()
    assert [entry.text() for entry in entries] == ["Name", "Value", "Secret"]
    assert not entries[0].isEnabled(), "the first column says what the row is"
    entries[2].trigger()
    assert not grid.isColumnHidden(2)
    menu.close()
    grid.setColumnWidth(1, 123)
    grid.horizontalHeader().moveSection(1, 0)
    grid.sort_by(1, is_descending=True)
    other: Grid[Row] = Grid(host, COLUMNS)
    other.restore_state(grid.save_state() | {"unknown": 1})
    assert not other.isColumnHidden(2)
    assert other.columnWidth(1) == 123
    assert other.horizontalHeader().visualIndex(1) == 0
    assert other.rows.sorted_by == 1
    assert other.rows.is_descending
    other.restore_state({"columns": [{"name": "gone"}]})
    assert other.rows.sorted_by is None


def test_a_double_click_and_the_menu_tell_which_record(grid: Grid[Row], qtbot: QtBot) -> None:
    clicked: list[Row] = []
    asked_for: list[Row] = []
    grid.double_clicked.connect(clicked.append)
    grid.menu_asked.connect(lambda record, at: asked_for.append(record))
    at = grid.visualRect(grid.rows.index(1, 0)).center()
    qtbot.mouseClick(grid.viewport(), Qt.MouseButton.LeftButton, pos=at)
    qtbot.mouseDClick(grid.viewport(), Qt.MouseButton.LeftButton, pos=at)
    assert clicked == [Row("alpha", -1.0)]
    grid.contextMenuEvent(type("Event", (), {"globalPos": lambda self: QPoint(0, 0)})())
    assert asked_for == [Row("alpha", -1.0)]
    qtbot.mouseDClick(grid.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(10, 190))
    assert clicked == [Row("alpha", -1.0)], "below the last row there is nothing"


def test_an_empty_table_says_what_to_do(host: Host) -> None:
    host.grid.show()
    empty = host.grid.grab().toImage()
    host.grid.empty = ""
    assert host.grid.grab().toImage() != empty


def test_taking_the_focus_chooses_a_row_and_marks_it(grid: Grid[Row], qtbot: QtBot) -> None:
    grid.setFocus()
    qtbot.waitUntil(grid.hasFocus)
    assert grid.record == Row("beta", 2.0)
    focused = grid.grab().toImage()
    grid.clearFocus()
    assert grid.grab().toImage() != focused

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from widgets.base.finder import Finder
from widgets.base.inputs import ChoiceBox, NumberBox, Segments, TextBox
from widgets.base.keys import key_text


def overrides(widget: QWidget, key: Qt.Key, text: str = "", held: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> bool:
    event = QKeyEvent(QEvent.Type.ShortcutOverride, key, held, text)
    event.ignore()
    QApplication.sendEvent(widget, event)
    return event.isAccepted()


@pytest.mark.parametrize("make", [TextBox, lambda: NumberBox("n"), ChoiceBox])
def test_no_shortcut_takes_what_is_being_typed(make: Callable[[], QWidget], qtbot: QtBot) -> None:
    box = make()
    qtbot.addWidget(box)
    for key, text in (
        (Qt.Key.Key_B, "b"),
        (Qt.Key.Key_1, "1"),
        (Qt.Key.Key_Space, " "),
        (Qt.Key.Key_Delete, ""),
        (Qt.Key.Key_Return, "\r"),
    ):
        assert overrides(box, key, text), key
    assert overrides(box, Qt.Key.Key_B, "B", Qt.KeyboardModifier.ShiftModifier)
    if not isinstance(box, TextBox):
        assert not overrides(box, Qt.Key.Key_K, "k", Qt.KeyboardModifier.ControlModifier)
    assert not overrides(box, Qt.Key.Key_F3)


def test_shortcuts_with_ctrl_reach_the_window_from_a_text(qtbot: QtBot) -> None:
    box = TextBox()
    qtbot.addWidget(box)
    held = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier
    assert not overrides(box, Qt.Key.Key_X, "x", held)


def test_enter_goes_to_the_next_field(qtbot: QtBot, shown: Any) -> None:
    holder = QWidget()
    row = QVBoxLayout(holder)
    first, second = TextBox(), NumberBox("second")
    row.addWidget(first)
    row.addWidget(second)
    shown(holder)
    first.setFocus()
    qtbot.waitUntil(first.hasFocus)
    qtbot.keyClick(first, Qt.Key.Key_Return)
    assert second.hasFocus()


@pytest.mark.parametrize(
    ("text", "number"),
    [("1,482.50", Decimal("1482.50")), (" 7 ", Decimal(7)), ("−3", Decimal(-3)), ("", None), ("x", None), ("NaN", None), ("1e", None)],
)
def test_a_number_is_read_as_it_is_written(text: str, number: Decimal | None, qtbot: QtBot) -> None:
    box = NumberBox("price")
    qtbot.addWidget(box)
    box.setText(text)
    assert box.number == number
    assert box.value == (None if number is None else float(number))
    assert box.is_empty == (not text.strip())


def test_arrows_step_by_a_tick_onto_the_grid_and_by_ten_with_shift(qtbot: QtBot) -> None:
    box = NumberBox("price", step=Decimal("0.05"), decimals=2, low=Decimal("0.05"))
    qtbot.addWidget(box)
    box.put(100.02)
    qtbot.keyClick(box, Qt.Key.Key_Up)
    assert box.text() == "100.05"
    qtbot.keyClick(box, Qt.Key.Key_Down)
    assert box.text() == "100.00"
    qtbot.keyClick(box, Qt.Key.Key_Up, Qt.KeyboardModifier.ShiftModifier)
    assert box.text() == "100.50"
    box.put(0.1)
    qtbot.keyClick(box, Qt.Key.Key_Down, Qt.KeyboardModifier.ShiftModifier)
    assert box.text() == "0.05"
    box.put(None)
    qtbot.keyClick(box, Qt.Key.Key_Up)
    assert box.text() == ""


def test_a_quantity_steps_by_whole_lots(qtbot: QtBot) -> None:
    box = NumberBox("quantity", step=Decimal(175), low=Decimal(175))
    qtbot.addWidget(box)
    box.put(200)
    qtbot.keyClick(box, Qt.Key.Key_Up)
    assert box.number == 350
    qtbot.keyClick(box, Qt.Key.Key_Down)
    qtbot.keyClick(box, Qt.Key.Key_Down)
    assert box.number == 175


def test_what_is_wrong_is_marked(qtbot: QtBot) -> None:
    box = TextBox()
    qtbot.addWidget(box)
    box.mark_wrong(True)
    assert box.property("wrong") is True
    box.mark_wrong(False)
    assert box.property("wrong") is False


def test_segments_tell_what_is_chosen_once(qtbot: QtBot) -> None:
    choice: Segments[int] = Segments([("one", 1), ("two", 2), ("three", 3)], name="number")
    qtbot.addWidget(choice)
    heard: list[int] = []
    choice.chosen.connect(heard.append)
    assert choice.value == 1
    choice.choose(2)
    choice.choose(2)
    assert heard == [2]
    QTest.mouseClick(choice._group.button(2), Qt.MouseButton.LeftButton)
    assert heard == [2, 3]
    choice.retitle(3, "drei")
    choice.allow(1, False)
    assert choice._group.button(2).text() == "drei"
    assert not choice._group.button(0).isEnabled()
    with pytest.raises(ValueError, match="not in list"):
        choice.choose(9)


def test_a_choice_box_holds_its_values(qtbot: QtBot) -> None:
    box = ChoiceBox([("One minute", 1), ("Five", 5)], name="bar")
    qtbot.addWidget(box)
    box.setCurrentIndex(1)
    assert box.currentData() == 5


def test_the_finder_takes_the_first_that_is_found(desk: Any, qtbot: QtBot, shown: Any) -> None:
    found: list[str] = []
    finder = shown(Finder(desk.view, "Symbol", lambda instrument: found.append(instrument.key)))
    qtbot.keyClicks(finder, "tata")
    qtbot.keyClick(finder, Qt.Key.Key_Return)
    assert found == ["NSE:TCS"]
    assert finder.text() == ""


def test_the_finder_shows_when_nothing_is_found_and_escape_clears_it(desk: Any, qtbot: QtBot, shown: Any) -> None:
    found: list[str] = []
    finder = shown(Finder(desk.view, "Symbol", lambda instrument: found.append(instrument.key)))
    qtbot.keyClicks(finder, "zzz")
    assert finder.property("wrong") is True
    qtbot.keyClick(finder, Qt.Key.Key_Return)
    assert found == []
    qtbot.keyClick(finder, Qt.Key.Key_Escape)
    assert finder.text() == ""
    assert finder.property("wrong") is False
    qtbot.keyClick(finder, Qt.Key.Key_Escape)


def test_keys_are_written_as_the_keymap_writes_them() -> None:
    def pressed(key: Qt.Key, held: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> str:
        return key_text(QKeyEvent(QEvent.Type.KeyPress, key, held))

    assert pressed(Qt.Key.Key_Delete, Qt.KeyboardModifier.ShiftModifier) == "Shift+Del"
    assert pressed(Qt.Key.Key_Enter, Qt.KeyboardModifier.KeypadModifier) == "Return"
    assert pressed(Qt.Key.Key_F1) == "F1"
    assert pressed(Qt.Key.Key_Control, Qt.KeyboardModifier.ControlModifier) == ""
    assert pressed(Qt.Key.Key_unknown) == ""

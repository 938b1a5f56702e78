from __future__ import annotations

from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel
from pytestqt.qtbot import QtBot

from engine.core.model import EXTERNAL, OrderStatus, Product
from engine.core.reconciliation import Difference, Report
from widgets.base.theme import Theme
from widgets.dialogs.books import BooksDialog

TIME_NS = 1_762_141_500_000_000_000


@pytest.fixture
def dialog(desk: Any, theme: Theme, shown: Any) -> BooksDialog:
    return shown(BooksDialog(desk.view, theme))  # type: ignore[no-any-return]


def texts(dialog: BooksDialog) -> str:
    content = dialog.page.widget()
    assert content is not None
    return "\n".join(label.text() for label in content.findChildren(QLabel))


def a_difference(desk: Any, **more: Any) -> Difference:
    return Difference(desk.reliance, Product.MIS, 10, 0, **more)


def test_before_the_first_comparison_it_says_when_there_will_be_one(dialog: BooksDialog) -> None:
    assert "have not been compared yet" in texts(dialog)
    assert dialog.list.count() == 0


def test_a_difference_waits_until_it_is_acknowledged(dialog: BooksDialog, desk: Any, asked: Any, qtbot: QtBot) -> None:
    kept = asked(dialog)
    desk.view.on_report(Report(TIME_NS, "start", differences=(a_difference(desk),), unacknowledged=("NSE:RELIANCE", "NSE:TCS")))
    assert "RELIANCE MIS: 10 here, 0 at the broker. Only closing is allowed" in texts(dialog)
    assert "NSE:TCS differed earlier" in texts(dialog)
    assert set(dialog.acknowledges) == {"NSE:RELIANCE", "NSE:TCS"}
    button = dialog.acknowledges["NSE:RELIANCE"]
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    assert kept == [("books.acknowledge", "NSE:RELIANCE")]
    desk.view.on_difference_seen("NSE:RELIANCE")
    assert set(dialog.acknowledges) == {"NSE:TCS"}
    assert "Taken over from the broker" in texts(dialog)


def test_each_comparison_says_what_it_found(dialog: BooksDialog, desk: Any) -> None:
    external = desk.order("7", OrderStatus.OPEN, owner=EXTERNAL)
    unknown, gone = desk.order("8", OrderStatus.UNKNOWN), desk.order("9", OrderStatus.NOT_PLACED)
    fill = desk.fill()
    explained = (a_difference(desk, is_explained=True),)
    desk.view.on_report(
        Report(TIME_NS, "connection", 3, (fill,), (fill,), (external,), (gone,), (gone,), (unknown,), (), explained, skew_s=1.25)
    )
    desk.view.on_report(Report(TIME_NS + 10**9, "round", 3))
    assert [dialog.list.item(row).text() for row in (0, 1)] == [
        "03 Nov 09:15:01  in a round",
        "03 Nov 09:15:00  after a lost connection",
    ]
    assert texts(dialog) == "3 orders at the broker."
    dialog.list.setFocus()
    QTest.keyClick(dialog.list, Qt.Key.Key_Down)
    for words in ("order of unknown fate may be the reason", "Orders from elsewhere", "BUY 10 RELIANCE MIS, UNKNOWN", "Never placed",
                  "Fills recovered", "BUY 10 RELIANCE at 1,480.00, ema", "The broker's clock is +1.2 s from ours."):  # fmt: skip
        assert words in texts(dialog)


def test_it_compares_when_it_is_asked_to(dialog: BooksDialog, asked: Any, qtbot: QtBot) -> None:
    kept = asked(dialog)
    qtbot.mouseClick(dialog.compare, Qt.MouseButton.LeftButton)
    assert kept == [("books.compare", None)]
    QTest.keyClick(dialog, Qt.Key.Key_Escape)
    assert not dialog.isVisible()

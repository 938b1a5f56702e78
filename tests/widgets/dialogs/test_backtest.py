"""The form for a backtest says on the command line what stands in it, and shows what came of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog
from pytestqt.qtbot import QtBot

from engine.core.model import Product
from engine.core.registry import TEMPLATES
from terminal.cli.arguments import parser
from widgets.base.theme import Theme
from widgets.dialogs.backtest import OWN, BacktestDialog

CTRL = Qt.KeyboardModifier.ControlModifier


@pytest.fixture
def dialog(desk: Any, theme: Theme, shown: Any) -> BacktestDialog:
    desk.view.templates = tuple(template for _, template in TEMPLATES.items())
    made: BacktestDialog = shown(BacktestDialog(desk.view, theme))
    made.template.setCurrentIndex(made.template.findData("ema_crossover"))
    return made


def test_ctrl_enter_asks_for_what_stands_in_the_form(dialog: BacktestDialog, asked: Any, qtbot: QtBot) -> None:
    kept = asked(dialog)
    dialog.data.setText("/data/my bars.csv")
    dialog.symbols.setText("reliance, tcs")
    dialog.benchmark.setText("NIFTY 50")
    dialog.parameters["fast_ema"].setText("12")
    dialog.parameters["stop"].setText("0.015")
    dialog.interval.setCurrentIndex(2)
    dialog.capital.setText("10,00,000")
    dialog.quantity.setText("25")
    dialog.product.choose(Product.CNC)
    dialog.charges.choose("none")
    qtbot.keyClick(dialog.symbols, Qt.Key.Key_Return, CTRL)
    [(action, words)] = kept
    assert action == "backtest.run"
    read = parser("1").parse(["backtest", *words])
    assert (read.strategy, read.data, read.benchmark) == ("ema_crossover", "/data/my bars.csv", "NIFTY 50")
    assert read.param == [("fast_ema", "12"), ("stop", "0.015")]
    assert [symbol for symbol in read.symbols if symbol] == ["RELIANCE", "TCS"]
    assert (read.interval, read.capital, read.sizing, read.product, read.charges) == (5, 1_000_000.0, "fixed:25", "CNC", "none")
    assert read.slippage_bps == 2.0
    assert dialog.isVisible()


def test_a_form_that_lacks_something_says_what(dialog: BacktestDialog, asked: Any, qtbot: QtBot) -> None:
    kept = asked(dialog)
    assert not dialog.go.isEnabled()
    qtbot.keyClick(dialog.data, Qt.Key.Key_Return, CTRL)
    assert "file of bars" in dialog.fault.text()
    dialog.data.setText("bars.csv")
    assert dialog.go.isEnabled()
    dialog.capital.setText("much")
    assert dialog.problem() == "A field has no number in it."
    assert kept == []


def test_a_file_of_the_traders_own_takes_the_place_of_a_template(dialog: BacktestDialog) -> None:
    assert not dialog.own.isVisible()
    dialog.template.setCurrentIndex(dialog.template.findData(OWN))
    dialog.data.setText("bars.csv")
    assert dialog.own.isVisible()
    assert dialog.parameters == {}
    assert dialog.problem() == "Name the file of your strategy."
    dialog.own.setText("/mine/turtle.py")
    assert parser("1").parse(["backtest", *dialog.words]).strategy == "/mine/turtle.py"


def test_while_it_runs_it_can_only_be_cancelled(dialog: BacktestDialog, asked: Any, qtbot: QtBot) -> None:
    kept = asked(dialog)
    dialog.data.setText("bars.csv")
    dialog.on_began("shikra backtest --data bars.csv")
    assert dialog.busy.isVisible()
    assert not dialog.go.isEnabled()
    assert dialog.figures.toPlainText() == "shikra backtest --data bars.csv"
    dialog.send()
    qtbot.mouseClick(dialog.stop, Qt.MouseButton.LeftButton)
    assert kept == [("backtest.cancel", None)]
    dialog.on_ended("Net profit 5.00", "", True)
    assert not dialog.busy.isVisible()
    assert dialog.go.isEnabled()
    assert dialog.figures.toPlainText() == "Net profit 5.00"
    qtbot.mouseClick(dialog.report, Qt.MouseButton.LeftButton)
    assert kept[-1] == ("backtest.report", None)
    dialog.on_ended("", "Expected bars, was none.", False)
    assert dialog.fault.text() == "Expected bars, was none."
    assert dialog.report.isEnabled()


def test_files_are_chosen_without_blocking(dialog: BacktestDialog, tmp_path: Path, qtbot: QtBot) -> None:
    dialog._browse(dialog.data, "Bars", "Bars (*.csv)")
    (files,) = dialog.findChildren(QFileDialog)
    files.fileSelected.emit(str(tmp_path / "b.csv"))
    assert dialog.data.text() == str(tmp_path / "b.csv")
    files.close()

from __future__ import annotations

from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog
from pytestqt.qtbot import QtBot

from engine.core.model import Product
from engine.core.registry import TEMPLATES
from engine.executor.config import check_mode, parse_strategy
from engine.view import StrategyFile
from widgets.base.theme import Theme
from widgets.dialogs.new_strategy import FILE, LIVE_WARNING, NewStrategyDialog

CTRL = Qt.KeyboardModifier.ControlModifier


@pytest.fixture
def dialog(desk: Any, theme: Theme, shown: Any) -> NewStrategyDialog:
    desk.view.templates = tuple(template for _, template in TEMPLATES.items())
    made: NewStrategyDialog = shown(NewStrategyDialog(desk.view, theme))
    made.template.setCurrentIndex(made.template.findData("ema_crossover"))
    return made


def test_the_form_is_the_templates_own(dialog: NewStrategyDialog) -> None:
    assert list(dialog.parameters) == ["fast_ema", "slow_ema", "stop", "target", "warmup"]
    assert dialog.parameters["fast_ema"].text() == "9"
    dialog.template.setCurrentIndex(dialog.template.findData("rsi"))
    assert "fast_ema" not in dialog.parameters
    assert set(dialog.parameters) == {parameter.name for parameter in TEMPLATES.get("rsi").parameters}
    assert dialog.about.text()


def test_ctrl_enter_asks_for_it_as_a_script_would(dialog: NewStrategyDialog, asked: Any, qtbot: QtBot) -> None:
    kept = asked(dialog)
    dialog.symbols.setText("reliance, TCS; tcs")
    dialog.parameters["fast_ema"].setText("12")
    dialog.interval.setCurrentIndex(2)
    dialog.sizing.choose("fixed")
    dialog.fixed.setText("50")
    dialog.product.choose(Product.CNC)
    qtbot.keyClick(dialog.symbols, Qt.Key.Key_Return, CTRL)
    [(action, config)] = kept
    assert action == "strategy.add"
    parsed = parse_strategy(config["strategy_config"], config["risk_config"])
    assert parsed.name == "EMA crossover"
    assert parsed.keys == ("NSE:RELIANCE", "NSE:TCS")
    assert parsed.parameters["fast_ema"] == 12
    assert parsed.interval_s == 300
    assert parsed.product is Product.CNC
    assert parsed.limits["max_daily_loss"] == 3_000
    assert check_mode(config["mode"]) == "paper"
    assert config["strategy_config"]["sizing"] == "fixed:50"
    assert not dialog.isVisible()


def test_every_template_can_be_added_as_it_stands(dialog: NewStrategyDialog) -> None:
    dialog.symbols.setText("TCS")
    for number in range(dialog.template.count() - 1):
        dialog.template.setCurrentIndex(number)
        assert dialog.problem() == ""
        parse_strategy(dialog.config["strategy_config"], dialog.config["risk_config"])


@pytest.mark.parametrize(
    ("words", "field", "text"),
    [
        ("at least one symbol", "symbols", " , "),
        ("Unknown symbol RELIANC", "symbols", "RELIANC"),
        ("Fast ema: give a number", "fast_ema", "x"),
        ("Expected fast_ema from 2 to 200", "fast_ema", "1"),
        ("give a number", "capital", ""),
    ],
)
def test_what_cannot_be_is_told_and_not_sent(
    dialog: NewStrategyDialog, asked: Any, qtbot: QtBot, words: str, field: str, text: str
) -> None:
    kept = asked(dialog)
    dialog.symbols.setText("TCS")
    boxes = {"symbols": dialog.symbols, **dialog.parameters, **dialog.risk}
    boxes[field].setText(text)
    assert words in dialog.fault.text()
    assert not dialog.add.isEnabled()
    qtbot.keyClick(dialog.symbols, Qt.Key.Key_Return, CTRL)
    assert kept == []
    assert dialog.isVisible()


def test_a_fixed_quantity_is_a_whole_number(dialog: NewStrategyDialog) -> None:
    dialog.symbols.setText("TCS")
    assert not dialog.fixed.isEnabled()
    dialog.sizing.choose("fixed")
    dialog.fixed.setText("0.5")
    assert "whole number" in dialog.problem()


def test_enter_alone_never_adds(dialog: NewStrategyDialog, asked: Any, qtbot: QtBot) -> None:
    kept = asked(dialog)
    dialog.symbols.setText("TCS")
    for widget in (dialog, dialog.name, dialog.symbols, dialog.add):
        qtbot.keyClick(widget, Qt.Key.Key_Return)
    assert kept == []
    qtbot.keyClick(dialog, Qt.Key.Key_Escape)
    assert not dialog.isVisible()


def test_live_is_a_deliberate_choice_with_a_warning(dialog: NewStrategyDialog) -> None:
    dialog.symbols.setText("TCS")
    assert dialog.mode.value == "paper"
    dialog.mode.choose("live")
    assert dialog.fault.text() == LIVE_WARNING
    assert dialog.add.isEnabled()


def test_before_the_engine_is_there_it_says_so(desk: Any, theme: Theme, shown: Any) -> None:
    dialog = shown(NewStrategyDialog(desk.view, theme))
    assert "still starting" in dialog.fault.text()
    assert not dialog.add.isEnabled()


MINE = "/home/asha/mine.py"
FINDINGS = (
    "mine.py uses the network (requests in line 3): an answer that is late stops it.",
    "mine.py uses waiting (time.sleep in line 9): no.",
)


@pytest.fixture
def of_file(dialog: NewStrategyDialog) -> NewStrategyDialog:
    dialog.template.setCurrentIndex(dialog.template.findData(FILE))
    dialog.symbols.setText("TCS")
    return dialog


def test_a_file_is_read_when_its_path_was_entered_and_shows_its_parameters_and_findings(
    of_file: NewStrategyDialog, desk: Any, asked: Any, qtbot: QtBot
) -> None:
    kept = asked(of_file)
    assert of_file.place.path.isVisible()
    assert of_file.problem() == "Give the path of a strategy file."
    of_file.place.path.setFocus()
    qtbot.keyClicks(of_file.place.path, MINE)
    assert "press Enter" in of_file.problem()
    qtbot.keyClick(of_file.place.path, Qt.Key.Key_Return)
    assert kept == [("strategy.read", MINE)]
    desk.view.on_strategy_file(StrategyFile("/another.py", fault="not this one"))
    assert "press Enter" in of_file.problem()
    desk.view.on_strategy_file(StrategyFile(MINE, TEMPLATES.get("rsi"), FINDINGS))
    assert of_file.problem() == ""
    assert set(of_file.parameters) == {parameter.name for parameter in TEMPLATES.get("rsi").parameters}
    assert of_file.findings.isVisible()
    assert of_file.findings.text() == "\n".join(FINDINGS)
    qtbot.keyClick(of_file, Qt.Key.Key_Return, CTRL)
    name, config = kept[-1]
    assert (name, config["strategy_config"]["strategy_type"]) == ("strategy.add", MINE)
    assert config["strategy_config"]["name"] == TEMPLATES.get("rsi").title


def test_what_is_wrong_with_a_file_is_told_and_another_path_begins_anew(of_file: NewStrategyDialog, desk: Any, qtbot: QtBot) -> None:
    of_file.place.take(MINE)
    desk.view.on_strategy_file(StrategyFile(MINE, fault="Expected Python in mine.py, was a mistake in line 4."))
    assert of_file.fault.text() == "Expected Python in mine.py, was a mistake in line 4."
    assert not of_file.add.isEnabled()
    desk.view.on_strategy_file(StrategyFile(MINE, TEMPLATES.get("rsi"), FINDINGS))
    assert of_file.add.isEnabled()
    qtbot.keyClicks(of_file.place.path, "x")
    assert "press Enter" in of_file.fault.text()
    assert not of_file.findings.isVisible()
    assert not of_file.parameters
    of_file.template.setCurrentIndex(0)
    assert not of_file.place.path.isVisible()
    assert of_file.add.isEnabled()


def test_browse_takes_a_file_without_holding_anything_up(of_file: NewStrategyDialog, asked: Any, qtbot: QtBot) -> None:
    kept = asked(of_file)
    qtbot.mouseClick(of_file.place.browse, Qt.MouseButton.LeftButton)
    (chooser,) = of_file.findChildren(QFileDialog)
    chooser.fileSelected.emit(MINE)
    chooser.reject()
    assert kept == [("strategy.read", MINE)]
    assert of_file.place.path.text() == MINE

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLineEdit
from pytestqt.qtbot import QtBot

from engine.core.model import Login
from widgets.base.theme import Theme
from widgets.dialogs.connect import DEMO, KEPT, LIVE, ZERODHA, ConnectDialog

OUT = Login(api_key="key", has_secret=True, redirect="http://127.0.0.1:8051/", broker=ZERODHA)
IN = replace(OUT, user_id="AB1234", user_name="Asha", expires_ns=1_761_784_200_000_000_000)
LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def open_dialog(theme: Theme, shown: Any) -> Any:
    return lambda login: shown(ConnectDialog(login, theme))


def test_the_demo_market_needs_nothing(open_dialog: Any, asked: Any, qtbot: QtBot) -> None:
    dialog = open_dialog(Login())
    kept = asked(dialog)
    assert not dialog.api_key.isVisible()
    assert not dialog.log_in.isVisible()
    qtbot.mouseClick(dialog.use, LEFT)
    assert kept == [("broker.use", {"broker": DEMO, "mode": "paper"})]


def test_a_key_and_a_secret_are_needed_to_log_in_and_the_secret_is_not_shown(open_dialog: Any, asked: Any, qtbot: QtBot) -> None:
    dialog = open_dialog(Login(redirect="http://127.0.0.1:8051/"))
    kept = asked(dialog)
    dialog.broker.choose(ZERODHA)
    assert dialog.redirect.text() == "http://127.0.0.1:8051/"
    assert not dialog.log_in.isEnabled()
    assert dialog.fault.text() == "Give the API key."
    qtbot.keyClicks(dialog.api_key, "key")
    assert dialog.fault.text() == "Give the API secret."
    qtbot.keyClicks(dialog.api_secret, "hush")
    assert dialog.api_secret.echoMode() is QLineEdit.EchoMode.Password
    assert not dialog.use.isEnabled()
    qtbot.mouseClick(dialog.log_in, LEFT)
    assert kept == [("broker.login", {"api_key": "key", "api_secret": "hush"})]
    assert dialog.api_secret.text() == ""


def test_a_kept_secret_need_not_be_typed_again(open_dialog: Any) -> None:
    dialog = open_dialog(OUT)
    assert dialog.api_secret.placeholderText() == KEPT
    assert dialog.log_in.isEnabled()
    assert dialog.state.text() == "Not logged in."
    assert not dialog.log_out.isVisible()


def test_while_the_browser_is_open_the_address_can_be_pasted(open_dialog: Any, asked: Any, qtbot: QtBot) -> None:
    dialog = open_dialog(OUT)
    kept = asked(dialog)
    assert not dialog.pasted.isVisible()
    dialog.show_login(replace(OUT, is_waiting=True))
    assert dialog.pasted.isVisible()
    qtbot.keyClicks(dialog.pasted, "http://127.0.0.1:8051/?request_token=abc")
    qtbot.keyClick(dialog.pasted, Qt.Key.Key_Return)
    assert kept == [("broker.paste", "http://127.0.0.1:8051/?request_token=abc")]


def test_paper_is_used_once_logged_in(open_dialog: Any, asked: Any, qtbot: QtBot) -> None:
    dialog = open_dialog(OUT)
    kept = asked(dialog)
    dialog.show_login(IN)
    assert dialog.state.text() == "Logged in as Asha, AB1234 until Thu 06:00."
    qtbot.mouseClick(dialog.use, LEFT)
    assert kept == [("broker.use", {"broker": ZERODHA, "mode": "paper"})]


def test_real_money_needs_the_account_s_id(open_dialog: Any, asked: Any, qtbot: QtBot) -> None:
    dialog = open_dialog(IN)
    kept = asked(dialog)
    dialog.mode.choose(LIVE)
    assert not dialog.use.isEnabled()
    assert "real money" in dialog.fault.text()
    qtbot.keyClicks(dialog.account, "ab123")
    assert not dialog.use.isEnabled()
    qtbot.keyClicks(dialog.account, "4")
    assert dialog.use.text() == "Trade LIVE here"
    qtbot.mouseClick(dialog.use, LEFT)
    assert kept == [("broker.use", {"broker": ZERODHA, "mode": LIVE})]


def test_another_key_is_not_logged_in(open_dialog: Any, qtbot: QtBot) -> None:
    dialog = open_dialog(IN)
    qtbot.keyClicks(dialog.api_key, "2")
    assert dialog.state.text() == "Not logged in."
    assert not dialog.use.isEnabled()


def test_what_went_wrong_is_said(open_dialog: Any, asked: Any, qtbot: QtBot) -> None:
    dialog = open_dialog(replace(OUT, message="The secret is wrong; copy it again."))
    kept = asked(dialog)
    assert dialog.fault.text() == "The secret is wrong; copy it again."
    qtbot.keyClick(dialog, Qt.Key.Key_Return)
    assert kept == []
    assert dialog.isVisible()

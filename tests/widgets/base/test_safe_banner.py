"""In safe mode a line across the window says why, and offers the ways on; otherwise it is not there."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from engine.core.model import BY_A_PERSON, SAFE_MODE, Account, Restraint, RiskStatus, TradingState
from widgets.base.safe_banner import SafeBanner
from widgets.base.theme import Theme

QUIET = RiskStatus(TradingState.ACTIVE, "", Account(1, 1, 1, 1, 1, 0, 0, 0))
WHY = "the database was damaged, " * 20 + "then resume"
SAFE = replace(QUIET, state=TradingState.HALTED, restraints=(Restraint("", SAFE_MODE, WHY, TradingState.HALTED, BY_A_PERSON),))


@pytest.fixture
def banner(desk: Any, theme: Theme, shown: Any) -> SafeBanner:
    desk.view.on_risk(SAFE)
    return shown(SafeBanner(desk.view, theme))  # type: ignore[no-any-return]


def test_it_says_why_and_goes_when_safe_mode_ends(banner: SafeBanner, desk: Any) -> None:
    assert banner.isVisible()
    assert banner.reason.toolTip() == f"T{WHY[1:]}."
    assert banner.minimumSizeHint().width() < 900, "a long reason is cut, not the window widened"
    full = banner.reason.grab().toImage()
    desk.view.on_risk(replace(SAFE, restraints=(replace(SAFE.restraints[0], reason="short"),)))
    assert banner.reason.grab().toImage() != full
    desk.view.on_risk(replace(SAFE, restraints=(replace(SAFE.restraints[0], control="hand"),)))
    assert not banner.isVisible()
    desk.view.on_risk(SAFE)
    assert banner.isVisible()
    desk.view.clear()
    assert not banner.isVisible()


def test_its_buttons_ask_for_the_ways_on(banner: SafeBanner, asked: Any, qtbot: QtBot) -> None:
    kept = asked(banner)
    qtbot.mouseClick(banner.restore, Qt.MouseButton.LeftButton)
    qtbot.keyClick(banner.resume, Qt.Key.Key_Space)
    assert kept == [("backup.show", None), ("account.resume", None)]

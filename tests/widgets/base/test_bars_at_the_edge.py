from __future__ import annotations

from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from engine.core.alerts import AlertEvent, Level
from engine.core.model import Account, LinkState, Phase, RiskStatus, TradingState
from widgets.base.frames import Frames
from widgets.base.layouts import Label, Rule, Verb
from widgets.base.notice_bar import MOST, NoticeBar
from widgets.base.status_bar import StatusBar
from widgets.base.theme import Theme

ACCOUNT = Account(10**10, 10**10, 10_000_500_000, 10**10, 10**10, 0, 0, 0)


@pytest.fixture
def status(desk: Any, theme: Theme, shown: Any) -> StatusBar:
    return shown(StatusBar(desk.view, theme))  # type: ignore[no-any-return]


def test_it_is_never_in_doubt_whether_this_is_real_money(status: StatusBar, desk: Any, theme: Theme) -> None:
    assert status.mode.text() == "PAPER"
    desk.view.mode = "live"
    status.refresh()
    assert status.mode.text() == "LIVE"
    assert status.mode.grab().toImage().pixelColor(6, 5) == theme.colour("live")
    theme.switch("light")
    assert status.mode.grab().toImage().pixelColor(6, 5) == theme.colour("live")


def test_link_feed_and_phase_follow_the_view(status: StatusBar, desk: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert status.feed.text() == "no feed yet"
    desk.view.broker_name = "simulated"
    desk.view.on_link(LinkState.RELOGIN, "the token is over a day old")
    desk.view.on_phase(Phase.CONTINUOUS, "Continuous, closes in 2:14:05")
    desk.tick("TCS", 3_000.0)
    desk.frame()
    assert status.link.text() == "simulated log in again: the token is over a day old"
    assert status.phase.text() == "Continuous, closes in 2:14:05"
    assert status.clock.text() == "03 Nov 09:15:00"
    assert status.feed.text().startswith("feed 0.")
    monkeypatch.setattr(Frames, "feed_age_s", 7.0)
    status.refresh()
    assert status.feed.text() == "feed 7.0 s"
    assert status.feed.word == "bad"
    desk.view.on_phase(Phase.CLOSED, "")
    status.refresh()
    assert status.feed.word == "muted", "silence is no fault when the market is closed"
    assert status.phase.text() == "Closed"


def test_profit_of_the_day_and_rate_of_orders(status: StatusBar, desk: Any) -> None:
    desk.view.on_account(ACCOUNT)
    desk.view.on_risk(RiskStatus(TradingState.ACTIVE, "", ACCOUNT, messages_per_s=6))
    desk.frame()
    assert status.day.text() == "Day ▲ +50.00"
    assert status.rate.text() == "6/8 orders/s"
    assert status.rate.word == "warn"


@pytest.fixture
def notices(desk: Any, theme: Theme, shown: Any) -> NoticeBar:
    return NoticeBar(desk.view, theme, shown(QWidget()))


def test_a_notice_shows_in_the_corner_takes_no_focus_and_goes_by_itself(notices: NoticeBar, desk: Any) -> None:
    assert not notices.isVisible()
    desk.view.notify("info", "Filled 10 RELIANCE")
    assert notices.isVisible()
    assert notices.geometry().right() < notices.parentWidget().width()
    assert not notices.notices[0].hasFocus()
    assert notices.notices[0]._timer.isActive()
    notices.notices[0]._timer.timeout.emit()
    assert not notices.isVisible()


def test_what_is_critical_stays_until_it_is_closed(notices: NoticeBar, desk: Any, qtbot: QtBot) -> None:
    desk.view.notify("critical", "Disk full")
    assert not notices.notices[0]._timer.isActive()
    qtbot.mouseClick(notices.notices[0].close_button, Qt.MouseButton.LeftButton)
    assert notices.notices == []


def test_the_same_again_is_counted_and_few_are_shown_the_critical_ones_longest(notices: NoticeBar, desk: Any) -> None:
    for _ in range(3):
        desk.view.notify("warning", "Denied")
    assert [notice.times for notice in notices.notices] == [3]
    desk.view.notify("critical", "Disk full")
    for number in range(5):
        desk.view.notify("no such level", f"note {number}")
    assert len(notices.notices) == MOST
    assert "Disk full" in [notice.text for notice in notices.notices]
    assert notices.notices[0].text == "note 4"


def test_it_follows_the_corner_when_the_window_grows(notices: NoticeBar, desk: Any) -> None:
    desk.view.notify("info", "Hello")
    before = notices.x()
    notices.parentWidget().resize(1_300, 500)
    assert notices.x() > before


def test_without_a_parent_it_stands_in_a_layout(desk: Any, theme: Theme, shown: Any) -> None:
    bar = shown(NoticeBar(desk.view, theme))
    bar.say("info", "Hello")
    assert bar.notices[0].text == "Hello"


def test_labels_buttons_and_rules_take_the_colours_of_a_new_theme(theme: Theme, shown: Any) -> None:
    label, rule = shown(Label(theme, "12", "up", points=8, is_bold=True)), shown(Rule(theme))
    button = shown(Verb(theme, "Start", "Start it", lambda: None, "start"))
    before = rule.grab().toImage()
    icon = button.icon().cacheKey()
    theme.switch("light")
    assert has_colour(label, theme.colour("up"))
    assert rule.grab().toImage() != before
    assert button.icon().cacheKey() != icon
    label.say("13", "down")
    assert has_colour(label, theme.colour("down"))
    assert not has_colour(label, theme.colour("up"))


def test_style_sheets_around_a_label_do_not_take_its_colour(theme: Theme, shown: Any) -> None:
    around = shown(QWidget())
    label = Label(theme, "Net 1,234.00", "up", points=4, is_bold=True)
    label.setParent(around)
    label.show()
    around.setStyleSheet("QWidget { color: #123456; }")
    assert has_colour(label, theme.colour("up"))


def has_colour(widget: QWidget, colour: QColor) -> bool:
    image = widget.grab().toImage()
    return any(image.pixelColor(x, y) == colour for x in range(image.width()) for y in range(image.height()))


def test_an_alarm_is_acknowledged_by_closing_it_or_elsewhere(notices: NoticeBar, desk: Any, asked: Any, qtbot: QtBot) -> None:
    kept = asked(notices)
    for number in (1, 2):
        desk.view.on_alert_event(AlertEvent(f"e{number}", number, Level.CRITICAL, f"alarm {number}"))
        desk.view.notify("critical", f"alarm {number}")
    assert [notice.close_button.toolTip() for notice in notices.notices] == ["Acknowledge this alarm"] * 2
    qtbot.mouseClick(notices.notices[0].close_button, Qt.MouseButton.LeftButton)
    assert kept == [("alert.acknowledge", {"ids": ["e2"]})]
    desk.view.on_alert_event(AlertEvent("e1", 1, Level.CRITICAL, "alarm 1", acknowledged_ns=5, acknowledged_by="REST API"))
    assert notices.notices == []
    desk.view.notify("warning", "only a warning")
    qtbot.mouseClick(notices.notices[0].close_button, Qt.MouseButton.LeftButton)
    assert len(kept) == 1


def test_the_status_bar_counts_alarms_until_they_are_seen(status: StatusBar, desk: Any) -> None:
    assert status.alarms.text() == ""
    desk.view.on_alert_event(AlertEvent("e1", 1, Level.CRITICAL, "alarm"))
    desk.frame()
    assert status.alarms.text() == "1 alarm"
    desk.view.on_alert_event(AlertEvent("e1", 1, Level.CRITICAL, "alarm", acknowledged_ns=5))
    desk.frame()
    assert status.alarms.text() == ""

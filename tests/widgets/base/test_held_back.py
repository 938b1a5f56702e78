"""Who is held back, why, until when, what ends it; limits that wait; and what is used of the day's budgets."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QToolButton, QWidget
from pytestqt.qtbot import QtBot

from engine.core.model import BY_A_PERSON, Account, Budget, Restraint, RiskStatus, StrategyState, TradingState
from engine.core.registry import RULES
from tests.widgets.conftest import MINUTE_NS, OPEN_NS
from widgets.base.budgets import EMPTY as NOT_TRADED
from widgets.base.held_back import EMPTY
from widgets.base.layouts import Label
from widgets.base.rule_titles import TITLES, title_of
from widgets.base.theme import Theme
from widgets.panels.risk import Risk

REDUCING = TradingState.REDUCING
ACCOUNT = Account(1_000_000, 1_000_000, 1_000_000, 1_000_000, 1_000_000, 0, 0, 0)
QUIET = RiskStatus(TradingState.ACTIVE, "", ACCOUNT, {"max_daily_loss": 30_000.0, "strategy_orders": 100.0})
REJECTED = Restraint("ema", "broker_rejects", "the broker refused 3 of its orders.", REDUCING, BY_A_PERSON)


@pytest.fixture
def risk(desk: Any, theme: Theme, shown: Any) -> Risk:
    desk.strategy(StrategyState.RUNNING)
    return shown(Risk(desk.view, theme))  # type: ignore[no-any-return]


def show(risk: Risk, desk: Any, *restraints: Restraint, **changes: Any) -> None:
    desk.view.on_risk(replace(QUIET, state=REDUCING, reason="said below", restraints=restraints, **changes))
    desk.frame()
    QApplication.processEvents()


def words(widget: QWidget) -> list[str]:
    """What can be read on it, from top to bottom."""
    found = [label for label in widget.findChildren(Label) if label.isVisible()]
    return [label.text() for label in sorted(found, key=lambda label: label.mapTo(widget, label.rect().topLeft()).toTuple()[::-1])]


def test_every_rule_has_a_title_of_its_own() -> None:
    assert set(TITLES) == set(RULES.names())
    assert len(set(TITLES.values())) == len(TITLES)
    assert title_of("safe mode") == "Safe mode"
    assert title_of("never_heard_of") == "Never heard of"


def test_it_says_so_when_nothing_is_held_back(risk: Risk, desk: Any) -> None:
    assert words(risk.held) == ["Held back", EMPTY]
    desk.view.on_risk(QUIET)
    desk.frame()
    assert words(risk.held) == ["Held back", EMPTY]
    assert NOT_TRADED in words(risk.budgets)


def test_each_is_told_with_its_reason_and_its_end_under_one_name(risk: Risk, desk: Any) -> None:
    lost = Restraint("ema", "strategy_loss", "it lost 1.02 %", REDUCING, "with the next day")
    pause = Restraint("rsi", "loss_streak", "stopped out too often", REDUCING, "by itself", OPEN_NS + 90 * MINUTE_NS)
    safe = Restraint("", "safe mode", "the database was damaged", TradingState.HALTED, BY_A_PERSON)
    show(risk, desk, safe, REJECTED, lost, pause)
    assert words(risk.held) == [
        "Held back",
        "■ The account",
        "Safe mode: the database was damaged.",
        "Ends once a person takes it back.",
        "▲ EMA",
        "Refused by the broker in a minute: the broker refused 3 of its orders.",
        "Ends once a person takes it back.",
        "Day's loss of a strategy: it lost 1.02 %.",
        "Ends with the next day.",
        "▲ rsi",
        "Losing stops in a row: stopped out too often.",
        "Ends by itself at 10:45:00.",
    ]
    assert risk.reason.text() == "Only orders that reduce a position pass.", "the reasons stand below, once"
    show(risk, desk)
    assert words(risk.held) == ["Held back", EMPTY]
    assert risk.reason.text() == "said below"


def test_only_what_a_person_ends_has_a_button_and_it_asks_for_that_owner(risk: Risk, desk: Any, asked: Any, qtbot: QtBot) -> None:
    safe = Restraint("", "safe mode", "damage", TradingState.HALTED, BY_A_PERSON)
    lost = Restraint("rsi", "strategy_loss", "it lost 1.02 %", REDUCING, "with the next day")
    show(risk, desk, safe, REJECTED, lost)
    (button,) = risk.held.findChildren(QToolButton)
    assert button.accessibleName() == "Let EMA trade…"
    kept = asked(risk)
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    qtbot.keyClick(button, Qt.Key.Key_Space)
    assert kept == [("strategy.let_trade", {"owner": "ema"})] * 2


def test_a_position_that_differs_leads_to_what_comparing_found(risk: Risk, desk: Any, asked: Any, qtbot: QtBot) -> None:
    differs = Restraint("", "reconcile", "10 here, 15 there", REDUCING, "once it is acknowledged", key="NSE:TCS")
    lost = Restraint("ema", "unclear", "order P1 is looked up", REDUCING, "once the order was found", key="NSE:TCS")
    show(risk, desk, differs, lost)
    assert [text for text in words(risk.held) if text.startswith("▲")] == ["▲ TCS", "▲ EMA · TCS"]
    assert risk.reason.text() == "said below", "it is not the account that is held here"
    kept = asked(risk)
    (button,) = risk.held.findChildren(QToolButton)
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    assert kept == [("books.show", None)]


def test_limits_that_wait_are_told_with_old_new_and_their_time(risk: Risk, desk: Any) -> None:
    show(risk, desk, waiting={"max_daily_loss": (50_000.0, OPEN_NS + MINUTE_NS), "quote_age": (None, OPEN_NS + 2 * MINUTE_NS)})
    assert words(risk.held)[:3] == ["Held back", EMPTY, "Limits that loosen later"]
    assert "30,000 → 50,000 at 09:16:00" in words(risk.held)
    assert "none → none at 09:17:00" in words(risk.held)


def test_nothing_is_drawn_anew_while_nothing_has_changed(risk: Risk, desk: Any) -> None:
    show(risk, desk, REJECTED)
    button = risk.held.buttons["ema", ""]
    show(risk, desk, REJECTED)
    assert risk.held.buttons["ema", ""] is button
    show(risk, desk, replace(REJECTED, reason="other"))
    assert risk.held.buttons["ema", ""] is not button


def test_budgets_show_orders_and_loss_of_each_and_the_rest_once_it_counts(risk: Risk, desk: Any) -> None:
    budgets = [
        Budget("ema", "strategy_orders", 74, 100),
        Budget("ema", "strategy_loss", 0.0, 1.0),
        Budget("ema", "loss_streak", 0, 4),
        Budget("rsi", "strategy_orders", 100, 100),
        Budget("hand", "broker_rejects", 0, 3),
    ]
    show(risk, desk, budgets=tuple(budgets))
    seen = words(risk.budgets)
    assert [text for text in seen if text in ("EMA", "rsi", "hand")] == ["EMA", "rsi"]
    assert "74 of 100" in seen
    assert "0.0% of 1.0%" in seen
    assert risk.budgets.gauges.rows["rsi", "strategy_orders"].meter.tone == "bad"
    assert "strategy_orders" not in risk.limits.rows, "it stands under each name"
    gauge = risk.budgets.gauges.rows["ema", "strategy_orders"]
    budgets[0] = replace(budgets[0], used=75.0)
    show(risk, desk, budgets=tuple(budgets))
    assert risk.budgets.gauges.rows["ema", "strategy_orders"] is gauge
    assert gauge.text.text() == "75 of 100"
    show(risk, desk, budgets=(*budgets[:4], Budget("hand", "broker_rejects", 1, 3)))
    assert "1 of 3" in words(risk.budgets)
    show(risk, desk)
    assert NOT_TRADED in words(risk.budgets)

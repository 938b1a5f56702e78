from __future__ import annotations

import math
from dataclasses import asdict, replace
from typing import Any

import pytest

from engine.core.alerts import Alert, AlertEvent, AlertKind, AlertState, Level, parse_alert, restore_alert, span, title_of
from engine.core.errors import InvalidOption

SECOND = 10**9


def made(**given: Any) -> Alert:
    return parse_alert("a1", {"kind": "price", "key": "NSE:RELIANCE", "value": 1_500.0} | given, created_ns=5)


def test_a_price_has_to_be_seen_on_the_near_side_first() -> None:
    alert = made(hysteresis=2.0)
    assert (alert.is_ready, alert.symbol, alert.created_ns) == (False, "RELIANCE", 5)
    assert alert.is_far(1_500.0)
    assert alert.is_far(1_499.9999999)
    assert not alert.is_far(1_499.95)
    assert alert.is_near(1_497.9)
    assert not alert.is_near(1_498.0)
    assert not alert.is_far(math.nan)
    assert not alert.is_near(math.nan)
    below = made(side="below")
    assert below.is_far(1_500.0)
    assert below.is_near(1_500.05)
    assert not below.is_near(1_500.0)


def test_a_loss_that_is_there_already_is_told_at_once() -> None:
    assert made(kind="pnl", subject="account", key="", side="below", value=-5_000.0).is_ready


def test_crossings_too_soon_after_the_last_do_not_count() -> None:
    alert = made(cooldown_s=60.0)
    assert not alert.is_cooling(10 * SECOND)
    told = replace(alert, fired=1, fired_ns=10 * SECOND)
    assert told.is_cooling(69 * SECOND)
    assert not told.is_cooling(70 * SECOND)


def test_only_armed_and_resting_alerts_watch() -> None:
    alert = made()
    assert [replace(alert, state=state).is_watching for state in AlertState] == [True, True, False, False]


def test_only_what_is_critical_and_unseen_waits() -> None:
    event = AlertEvent("e1", 1, Level.CRITICAL, "An order is of unknown fate.")
    assert event.is_waiting
    assert not replace(event, acknowledged_ns=2).is_waiting
    assert not replace(event, level=Level.WARNING).is_waiting


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"key": ""}, "Expected an instrument"),
        ({"value": 0.0}, "above 0"),
        ({"kind": "change", "value": -2.0}, "without a sign"),
        ({"kind": "pnl", "subject": "weather"}, 'account, strategy or position, was "weather"'),
        ({"kind": "pnl", "subject": "strategy"}, "id of a strategy"),
        ({"kind": "pnl", "subject": "position", "key": ""}, "Expected an instrument"),
        ({"kind": "connection", "subject": "stale", "key": ""}, "Expected an instrument"),
        ({"kind": "risk"}, "state or a rule"),
        ({"kind": "indicator"}, "state or a rule, or an indicator"),
        ({"kind": "wether"}, "kind"),
        ({"levle": "info"}, "level"),
        ({"value": math.nan}, "value"),
    ],
)
def test_what_makes_no_sense_is_refused_with_what_was_expected(given: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidOption, match=words):
        made(**given)


@pytest.mark.parametrize(
    ("given", "title"),
    [
        ({}, "RELIANCE above 1,500.00"),
        ({"kind": "change", "value": 2.0, "side": "below"}, "RELIANCE down 2% in 5 min"),
        ({"kind": "change", "value": 2.5}, "RELIANCE up 2.5% in 5 min"),
        ({"kind": "indicator", "subject": "rsi(14)", "value": 70.0, "interval_s": 300}, "RELIANCE rsi(14) above 70, 5 min bars"),
        ({"kind": "indicator", "subject": "ema(9)", "other": "ema(21)"}, "RELIANCE ema(9) above ema(21), 1 min bars"),
        ({"kind": "pnl", "subject": "account", "value": -5_000.0, "side": "below"}, "Account: profit below Rs -5,000.00"),
        ({"kind": "pnl", "subject": "strategy", "other": "ema", "value": 2.0, "unit": "percent"}, "ema: profit above 2%"),
        ({"kind": "pnl", "subject": "position", "value": 10.0}, "RELIANCE: profit above Rs 10.00"),
        ({"kind": "risk", "subject": "state"}, "Trading state changes"),
        ({"kind": "risk", "subject": "max_daily_loss", "value": 80.0}, "max_daily_loss: 80% of the limit used"),
        ({"kind": "connection", "subject": "link", "seconds": 45}, "No connection for 45 s"),
        ({"kind": "connection", "subject": "stale", "seconds": 3_600}, "RELIANCE silent for 1 h"),
        ({"kind": "event", "subject": "rejected"}, "An order is rejected (RELIANCE)"),
        ({"kind": "event", "subject": "difference", "key": ""}, "The books differ from the broker's"),
    ],
)
def test_an_alert_says_what_it_waits_for(given: dict[str, Any], title: str) -> None:
    assert title_of(made(**given)) == title


def test_an_alert_comes_back_as_it_was_kept() -> None:
    alert = replace(made(kind="indicator", subject="rsi(14)", level="critical"), state=AlertState.RESTING, fired=3, fired_ns=9)
    kept = asdict(alert) | {"a_later_field": 1}
    assert restore_alert(kept) == alert
    assert restore_alert(kept).kind is AlertKind.INDICATOR
    with pytest.raises(ValueError, match="weather"):
        restore_alert(kept | {"kind": "weather"})


def test_a_length_of_time_reads_shortly() -> None:
    assert [span(seconds) for seconds in (45, 60, 90, 7_200, 86_400)] == ["45 s", "1 min", "90 s", "2 h", "1 day"]

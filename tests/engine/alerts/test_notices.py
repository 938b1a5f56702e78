"""What is told: by level to its channels, once, counted in a storm, and repeated until somebody has seen it."""

from __future__ import annotations

from typing import Any

import pytest

from engine.core.errors import InvalidOption, UserError
from tests.engine.alerts.conftest import AlertBench, KeepingStore

pytestmark = pytest.mark.logs_warnings


def test_the_sessions_own_alarms_go_to_every_channel_of_their_level(with_alerts: Any) -> None:
    async def play(bench: AlertBench) -> None:
        bench.session.warn("an order is of unknown fate")
        assert [event.text for event in bench.alerts.notices.waiting] == ["an order is of unknown fate"]
        for ear in bench.ears.values():
            assert ear.heard == ["an order is of unknown fate"]
        assert ("critical", "an order is of unknown fate") in bench.notices
        assert bench.store.notes("ALARM")[0]["text"] == "an order is of unknown fate"  # type: ignore[attr-defined]

    with_alerts(play)


def test_what_only_informs_is_shown_and_not_kept(with_alerts: Any) -> None:
    async def play(bench: AlertBench) -> None:
        bench.alerts.notices.say("info", "Cancelling 3 orders.")
        bench.alerts.notices.say("nonsense", "Cancelling 3 orders.")
        assert bench.notices[-2:] == [("info", "Cancelling 3 orders.")] * 2
        assert not bench.alerts.notices.events
        assert bench.ears["sound"].heard == []

    with_alerts(play)


def test_what_is_critical_is_repeated_until_it_is_acknowledged_and_who_did_is_journalled(with_alerts: Any) -> None:
    async def play(bench: AlertBench) -> None:
        notices, sound = bench.alerts.notices, bench.ears["sound"]
        bench.session.warn("first")
        bench.session.warn("second")
        bench.seconds(59)
        assert len(sound.heard) == 2
        bench.seconds(2)
        assert sound.heard[2:] == ["second"], "the newest of those that wait"
        assert len(bench.ears["remote"].heard) == 2, "what leaves this machine is not repeated"
        first, second = notices.waiting
        assert notices.acknowledge([first.id], "hand") == [notices.events[first.id]]
        assert notices.acknowledge([first.id], "hand") == []
        assert [event.id for event in notices.acknowledge(None, "REST API")] == [second.id]
        bench.seconds(300)
        assert len(sound.heard) == 3
        seen = bench.store.notes("ALARM_SEEN")  # type: ignore[attr-defined]
        assert [(note["text"], note["by"]) for note in seen] == [("first", "hand"), ("second", "REST API")]
        assert notices.events[first.id].acknowledged_ns > 0
        with pytest.raises(UserError, match="id of an alarm"):
            notices.acknowledge(["nobody"], "hand")

    with_alerts(play)


def test_the_same_sentence_is_counted(with_alerts: Any) -> None:
    async def play(bench: AlertBench) -> None:
        for _ in range(50):
            bench.session.warn("the disk is full")
        (event,) = bench.alerts.notices.waiting
        assert event.count == 50
        assert bench.ears["sound"].heard == ["the disk is full"]
        bench.alerts.notices.acknowledge(None, "hand")
        bench.session.warn("the disk is full")
        assert len(bench.alerts.notices.waiting) == 1, "after it was seen it is news again"

    with_alerts(play)


def test_a_storm_becomes_one_message_with_a_count(with_alerts: Any) -> None:
    async def play(bench: AlertBench) -> None:
        for number in range(500):
            bench.alerts.notices.say("warning", f"message {number}")
        bench.session.warn("and something critical")
        assert len(bench.ears["sound"].heard) == 9, "a level's storm holds back no other level"
        bench.seconds(5)
        assert len(bench.ears["sound"].heard) == 9
        bench.seconds(6)
        assert bench.ears["sound"].heard[-1] == "492 more messages within a short time; the last: message 499"
        bench.alerts.notices.say("warning", "calm again")
        assert bench.ears["sound"].heard[-1] == "calm again"

    with_alerts(play)


def test_a_phone_gets_few_messages_a_minute(with_alerts: Any) -> None:
    async def play(bench: AlertBench) -> None:
        for number in range(8):
            bench.session.warn(f"alarm {number}")
        assert len(bench.ears["sound"].heard) == 8
        assert len(bench.ears["remote"].heard) == 5
        bench.alerts.notices.acknowledge(None, "hand")
        bench.seconds(61)
        assert bench.ears["remote"].heard[5:] == ["3 more messages within a short time; the last: alarm 7"]

    with_alerts(play)


def test_a_channel_that_fails_is_told_once_and_only_on_the_window(with_alerts: Any) -> None:
    async def play(bench: AlertBench) -> None:
        remote, sound = bench.ears["remote"], bench.ears["sound"]
        remote.problem = "there was no answer."
        for number in range(3):
            bench.session.warn(f"alarm {number}")
        told = [text for level, text in bench.notices if "do not go out by remote" in text]
        assert len(told) == 1
        assert not [text for text in sound.heard + remote.heard if "do not go out" in text]
        remote.problem = ""
        bench.alerts.notices.test("remote")
        assert ("info", "Alerts go out by remote again.") in bench.notices
        with pytest.raises(InvalidOption, match="There is no channel"):
            bench.alerts.notices.test("pigeon")

    with_alerts(play)


def test_levels_go_where_the_trader_sends_them(with_alerts: Any) -> None:
    async def play(bench: AlertBench) -> None:
        bench.alerts.notices.route({"warning": ("desktop", "nowhere"), "critical": ()}, 0.0)  # type: ignore[dict-item]
        bench.alerts.notices.say("warning", "to the desktop")
        bench.session.warn("to nobody")
        bench.seconds(600)
        assert (bench.ears["desktop"].heard, bench.ears["sound"].heard) == (["to the desktop"], [])
        assert len(bench.alerts.notices.waiting) == 1, "it waits all the same"

    with_alerts(play)


def test_what_waits_outlives_what_is_old_and_a_restart(with_alerts: Any) -> None:
    store = KeepingStore()

    async def before(bench: AlertBench) -> None:
        bench.session.warn("look at this")
        for number in range(600):
            bench.seconds(11)
            bench.alerts.notices.say("warning", f"message {number}")
        assert len(bench.alerts.notices.events) == 500
        assert [event.text for event in bench.alerts.notices.waiting] == ["look at this"]

    async def after(bench: AlertBench) -> None:
        bench.alerts.close()
        bench.view.notify("critical", "after the close")  # type: ignore[union-attr]
        assert bench.notices[-1] == ("critical", "after the close"), "what comes late is at least shown"

    with_alerts(before, store=store)
    with_alerts(after, store=store)

"""Who is stopped and what ends it; who is armed, and since when."""

from __future__ import annotations

import pytest

from engine.core.model import TradingState
from engine.kill_latch import KILL
from engine.restraint.arming import Arming
from engine.restraint.stops import ACCOUNT, BY_ITSELF, WITH_THE_DAY, Stops, ends_of

REDUCING, HALTED, ACTIVE = TradingState.REDUCING, TradingState.HALTED, TradingState.ACTIVE


def test_the_stricter_of_account_and_owner_holds_and_of_equals_the_account_s() -> None:
    stops = Stops()
    assert stops.of("bot").state is ACTIVE
    stops.set("bot", "entries_without_exit", REDUCING, "ran away")
    assert (stops.of("bot").reason, stops.of("other").state) == ("ran away", ACTIVE)
    stops.set(ACCOUNT, "max_daily_loss", REDUCING, "lost")
    assert (stops.of("bot").reason, stops.of("other").reason) == ("lost", "lost")
    stops.set("bot", "broker_rejects", HALTED, "refused")
    assert (stops.of("bot").state, stops.of("other").state) == (HALTED, REDUCING)


def test_a_stop_is_new_once_and_taken_back_once() -> None:
    stops = Stops()
    assert stops.set("bot", "x", REDUCING, "so")
    assert not stops.set("bot", "x", REDUCING, "so")
    assert stops.set("bot", "x", HALTED, "so")
    assert stops.clear("bot", "x", "y")
    assert not stops.clear("bot", "x", "y")
    assert not stops.clear("nobody", "x")


def test_a_person_takes_back_all_but_what_ends_by_comparing_the_books() -> None:
    stops = Stops()
    for cause in ("link", "opening", "max_daily_loss", "by hand"):
        stops.set(ACCOUNT, cause, REDUCING, cause)
    stops.set("bot", "x", REDUCING, "so")
    assert stops.release(ACCOUNT)
    assert [stop.control for stop in stops.listing()] == ["link", "opening", "x"]
    assert not stops.release(ACCOUNT)
    assert stops.release("bot")


def test_the_next_day_ends_what_the_day_caused_for_all() -> None:
    stops = Stops()
    for owner in (ACCOUNT, "bot"):
        for cause in (*WITH_THE_DAY, "x"):
            stops.set(owner, cause, REDUCING, cause)
    assert stops.roll_day()
    assert [(stop.owner, stop.control) for stop in stops.listing()] == [(ACCOUNT, "x"), ("bot", "x")]
    assert not stops.roll_day()


def test_what_a_person_ends_outlives_a_restart_and_what_is_found_again_does_not() -> None:
    stops = Stops()
    for cause in ("x", KILL, "strategy_loss", *BY_ITSELF):
        stops.set("bot", cause, REDUCING, cause)
    stops.set(ACCOUNT, "y", HALTED, "by hand")
    kept = stops.kept()
    assert kept == {"": {"y": ["HALTED", "by hand"]}, "bot": {"x": ["REDUCING", "x"], "strategy_loss": ["REDUCING", "strategy_loss"]}}
    today, tomorrow = Stops(), Stops()
    today.take_up(kept, is_today=True)
    assert today.kept() == kept
    tomorrow.take_up(kept, is_today=False)
    assert tomorrow.kept() == {"": {"y": ["HALTED", "by hand"]}, "bot": {"x": ["REDUCING", "x"]}}


@pytest.mark.parametrize(
    ("cause", "ends"),
    [
        ("max_daily_loss", "with the next day"),
        ("profit_giveback", "with the next day"),
        ("strategy_loss", "with the next day"),
        ("link", "once the books were compared after the connection came back"),
        ("entries_without_exit", "once a person takes it back"),
    ],
)
def test_each_stop_says_what_ends_it(cause: str, ends: str) -> None:
    assert ends_of(cause) == ends


def test_a_strategy_is_armed_by_a_person_for_a_day_and_others_by_the_log_in() -> None:
    arming = Arming()
    assert [arming.is_armed(owner) for owner in ("", "hand", "bot")] == [True, True, False]
    arming.arm("bot", "code", 20_000)
    arming.arm("other", "code", 20_000)
    assert arming.is_armed("bot")
    arming.disarm("bot")
    arming.disarm("bot")
    assert [arming.is_armed(owner) for owner in ("bot", "other")] == [False, True]
    arming.roll_day()
    assert not arming.is_armed("other")


def test_a_first_session_is_the_day_on_which_this_code_was_armed_first() -> None:
    arming = Arming()
    assert not arming.is_first_session("bot", 20_000)
    arming.arm("bot", "code", 20_000)
    assert arming.is_first_session("bot", 20_000)
    arming.arm("bot", "code", 20_001)
    assert not arming.is_first_session("bot", 20_001)
    arming.arm("bot", "new code", 20_002)
    assert arming.is_first_session("bot", 20_002)
    assert arming.is_first_session("bot", 20_001), "a clock that steps back ends no first day"
    again = Arming()
    again.take_up(arming.kept())
    assert again.kept() == {"bot": [20_002, "new code"]}
    assert again.is_first_session("bot", 20_002)
    assert not again.is_armed("bot")

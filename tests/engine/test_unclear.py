"""Nothing is opened where something has to be cleared up first, and all of it is taken back cause by cause."""

from __future__ import annotations

from engine.unclear import ANYBODY, DIFFERENCE, Unclear

KEY = "NSE:INFY"


def test_each_cause_holds_until_it_is_taken_back() -> None:
    unclear = Unclear()
    assert not unclear
    assert unclear.why("ema", KEY) == ""
    unclear.set("ema", KEY, "P1", "P1 is looked up")
    unclear.set("ema", KEY, "P2", "P2 is looked up")
    assert unclear.why("ema", KEY) == "P1 is looked up"
    assert unclear.clear("ema", KEY, "P1")
    assert not unclear.clear("ema", KEY, "P1")
    assert unclear.why("ema", KEY) == "P2 is looked up"
    assert unclear.clear("ema", KEY, "P2")
    assert not unclear


def test_one_owner_is_not_held_by_anothers_question_but_by_everybodys() -> None:
    unclear = Unclear()
    unclear.set("ema", KEY, "P1", "P1 is looked up")
    assert unclear.why("hand", KEY) == unclear.why("ema", "NSE:TCS") == ""
    unclear.set(ANYBODY, KEY, "broker", "ten more at the broker")
    assert unclear.why("hand", KEY) == "ten more at the broker"
    assert unclear.keys("broker") == [KEY]
    assert unclear.keys("P9") == []


def test_what_is_unclear_is_shown_with_whom_it_holds_back_where_and_what_ends_it() -> None:
    unclear = Unclear()
    unclear.set("ema", KEY, "P1", "P1 is looked up")
    unclear.set(ANYBODY, KEY, DIFFERENCE, "ten more at the broker")
    shown = [(each.owner, each.key, each.control, each.reason, each.ends) for each in unclear.restraints()]
    assert shown == [
        ("ema", KEY, "unclear", "P1 is looked up", "once the order was found"),
        (ANYBODY, KEY, "reconcile", "ten more at the broker", "once it is acknowledged"),
    ]
    assert not any(each.needs_person for each in unclear.restraints())

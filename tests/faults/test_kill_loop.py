"""Terminals that trade are killed at every point and started again: nothing is lost or done twice. `make faults` kills 200 of them.

That the eye for what is lost, doubled and broken sees it is shown by books that were spoilt by hand.
"""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections import Counter
from contextlib import closing
from dataclasses import replace
from decimal import Decimal
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any

import pytest

from engine.core.model import Order, OrderStatus
from engine.failpoints import POINTS
from engine.kill_latch import KillLatch
from engine.store import Setting, Store
from engine.store.rows import JournalEntry
from tests.engine.fakes import a_fill, request
from tests.faults.kill_loop import ONCE, RANDOM, Tally, points
from tests.faults.truth import Books, Found, Left, Truth

S = OrderStatus
ROOT = Path(__file__).resolve().parents[2]
TAG = "LMF1M83AV66DKD000001"
KILLS = 17
CALM = Left(1, is_latched=False)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="terminals are forked")
def test_killed_terminals_lose_nothing_and_do_nothing_twice() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.faults.kill_loop", "--kills", str(KILLS), "--seed", "7", "--account", "12"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1] == f"{KILLS} kills, 0 duplicates, 0 lost fills, 0 broken invariants"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Make the data folder of a terminal that has bought ten shares."""
    bought = Order(TAG, request(quantity=10), S.FILLED, quantity=10, filled=10, broker_order_id="1")
    fill = replace(a_fill(1, 10, 100.0), order_id=TAG, trade_id="T1")
    store = Store.open(tmp_path / "shikra.db")
    store.account = "zerodha"
    store.write(JournalEntry(1, "INTENT", TAG, {"purpose": "entry"}), JournalEntry(2, "SENT", TAG, {}), bought, fill)
    store.close()
    return tmp_path


ORDER = (TAG, 10, True)
TRADE = (TAG, "T1", 10, Decimal(100))
REAL = Truth((ORDER,), (TRADE,), {"NSE:RELIANCE": 10})
TOLD: dict[str, Any] = {"positions": {"NSE:RELIANCE": 10}, "broken": [], "is_latched": False, "state": "ACTIVE"}


def test_books_that_agree_are_left_alone(home: Path) -> None:
    assert Books(home).left() == CALM
    assert Books(home).chain() == []
    assert not Books(home).compare(REAL, CALM, TOLD)


@pytest.mark.parametrize(
    ("truth", "left", "told", "kind", "words"),
    [
        (replace(REAL, orders=(ORDER, ORDER)), CALM, TOLD, "duplicates", "2 orders at the exchange for the one attempt"),
        (REAL, Left(0, is_latched=False), TOLD, "duplicates", "1 entries were sent by the restart alone"),
        (replace(REAL, trades=(TRADE, (TAG, "T2", 5, Decimal(100)))), CALM, TOLD, "lost", "T2"),
        (replace(REAL, trades=()), CALM, TOLD, "broken", "did not happen, or is here twice"),
        (replace(REAL, orders=()), CALM, TOLD, "broken", "is FILLED here and never was there"),
        (replace(REAL, orders=((TAG, 5, False),)), CALM, TOLD, "broken", "there 5 alive"),
        (replace(REAL, orders=(ORDER, (TAG[::-1], 0, True))), CALM, TOLD, "broken", "was sent without an intent"),
        (replace(REAL, net={}), CALM, TOLD, "broken", "it holds"),
        (REAL, Left(1, is_latched=True), TOLD, "broken", "the kill switch was latched, and the account is ACTIVE"),
        (REAL, CALM, TOLD | {"broken": ["odd"]}, "broken", "odd"),
    ],
)
def test_what_is_wrong_is_found(home: Path, truth: Truth, left: Left, told: dict[str, Any], kind: str, words: str) -> None:
    found = Books(home).compare(truth, left, told)
    assert any(words in line for line in getattr(found, kind)), found


def test_a_latch_in_the_file_or_in_the_database_is_seen(home: Path) -> None:
    KillLatch(home / "kill.latch").set("storm")
    assert Books(home).left().is_latched
    KillLatch(home / "kill.latch").clear()
    assert not Books(home).left().is_latched
    store = Store.open(home / "shikra.db")
    store.write(Setting("kill", {"reason": "storm"}))
    store.close()
    assert Books(home).left().is_latched


def test_a_line_of_the_journal_that_was_changed_is_seen(home: Path) -> None:
    with closing(sqlite3.connect(home / "shikra.db")) as line:
        line.execute("DROP TRIGGER journal_no_update")
        line.execute("UPDATE journal SET kind = 'ACK' WHERE seq = 2")
        line.commit()
    assert "Expected line 2 of the journal" in Books(home).chain()[0]


def test_it_ends_with_one_line() -> None:
    tally = Tally(Counter({"mid-fill": 2}), Found(["a"], [], ["b", "c"]))
    assert tally.line() == "2 kills, 1 duplicates, 0 lost fills, 2 broken invariants"


def test_every_point_is_drawn_and_as_often_a_random_moment() -> None:
    drawn = list(islice(points(Random(1), POINTS), 2 * len(POINTS - ONCE)))
    assert set(drawn) == POINTS - ONCE | {RANDOM}
    assert drawn.count(RANDOM) == len(POINTS - ONCE)

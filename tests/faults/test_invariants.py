"""Each thing that must always hold is seen to be broken when what guards it is: a check that cannot fail guards nothing."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from engine.brokers.paper import PaperBroker
from engine.core.model import Order, OrderRequest, Product, Side
from engine.guard import Guard
from engine.kill.switch import KillSwitch
from engine.kill_latch import KillLatch
from engine.position_tracker import PositionTracker
from engine.risk_inputs import Traffic
from engine.risk_manager import RiskManager
from engine.session_books import SessionBooks
from engine.store.rows import JournalEntry, Setting
from tests.engine.fakes import RELIANCE, request
from tests.faults.invariants import same_again, state_of
from tests.faults.lossy_store import LossyStore
from tests.faults.machine import TradingMachine
from tests.faults.over_time import histories_agree
from tests.faults.simulated_market import SECRET

Patch = pytest.MonkeyPatch
pytestmark = pytest.mark.logs_warnings


@pytest.fixture
def account() -> Iterator[TradingMachine]:
    """An account with some positions, of which nothing is broken."""
    made = opened()
    yield made
    made.die()
    made.close()


def opened(*, is_paper: bool = False) -> TradingMachine:
    """Open an account with some positions, and let the rate of messages be free again."""
    made = TradingMachine()
    made.begin(is_tight=False, is_paper=is_paper)
    for _ in range(3):
        made.wait(3.0)
        made.news(99, "in order", 0)
    assert made.breaches() == []
    return made


def buy(account: TradingMachine, quantity: int = 1, fate: str = "ok", price: float | None = 95.0) -> Order:
    """Place an order of the trader's; returns it as it became."""
    account.enter("RELIANCE", "hand", "BUY", quantity, price, fate, protect=False)
    return account.session.orders.orders[-1]


def place_twice(account: TradingMachine, patch: Patch) -> None:
    account.market.exchange.place(buy(account))


def send_before_the_disk(account: TradingMachine, patch: Patch) -> None:
    patch.setattr(LossyStore, "_on_disk", lambda store, upto, done: done.done() or done.set_result(None))
    buy(account)


def send_while_reducing(account: TradingMachine, patch: Patch) -> None:
    account.session.orders._path.gate = lambda order: ""

    async def stop_at_the_last_moment() -> None:
        account.session.submit(request(1, 1, price=95.0))
        account.session.risk.reduce("something is wrong")

    account.run(stop_at_the_last_moment())


def book_a_trade_twice(account: TradingMachine, patch: Patch) -> None:
    account.session.orders._log.book(account.session.orders.trades[0])


def lose_a_fill(account: TradingMachine, patch: Patch) -> None:
    account.session.orders._log.fills.pop(0)


def lose_a_share(account: TradingMachine, patch: Patch) -> None:
    held = account.session.positions._open[RELIANCE.key, Product.MIS, "hand"]
    held.position = replace(held.position, quantity=held.position.quantity - 1)


def earn_from_nowhere(account: TradingMachine, patch: Patch) -> None:
    account.session.positions._sums[""].realised_units += 1


def shrink_what_is_filled(account: TradingMachine, patch: Patch) -> None:
    filled = next(order for order in account.session.orders.orders if order.filled)
    account.session.orders._log.keep(replace(filled, filled=filled.filled - 1))


def revive_an_order(account: TradingMachine, patch: Patch) -> None:
    order = buy(account)
    account.cancel(0, "ok")
    account.news(99, "in order", 0)
    ended = next(one for one in account.session.orders.orders if one.status.value == "CANCELLED")
    account.breaches()
    account.session.orders._log.keep(replace(ended, status=order.status))


def count_no_risk(account: TradingMachine, patch: Patch) -> None:
    account.session.risk.reservations.release(buy(account).reservation)


def send_too_fast(account: TradingMachine, patch: Patch) -> None:
    account.session.orders._path.turn = None
    account.session.risk.set_limits({})
    account.wait(3.0)
    account.burst("TCS", "hand", [("BUY", 1, 95.0)] * 12)


def forget_the_minute(account: TradingMachine, patch: Patch) -> None:
    patch.setattr(Traffic, "messages_in_minute", lambda traffic, now_ns: 0)
    account.session.risk.set_limits({"messages_a_minute": 10.0})
    for _ in range(12):
        buy(account)
        account.wait(1.0)


def forget_the_day(account: TradingMachine, patch: Patch) -> None:
    account.session.risk.set_limits({"messages_a_day": 20.0})
    for _ in range(24):
        account.session.risk.memory.messages = 0
        buy(account)
        account.wait(6.0)


def trade_on_after_a_kill(account: TradingMachine, patch: Patch) -> None:
    patch.setattr(RiskManager, "halt", lambda risk, reason, cause="": None)
    account.kill(flatten=False)
    account.wait(1.0)
    buy(account)


def forget_a_kill(account: TradingMachine, patch: Patch) -> None:
    patch.setattr(KillLatch, "set", lambda latch, reason, **more: None)
    patch.setattr(KillSwitch, "_keep", lambda switch, value: None)
    account.kill(flatten=False)
    account.crash(0)


def halt_no_longer(account: TradingMachine, patch: Patch) -> None:
    account.kill(flatten=False)
    account.wait(1.0)
    account.session.risk.clear("kill")


def decide_without_a_price(account: TradingMachine, patch: Patch) -> None:
    order = buy(account)
    account.session.orders._log.keep(replace(order, request=replace(order.request, price=None, reference_price=math.nan)))


def look_nothing_up(account: TradingMachine, patch: Patch) -> None:
    patch.setattr(SessionBooks, "on_order", lambda books, order: None)
    buy(account, fate="lost after")


def tell_nobody(account: TradingMachine, patch: Patch) -> None:
    buy(account, fate="lost after")
    account.watch.told.clear()


def write_news_first(account: TradingMachine, patch: Patch) -> None:
    account.store.rows.append(JournalEntry(0, "UPDATE", "nobody's", {}))


def change_a_line(account: TradingMachine, patch: Patch) -> None:
    last = max(at for at, row in enumerate(account.store.rows) if isinstance(row, JournalEntry))
    account.store.rows[last] = replace(account.store.rows[last], payload={"another": 1})


def log_a_secret(account: TradingMachine, patch: Patch) -> None:
    logging.getLogger("engine.session_life").warning("logged in with %s", SECRET)


def tell_a_secret(account: TradingMachine, patch: Patch) -> None:
    account.session.warn(f"refused: Authorization: token {SECRET}")


def keep_a_secret(account: TradingMachine, patch: Patch) -> None:
    account.session.life.keep(Setting("broker", {"token": SECRET}))


BROKEN: dict[str, tuple[Callable[[TradingMachine, Patch], None], str]] = {
    "an order placed twice": (place_twice, "2 orders at the broker for the one attempt"),
    "bytes before the disk": (send_before_the_disk, "left before its lines were on the disk"),
    "an entry while only exits pass": (send_while_reducing, "left while the account was"),
    "a trade booked twice": (book_a_trade_twice, "is booked twice"),
    "an execution lost": (lose_a_fill, "its fills come to"),
    "a share lost": (lose_a_share, "owners hold 9 of NSE:RELIANCE, the account 10"),
    "a profit from nowhere": (earn_from_nowhere, "profit is 1 and fills come to 0"),
    "less filled than before": (shrink_what_is_filled, "filled and has"),
    "an end left": (revive_an_order, "left its end"),
    "risk not counted": (count_no_risk, "counts against no limit"),
    "too many in a second": (send_too_fast, "9 messages within"),
    "too many in a minute": (forget_the_minute, "of its minute, of 10"),
    "too many in a day": (forget_the_day, "of its day, of 20"),
    "an entry after the kill switch": (trade_on_after_a_kill, "after the kill switch"),
    "a kill forgotten": (forget_a_kill, "was pressed and is not latched"),
    "a kill that halts nothing": (halt_no_longer, "is latched and the account"),
    "a decision without a price": (decide_without_a_price, "was decided at a price of nan"),
    "a question not looked up": (look_nothing_up, "is not looked up"),
    "a question not told": (tell_nobody, "nobody was told"),
    "news before the order": (write_news_first, "before it began"),
    "a line changed": (change_a_line, "of the journal was"),
    "a secret in the log": (log_a_secret, "a secret is in the log"),
    "a secret told": (tell_a_secret, "a secret is in what was told"),
    "a secret kept": (keep_a_secret, "a secret is in the database"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_broken_is_seen(name: str, account: TradingMachine, monkeypatch: Patch) -> None:
    breaks, said = BROKEN[name]
    breaks(account, monkeypatch)
    found = account.breaches()
    assert any(said in breach for breach in found), found


def test_an_order_of_a_paper_account_that_comes_to_a_broker_is_seen(monkeypatch: Patch) -> None:
    account = opened(is_paper=True)

    async def place(paper: PaperBroker, order: Order) -> str:
        return await account.broker.place(order)

    monkeypatch.setattr(PaperBroker, "place", place)
    buy(account)
    assert any("of a paper account came to a broker" in breach for breach in account.breaches())
    account.die()
    account.close()


def test_books_and_orders_that_are_not_the_brokers_are_seen(account: TradingMachine) -> None:
    assert account.breaches_at_rest() == []
    account.market.place_elsewhere(OrderRequest(RELIANCE, Side.BUY, 3, reference_price=100.0))
    net = account.session.positions._open[RELIANCE.key, Product.MIS, ""]
    net.position = replace(net.position, quantity=4)
    found = " ".join(account.breaches_at_rest())
    assert "NSE:RELIANCE MIS: 4 here, 10 at the broker" in found
    assert "of the broker is not known" in found


def test_a_position_without_its_stop_is_seen(account: TradingMachine, monkeypatch: Patch) -> None:
    monkeypatch.setattr(Guard, "_enforce", lambda guard, *place: None)
    account.enter("TCS", "hand", "BUY", 5, None, "ok", protect=True)
    account.trade("TCS", 100.0, 5)
    account.news(99, "in order", 0)
    account.watch.told.clear()
    assert any("stops cover 0" in breach for breach in account.breaches_at_rest())


def test_news_that_count_twice_are_seen(account: TradingMachine) -> None:
    before = state_of(account.session)
    account.session.orders._log.keep(replace(account.session.orders.orders[0], filled=7))
    assert any("when old news came again" in breach for breach in same_again(before, state_of(account.session)))


def test_another_history_is_seen() -> None:
    assert list(histories_agree(["a", "b"], ["a", "b"])) == []
    assert list(histories_agree(["a", "b"], ["a", "c"])) == ["line 2 of the journal is another when the same steps are played again"]
    assert list(histories_agree(["a", "b"], ["a"])) == ["the journal has 2 lines, and 1 when the same steps are played again"]


def test_a_fill_that_moves_no_position_is_seen(account: TradingMachine, monkeypatch: Patch) -> None:
    monkeypatch.setattr(PositionTracker, "_apply_net", lambda tracker, fill: tracker.position(fill.instrument, fill.product))
    buy(account, 2, price=None)
    account.trade("RELIANCE", 100.0, 2)
    account.news(99, "in order", 0)
    assert any("and fills come to" in breach for breach in account.breaches())

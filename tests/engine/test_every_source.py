"""Whoever asks for an order meets the same rules in the same words: the trader's hand, a script, a strategy, whatever started it."""

from __future__ import annotations

import ast
import math
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

import engine
from engine.core.errors import InvalidOrder
from engine.core.model import Instrument, InstrumentKind, Order, OrderChange, OrderStatus, OrderType, Purpose, Side
from engine.executor.config import parse_strategy
from engine.executor.leg import Leg, Seen, Wish
from engine.executor.orders import StrategyOrders
from engine.restricted import Restricted
from engine.risk_limits import retail_limits
from tests.engine.fakes import RELIANCE, TCS, request
from tests.engine.sessions import CAPITAL, SessionBench

LIMITS = retail_limits(CAPITAL) | {"market_protection": 0.0}
NAN = math.nan


def by_hand(bench: SessionBench, side: int, quantity: int) -> Order:
    """As a ticket of the window sends it."""
    return bench.session.submit(request(side, quantity, reference_price=100.0))


def by_script(bench: SessionBench, side: int, quantity: int) -> Order:
    """As somebody's program asks for it."""
    return bench.session.orders.place_market(bench_instrument(bench), Side(side), quantity)


def by_strategy(bench: SessionBench, side: int, quantity: int) -> Order:
    """As a strategy wishes it on a closed bar, whether the window, a command or the REST API has started it."""
    config = parse_strategy(
        {"name": "s", "strategy_type": "callback", "symbols": ["RELIANCE"], "sizing": f"fixed:{quantity}"},
        {"capital": CAPITAL / 10_000},
    )
    instrument = bench_instrument(bench)
    leg = Leg(config, instrument, bench.session.board.add(instrument))
    bar = Seen(bench.broker.clock.now_ns(), 1, leg.slot, 100.0, 100.0, 100.0, 100.0, 10.0, 0.0)
    order = StrategyOrders(bench.session, config).act(leg, Wish(float(side), NAN, NAN, NAN, NAN), bar, may_open=True)
    assert order is not None
    return order


def bench_instrument(bench: SessionBench) -> Instrument:
    return RELIANCE


SOURCES = {"hand": by_hand, "script": by_script, "strategy": by_strategy}


def restrict(bench: SessionBench) -> None:
    bench.session.desk.lists = Restricted([{"symbol": "RELIANCE", "list": "ban of the day", "action": "forbid"}])


def take_off_the_list(bench: SessionBench) -> None:
    bench.session.desk.catalogue = {TCS.key: TCS}.get  # type: ignore[assignment]
    bench.session.desk.catalogue = _Only(TCS)


class _Only:
    """A list with one instrument."""

    def __init__(self, instrument: Instrument) -> None:
        self._instrument = instrument

    def find(self, key: str) -> Instrument | None:
        return self._instrument if key == self._instrument.key else None


def spread(bench: SessionBench) -> None:
    slot = bench.session.board.slot(RELIANCE.key)
    bench.session.board.bid[slot], bench.session.board.ask[slot] = 95.0, 105.0


def age(bench: SessionBench) -> None:
    bench.broker.clock.advance(6)


def fill_up(bench: SessionBench) -> None:
    bench.session.risk.memory.messages = 2_500


def hold_against(bench: SessionBench) -> None:
    bench.session.submit(request(-1, 5, owner="other", price=102.5))  # too far for a market order to meet it


def reduce(bench: SessionBench) -> None:
    bench.session.risk.reduce("enough")


CASES: dict[str, tuple[Callable[[SessionBench], Any], int, str]] = {
    "restricted": (restrict, 10, "but it is on the list ban of the day"),
    "not on the list": (take_off_the_list, 10, "it is not on today's list"),
    "wide spread": (spread, 10, "at most 5 % apart, was 10.0 %"),
    "old quote": (age, 10, "Expected a fresh quote of RELIANCE"),
    "too many messages": (fill_up, 10, "were 2500 sent; only exits and cancels pass"),
    "somebody holds against it": (hold_against, 10, "Expected nobody to hold RELIANCE the other way in MIS, was an order of other for -5"),
    "reducing": (reduce, 10, "is REDUCING: enough"),
    "too many shares": (lambda bench: None, 1_001, "Expected at most 1000 shares in an order, was 1001"),
    "too large a part of equity": (
        lambda bench: bench.session.risk.set_limits(LIMITS | {"max_order_share": 0.0999}),
        10,
        "Expected an order worth at most 0.0999 % of the equity of Rs 1,000,000, was Rs 1,000",
    ),
    "too much altogether": (
        lambda bench: bench.session.risk.set_limits({"gross_exposure": 0.0009}),
        10,
        "x the equity of Rs 1,000,000, was Rs 1,000; close something first",
    ),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("source", SOURCES)
def test_every_source_is_refused_in_the_same_words(source: str, case: str, loop_run: Any) -> None:
    prepare, quantity, says = CASES[case]

    async def ask() -> None:
        bench = await SessionBench(LIMITS).open()
        prepare(bench)
        order = SOURCES[source](bench, 1, quantity)
        assert order.status is OrderStatus.DENIED
        assert says in order.message
        await bench.settle()
        assert not [sent for sent in bench.broker.sent if sent.request.owner != "other"], "nothing was sent"
        await bench.session.close()

    loop_run(ask())


@pytest.mark.parametrize("source", SOURCES)
def test_a_plain_order_of_every_source_passes_all_the_usual_limits(source: str, loop_run: Any) -> None:
    async def ask() -> None:
        bench = await SessionBench(LIMITS).open()
        assert SOURCES[source](bench, 1, 10).status is not OrderStatus.DENIED
        await bench.settle()
        assert len(bench.broker.sent) == 1
        await bench.session.close()

    loop_run(ask())


@pytest.mark.parametrize("quantity", [NAN, math.inf, None, 0, -5, True, 2.5, "10"])
@pytest.mark.parametrize("limits", [{}, {"sound_order": 0.0, "tick_and_lot": 0.0, "cash": 0.0}])
def test_no_quantity_that_is_none_passes_whatever_the_limits(quantity: Any, limits: dict[str, float], loop_run: Any) -> None:
    async def ask() -> None:
        bench = await SessionBench(limits).open()
        await bench.entered(-1, 3)  # so that there is something to be against
        order = bench.session.submit(replace(request(), quantity=quantity))
        assert order.status is OrderStatus.DENIED
        assert order.message.startswith("Expected a whole quantity above 0, was ")
        await bench.settle()
        assert len(bench.broker.sent) == 1
        await bench.session.close()

    loop_run(ask())


@pytest.mark.parametrize("field", ["price", "trigger_price", "stop", "target", "trail", "reference_price"])
def test_no_price_that_is_none_passes_and_the_order_is_shown_without_it(field: str, loop_run: Any) -> None:
    async def ask() -> None:
        bench = await SessionBench({}).open()
        order = bench.session.submit(replace(request(), **{field: NAN}))
        assert order.status is OrderStatus.DENIED
        assert order.message == "Expected prices above 0, was nan; change it."
        assert getattr(order.request, field) is None
        await bench.session.close()

    loop_run(ask())


def test_what_is_no_order_at_all_is_told_at_once(loop_run: Any) -> None:
    async def ask() -> None:
        bench = await SessionBench({}).open()
        with pytest.raises(InvalidOrder, match="Expected BUY or SELL and a known type of order, was 1 and OrderType; change it"):
            bench.session.submit(replace(request(), side=1))  # type: ignore[arg-type]
        await bench.session.close()

    loop_run(ask())


def test_exits_and_cancels_pass_where_entries_are_refused(loop_run: Any) -> None:
    async def ask() -> None:
        bench = await SessionBench(LIMITS).open()
        await bench.entered()
        resting = bench.submit(1, 10, price=99.0)
        await bench.settle()
        for prepare in (restrict, take_off_the_list, spread, fill_up, reduce, age):
            prepare(bench)
        assert bench.submit(1, 5).status is OrderStatus.DENIED
        assert bench.submit(-1, 10).request.purpose is Purpose.EXIT
        bench.session.cancel(resting.id)
        await bench.settle()
        assert [order.request.side for order in bench.broker.sent] == [1, 1, -1]
        assert len(bench.broker.cancels) == 1
        await bench.session.close()

    loop_run(ask())


@pytest.mark.logs_warnings
def test_a_rule_that_fails_refuses_and_stops_new_risk(loop_run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    async def ask() -> None:
        bench = await SessionBench(LIMITS).open()
        monkeypatch.setattr(type(bench.session.desk), "restricted", lambda self, instrument: 1 / 0)
        order = bench.submit()
        assert order.status is OrderStatus.DENIED
        assert order.message.startswith("Expected the rules to judge the order, but they failed (ZeroDivisionError")
        monkeypatch.undo()
        assert "the rules could not judge an order" in bench.submit().message, "until somebody has looked at it"
        bench.session.risk.resume("looked at it")
        assert bench.submit().status is not OrderStatus.DENIED
        await bench.settle()
        await bench.session.close()

    loop_run(ask())


def test_real_money_gets_its_market_protection_before_it_is_judged(loop_run: Any) -> None:
    option = replace(RELIANCE, kind=InstrumentKind.CALL, symbol="RELIANCE26DEC1500CE", token=5, expiry=date(2030, 1, 1))

    async def ask() -> None:
        bench = await SessionBench({}, is_live=True).open()
        bench.broker.capabilities = replace(bench.broker.capabilities, has_market_protection=True)
        for wanted, pct in (
            (request(), 2.0),
            (request(trigger_price=101.0), 2.0),
            (request(market_protection=1.0), 1.0),
            (request(price=100.0), None),
            (request(instrument=option, reference_price=99.0), 5.0),
            (request(instrument=option, reference_price=100.0), 2.0),
        ):
            assert bench.session.submit(wanted).request.market_protection == pct
        await bench.settle()
        await bench.session.close()

    loop_run(ask())


def test_a_broker_that_takes_no_protection_gets_no_market_order_with_real_money(loop_run: Any) -> None:
    async def ask() -> None:
        bench = await SessionBench({"market_protection": 1.0}, is_live=True).open()
        order = bench.submit()
        assert (order.status, order.request.order_type) == (OrderStatus.DENIED, OrderType.MARKET)
        assert "this broker takes none; send a limit order" in order.message
        assert bench.submit(price=100.0).status is not OrderStatus.DENIED
        await bench.settle()
        await bench.session.close()

    loop_run(ask())


def test_an_order_of_the_hand_that_is_not_like_the_others_is_asked_about_and_passes_once_confirmed(loop_run: Any) -> None:
    async def ask() -> None:
        bench = await SessionBench({"unusual_order": 5.0}).open()
        for _ in range(5):
            bench.submit(1, 10)
        large = request(1, 51)
        says = "Expected an order like your others, was Rs 5,100 where Rs 1,000 is usual; confirm it if it is meant."
        assert bench.session.doubt_of(large) == says
        assert bench.session.submit(large).message == says
        assert bench.session.doubt_of(request(1, 50)) == ""
        assert bench.session.doubt_of(replace(large, quantity=0)) == "", "that is no question but a refusal"
        confirmed = bench.session.submit(replace(large, is_confirmed=True))
        assert confirmed.status is not OrderStatus.DENIED
        assert bench.session.submit(replace(large, owner="ema")).status is not OrderStatus.DENIED
        await bench.settle()
        assert bench.session.doubt_of(request(-1, 10, price=50.0)).startswith("Expected an order like your others, was 50 where")
        bench.session.risk.set_limits({})
        assert bench.session.doubt_of(large) == ""
        await bench.session.close()

    loop_run(ask())


def test_what_is_worth_a_word_is_told_and_passes(loop_run: Any) -> None:
    async def ask() -> None:
        bench = await SessionBench(LIMITS).open()
        told: list[tuple[str, str]] = []
        bench.session.risk.told.connect(lambda text, level: told.append((level, text)))
        bench.session.desk.lists = Restricted([{"symbol": "RELIANCE", "list": "ASM", "action": "warn"}])
        bench.session.risk.memory.messages = 999
        assert bench.submit().status is not OrderStatus.DENIED
        assert told == [
            ("warning", "RELIANCE is on the list ASM; trade it with open eyes."),
            ("warning", "1000 messages went out today, of 3000 that may; see what sends so many."),
        ]
        await bench.settle()
        await bench.session.close()

    loop_run(ask())


def test_a_change_of_an_order_meets_the_rules_and_is_not_asked_about(loop_run: Any) -> None:
    async def ask() -> None:
        bench = await SessionBench(LIMITS).open()
        order = bench.submit(price=100.0)
        await bench.settle()
        for change, says in (
            (OrderChange(quantity=1_001), "at most 1000 shares"),
            (OrderChange(quantity=0), "a whole quantity above 0, was 0"),
            (OrderChange(price=NAN), "prices above 0, was nan"),
            (OrderChange(price=104.0), "Expected a price near the market's"),
        ):
            with pytest.raises(InvalidOrder, match=says):
                bench.session.modify(order.id, change)
        bench.session.modify(order.id, OrderChange(price=102.5))
        await bench.settle()
        await bench.session.close()

    loop_run(ask())


def test_only_the_session_makes_orders_and_only_its_path_sends_them() -> None:
    """What makes an order has asked the rules first; the kill command, which runs without a session, only closes."""
    root = Path(next(iter(engine.__path__)))
    makers, senders = set(), set()
    for path in root.rglob("*.py"):
        name = path.relative_to(root).as_posix()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                called = ast.unparse(node.func)
                makers |= {name} if called.endswith("orders.create") else set()
                senders |= {name} if called.endswith("broker.place") else set()
    assert makers == {"session.py"}
    assert senders == {"order_path.py", "kill/alone.py"}

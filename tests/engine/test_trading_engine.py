"""The engine behind its door: opened, traded on, killed, closed and opened again, on a market that moves when the test says so."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from engine import trading_engine
from engine.brokers.base import Funds
from engine.clock import ManualClock
from engine.core.errors import ConnectionLost, DataError, InvalidOption, UnknownSymbol, UserError
from engine.core.model import OrderChange, OrderRequest, OrderStatus, OrderType, Phase, Product, Side, StrategyState, TradingState, to_units
from engine.core.registry import RULES
from engine.engine_market import Market
from engine.engine_settings import EngineSettings
from engine.executor.config import parse_strategy
from engine.kept_limits import KNOWN, LIMITS
from engine.risk_limits import RETAIL
from engine.store import Setting, Store
from engine.trading_engine import TradingEngine
from tests.engine.fakes import FakeBroker

START_NS = int(datetime(2025, 10, 29, 4, 30, tzinfo=UTC).timestamp() * 1e9)  # 10:00 IST on a Wednesday
STRATEGY = {
    "strategy_config": {"name": "EMA demo", "strategy_type": "ema_crossover", "symbols": ["RELIANCE"], "sizing": "fixed:10"},
    "risk_config": {"capital": 500_000},
}
S = StrategyState


class Bench:
    """An engine, its wall clock, and what it told."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        self.wall = ManualClock(START_NS)
        self.engine = TradingEngine(EngineSettings(folder, **settings), wall=self.wall)
        self.view = self.engine.view
        self.notices: list[tuple[str, str]] = []
        self.view.notice_given.connect(lambda level, text: self.notices.append((level, text)))

    async def pass_time(self, seconds: float) -> None:
        """Let the wall's time pass, a quarter of a second at a time, and everything that follows from it."""
        for _ in range(round(seconds * 4)):
            self.wall.advance(0.25)
            for _ in range(5):
                await asyncio.sleep(0)
            await self.engine.session.settle()

    async def until_filled(self) -> None:
        """Let time pass until no order works any more."""
        for _ in range(200):
            await self.pass_time(0.25)
            if not self.view.working_orders():
                return
        raise AssertionError("an order never filled")

    def buy(self, quantity: int = 10, symbol: str = "SBIN", **more: Any) -> OrderRequest:
        return OrderRequest(self.engine.instruments.get(symbol), Side.BUY, quantity, **more)


@pytest.fixture
def with_engine(tmp_path: Path, loop_run: Callable[..., Any]) -> Callable[..., None]:
    """Open an engine, run a coroutine with it, close it."""

    def run(play: Callable[[Bench], Awaitable[None]], **settings: Any) -> None:
        async def whole() -> None:
            bench = Bench(tmp_path / "data", **settings)
            await bench.engine.open()
            try:
                await play(bench)
            finally:
                await bench.engine.close()

        loop_run(whole())

    return run


def test_opening_tells_the_view_what_there_is_and_the_market_runs(with_engine: Any) -> None:
    async def play(bench: Bench) -> None:
        view = bench.view
        assert (view.mode, view.broker_name, len(view.catalogue)) == ("paper", "simulated", 50)
        assert "ema_crossover" in [template.name for template in view.templates]
        await bench.engine.watch(["RELIANCE", "NSE:SBIN"])
        await bench.pass_time(3)
        assert view.last_price("NSE:RELIANCE") > 0
        assert view.phase is Phase.CONTINUOUS
        assert "closes in" in view.phase_text
        assert view.risk is not None
        assert view.risk.limits["max_daily_loss"] == 30_000
        with pytest.raises(UnknownSymbol, match="RELIANCE"):
            await bench.engine.watch(["RELIANC"])

    with_engine(play)


def test_what_is_not_needed_any_more_is_not_followed_any_more(with_engine: Any) -> None:
    async def play(bench: Bench) -> None:
        engine = bench.engine
        engine.add_strategy(STRATEGY)
        await engine.watch(["RELIANCE", "SBIN", "TCS"])
        await bench.pass_time(1)
        engine.submit(bench.buy())
        await bench.until_filled()
        await engine.unwatch(["RELIANCE", "SBIN", "TCS"])
        followed = [key for key in ("RELIANCE", "SBIN", "TCS") if engine.session.market_data.is_subscribed(engine.instruments.get(key))]
        assert followed == ["RELIANCE", "SBIN"]

    with_engine(play)


def test_orders_by_hand_go_out_change_and_come_back(with_engine: Any) -> None:
    async def play(bench: Bench) -> None:
        engine = bench.engine
        await engine.watch(["SBIN"])
        await bench.pass_time(1)
        low = round(bench.view.last_price("NSE:SBIN") * 0.98)
        order = engine.submit(bench.buy(order_type=OrderType.LIMIT, price=low))
        other = engine.submit(bench.buy(20, order_type=OrderType.LIMIT, price=low))
        await bench.pass_time(0.5)
        engine.modify(order.id, OrderChange(price=low - 1.0))
        await bench.pass_time(0.5)
        assert bench.view.orders[order.id].price == low - 1.0
        engine.cancel(order.id)
        assert [o.id for o in engine.cancel_all(key="NSE:SBIN")] == [order.id, other.id]
        await bench.pass_time(0.5)
        assert {bench.view.orders[o.id].status for o in (order, other)} == {OrderStatus.CANCELLED}

    with_engine(play)


def test_a_position_is_closed_alone_and_flattening_closes_the_rest(with_engine: Any) -> None:
    async def play(bench: Bench) -> None:
        engine = bench.engine
        await engine.watch(["SBIN", "TCS"])
        await bench.pass_time(1)
        engine.submit(bench.buy())
        engine.submit(bench.buy(5, product=Product.CNC))
        engine.submit(bench.buy(3, "TCS"))
        await bench.until_filled()
        engine.close_position(bench.view.positions["NSE:SBIN", "MIS"])
        await bench.until_filled()
        assert {key: position.quantity for key, position in bench.view.positions.items()} == {
            ("NSE:SBIN", "MIS"): 0, ("NSE:SBIN", "CNC"): 5, ("NSE:TCS", "MIS"): 3,
        }  # fmt: skip
        waiting = engine.submit(bench.buy(order_type=OrderType.LIMIT, price=float(round(bench.view.last_price("NSE:SBIN") * 0.98))))
        await bench.pass_time(0.5)
        engine.flatten()
        await bench.until_filled()
        assert not any(position.quantity for position in bench.view.positions.values())
        assert bench.view.orders[waiting.id].status is OrderStatus.CANCELLED

    with_engine(play)


@pytest.mark.logs_warnings
def test_the_kill_switch_stops_strategies_and_orders_until_it_is_taken_back(with_engine: Any, tmp_path: Path) -> None:
    async def play(bench: Bench) -> None:
        engine = bench.engine
        strategy = engine.add_strategy(STRATEGY)
        engine.start_strategy(strategy)
        await bench.pass_time(1)
        assert bench.view.strategies[strategy].state is S.RUNNING
        engine.kill("by hand")
        await bench.pass_time(1)
        assert bench.view.strategies[strategy].state is S.STOPPED
        assert engine.session.risk.state is TradingState.HALTED
        assert (tmp_path / "data" / "kill.latch").exists()
        assert engine.submit(bench.buy()).status is OrderStatus.DENIED
        engine.rearm("by hand")
        assert engine.session.risk.state is TradingState.ACTIVE
        engine.halt("something broke")
        assert engine.session.risk.reason == "something broke"

    with_engine(play)


@pytest.mark.logs_warnings
@pytest.mark.parametrize("is_file_lost", [False, True])
def test_the_kill_switch_holds_over_a_restart_by_file_or_database(is_file_lost: bool, with_engine: Any, tmp_path: Path) -> None:
    async def stop(bench: Bench) -> None:
        bench.engine.kill("storm")
        await bench.pass_time(1)

    async def still(bench: Bench) -> None:
        assert (bench.engine.session.risk.state, bench.engine.session.risk.reason) == (TradingState.HALTED, "storm")
        assert bench.engine.submit(bench.buy()).status is OrderStatus.DENIED
        bench.engine.rearm("looked at it")

    async def goes_on(bench: Bench) -> None:
        assert bench.engine.session.risk.state is TradingState.ACTIVE

    with_engine(stop)
    if is_file_lost:
        (tmp_path / "data" / "kill.latch").unlink()
    with_engine(still)
    with_engine(goes_on)


def test_a_position_is_protected_again_by_a_click_where_something_was_planned(with_engine: Any) -> None:
    async def play(bench: Bench) -> None:
        engine = bench.engine
        await engine.watch(["SBIN"])
        await bench.pass_time(1)
        engine.submit(bench.buy())
        await bench.until_filled()
        (position,) = [one for one in bench.view.positions.values() if one.quantity]
        with pytest.raises(UserError, match="a position that had a stop"):
            engine.protect(position)
        engine.session.guard.move(position.instrument, position.product, "hand", stop=position.average_price * 0.9)
        engine.protect(position)
        await engine.session.settle()
        assert [order.request.purpose.value for order in engine.session.orders.working()] == ["stop"], "once, and not twice"
        engine.halt("wait")
        with pytest.raises(UserError, match="an account that trades"):
            engine.protect(position)

    with_engine(play)


def test_strategies_are_started_paused_stopped_and_taken_away_by_their_ids(with_engine: Any) -> None:
    async def play(bench: Bench) -> None:
        engine, states = bench.engine, []
        strategy = engine.add_strategy(STRATEGY)
        assert (strategy, engine.add_strategy(STRATEGY)) == ("ema-demo", "ema-demo-2")
        bench.view.strategy_changed.connect(lambda status: states.append((status.id, status.state)))
        verbs = (engine.start_strategy, engine.pause_strategy, engine.resume_strategy, engine.stop_strategy, engine.emergency_stop_strategy)
        for verb in verbs:
            verb(strategy)
            await bench.pass_time(1)
        seen = list(dict.fromkeys(state for of, state in states if of == strategy))
        assert seen == [S.STARTING, S.RUNNING, S.PAUSED, S.STOPPED, S.STOPPING]
        engine.start_strategy("ema-demo-2")
        await bench.pass_time(1)
        with pytest.raises(UserError, match="stop it first"):
            engine.remove_strategy("ema-demo-2")
        engine.remove_strategy(strategy)
        assert list(bench.view.strategies) == ["ema-demo-2"]
        with pytest.raises(UserError, match='did you mean "ema-demo-2"'):
            engine.start_strategy(strategy)
        with pytest.raises(InvalidOption, match='did you mean "risk_config"'):
            engine.add_strategy({**STRATEGY, "risk_confg": {}})

    with_engine(play)


def test_strategies_limits_and_positions_are_there_again_after_a_restart(tmp_path: Path, loop_run: Callable[..., Any]) -> None:
    async def first() -> None:
        bench = Bench(tmp_path)
        await bench.engine.open()
        bench.engine.add_strategy(STRATEGY)
        bench.engine.start_strategy("ema-demo")
        bench.engine.set_limits({**bench.engine.session.risk.limits, "max_order_quantity": 77})
        await bench.engine.watch(["SBIN"])
        await bench.pass_time(1)
        bench.engine.submit(bench.buy(7))
        await bench.until_filled()
        await bench.engine.close()

    async def second() -> None:
        bench = Bench(tmp_path)
        await bench.engine.open()
        (status,) = bench.view.strategies.values()
        assert (status.name, status.state, status.symbols) == ("EMA demo", S.IDLE, ("NSE:RELIANCE",))
        assert bench.engine.session.risk.limits["max_order_quantity"] == 77
        assert bench.view.positions["NSE:SBIN", "MIS"].quantity == 7
        await bench.engine.close()

    loop_run(first())
    loop_run(second())


@pytest.mark.logs_warnings
def test_a_strategy_that_cannot_be_read_any_more_is_told_and_left_in_the_store(with_engine: Any) -> None:
    async def play(bench: Bench) -> None:
        shelf, store = bench.engine.strategies, bench.engine.session.store
        bench.engine.add_strategy(STRATEGY)
        await store.flush()
        (row,) = store.strategies()
        broken = {**STRATEGY, "strategy_config": {**STRATEGY["strategy_config"], "strategy_type": "gone"}}
        shelf.restore([replace(row, id="old", config=broken)])
        assert list(bench.view.strategies) == ["ema-demo"]
        assert "gone" in bench.notices[-1][1]

    with_engine(play)


def test_history_is_put_together_from_broker_archive_and_this_session(with_engine: Any) -> None:
    async def play(bench: Bench) -> None:
        told: list[tuple[str, int, Any]] = []
        bench.view.history_loaded.connect(lambda *answer: told.append(answer))
        await bench.engine.watch(["TCS"])
        await bench.engine.load_history("SBIN", 300)
        key, interval_s, rows = told[0]
        assert (key, interval_s, set(rows["instrument"])) == ("NSE:SBIN", 300, {1})
        assert len(rows) > 1_000
        assert (rows["time_ns"][1:] > rows["time_ns"][:-1]).all()
        assert rows["time_ns"][-1] + 300 * 10**9 <= bench.engine.session.clock.now_ns()

    with_engine(play)


BARS = "date,open,high,low,close,volume\n" + "".join(
    f"2025-10-29T09:{15 + minute}:00+05:30,{100 + minute},{101 + minute},{99 + minute},{100 + minute},500\n" for minute in range(20)
)


def test_a_file_is_played_as_a_market_of_its_own_and_begins_anew_each_time(tmp_path: Path, loop_run: Callable[..., Any]) -> None:
    file = tmp_path / "SBIN_1min.csv"
    file.write_text(BARS)

    async def play() -> None:
        bench = Bench(tmp_path / "data", replay=file, speed=0)
        await bench.engine.open()
        await bench.engine.watch(["SBIN"])
        await bench.engine.wait_until_done()
        assert bench.view.mode == "replay"
        assert list(bench.view.catalogue) == ["NSE:SBIN"]
        assert bench.engine.session.account_id.startswith("replay-")
        await bench.engine.close()

    loop_run(play())
    loop_run(play())


def test_a_file_that_cannot_be_used_is_told_and_nothing_stays_open(tmp_path: Path, loop_run: Callable[..., Any]) -> None:
    file = tmp_path / "SBIN_1min.csv"
    file.write_text(BARS.replace("101,99", "10,99", 1))

    async def play() -> None:
        bench = Bench(tmp_path / "data", replay=file)
        with pytest.raises(DataError, match="line 2"):
            await bench.engine.open()
        with pytest.raises(UserError, match="open it first"):
            _ = bench.engine.session
        with pytest.raises(UserError, match="open it first"):
            bench.engine.add_strategy(STRATEGY)

    loop_run(play())


@pytest.mark.parametrize(
    ("settings", "broker", "account"),
    [({"broker": "paper", "broker_options": {"seed": 3}}, "paper", "paper"), ({"limits": {}, "charges": "none"}, "simulated", "simulated")],
)
def test_the_market_is_chosen_by_the_settings(with_engine: Any, settings: dict[str, Any], broker: str, account: str) -> None:
    async def play(bench: Bench) -> None:
        session = bench.engine.session
        assert (session.broker.name, session.account_id, session.mode) == (broker, account, "paper")
        if "limits" in settings:
            assert session.risk.limits == {}

    with_engine(play, **settings)


def test_the_demo_of_the_form_is_what_the_public_api_takes() -> None:
    assert parse_strategy(STRATEGY["strategy_config"], STRATEGY["risk_config"]).id == "ema-demo"  # type: ignore[arg-type]


def test_a_control_that_is_newer_than_the_trader_s_limits_holds_and_is_told_once(tmp_path: Path, loop_run: Callable[..., Any]) -> None:
    async def start(told: int, spread: float | None) -> None:
        bench = Bench(tmp_path)
        await bench.engine.open()
        limits = dict(bench.engine.session.risk.limits)
        assert limits.get("spread") == spread
        assert sum("New controls hold" in text for _, text in bench.notices) == told
        limits.pop("spread", None)
        bench.engine.set_limits(limits | {"max_order_quantity": 77}, confirmed=True)
        await bench.engine.close()

    def rewrite(limits: list[str], known: list[str]) -> None:
        store = Store.open(tmp_path / "shikra.db")
        store.write(Setting(LIMITS, dict.fromkeys(limits, 50.0)), Setting(KNOWN, known))
        store.close()

    usual = RULES.get("spread").limit
    loop_run(start(0, usual))
    rewrite(["max_order_quantity"], list(RETAIL))
    loop_run(start(0, None))
    rewrite(["max_order_quantity"], [name for name in RETAIL if name != "spread"])
    loop_run(start(1, usual))
    store = Store.open(tmp_path / "shikra.db")
    assert any("spread" in entry.payload["now"] for entry in store.journal() if entry.kind == "LIMIT_CHANGE")
    store.close()
    loop_run(start(0, usual))


def test_limits_of_before_the_list_get_what_they_do_not_name_once_and_without_a_word_of_the_trader(
    tmp_path: Path, loop_run: Callable[..., Any]
) -> None:
    async def start() -> tuple[float | None, int]:
        bench = Bench(tmp_path)
        await bench.engine.open()
        holds = bench.engine.session.risk.limits.get("spread")
        await bench.engine.close()
        return holds, sum("do not say what you switched off" in text for _, text in bench.notices)

    store = Store.open(tmp_path / "shikra.db")
    store.write(Setting(LIMITS, {"max_order_quantity": 50.0}))
    store.close()
    assert [loop_run(start()), loop_run(start())] == [(RULES.get("spread").limit, 1), (RULES.get("spread").limit, 0)]
    store = Store.open(tmp_path / "shikra.db")
    (line,) = [entry for entry in store.journal() if entry.kind == "LIMIT_CHANGE"]
    assert line.payload["now"]["spread"] == [None, RULES.get("spread").limit]
    assert line.payload["limits"] == store.settings()[LIMITS]
    store.close()


@pytest.mark.parametrize(
    ("funds", "limit", "told"),
    [
        (Funds(to_units(60_000), used_units=to_units(40_000)), 3_000.0, True),
        (Funds(to_units(5_000_000)), 30_000.0, False),
        (None, 30_000.0, False),
        (ConnectionLost("no answer"), 30_000.0, False),
    ],
)
@pytest.mark.logs_warnings
def test_limits_go_by_what_the_account_really_has(
    tmp_path: Path, loop_run: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, funds: Any, limit: float, told: bool
) -> None:
    class Rich(FakeBroker):
        compared = False

        async def funds(self) -> Funds | None:
            if isinstance(funds, Exception):
                if self.compared:
                    raise funds
                self.compared = True  # it answered while the books were compared, and then no more
                return None
            return funds  # type: ignore[no-any-return]

    broker = Rich()
    monkeypatch.setattr(trading_engine, "make_market", lambda *given: Market(broker, "live"))
    bench = Bench(tmp_path, mode="live", capital=1_000_000.0)

    async def live() -> None:
        await bench.engine.open()
        assert bench.engine.session.risk.limits["max_daily_loss"] == limit
        await bench.engine.close()

    loop_run(live())
    assert any("Limits go by the Rs 100,000" in text for _, text in bench.notices) is told


def test_limits_that_the_trader_has_set_stay(tmp_path: Path, loop_run: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    class Poor(FakeBroker):
        async def funds(self) -> Funds | None:
            return Funds(to_units(1_000))

    monkeypatch.setattr(trading_engine, "make_market", lambda *given: Market(Poor(), "live"))

    async def live() -> None:
        for expected in (30.0, 5_000.0):
            bench = Bench(tmp_path, mode="live", capital=1_000_000.0)
            await bench.engine.open()
            assert bench.engine.session.risk.limits["max_daily_loss"] == expected
            raised = {**bench.engine.session.risk.limits, "max_daily_loss": 5_000.0}
            if expected == 30.0:
                with pytest.raises(UserError, match="a confirmation to loosen max_daily_loss from 30 to 5000"):
                    bench.engine.set_limits(raised)
            bench.engine.set_limits(raised, confirmed=True)
            assert bench.engine.session.risk.limits["max_daily_loss"] == expected, "a looser limit holds later"
            bench.engine.session.clock.advance(15 * 60)  # type: ignore[attr-defined]
            bench.engine.session.life.on_clock()
            await bench.engine.close()

    loop_run(live())


def test_todays_list_and_the_traders_own_list_are_known_to_the_rules(with_engine: Any, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "restricted.csv").write_text("symbol,list,action\nSBIN,ban of the day,forbid\n")

    async def play(bench: Bench) -> None:
        await bench.engine.watch(["SBIN", "TCS"])
        await bench.pass_time(2)
        assert "is on the list ban of the day" in bench.engine.submit(bench.buy()).message
        unknown = replace(bench.engine.instruments.get("TCS"), token=1)
        order = bench.engine.submit(replace(bench.buy(symbol="TCS"), instrument=unknown))
        assert "its token means something else today; choose it anew from the list" in order.message
        assert bench.view.doubt_of is not None
        assert bench.view.doubt_of(bench.buy(symbol="TCS")) == ""
        assert bench.engine.submit(bench.buy(symbol="TCS")).status is not OrderStatus.DENIED
        await bench.pass_time(1)

    with_engine(play)


def test_a_list_that_makes_no_sense_opens_nothing(with_engine: Any, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "restricted.csv").write_text("symbol\nSBIN\n")

    async def play(bench: Bench) -> None:
        raise AssertionError("it opened")

    with pytest.raises(UserError, match="Expected the columns symbol, list, action"):
        with_engine(play)

"""One strategy in a real session over a replayed market: what it trades, and what pause, stop, faults and the callback do."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.brokers.base import Capabilities
from engine.brokers.simulated import SimulatedBroker
from engine.core.bars import MINUTE_NS
from engine.core.errors import InvalidOption, UnknownSymbol, UserError
from engine.core.model import Exchange, Fill, Instrument, Order, OrderRequest, OrderStatus, OrderType, Purpose, Side, StrategyState
from engine.core.records import BAR, Row, Rows, fields
from engine.core.registry import TEMPLATES, Template
from engine.executor.executor import StrategyExecutor
from engine.session import TradingSession
from engine.store import Store

OPEN_NS = 1_761_709_500 * 10**9  # 2025-10-29 09:15 IST
RELIANCE = Instrument(Exchange.NSE, "RELIANCE", 738561)
TCS = Instrument(Exchange.NSE, "TCS", 2953217)
S = StrategyState

Script = Callable[[int, Row, Row], None]
"""(number of the bar, BAR, INTENT): what a strategy does at each closed bar."""


def bars_at(*prices: float) -> Rows:
    """One-minute bars that open at each price and move half a rupee around it."""
    rows = np.zeros(len(prices), dtype=BAR)
    rows["session_minute"] = np.arange(len(prices))
    rows["time_ns"] = OPEN_NS + np.arange(len(prices)) * MINUTE_NS
    for name, shift in (("open", 0.0), ("high", 0.5), ("low", -0.5), ("close", 0.0)):
        rows[name] = np.array(prices) + shift
    rows["volume"] = 100
    return rows


@pytest.fixture
def scripted() -> Iterator[Callable[[Script], None]]:
    """Make a template called "scripted" of a function; its state counts the bars."""

    def make(script: Script) -> None:
        def on_bar(state: Any, params: Any, bar: Row, intent: Row) -> None:
            state[0] += 1
            script(int(state[0]), bar, intent)

        TEMPLATES.add("scripted", Template("scripted", "Scripted", (), fields("count"), fields(), on_bar))  # type: ignore[arg-type]

    TEMPLATES.load()
    yield make
    TEMPLATES._items.pop("scripted", None)


class Stage:
    """A session over replayed bars and one strategy in it."""

    def __init__(self, folder: Path, bars: dict[Instrument, Rows]) -> None:
        self.broker = SimulatedBroker(replay=bars, tariff="none", file=folder / "exchange.db", capital=1e7)
        self.store = Store.open(folder / "shikra.db")
        self.session = TradingSession(self.broker, self.store, limits={}, capital_units=10**11, account="test")
        self.fills: list[Fill] = []
        self.session.orders.order_filled.connect(self.fills.append)

    def executor(self, *, risk: dict[str, Any] | None = None, **config: Any) -> StrategyExecutor:
        given = {"name": "s", "strategy_type": "scripted", "symbols": ["RELIANCE"], "sizing": "fixed:10", "product": "NRML"}
        return StrategyExecutor(session=self.session, strategy_config={**given, **config}, risk_config=risk)

    async def play(self, *executors: StrategyExecutor) -> None:
        await self.session.open()
        for executor in executors:
            await executor.begin()
        await self.broker.start_market()
        await self.broker.wait_until_done()
        await self.session.settle()

    async def close(self) -> None:
        await self.session.close()
        self.store.close()

    def filled(self) -> list[tuple[int, int, float, str]]:
        """Each fill as (minute, signed quantity, price, purpose)."""
        return [((f.time_ns - OPEN_NS) // MINUTE_NS, f.signed_quantity, f.price, str(f.purpose)) for f in self.fills]


@pytest.fixture
def on_stage(tmp_path: Path, loop_run: Callable[..., Any]) -> Callable[..., None]:
    """Run a coroutine with a stage over bars of RELIANCE (and what else is given), and close it."""

    def run(play: Callable[[Stage], Awaitable[None]], *prices: float, **others: Rows) -> None:
        async def whole() -> None:
            bars = {RELIANCE: bars_at(*prices)} | ({TCS: others["tcs"]} if others else {})
            stage = Stage(tmp_path, bars)
            try:
                await play(stage)
            finally:
                await stage.close()

        loop_run(whole())

    return run


def wish(at: dict[int, dict[str, float]]) -> Script:
    """A script that wants what is given at the given bars."""

    def script(number: int, bar: Row, intent: Row) -> None:
        for name, value in at.get(number, {}).items():
            intent[name] = value

    return script


def test_a_decision_on_a_closed_bar_fills_at_the_next_open(scripted: Any, on_stage: Any) -> None:
    scripted(wish({1: {"target": 1}, 3: {"target": -1}, 4: {"target": -1}, 5: {"target": 0}}))

    async def play(stage: Stage) -> None:
        executor = stage.executor()
        await stage.play(executor)
        assert stage.filled() == [(1, 10, 101, "entry"), (3, -20, 103, "reversal"), (5, 10, 105, "exit")]
        summary = executor.get_summary()
        assert (summary["signals"], summary["orders"], summary["fills"], summary["open_positions"]) == (4, 3, 3, 0)
        assert (summary["realised_pnl"], summary["net_pnl"], summary["state"], summary["mode"]) == (0.0, 0.0, "RUNNING", "replay")
        assert summary["started_at"].startswith("2025-10-29T09:15")

    on_stage(play, 100, 101, 102, 103, 104, 105, 106)


def test_stops_and_targets_rest_and_close_the_position(scripted: Any, on_stage: Any) -> None:
    scripted(wish({1: {"target": 1, "stop": 98.0, "profit": 110.0}, 4: {"target": 1, "profit": 101.3}}))

    async def play(stage: Stage) -> None:
        await stage.play(stage.executor())
        assert stage.filled() == [(1, 10, 100, "entry"), (3, -10, 97.0, "stop"), (4, 10, 100, "entry"), (5, -10, 101.3, "target")]
        assert not stage.session.orders.working()

    on_stage(play, 100, 100, 99, 97, 100, 101, 99)


def test_protection_of_an_open_position_can_be_moved_and_trails(scripted: Any, on_stage: Any) -> None:
    scripted(wish({1: {"target": 1, "stop": 90.0}, 2: {"stop": 99.0}, 4: {"target": 1, "trail": 2.0}}))

    async def play(stage: Stage) -> None:
        await stage.play(stage.executor())
        assert stage.filled() == [(1, 10, 100, "entry"), (3, -10, 98.0, "stop"), (4, 10, 100, "entry"), (6, -10, 103.5, "trail")]

    on_stage(play, 100, 100, 101, 98, 100, 105, 103.8)


def test_a_new_decision_takes_the_old_limit_order_back_before_it_sends_another(scripted: Any, on_stage: Any) -> None:
    scripted(wish({1: {"target": 1, "limit": 95.0}, 3: {"target": -1}}))

    async def play(stage: Stage) -> None:
        await stage.play(stage.executor())
        first, second = stage.session.orders.orders
        assert (first.request.order_type, first.status, first.price) == (OrderType.LIMIT, OrderStatus.CANCELLED, 95.0)
        assert second.request.purpose is Purpose.ENTRY
        assert stage.filled() == [(3, -10, 100, "entry")]

    on_stage(play, 100, 100, 100, 100, 94)


def test_a_paused_strategy_opens_nothing_and_closes_what_it_wants_closed(scripted: Any, on_stage: Any) -> None:
    executors: list[StrategyExecutor] = []

    def script(number: int, bar: Row, intent: Row) -> None:
        wanted = {1: 1.0, 2: 2.0, 3: -1.0, 4: 1.0, 6: 1.0}
        intent.target = wanted.get(number, math.nan)
        if number == 2:
            executors[0].pause()
        if number == 5:
            executors[0].resume()

    scripted(script)

    async def play(stage: Stage) -> None:
        executors.append(stage.executor())
        await stage.play(*executors)
        assert stage.filled() == [(1, 10, 101, "entry"), (3, -10, 103, "exit"), (6, 10, 106, "entry")]
        assert executors[0].tally.signals == 5

    on_stage(play, 100, 101, 102, 103, 104, 105, 106, 107)


def test_pausing_takes_waiting_entries_back(scripted: Any, on_stage: Any) -> None:
    executors: list[StrategyExecutor] = []

    def script(number: int, bar: Row, intent: Row) -> None:
        if number == 1:
            intent.target, intent.limit = 1.0, 99.0
        if number == 2:
            executors[0].pause()

    scripted(script)

    async def play(stage: Stage) -> None:
        executors.append(stage.executor())
        await stage.play(*executors)
        assert not stage.fills
        assert [order.status for order in stage.session.orders.orders] == [OrderStatus.CANCELLED]
        with pytest.raises(UserError, match="that runs, was PAUSED"):
            executors[0].pause()
        executors[0].resume()
        with pytest.raises(UserError, match="that is paused, was RUNNING"):
            executors[0].resume()
        with pytest.raises(UserError, match="that stands still, was RUNNING"):
            executors[0].start()

    on_stage(play, 100, 100, 100, 97)


@pytest.mark.logs_warnings
@pytest.mark.parametrize(
    ("mistake", "words"),
    [
        (lambda intent: 1 / 0, "ZeroDivisionError: division by zero"),
        (lambda intent: setattr(intent, "target", math.inf), "Expected a target in units of size, was inf"),
        (lambda intent: setattr(intent, "stop", "x"), "ValueError"),
    ],
)
def test_a_mistake_stops_that_strategy_keeps_its_protection_and_is_told(
    scripted: Any, on_stage: Any, mistake: Callable[[Row], None], words: str
) -> None:
    def script(number: int, bar: Row, intent: Row) -> None:
        if number == 1:
            intent.target, intent.stop = 1.0, 98.0
        if number == 2:
            mistake(intent)
        if number > 2:
            intent.target = -1.0

    scripted(script)

    async def play(stage: Stage) -> None:
        told: list[str] = []
        executor = stage.executor()
        executor.faulted.connect(told.append)
        await stage.play(executor)
        assert executor.state is S.FAULTED
        assert words in executor.get_summary()["last_error"]
        assert len(told) == 1
        assert told[0].startswith("s was stopped: ")
        assert stage.filled() == [(1, 10, 100, "entry"), (4, -10, 97, "stop")]

    on_stage(play, 100, 100, 100, 100, 97, 100)


@pytest.mark.logs_warnings
def test_one_strategy_faults_and_the_other_goes_on(scripted: Any, on_stage: Any) -> None:
    def script(number: int, bar: Row, intent: Row) -> None:
        if bar.instrument == 0 and number == 1:
            raise KeyError("no")
        intent.target = 1.0

    scripted(script)

    async def play(stage: Stage) -> None:
        one, two = stage.executor(name="one"), stage.executor(name="two", symbols=["TCS"])
        await stage.play(one, two)
        assert (one.state, two.state) == (S.FAULTED, S.RUNNING)
        assert stage.filled() == [(1, 10, 51, "entry")]
        assert (one.tally.fills, two.tally.fills) == (0, 1)

    on_stage(play, 100, 101, 102, tcs=bars_at(50, 51, 52))


@pytest.mark.logs_warnings
def test_sizing_without_a_measure_is_a_fault_that_says_what_to_give(scripted: Any, on_stage: Any) -> None:
    scripted(wish({1: {"target": 1}}))

    async def play(stage: Stage) -> None:
        executor = stage.executor(sizing="risk", risk={"max_risk_per_trade": 1.0})
        await stage.play(executor)
        assert executor.state is S.FAULTED
        assert "give max_position_size, or fixed:N" in executor.tally.last_error

    on_stage(play, 100, 100, 100)


def test_risk_sizing_uses_the_strategys_own_capital_and_its_limits_hold(scripted: Any, on_stage: Any) -> None:
    scripted(wish({1: {"target": 1, "stop": 98.0}}))

    async def play(stage: Stage) -> None:
        risk = {"capital": 50_000, "max_risk_per_trade": 1.0, "max_positions": 1}
        executor = stage.executor(sizing="risk", symbols=["RELIANCE", "TCS"], risk=risk)
        await stage.play(executor)
        assert stage.filled() == [(1, 250, 101, "entry")]
        assert "TCS" in executor.tally.last_error
        assert executor.get_summary()["capital"] == 50_000
        assert [order.status for order in stage.session.orders.orders if order.instrument == TCS] == [OrderStatus.DENIED]

    on_stage(play, 100, 101, 102, tcs=bars_at(100, 100, 100))


def test_an_emergency_stop_closes_the_position_and_then_stands_still(scripted: Any, on_stage: Any) -> None:
    executors: list[StrategyExecutor] = []

    def script(number: int, bar: Row, intent: Row) -> None:
        intent.target = 1.0 if number in (1, 4) else math.nan
        if number == 1:
            intent.stop = 50.0
        if number == 2:
            executors[0].emergency_stop()

    scripted(script)

    async def play(stage: Stage) -> None:
        executors.append(stage.executor())
        states: list[StrategyState] = []
        executors[0].status_changed.connect(lambda status: states.append(status.state))
        await stage.play(*executors)
        assert stage.filled() == [(1, 10, 101, "entry"), (2, -10, 102, "exit")]
        assert executors[0].state is S.STOPPED
        assert S.STOPPING in states
        assert not stage.session.orders.working()

    on_stage(play, 100, 101, 102, 103, 104)


def test_stopping_leaves_position_and_protection_and_it_can_start_again(scripted: Any, on_stage: Any) -> None:
    executors: list[StrategyExecutor] = []

    def script(number: int, bar: Row, intent: Row) -> None:
        if number == 1:
            intent.target, intent.stop = 1.0, 98.0
        if number == 2:
            executors[0].stop()

    scripted(script)

    async def play(stage: Stage) -> None:
        executors.append(stage.executor())
        await stage.play(*executors)
        assert executors[0].state is S.STOPPED
        assert stage.filled() == [(1, 10, 100, "entry"), (3, -10, 97, "stop")]
        executors[0].start()
        await stage.session.settle()
        assert executors[0].state is S.RUNNING
        executors[0].emergency_stop()
        assert executors[0].state is S.STOPPED

    on_stage(play, 100, 100, 100, 97)


def test_a_function_decides_instead_of_the_template(on_stage: Any) -> None:
    seen: list[tuple[str, str, float, bool]] = []

    def callback(symbol: str, exchange: str, quote: dict[str, Any], has_position: bool) -> dict[str, Any] | None:
        seen.append((symbol, exchange, quote["last_price"], has_position))
        return {"action": "BUY", "stop_loss": 90.0} if len(seen) == 1 else {"action": "SELL"} if len(seen) == 3 else None

    async def play(stage: Stage) -> None:
        executor = stage.executor(strategy_type="callback")
        executor.set_signal_callback(callback)
        await stage.play(executor)
        assert stage.filled() == [(1, 10, 101, "entry"), (3, -10, 103, "exit")]
        assert seen[:2] == [("RELIANCE", "NSE", 100, False), ("RELIANCE", "NSE", 101, True)]
        assert [has_position for *_, has_position in seen] == [False, True, True, False, False]
        with pytest.raises(InvalidOption, match="Expected a function, was int"):
            executor.set_signal_callback(5)  # type: ignore[arg-type]

    on_stage(play, 100, 101, 102, 103, 104)


def test_decisions_are_made_on_the_strategys_own_interval(scripted: Any, on_stage: Any) -> None:
    seen: list[tuple[int, float, float]] = []
    scripted(lambda number, bar, intent: seen.append((bar.session_minute, bar.open, bar.close)))

    async def play(stage: Stage) -> None:
        await stage.play(stage.executor(parameters={"scan_interval": 2}))
        assert seen == [(0, 100, 101), (2, 102, 103)]

    on_stage(play, 100, 101, 102, 103, 104)


@pytest.mark.logs_warnings
def test_a_symbol_that_is_not_there_or_not_tradable_is_told_before_anything_runs(scripted: Any, on_stage: Any) -> None:
    scripted(wish({}))

    async def play(stage: Stage) -> None:
        await stage.session.open()
        executor = stage.executor(symbols=["RELIANC"])
        with pytest.raises(UnknownSymbol, match='did you mean "RELIANCE"'):
            await executor.begin()
        assert executor.state is S.FAULTED
        executor.start()
        await stage.session.settle()
        assert executor.state is S.FAULTED
        executor.emergency_stop()
        assert executor.state is S.STOPPED

    on_stage(play, 100, 101)


def test_without_broker_and_session_there_is_nothing_to_run_on() -> None:
    with pytest.raises(InvalidOption, match="broker or a session, was neither"):
        StrategyExecutor(strategy_config={"name": "x", "strategy_type": "callback", "symbols": ["A"], "sizing": "fixed:1"})


@pytest.mark.logs_warnings
def test_an_own_session_beside_a_script_raises_what_is_wrong_and_leaves_no_thread(scripted: Any) -> None:
    scripted(wish({}))
    config = {"name": "s", "strategy_type": "scripted", "symbols": ["RELIANC"], "sizing": "fixed:10"}
    executor = StrategyExecutor(SimulatedBroker(), config)
    with pytest.raises(UnknownSymbol, match="RELIANCE"):
        executor.start()
    assert executor.get_summary()["state"] == "FAULTED"
    executor.stop()
    assert executor.get_summary()["state"] == "STOPPED"


def test_an_own_session_on_a_running_loop_starts_in_the_background(scripted: Any, loop_run: Any) -> None:
    scripted(wish({}))
    config = {"name": "s", "strategy_type": "scripted", "symbols": ["RELIANCE"], "sizing": "fixed:10"}

    async def play() -> None:
        executor = StrategyExecutor(SimulatedBroker(), config)
        assert executor.session is None
        assert executor.get_summary()["mode"] == "paper"
        reached = asyncio.Event()
        executor.status_changed.connect(lambda status: reached.set() if status.state is S.RUNNING else None)
        executor.start()
        await asyncio.wait_for(reached.wait(), 10)
        assert executor.session is not None
        with pytest.raises(UserError, match="that stands still"):
            executor.start()
        await executor.end()
        assert executor.state is S.STOPPED
        executor.stop()
        assert executor.get_summary()["last_error"] == ""

    loop_run(play())


class RealMoney(SimulatedBroker):
    """A broker that says it deals in real money, and counts what is placed with it."""

    placed = 0

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.capabilities = Capabilities(is_live=True, has_history=True)

    async def place(self, order: Order) -> str:
        self.placed += 1
        return await super().place(order)


@pytest.mark.parametrize(("mode", "name"), [("paper", "paper"), ("live", "simulated")])
def test_in_paper_mode_real_money_is_only_listened_to(scripted: Any, loop_run: Any, mode: str, name: str) -> None:
    scripted(wish({}))
    config = {"name": "s", "strategy_type": "scripted", "symbols": ["RELIANCE"], "sizing": "fixed:1"}

    async def play() -> None:
        broker = RealMoney()
        executor = StrategyExecutor(broker, config, mode=mode)
        await executor.begin()
        session = executor.session
        assert session is not None
        assert (session.broker.name, session.mode) == (name, mode)
        ticked = asyncio.Event()
        session.market_data.ticks_received.connect(lambda slots: ticked.set())
        await ticked.wait()
        order = session.submit(OrderRequest(RELIANCE, Side.BUY, 1, owner="s"))
        await session.settle()
        assert session.orders.order(order.id).broker_order_id
        assert broker.placed == (mode == "live")
        executor.emergency_stop()
        await executor.end()

    loop_run(play())


@pytest.mark.logs_warnings
def test_an_index_can_be_watched_but_not_traded(scripted: Any, loop_run: Any) -> None:
    scripted(wish({}))
    config = {"name": "s", "strategy_type": "scripted", "symbols": ["NIFTY 50"], "sizing": "fixed:1"}

    async def play() -> None:
        with pytest.raises(InvalidOption, match="NSE:NIFTY 50, an index"):
            await StrategyExecutor(SimulatedBroker(), config).begin()

    loop_run(play())


def test_a_template_learns_from_history_before_it_decides_and_sends_nothing_meanwhile(scripted: Any, loop_run: Any) -> None:
    seen: list[int] = []
    scripted(lambda number, bar, intent: (seen.append(int(bar.time_ns)), setattr(intent, "target", 1.0)))
    config = {"name": "s", "strategy_type": "scripted", "symbols": ["RELIANCE"], "sizing": "fixed:1", "parameters": {"scan_interval": 5}}

    async def play() -> None:
        executor = StrategyExecutor(SimulatedBroker(), config)
        await executor.begin()
        assert executor.session is not None
        assert len(seen) > 200
        assert seen == sorted(set(seen))
        assert seen[-1] + 5 * MINUTE_NS <= executor.session.clock.now_ns()
        assert not executor.session.orders.orders
        await executor.end()

    loop_run(play())

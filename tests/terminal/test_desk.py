from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from engine.backtest import run_backtest
from engine.calendar import Calendar
from engine.core.errors import UserError
from engine.core.model import Order, OrderRequest, OrderStatus, OrderType, Product, Side, StrategyState, to_units
from engine.core.registry import TEMPLATES
from engine.engine_settings import EngineSettings
from engine.instruments import Instruments
from engine.replay_file import read_replay
from engine.tariffs import Tariff
from terminal.cli import smoke as smoke_module
from terminal.cli.smoke import smoke
from terminal.desk import CANCEL, FLATTEN, LEAVE, Desk
from terminal.settings import Settings


def make_desk(folder: Path, **settings: Any) -> Desk:
    return Desk(Settings(given=settings), EngineSettings(folder, broker_options={"seed": 3, "speed": 60.0}))


def replayed(file: Path) -> list[tuple[int, int, int, int]]:
    """What the compiled replay of the demo's strategy trades on the file."""
    calendar = Calendar.load()
    result = run_backtest(
        TEMPLATES.get("ema_crossover"), read_replay(file, None, calendar, Instruments.load_bundled()), {"fast_ema": 9, "slow_ema": 21},
        interval_s=60, base_s=60, sizing="fixed:10", product=Product.MIS, capital_units=to_units(500_000), limits={},
        tariff=Tariff.load("zerodha"), calendar=calendar,
    )  # fmt: skip
    return [(f.time_ns, f.signed_quantity, f.price_units, f.charges_units) for f in result.fills()]


async def until(is_so: Callable[[], bool]) -> None:
    for _ in range(2_000):
        if is_so():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it never came")


def sent(desk: Desk, wish: OrderRequest) -> bool:
    """Send an order, again as often as it was refused: prices that came late let nothing new pass for a moment."""
    made = [order for order in desk.view.orders.values() if order.request.quantity == wish.quantity]
    if not made or made[-1].status in (OrderStatus.DENIED, OrderStatus.NOT_PLACED):
        desk.actions.run("order.submit", wish)
    return bool(made) and made[-1].status in (OrderStatus.OPEN, OrderStatus.FILLED)


@pytest.fixture
def run_desk(tmp_path: Path, loop_run: Callable[..., Any]) -> Callable[..., None]:
    def run(scene: Callable[[Desk], Any], **settings: Any) -> None:
        async def live() -> None:
            desk = make_desk(tmp_path, **settings)
            try:
                await desk.open()
                await scene(desk)
            finally:
                await desk.close()

        loop_run(live())

    return run


def test_nothing_trades_by_itself_where_the_market_is_not_our_own(tmp_path: Path, loop_run: Callable[..., Any]) -> None:
    async def live() -> None:
        desk = Desk(Settings(), EngineSettings(tmp_path, broker="paper", broker_options={"seed": 3, "speed": 60.0}))
        await desk.open()
        assert desk.view.strategies == {}
        await desk.close()

    loop_run(live())


def test_before_the_engine_is_there_actions_say_so(tmp_path: Path) -> None:
    desk = make_desk(tmp_path)
    notices: list[tuple[str, str]] = []
    desk.view.notice_given.connect(lambda level, text: notices.append((level, text)))
    desk.actions.run("order.cancel_all")
    assert notices[-1] == ("warning", "The engine is still starting; try again in a moment.")
    with pytest.raises(UserError, match="no window here"):
        _ = desk.window


def test_the_first_start_follows_the_list_and_starts_the_demo(run_desk: Callable[..., None]) -> None:
    async def scene(desk: Desk) -> None:
        assert [i.key for i in desk.view.board.instruments][:2] == ["NSE:ITC", "NSE:TCS"]
        await until(lambda: [s.state for s in desk.view.strategies.values()] == [StrategyState.RUNNING])
        assert next(iter(desk.view.strategies.values())).name == "EMA demo"

    run_desk(scene, watch="NSE:ITC, NSE:TCS, NSE:NOTHING")


def test_a_second_start_adds_nothing_and_starts_nothing_by_itself(run_desk: Callable[..., None]) -> None:
    async def first(desk: Desk) -> None:
        assert len(desk.view.strategies) == 1

    async def second(desk: Desk) -> None:
        assert [s.state for s in desk.view.strategies.values()] == [StrategyState.STOPPED] or len(desk.view.strategies) == 1
        assert next(iter(desk.view.strategies.values())).state in (StrategyState.IDLE, StrategyState.STOPPED)
        desk.start_strategies()
        await until(lambda: next(iter(desk.view.strategies.values())).state is StrategyState.RUNNING)

    run_desk(first)
    run_desk(second)


def test_a_file_is_traded_by_the_demo_as_the_compiled_replay_trades_it(tmp_path: Path, loop_run: Callable[..., Any], minutes: Path) -> None:
    expected = replayed(minutes)
    assert len(expected) > 3

    async def live() -> None:
        for _ in range(2):  # the second time the demo of the first is there already
            desk = Desk(Settings(), EngineSettings(tmp_path, replay=minutes, speed=3_000.0))
            try:
                await desk.open()
                assert [s.name for s in desk.view.strategies.values()] == ["EMA replay"]
                assert "quote_age" not in desk.engine.session.risk.limits
                assert "max_daily_loss" in desk.engine.session.risk.limits
                await desk.wait_until_done()
                made = [(f.time_ns, f.signed_quantity, f.price_units, f.charges_units) for f in desk.view.fills]
                assert made == expected
                assert {order.status for order in desk.view.orders.values()} <= {OrderStatus.FILLED, OrderStatus.CANCELLED}
            finally:
                await desk.close()

    loop_run(live())


def test_without_the_demo_nothing_trades(run_desk: Callable[..., None]) -> None:
    async def scene(desk: Desk) -> None:
        assert desk.view.strategies == {}

    run_desk(scene, demo_strategy=False)


@pytest.mark.parametrize("choice", [LEAVE, CANCEL, FLATTEN])
def test_what_is_open_becomes_what_the_trader_chose(choice: str, run_desk: Callable[..., None]) -> None:
    async def scene(desk: Desk) -> None:
        view = desk.view
        await until(lambda: view.last_price("NSE:RELIANCE") > 0)
        instrument = view.catalogue["NSE:RELIANCE"]
        last = view.last_price("NSE:RELIANCE")
        await until(lambda: sent(desk, OrderRequest(instrument, Side.BUY, 5)) and any(p.quantity for p in view.positions.values()))
        rests = OrderRequest(instrument, Side.BUY, 1, OrderType.LIMIT, price=round(last * 0.985, 0))
        await until(lambda: sent(desk, rests) and len(view.working_orders()) == 1)
        await desk.wind_up(choice)
        held = sum(abs(p.quantity) for p in view.positions.values())
        assert (held, len(view.working_orders())) == {LEAVE: (5, 1), CANCEL: (5, 0), FLATTEN: (0, 0)}[choice]

    run_desk(scene, demo_strategy=False)


def test_smoke_buys_and_sells_one(run_desk: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
    async def scene(desk: Desk) -> None:
        assert await smoke(desk) == 0
        assert [fill.side for fill in desk.view.fills] == [Side.BUY, Side.SELL]

    run_desk(scene, demo_strategy=False)


def test_smoke_sends_again_what_was_surely_not_sent(run_desk: Callable[..., None]) -> None:
    async def scene(desk: Desk) -> None:
        path, asked = desk.engine.session.orders._path, []
        gate = path.gate

        def refuse_once(order: Order) -> str:
            asked.append(order)
            return "the terminal stood still" if len(asked) == 1 else gate(order)

        path.gate = refuse_once
        assert await smoke(desk) == 0
        assert [order.status.value for order in desk.view.orders.values()] == ["NOT_PLACED", "FILLED", "FILLED"]

    run_desk(scene, demo_strategy=False)


def test_smoke_says_what_it_waited_for(
    run_desk: Callable[..., None], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def scene(desk: Desk) -> None:
        desk.engine.kill("test")
        assert await smoke(desk) == 1

    run_desk(scene, demo_strategy=False)
    assert "Expected an order that is filled, was DENIED" in capsys.readouterr().err
    monkeypatch.setattr(smoke_module, "PATIENCE_S", 0.0)
    asyncio.run(smoke(Desk(Settings(), EngineSettings(Path("nowhere")))))
    assert "Expected prices within 0 s, was nothing" in capsys.readouterr().err

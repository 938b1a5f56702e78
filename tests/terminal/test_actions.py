from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from engine.core.errors import BrokerError, InvalidOrder, UserError
from engine.core.model import Exchange, Instrument, Order, OrderChange, OrderRequest, OrderStatus, Position, Product, Side
from engine.tasks import Tasks
from engine.view import EngineView
from terminal.actions import ACTIONS, Action, Actions
from terminal.settings import Settings

RELIANCE = Instrument(Exchange.NSE, "RELIANCE", 738561)
REQUEST = OrderRequest(RELIANCE, Side.BUY, 1)


class Recorder:
    """Takes any call and remembers it."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name.startswith("__"):
            raise AttributeError(name)

        def call(*args: Any, **kwargs: Any) -> str:
            self.calls.append((name, *args, *([kwargs] if kwargs else [])))
            return f"{name} done"

        return call


class Scene:
    """A context without a window or an engine behind it, and the door before it."""

    def __init__(self, folder: Path) -> None:
        self.engine, self.window = Recorder(), Recorder()
        self.view = EngineView()
        self.notices: list[tuple[str, str]] = []
        self.view.notice_given.connect(lambda level, text: self.notices.append((level, text)))
        self.settings = Settings.load(folder)
        self.unforeseen: list[str] = []
        self.tasks = Tasks(on_failure=lambda name, error: self.door.on_failure(name, error))
        self.door = Actions(self, self.tasks, lambda where, error: self.unforeseen.append(where))  # type: ignore[arg-type]


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


@pytest.fixture
def temporary() -> Iterator[Callable[[str, Callable[..., Any]], None]]:
    added: list[str] = []

    def add(name: str, function: Callable[..., Any]) -> None:
        ACTIONS.load()
        ACTIONS.add(name, Action(name, name, function))
        added.append(name)

    yield add
    for name in added:
        ACTIONS._items.pop(name)


def fail_with(error: BaseException) -> Callable[..., Any]:
    def function(context: Any, payload: Any) -> None:
        raise error

    return function


@pytest.mark.parametrize(
    ("name", "payload", "call"),
    [
        ("order.submit", REQUEST, ("submit", REQUEST)),
        ("order.modify", ("id1", OrderChange(price=5.0)), ("modify", "id1", OrderChange(price=5.0))),
        ("order.cancel", "id1", ("cancel", "id1")),
        ("order.cancel_symbol", {"key": "NSE:TCS"}, ("cancel_all", {"key": "NSE:TCS"})),
        ("order.cancel_all", None, ("cancel_all",)),
        ("order.cancel_all", {"owner": "ema"}, ("cancel_all", {"owner": "ema"})),
        ("position.close", Position(RELIANCE, Product.MIS), ("close_position", Position(RELIANCE, Product.MIS))),
        ("position.protect", Position(RELIANCE, Product.MIS), ("protect", Position(RELIANCE, Product.MIS))),
        ("account.flatten", None, ("flatten",)),
        ("account.kill", None, ("kill", "by hand", {"flatten": False})),
        ("account.kill", {"flatten": True}, ("kill", "by hand", {"flatten": True})),
        ("account.resume", {"reason": "the feed is back"}, ("rearm", "the feed is back")),
        ("strategy.add", {"strategy_config": {}}, ("add_strategy", {"strategy_config": {}})),
        ("strategy.start", "s1", ("start_strategy", "s1")),
        ("strategy.pause", "s1", ("pause_strategy", "s1")),
        ("strategy.resume", "s1", ("resume_strategy", "s1")),
        ("strategy.stop", "s1", ("stop_strategy", "s1")),
        ("strategy.emergency_stop", "s1", ("emergency_stop_strategy", "s1")),
        ("strategy.remove", "s1", ("remove_strategy", "s1")),
        ("strategy.approve", "s1", ("approve_strategy", "s1")),
        ("strategy.let_trade", {"owner": "s1", "reason": "the broker is up"}, ("let_trade", "s1", "the broker is up")),
        ("chart.load", ("NSE:TCS", 60), ("load_history", "NSE:TCS", 60)),
        ("watch.add", "NSE:WIPRO", ("watch", ["NSE:WIPRO"])),
        ("watch.remove", "NSE:TCS", ("unwatch", ["NSE:TCS"])),
    ],
)
def test_an_action_reaches_the_engine(scene: Scene, name: str, payload: Any, call: tuple[Any, ...]) -> None:
    assert scene.door.run(name, payload) == f"{call[0]} done"
    assert scene.engine.calls == [call]
    assert not [notice for notice in scene.notices if notice[0] == "critical"]


@pytest.mark.parametrize(
    ("name", "payload", "call"),
    [
        ("ticket.open", {"key": "NSE:TCS", "side": -1}, ("open_ticket", "NSE:TCS", -1)),
        ("ticket.open", None, ("open_ticket", "", 0)),
        ("ticket.buy", {"key": "NSE:TCS"}, ("open_ticket", "NSE:TCS", 1)),
        ("ticket.sell", {"key": "NSE:TCS"}, ("open_ticket", "NSE:TCS", -1)),
        ("chart.open", "NSE:TCS", ("open_chart", "NSE:TCS")),
        ("account.resume", None, ("show_dialog", "resume")),
        ("strategy.let_trade", {"owner": "s1"}, ("open_let_trade", "s1")),
        ("strategy.let_trade", {"owner": "s1", "reason": "  "}, ("open_let_trade", "s1")),
        ("strategy.new", None, ("show_dialog", "strategy")),
        ("view.orders", None, ("show_panel", "orders")),
        ("view.positions", None, ("show_panel", "positions")),
        ("view.full_screen", None, ("change_layout", "full_screen")),
        ("layout.reset", None, ("change_layout", "reset")),
        ("layout.lock", None, ("change_layout", "lock")),
        ("view.theme", None, ("apply_settings", {"theme": "light"})),
        ("app.change_settings", {"font_size": 12}, ("apply_settings", {"font_size": 12})),
        ("app.search", None, ("show_dialog", "search")),
        ("app.palette", None, ("show_dialog", "palette")),
        ("app.settings", None, ("show_dialog", "settings")),
        ("app.keys", None, ("show_dialog", "keys")),
        ("app.about", None, ("show_dialog", "about")),
        ("app.quit", None, ("ask_to_close",)),
    ],
)
def test_an_action_reaches_the_window(scene: Scene, name: str, payload: Any, call: tuple[Any, ...]) -> None:
    scene.door.run(name, payload)
    assert scene.window.calls == [call]
    assert scene.engine.calls == []


def test_the_watch_list_is_remembered_once(scene: Scene) -> None:
    scene.door.run("watch.add", "NSE:WIPRO")
    scene.door.run("watch.add", "NSE:WIPRO")
    assert Settings.load(scene.settings.path.parent)["watch"].count("NSE:WIPRO") == 1  # type: ignore[union-attr]
    scene.door.run("watch.remove", "NSE:WIPRO")
    assert "NSE:WIPRO" not in scene.settings["watch"]


def test_cancel_all_says_how_many(scene: Scene) -> None:
    scene.view.on_order(Order("a", REQUEST, OrderStatus.OPEN))
    scene.view.on_order(Order("b", REQUEST, OrderStatus.FILLED))
    scene.door.run("order.cancel_all")
    assert scene.notices == [("info", "Cancelling 1 open order.")]
    scene.door.run("order.cancel_all", {"key": "NSE:TCS"})
    assert scene.notices[-1] == ("info", "No open orders to cancel.")


def test_an_unknown_action_is_told_with_the_nearest(scene: Scene) -> None:
    assert scene.door.run("order.cancle") is None
    assert scene.notices == [("warning", 'Unknown action "order.cancle"; did you mean "order.cancel"?')]


@pytest.mark.parametrize(("error", "level"), [(InvalidOrder("too big"), "warning"), (BrokerError("gone"), "critical")])
def test_what_a_trader_can_mend_is_told_and_halts_nothing(scene: Scene, temporary: Any, error: Exception, level: str) -> None:
    temporary("order.test", fail_with(error))
    assert scene.door.run("order.test") is None
    assert scene.notices == [(level, str(error))]
    assert scene.engine.calls == []


@pytest.mark.logs_warnings
def test_an_unforeseen_failure_of_an_order_halts_new_risk_before_it_is_told(scene: Scene, temporary: Any) -> None:
    temporary("order.test", fail_with(KeyError("x")))
    scene.door.run("order.test")
    assert scene.engine.calls == [("halt", "order.test failed: KeyError")]
    assert scene.unforeseen == ["order.test"]
    assert scene.notices[0][0] == "critical"
    assert "New risk is halted" in scene.notices[0][1]


@pytest.mark.logs_warnings
def test_an_unforeseen_failure_of_the_screen_halts_nothing(scene: Scene, temporary: Any) -> None:
    temporary("view.test", fail_with(KeyError("x")))
    scene.door.run("view.test")
    assert scene.engine.calls == []
    assert scene.notices == [("critical", "view.test failed: 'x'.")]


@pytest.mark.logs_warnings
def test_when_even_halting_fails_it_is_said_so(scene: Scene, temporary: Any) -> None:
    temporary("order.test", fail_with(KeyError("x")))
    scene.door._on_unforeseen = None
    scene.engine = SimpleNamespace()  # type: ignore[assignment]
    scene.door.run("order.test")
    assert "could NOT be halted" in scene.notices[0][1]


def test_a_coroutine_runs_on_its_own_and_its_refusal_is_told(scene: Scene, temporary: Any, loop_run: Callable[[Any], Any]) -> None:
    async def refuse(context: Any, payload: Any) -> None:
        raise UserError("not now")

    temporary("order.test", refuse)

    async def run() -> None:
        scene.door.run("order.test")
        await scene.tasks.settle()

    loop_run(run())
    assert scene.notices == [("warning", "not now")]

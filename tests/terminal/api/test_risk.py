"""Who is held back, what is used and what waits, and whose profit is whose, as the REST API tells it of a real engine."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from engine.clock import ManualClock
from engine.core.model import Exchange, Instrument, OrderRequest, Position, Product, Side
from terminal.api.account import AccountRoutes
from terminal.api.owners import owner_words
from terminal.api.risk import RiskInfo
from terminal.api.tokens import Tokens
from terminal.desk import Desk
from tests.terminal.test_desk import make_desk, until

pytestmark = pytest.mark.logs_warnings

KEY = "NSE:RELIANCE"


@pytest.fixture
def at_a_desk(tmp_path: Path, loop_run: Callable[..., Any]) -> Callable[..., None]:
    def run(play: Callable[[Desk, AccountRoutes], Any]) -> None:
        async def live() -> None:
            desk = make_desk(tmp_path, demo_strategy=False)
            try:
                await desk.open()
                await until(lambda: desk.view.last_price(KEY) > 0)
                await play(desk, AccountRoutes(desk, Tokens(tmp_path), ManualClock(0)))
            finally:
                await desk.close()

        loop_run(live())

    return run


def test_restraints_budgets_and_waiting_limits_are_told(at_a_desk: Callable[..., None]) -> None:
    async def play(desk: Desk, routes: AccountRoutes) -> None:
        quiet = await routes.risk()
        assert (quiet.state, quiet.restraints, quiet.waiting) == ("ACTIVE", [], [])
        risk = desk.engine.session.risk
        for _ in range(3):
            risk.on_reject("bot")
        risk.unclear.set("hand", KEY, "P1", "P1 is looked up")
        desk.engine.set_limits({**risk.limits, "max_positions": 50.0}, confirmed=True)
        told: RiskInfo = await routes.risk()
        found = [(each.owner, each.symbol, each.control, each.needs_person, each.until) for each in told.restraints]
        assert found == [("bot", "", "broker_rejects", True, None), ("hand", KEY, "unclear", False, None)]
        assert ("bot", "broker_rejects", 3.0, 3.0) in [(each.owner, each.control, each.used, each.limit) for each in told.budgets]
        (waits,) = told.waiting
        assert (waits.control, waits.limit, waits.holds_at[-6:]) == ("max_positions", 50.0, "+05:30")

    at_a_desk(play)


def test_owners_add_up_to_the_account_s_net(at_a_desk: Callable[..., None]) -> None:
    async def play(desk: Desk, routes: AccountRoutes) -> None:
        assert (await routes.owners()).owners == []
        desk.actions.run("order.submit", OrderRequest(desk.view.catalogue[KEY], Side.BUY, 5))
        positions = desk.engine.session.positions
        await until(lambda: positions.quantity(KEY, Product.MIS, "hand") == 5)
        desk.actions.run("lot.assign", {"key": KEY, "product": Product.MIS, "from": "hand", "to": "external", "quantity": 2})
        owners = (await routes.owners()).owners
        assert [(each.owner, each.open_positions, each.positions[0].quantity) for each in owners] == [("hand", 1, 3), ("external", 1, 2)]
        net = positions.positions
        assert sum(each.charges for each in owners) == pytest.approx(sum(each.charges_units for each in net) / 1e4)
        assert sum(each.realised_pnl for each in owners) == pytest.approx(sum(each.realised_units for each in net) / 1e4)
        hand = owners[0]
        assert hand.net_pnl == pytest.approx(hand.realised_pnl + hand.unrealised_pnl - hand.charges)

    at_a_desk(play)


def test_a_strategy_is_told_by_its_name() -> None:
    assert owner_words([], {}) == []
    held = Position(Instrument(Exchange.NSE, "TCS", 2), Product.MIS, "ema-1", quantity=5)
    named: Any = {"ema-1": SimpleNamespace(name="EMA demo")}
    (told,) = owner_words([held], named)
    assert (told["owner"], told["name"], told["open_positions"]) == ("ema-1", "EMA demo", 1)

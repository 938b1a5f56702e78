"""Alerts over a real session: told on a crossing, once or armed again, and there again after a restart."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from engine.core.errors import ConnectionLost, InvalidOption, UserError
from engine.core.model import LinkState, OrderStatus, Product, StrategyState, StrategyStatus
from engine.core.reconciliation import Difference, Report
from engine.core.records import BAR
from engine.store.rows import AlertRow
from tests.engine.alerts.conftest import AlertBench, KeepingStore
from tests.engine.fakes import RELIANCE, TCS

pytestmark = pytest.mark.logs_warnings


def test_a_price_is_told_when_it_crosses_and_once_only(with_alerts: Any) -> None:
    async def play(bench: AlertBench) -> None:
        alert_id = await bench.add(note="sell half")
        bench.quote(104.95)
        assert bench.told() == []
        bench.quote(105.0, 104.0, 106.0)
        assert bench.told() == ["RELIANCE is at 105.00, above 105.00. sell half"]
        assert bench.state(alert_id) == "fired"
        assert ("warning", bench.told()[0]) in bench.notices
        assert bench.ears["sound"].heard == bench.told()
        assert bench.ears["remote"].heard == []

    with_alerts(play)


def test_a_price_that_is_beyond_already_has_to_come_back_first(with_alerts: Any) -> None:
    async def play(bench: AlertBench) -> None:
        await bench.add(value=95.0)
        bench.quote(100.0, 101.0)
        assert bench.told() == []
        bench.quote(94.9, 95.05)
        assert len(bench.told()) == 1

    with_alerts(play)


def test_it_is_armed_again_after_the_way_back_and_the_cool_down(with_alerts: Any) -> None:
    async def play(bench: AlertBench) -> None:
        alert_id = await bench.add(side="below", value=95.0, is_repeating=True, hysteresis=2.0, cooldown_s=30.0)
        bench.quote(96.0, 94.0)
        assert bench.told() == [], "it was not far enough above to begin with"
        bench.quote(98.0, 94.0)
        assert len(bench.told()) == 1
        assert bench.state(alert_id) == "resting"
        bench.quote(96.5)
        assert bench.state(alert_id) == "resting", "not far enough back"
        bench.quote(97.5)
        assert bench.state(alert_id) == "armed"
        bench.quote(94.0)
        assert len(bench.told()) == 1, "within the cool-down"
        bench.quote(98.0)
        bench.seconds(61)
        bench.quote(93.0)
        assert bench.alerts.alerts[alert_id].fired == 2

    with_alerts(play)


def test_a_restart_takes_up_every_alert_as_it_stood(with_alerts: Any) -> None:
    store = KeepingStore()

    async def before(bench: AlertBench) -> None:
        await bench.add(level="critical")
        gone = await bench.add(value=200.0)
        bench.alerts.remove(gone)
        paused = await bench.add(value=300.0)
        bench.alerts.pause(paused)
        bench.quote(104.0)

    async def after(bench: AlertBench) -> None:
        assert [bench.state(alert_id) for alert_id in sorted(bench.alerts.alerts)] == ["armed", "paused"]
        bench.quote(106.0)
        assert len(bench.told()) == 1, "it had been seen below before the restart"
        assert [event.level for event in bench.alerts.notices.waiting] == ["critical"]

    async def later(bench: AlertBench) -> None:
        assert bench.view is not None
        assert len(bench.alerts.notices.waiting) == 1
        assert len(bench.view.alert_events) == 1
        assert bench.state("alert-1") == "fired"

    for play in (before, after, later):
        with_alerts(play, store=store)


def test_what_is_changed_or_resumed_has_to_cross_anew(with_alerts: Any) -> None:
    async def play(bench: AlertBench) -> None:
        alert_id = await bench.add()
        bench.quote(104.0)
        bench.alerts.pause(alert_id)
        bench.quote(106.0)
        assert bench.told() == []
        bench.alerts.resume(alert_id)
        await bench.turns()
        bench.quote(107.0)
        assert bench.told() == []
        bench.alerts.change(alert_id, {"kind": "price", "key": "RELIANCE", "value": 110.0})
        await bench.turns()
        bench.quote(108.0, 110.0)
        assert len(bench.told()) == 1
        assert bench.alerts.keys == set()

    with_alerts(play)


def test_a_quick_move_counts_from_the_extreme_of_its_time(with_alerts: Any) -> None:
    async def play(bench: AlertBench) -> None:
        await bench.add(kind="change", value=2.0, seconds=60, side="below", is_repeating=True, cooldown_s=0.0)
        bench.quote(100.0, 101.0, 100.0)
        assert bench.told() == []
        bench.quote(98.98)
        assert bench.told()[0].startswith("RELIANCE has moved -2.00% to 98.98")
        bench.quote(98.5, 98.0)
        assert len(bench.told()) == 1, "it counts from where it was told"
        bench.seconds(120)
        bench.quote(97.0)
        assert len(bench.told()) == 1, "the old extreme is forgotten"

    with_alerts(play)


def test_an_indicator_goes_on_from_its_past_and_is_told_at_a_closed_bar(with_alerts: Any) -> None:
    async def play(bench: AlertBench) -> None:
        past = np.zeros(5, dtype=BAR)
        past["close"], past["time_ns"] = 100.0, np.arange(5)
        bench.past = past
        await bench.add(kind="indicator", subject="close", other="sma(3)")
        bench.minute(1, 90.0)
        assert bench.told() == []
        bench.minute(2, 120.0)
        assert bench.told() == ["RELIANCE: close is 120.00, above sma(3) 103.33."]
        bench.minute(2, 200.0)

    with_alerts(play)


def test_an_indicator_that_there_is_not_is_refused(with_alerts: Any) -> None:
    async def play(bench: AlertBench) -> None:
        for subject in ("emma(20)", "ema 20", "ema(20,30)", "macd.upper", "ema(0)"):
            with pytest.raises(InvalidOption):
                await bench.add(kind="indicator", subject=subject)
        with pytest.raises(UserError, match='was "RELIANC"'):
            await bench.add(key="RELIANC")
        with pytest.raises(UserError, match="no alert"):
            bench.alerts.remove("alert-9")
        assert bench.alerts.alerts == {}

    with_alerts(play)


def test_a_loss_is_told_in_rupees_and_in_percent(with_alerts: Any) -> None:
    async def play(bench: AlertBench) -> None:
        await bench.add(kind="pnl", subject="account", side="below", value=-50.0)
        await bench.add(kind="pnl", subject="position", side="below", value=-2.0, unit="percent", level="critical")
        await bench.add(kind="pnl", subject="strategy", other="ema", side="below", value=-1.0)
        await bench.entered(1, 10, 100.0)
        bench.seconds(1)
        assert bench.told() == []
        bench.quote(95.0)
        bench.seconds(1)
        assert sorted(bench.told()) == [
            "RELIANCE stands at -5.00%, below -2.00%.",
            "The account stands at Rs -50.00, below Rs -50.00.",
        ]

    with_alerts(play)


def test_a_limit_that_is_nearly_used_and_a_state_that_changes_are_told(with_alerts: Any) -> None:
    async def play(bench: AlertBench) -> None:
        await bench.add(kind="risk", subject="max_daily_loss", value=80.0)
        await bench.add(kind="risk", subject="state", is_repeating=True, cooldown_s=0.0, level="info")
        await bench.entered(1, 10, 100.0)
        bench.quote(91.0)
        bench.seconds(1)
        assert bench.told() == ["90% of the limit max_daily_loss is used."]
        bench.session.risk.halt("by hand")
        bench.session.risk.resume("by hand")
        assert bench.told()[1:] == ["Trading is HALTED: by hand.", "Trading is ACTIVE."]

    with_alerts(play, limits={"max_daily_loss": 100.0})


def test_a_silent_broker_and_a_silent_share_are_told(with_alerts: Any) -> None:
    async def play(bench: AlertBench) -> None:
        assert bench.view is not None
        await bench.add(kind="connection", subject="link", key="", seconds=10, is_repeating=True, cooldown_s=0.0)
        await bench.add(kind="connection", subject="stale", seconds=30)
        bench.view.on_link(LinkState.DISCONNECTED, "cable")
        bench.seconds(9)
        assert bench.told() == []
        bench.seconds(2)
        assert bench.told() == ["The broker has not been heard for 11 s."]
        bench.seconds(20)
        assert bench.told()[1:] == ["RELIANCE has stood still for 31 s."]
        bench.view.on_link(LinkState.LIVE, "")
        bench.seconds(1)
        assert bench.state("alert-1") == "armed"

    with_alerts(play)


def test_a_rejected_order_and_a_failed_strategy_are_told_once_each(with_alerts: Any) -> None:
    async def play(bench: AlertBench) -> None:
        assert bench.view is not None
        await bench.add(kind="event", subject="rejected", is_repeating=True, cooldown_s=0.0)
        await bench.add(kind="event", subject="rejected", key="NSE:TCS")
        await bench.add(kind="event", subject="fault", key="", is_repeating=True, cooldown_s=0.0)
        order = bench.submit()
        await bench.settle()
        bench.says(order, OrderStatus.REJECTED, message="no margin")
        bench.says(order, OrderStatus.REJECTED, message="no margin")
        assert bench.told() == ["The order for RELIANCE was rejected: no margin."]
        failed = StrategyStatus("ema", "EMA", "ema_crossover", "paper", StrategyState.FAULTED, (), last_error="NaN")
        bench.view.on_strategy(failed)
        bench.view.on_strategy(failed)
        assert bench.told()[1:] == ["EMA failed: NaN."]

    with_alerts(play)


def test_an_instrument_that_cannot_be_followed_pauses_its_alert(with_alerts: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    async def play(bench: AlertBench) -> None:
        async def refuse(instruments: object) -> None:
            raise ConnectionLost("the line is dead")

        monkeypatch.setattr(bench.broker, "subscribe", refuse)
        alert_id = await bench.add()
        assert bench.state(alert_id) == "paused"
        assert "the line is dead" in bench.told()[0]

    with_alerts(play)


def test_a_limit_without_a_figure_is_refused_and_a_difference_is_told(with_alerts: Any) -> None:
    async def play(bench: AlertBench) -> None:
        assert bench.view is not None
        with pytest.raises(UserError, match="whose use is known"):
            await bench.add(kind="risk", subject="max_dayly_loss", value=80.0)
        await bench.add(kind="event", subject="difference", is_repeating=True, cooldown_s=0.0)
        bench.view.on_report(Report(differences=(Difference(RELIANCE, Product.MIS, 10, 6), Difference(TCS, Product.MIS, 1, 0))))
        assert bench.told() == ["The books differed from the broker's: RELIANCE MIS: 10 here, 6 at the broker."]

    with_alerts(play)


def test_a_row_that_cannot_be_read_is_left_out(with_alerts: Any) -> None:
    store = KeepingStore()
    store.write(AlertRow("alert-1", "alert", 1, {"kind": "weather"}), AlertRow("e1", "event", 1, {"level": "loud"}))

    async def play(bench: AlertBench) -> None:
        assert bench.alerts.alerts == {}
        assert bench.alerts.notices.events == {}

    with_alerts(play, store=store)

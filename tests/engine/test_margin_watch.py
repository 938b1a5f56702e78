"""Limits go by the money that there is, and the margin in use is looked at again and again; silence changes nothing."""

from __future__ import annotations

from typing import Any

import pytest

from engine.brokers.base import Funds
from engine.core.errors import ConnectionLost
from engine.margin_watch import EVERY_S, fit_limits, watch_margin
from engine.risk_limits import retail_limits
from tests.engine.sessions import CAPITAL, SessionBench


def test_the_margin_is_asked_for_again_and_again(loop_run: Any) -> None:
    answers: list[Funds | Exception] = [Funds(60, used_units=40), ConnectionLost("gone"), Funds(20, used_units=80)]

    async def funds() -> Funds | None:
        answer = answers.pop(0) if len(answers) > 1 else answers[0]  # the books are compared at the end, and money with them
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def watch() -> None:
        bench = await SessionBench({"margin_use": 70.0}, is_live=True).open()
        bench.broker.funds = funds  # type: ignore[method-assign]
        bench.session.tasks.spawn(watch_margin(bench.session, bench.wall), "margin", service=True)
        seen = []
        for _ in range(3):
            for _ in range(3):
                await bench.session.clock.sleep(0)
            seen.append(bench.session.desk.margin_pct)
            if len(seen) < 3:
                bench.wall.advance(EVERY_S)
        assert seen == [40.0, 40.0, 80.0]
        assert "Expected at most 70 % of the broker's margin in use, was 80.0 %" in bench.submit().message
        await bench.session.close()

    loop_run(watch())


@pytest.mark.parametrize(("has", "is_fitted"), [(CAPITAL, False), (CAPITAL // 2, True), (0, False)])
def test_limits_are_held_to_what_the_account_really_has(has: int, is_fitted: bool, loop_run: Any) -> None:
    async def funds() -> Funds | None:
        return Funds(has)

    async def fit() -> None:
        bench = await SessionBench(retail_limits(CAPITAL), is_live=True).open()
        bench.broker.funds = funds  # type: ignore[method-assign]
        assert bench.view is not None
        await fit_limits(bench.session, bench.view, CAPITAL)
        assert bench.session.risk.limits["max_daily_loss"] == (15_000.0 if is_fitted else 30_000.0)
        assert any("Limits go by the Rs 500,000" in text for _, text in bench.notices) is is_fitted
        await bench.session.close()

    loop_run(fit())


@pytest.mark.logs_warnings
def test_a_broker_that_does_not_answer_leaves_the_limits_as_they_are(loop_run: Any) -> None:
    async def funds() -> Funds | None:
        raise ConnectionLost("gone")

    async def fit() -> None:
        bench = await SessionBench(retail_limits(CAPITAL), is_live=True).open()
        bench.broker.funds = funds  # type: ignore[method-assign]
        assert bench.view is not None
        await fit_limits(bench.session, bench.view, CAPITAL)
        assert bench.session.risk.limits == retail_limits(CAPITAL)
        await bench.session.close()

    loop_run(fit())

"""Looks at the money that the account really has: limits go by it, and how much of the margin is in use is kept in mind.

Reads only. What was told last stands while the broker does not answer; no order ever waits for an answer.
"""

from __future__ import annotations

import logging
from contextlib import suppress

from engine.clock import Clock
from engine.core.errors import BrokerError
from engine.core.model import to_rupees
from engine.risk_limits import retail_limits
from engine.session import TradingSession
from engine.view import EngineView

log = logging.getLogger(__name__)

EVERY_S = 30.0
"""How often the broker is asked, in seconds."""


async def fit_limits(session: TradingSession, view: EngineView, capital_units: int) -> None:
    """Hold real money's usual limits to what the account really has, where that is less than the capital of the settings."""
    try:
        funds = await session.broker.funds()
    except BrokerError as error:
        log.warning("the account's money could not be looked at: %s", error)
        return
    session.desk.funds = funds
    total = funds.available_units + funds.used_units if funds is not None else 0
    if 0 < total < capital_units:
        session.risk.change_limits(retail_limits(total), confirmed=True)
        has, said = f"{to_rupees(total):,.0f}", f"{to_rupees(capital_units):,.0f}"
        view.notify("warning", f"Limits go by the Rs {has} that the account has, not by the Rs {said} of the settings; set it there.")


async def watch_margin(session: TradingSession, clock: Clock) -> None:
    """Ask how much of the margin is in use again and again, for ever."""
    while True:
        with suppress(BrokerError):
            session.desk.funds = await session.broker.funds()
        await clock.sleep(EVERY_S)

"""The figures that alerts compare with their level: profit, limits used, silence. Read from the session once a second, never guessed.

A figure that is not known is None, and nothing is told of it.
"""

from __future__ import annotations

import math

from engine.core.alerts import Alert, AlertKind
from engine.core.figures import decimal_in_lakhs
from engine.core.model import UNITS, LinkState
from engine.session import TradingSession


class Figures:
    """Reads one session."""

    def __init__(self, session: TradingSession) -> None:
        self._session = session
        self._lost_ns: int | None = None

    def on_link(self, state: LinkState) -> None:
        """Note since when the broker is not heard."""
        if state is LinkState.LIVE:
            self._lost_ns = None
        elif self._lost_ns is None:
            self._lost_ns = self._session.wall.monotonic_ns()

    def value(self, alert: Alert) -> float | None:
        """Return the figure that an alert of profit, risk or connection goes by, in its unit."""
        if alert.kind is AlertKind.PNL:
            return self._profit(alert)
        if alert.kind is AlertKind.RISK:
            return self._used(alert.subject)
        return self._silence(alert)

    def words(self, alert: Alert, value: float) -> str:
        """Say the figure and the level it passed."""
        if alert.kind is AlertKind.PNL:
            whose = {"account": "The account", "strategy": alert.other}.get(alert.subject, alert.symbol)
            shown, level = (f"Rs {decimal_in_lakhs(v, 2)}" if alert.unit == "rupees" else f"{v:.2f}%" for v in (value, alert.value))
            return f"{whose} stands at {shown}, {alert.side} {level}"
        if alert.kind is AlertKind.RISK:
            return f"{value:.0f}% of the limit {alert.subject} is used"
        if alert.subject == "link":
            return f"The broker has not been heard for {value:.0f} s"
        return f"{alert.symbol} has stood still for {value:.0f} s"

    def _profit(self, alert: Alert) -> float | None:
        positions = self._session.positions
        if alert.subject == "position":
            held = [position for position in positions.positions if position.instrument.key == alert.key]
            units, base = sum(position.net_units for position in held), sum(abs(position.cost_units) for position in held)
            if not held:
                return None
        else:
            account = positions.account(alert.other if alert.subject == "strategy" else "")
            units, base = account.day_pnl_units, account.day_start_units
        if alert.unit == "rupees":
            return units / UNITS
        return 100.0 * units / base if base else None

    def _used(self, rule: str) -> float | None:
        if rule == "state":
            return None  # told by the session when it changes
        status = self._session.risk.status(self._session.account)
        limit, used = status.limits.get(rule), status.used.get(rule)
        return 100.0 * used / limit if limit and used is not None else None

    def _silence(self, alert: Alert) -> float | None:
        session = self._session
        if alert.subject == "link":
            return 0.0 if self._lost_ns is None else (session.wall.monotonic_ns() - self._lost_ns) / 1e9
        slot = session.board.slot(alert.key)
        if slot is None or not session.risk.desk.is_open(session.board.instruments[slot]):
            return 0.0
        age_s = session.risk.desk.quote_age_s(alert.key)
        return None if math.isinf(age_s) else age_s

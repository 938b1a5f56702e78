"""A strategy at a glance: the record that the screen shows, and the dict that a script gets.

Money is whole units in the record and rupees in the dict; nothing here changes anything.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from engine.clock import ist
from engine.core.model import UNITS, Account, StrategyState, StrategyStatus
from engine.executor.config import StrategyConfig

NOBODY = Account(0, 0, 0, 0, 0, 0, 0, 0)


@dataclass(slots=True)
class Tally:
    """What a strategy has done so far."""

    started_ns: int = 0
    signals: int = 0
    orders: int = 0
    fills: int = 0
    last_signal: tuple[str, float, float] | None = None
    """Symbol, target and close; worded only when somebody looks."""
    last_error: str = ""


def status_of(
    config: StrategyConfig, mode: str, state: StrategyState, tally: Tally, account: Account = NOBODY, open_positions: int = 0
) -> StrategyStatus:
    """Make the record of this moment."""
    return StrategyStatus(
        id=config.id,
        name=config.name,
        strategy_type=config.strategy_type,
        mode=mode,
        state=state,
        symbols=config.keys,
        started_ns=tally.started_ns,
        signals=tally.signals,
        orders=tally.orders,
        fills=tally.fills,
        open_positions=open_positions,
        realised_units=account.realised_units,
        unrealised_units=account.unrealised_units,
        charges_units=account.charges_units,
        capital_units=config.capital_units,
        drawdown_pct=account.drawdown_pct,
        last_signal="{} {:+g} at {:.2f}".format(*tally.last_signal) if tally.last_signal else "",
        last_error=tally.last_error,
        parameters=config.parameters,
        code_sha256=config.sha256,
    )


def summary_of(status: StrategyStatus) -> dict[str, Any]:
    """Turn the record into the dict of the public API: rupees, percent, and India's time as text."""
    return {
        "name": status.name,
        "strategy_type": status.strategy_type,
        "mode": status.mode,
        "state": str(status.state),
        "symbols": list(status.symbols),
        "started_at": ist(status.started_ns).isoformat(timespec="seconds") if status.started_ns else None,
        "signals": status.signals,
        "orders": status.orders,
        "fills": status.fills,
        "open_positions": status.open_positions,
        "realised_pnl": status.realised_units / UNITS,
        "unrealised_pnl": status.unrealised_units / UNITS,
        "charges": status.charges_units / UNITS,
        "net_pnl": status.net_units / UNITS,
        "capital": status.capital_units / UNITS,
        "drawdown": status.drawdown_pct,
        "last_signal": status.last_signal,
        "last_error": status.last_error,
        "parameters": dict(status.parameters),
        "code_sha256": status.code_sha256,
    }

"""What the account may do, over the REST API: its limits, what is used of them, who is held back and why, and what loosens when.

It is only told here. What a person has to take back is taken back at the terminal, never by a call.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field

from engine.clock import ist
from engine.core.model import RiskStatus
from terminal.api.schemas import Mode
from terminal.api.words import rupees


class RestraintInfo(BaseModel):
    """What holds the account, one owner, or an instrument back at present."""

    owner: str = Field(description="Empty for everybody.")
    symbol: str = Field(description="The instrument in which alone it holds; empty for all.")
    control: str = Field(description="The limit, or what else caused it.")
    reason: str
    state: str = Field(description="REDUCING: only exits pass; HALTED: only cancels and the trader's own exits.")
    ends: str = Field(description='What ends it, as words that follow "ends".')
    until: str | None = Field(description="When it ends, where that is known.")
    needs_person: bool = Field(description="Nothing but a person ends it, in the window.")


class BudgetInfo(BaseModel):
    """How much of its day's part one owner has used."""

    owner: str
    control: str
    used: float
    limit: float


class WaitingLimit(BaseModel):
    """A looser limit that holds later."""

    control: str
    limit: float | None = Field(description="None: the limit is taken away.")
    holds_at: str


class RiskInfo(BaseModel):
    """What the account may do, its limits, and what holds whom back."""

    state: str
    reason: str
    mode: Mode
    is_armed: bool = Field(description="Orders with real money may be sent through the API.")
    equity: float
    day_pnl: float
    drawdown_pct: float
    limits: dict[str, float]
    used: dict[str, float]
    restraints: list[RestraintInfo]
    budgets: list[BudgetInfo]
    waiting: list[WaitingLimit]


def risk_words(status: RiskStatus) -> dict[str, Any]:
    """Return the account's figures and limits, and what holds whom back."""
    account = status.account
    return {
        "state": str(status.state),
        "reason": status.reason,
        "equity": rupees(account.equity_units),
        "day_pnl": rupees(account.equity_units - account.day_start_units),
        "drawdown_pct": account.drawdown_pct,
        "limits": dict(status.limits),
        "used": dict(status.used),
        "restraints": [
            {
                "owner": each.owner,
                "symbol": each.key,
                "control": each.control,
                "reason": each.reason,
                "state": str(each.state),
                "ends": each.ends,
                "until": ist(each.until_ns).isoformat() if each.until_ns else None,
                "needs_person": each.needs_person,
            }
            for each in status.restraints
        ],
        "budgets": [{"owner": each.owner, "control": each.control, "used": each.used, "limit": each.limit} for each in status.budgets],
        "waiting": [
            {"control": control, "limit": limit, "holds_at": ist(due_ns).isoformat()} for control, (limit, due_ns) in status.waiting.items()
        ],
    }

"""What a run did: orders, fills, positions and money, as the database holds them, checked against the ledger to the last unit.

Prices and money are printed in rupees; times are India's.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.clock import ist
from engine.core.errors import InvariantBroken
from engine.core.model import UNITS, Fill, Order, Position
from engine.position_tracker import PositionTracker
from engine.store import Store
from terminal.cli.console import grouped, rupees

SHOWN = 20
"""Fills that are listed on the console, the last ones; JSON has all."""


@dataclass(frozen=True, slots=True)
class RunResult:
    """One finished run."""

    account: str
    summary: Mapping[str, Any]
    orders: Sequence[Order]
    fills: Sequence[Fill]
    positions: Sequence[Position]
    gross_units: int
    charges_units: int
    run_s: float
    is_resumed: bool

    @property
    def net_units(self) -> int:
        """Profit after charges."""
        return self.gross_units - self.charges_units

    @classmethod
    def read(
        cls, store: Store, account: str, summary: Mapping[str, Any], ledger: PositionTracker, *, run_s: float, is_resumed: bool
    ) -> RunResult:
        """Read an account back; raises InvariantBroken when database and ledger differ by as little as a unit."""
        orders, fills, positions = store.orders(account), store.fills(account), ledger.positions
        held = sum(p.last_price_units * p.quantity * p.instrument.multiplier for p in positions)
        gross = held - sum(int(fill.side) * fill.value_units for fill in fills)
        charges = sum(fill.charges_units for fill in fills)
        booked = ledger.realised_units() + ledger.unrealised_units(), ledger.charges_units()
        if (gross, charges) != booked:
            raise InvariantBroken(f"The fills in the database come to {gross} and {charges} in charges, the ledger to {booked}.")
        return cls(account, summary, orders, fills, positions, gross, charges, run_s, is_resumed)

    def as_dict(self) -> dict[str, Any]:
        """Return everything as JSON takes it."""
        return {
            "strategy": self.summary["strategy_type"],
            "symbols": self.summary["symbols"],
            "state": self.summary["state"],
            "code_sha256": self.summary["code_sha256"],
            "parameters": self.summary["parameters"],
            "capital": self.summary["capital"],
            "account": self.account,
            "is_resumed": self.is_resumed,
            "signals": self.summary["signals"],
            "last_error": self.summary["last_error"],
            "orders": [_order(order) for order in self.orders],
            "fills": [_fill(fill) for fill in self.fills],
            "positions": [_position(position) for position in self.positions],
            "gross_pnl": self.gross_units / UNITS,
            "charges": self.charges_units / UNITS,
            "net_pnl": self.net_units / UNITS,
            "run_s": round(self.run_s, 3),
        }


def print_json(result: RunResult) -> None:
    """Print JSON and nothing else."""
    print(json.dumps(result.as_dict(), indent=1))


def print_text(result: RunResult) -> None:
    """Print it for a human."""
    ends: dict[str, int] = {}
    for order in result.orders:
        ends[order.status] = ends.get(order.status, 0) + 1
    told = ", ".join(f"{count} {status.lower()}" for status, count in ends.items())
    print(f"{result.summary['name']} on {', '.join(result.summary['symbols'])}")
    if result.summary["code_sha256"]:
        print(f"code       {result.summary['strategy_type']}, SHA-256 {result.summary['code_sha256'][:12]}")
    print(f"orders     {grouped(len(result.orders))}{f'  ({told})' if told else ''}")
    print(f"fills      {grouped(len(result.fills))}{f'  (the last {SHOWN})' if len(result.fills) > SHOWN else ''}")
    for fill in result.fills[-SHOWN:]:
        at = ist(fill.time_ns).strftime("%Y-%m-%d %H:%M:%S")
        line = f"  {at}  {fill.instrument.symbol:<12} {fill.side.name:<4} {grouped(fill.quantity):>8} {rupees(fill.price_units):>12}"
        print(f"{line}  charges {rupees(fill.charges_units):>8}")
    print(f"positions  {grouped(sum(1 for p in result.positions if p.quantity))} open")
    for position in result.positions:
        if position.quantity:
            print(f"  {position.instrument.symbol:<12} {grouped(position.quantity):>8} at {position.average_price:,.2f} {position.product}")
    for name, units in (("gross_pnl", result.gross_units), ("charges", result.charges_units), ("net_pnl", result.net_units)):
        print(f"{name:<10} {rupees(units):>14}")
    print(f"run_s      {result.run_s:14.2f}")


def _time(time_ns: int) -> str | None:
    return ist(time_ns).isoformat() if time_ns else None


def _order(order: Order) -> dict[str, Any]:
    request = order.request
    return {
        "id": order.id,
        "time": _time(order.created_ns),
        "symbol": request.instrument.symbol,
        "side": request.side.name,
        "quantity": order.quantity or request.quantity,
        "type": str(request.order_type),
        "price": order.price,
        "trigger_price": order.trigger_price,
        "purpose": str(request.purpose),
        "status": str(order.status),
        "filled": order.filled,
        "average_price": order.average_price,
        "message": order.message,
    }


def _fill(fill: Fill) -> dict[str, Any]:
    return {
        "time": _time(fill.time_ns),
        "symbol": fill.instrument.symbol,
        "side": fill.side.name,
        "quantity": fill.quantity,
        "price": fill.price,
        "charges": fill.charges_units / UNITS,
        "purpose": str(fill.purpose),
        "order_id": fill.order_id,
        "trade_id": fill.trade_id,
    }


def _position(position: Position) -> dict[str, Any]:
    return {
        "symbol": position.instrument.symbol,
        "product": str(position.product),
        "quantity": position.quantity,
        "average_price": position.average_price,
        "last_price": position.last_price_units / UNITS,
        "realised_pnl": position.realised_units / UNITS,
        "unrealised_pnl": position.unrealised_units / UNITS,
        "charges": position.charges_units / UNITS,
        "net_pnl": position.net_units / UNITS,
    }

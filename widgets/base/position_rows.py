"""One line of positions: what is held, marked at the board's last price, and the columns that show it.

Net positions and each owner's own are shown by the same columns, so that no two tables disagree.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from engine.core.grid import price_units
from engine.core.model import EXTERNAL, UNITS, Position
from engine.view import EngineView
from widgets.base import numbers
from widgets.base.columns import Column, by_sign


class PositionRow:
    """A net position, marked at the board's last price."""

    def __init__(self, position: Position, view: EngineView) -> None:
        self.position = position
        self.view = view
        self.decimals = numbers.decimals_of(position.instrument.tick_size)

    @property
    def last_price(self) -> float:
        """Last price of the board; the position's own mark before the first quote."""
        return self.view.last_price(self.position.instrument.key) or self.position.last_price_units / UNITS

    @property
    def unrealised_units(self) -> int:
        """Profit of what is held at that price."""
        held = self.position
        if not held.quantity:
            return 0
        last = self.view.last_price(held.instrument.key)
        if not last:
            return held.unrealised_units
        return price_units(last) * held.quantity * held.instrument.multiplier - held.cost_units

    @property
    def net_units(self) -> int:
        """Profit, realised and not, after charges."""
        return self.position.realised_units + self.unrealised_units - self.position.charges_units

    @property
    def change_pct(self) -> float:
        """Profit of what is held in percent of what it cost; 0 when flat."""
        cost = abs(self.position.cost_units)
        return 100.0 * self.unrealised_units / cost if cost else 0.0

    @property
    def value_units(self) -> int:
        """Market value of what is held, without sign."""
        held = self.position
        return abs(price_units(self.last_price) * held.quantity * held.instrument.multiplier)


def _tone(row: PositionRow) -> str:
    return "text" if row.position.quantity else "faint"


def _side(row: PositionRow) -> str:
    quantity = row.position.quantity
    return "Long" if quantity > 0 else "Short" if quantity < 0 else "Closed"


def _money(name: str, title: str, units: Callable[[PositionRow], int], tip: str, width: int = 96) -> Column[PositionRow]:
    return Column(
        name, title, lambda r: numbers.signed_money(units(r)), width, is_number=True, tone=lambda r: by_sign(units(r)), order=units, tip=tip
    )


COLUMNS: tuple[Column[PositionRow], ...] = (
    Column("symbol", "Instrument", lambda r: r.position.instrument.symbol, 108, tone=_tone),
    Column("product", "Product", lambda r: r.position.product, 62, tone=lambda r: "muted"),
    Column("side", "Side", _side, 56, tone=lambda r: {"Long": "buy", "Short": "sell"}.get(_side(r), "faint")),
    Column("quantity", "Qty", lambda r: numbers.grouped(r.position.quantity), 68, is_number=True, tone=_tone,
           order=lambda r: r.position.quantity),
    Column("average", "Avg", lambda r: numbers.price(r.position.average_price), 88, is_number=True, tone=_tone,
           order=lambda r: r.position.average_price, tip="Average price of what is held"),
    Column("last", "LTP", lambda r: numbers.price(r.last_price, r.decimals), 88, is_number=True, tone=_tone, order=lambda r: r.last_price,
           flash=lambda r: r.last_price if r.position.quantity else 0.0),
    _money("unrealised", "Unrealised", lambda r: r.unrealised_units, "Profit of what is held at the last price"),
    _money("realised", "Realised", lambda r: r.position.realised_units, "Profit of what was closed, before charges"),
    Column("charges", "Charges", lambda r: numbers.money(r.position.charges_units), 76, is_number=True, tone=lambda r: "muted",
           order=lambda r: r.position.charges_units),
    _money("net", "Net P&L", lambda r: r.net_units, "Realised and unrealised, after charges", 104),
    Column("change", "Chg %", lambda r: numbers.percent(r.change_pct) if r.position.quantity else "", 70, is_number=True,
           tone=lambda r: by_sign(r.change_pct), order=lambda r: r.change_pct, tip="Of what it cost"),
    Column("value", "Value", lambda r: numbers.compact(r.value_units / UNITS), 80, is_number=True, tone=lambda r: "muted",
           order=lambda r: r.value_units, tip="Market value of what is held"),
)  # fmt: skip


def owner_name(owner: str, view: EngineView) -> str:
    """Say who an owner is: a strategy by its name, the hand, or outside."""
    status = view.strategies.get(owner)
    return status.name if status is not None else "outside" if owner == EXTERNAL else owner


OWNED: tuple[Column[PositionRow], ...] = (
    Column("owner", "Owner", lambda r: owner_name(r.position.owner, r.view), 130, tip="A strategy, the hand, or outside of this terminal",
           tone=lambda r: "warn" if r.position.owner == EXTERNAL and r.position.quantity else "text"),
    *COLUMNS,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class OwnerSum:
    """What one owner's lots come to, in money units."""

    title: str
    open_count: int
    unrealised: int
    realised: int
    charges: int
    is_total: bool = False

    @property
    def net(self) -> int:
        """Profit, realised and not, after charges."""
        return self.unrealised + self.realised - self.charges


def sum_of(title: str, rows: Iterable[PositionRow], *, is_total: bool = False) -> OwnerSum:
    """Sum up lots."""
    held = list(rows)
    return OwnerSum(
        title,
        sum(1 for row in held if row.position.quantity),
        sum(row.unrealised_units for row in held),
        sum(row.position.realised_units for row in held),
        sum(row.position.charges_units for row in held),
        is_total,
    )


def _sum(name: str, title: str, units: Callable[[OwnerSum], int], tip: str = "") -> Column[OwnerSum]:
    return Column(
        name, title, lambda s: numbers.signed_money(units(s)), 116, is_number=True, tone=lambda s: by_sign(units(s)), order=units, tip=tip
    )


SUMS: tuple[Column[OwnerSum], ...] = (
    Column("owner", "Owner", lambda s: s.title, 220, tone=lambda s: "muted" if s.is_total else "text"),
    Column("open", "Open", lambda s: str(s.open_count), 60, is_number=True, order=lambda s: s.open_count, tone=lambda s: "muted"),
    _sum("unrealised", "Unrealised", lambda s: s.unrealised),
    _sum("realised", "Realised", lambda s: s.realised, "Owners that hold against each other have realised less than the account"),
    Column("charges", "Charges", lambda s: numbers.money(s.charges), 90, is_number=True, tone=lambda s: "muted", order=lambda s: s.charges),
    _sum("net", "Net P&L", lambda s: s.net, "Realised and unrealised, after charges"),
)

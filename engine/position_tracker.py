"""What is held, by whom, what it cost and what it is worth now: a book per owner, and the net that the broker sees.

Only fills move a position, by the ledger's arithmetic; ticks move nothing but the mark. Figures are whole money units, so that the sum of
fills, charges and marks is the account, exactly.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TypeAlias

from PySide6.QtCore import QObject, Signal

from engine.core.grid import price_units
from engine.core.kelly import Tally
from engine.core.ledger import TradeBuilder, apply
from engine.core.model import EXTERNAL, Account, Fill, Instrument, Position, Product, Purpose, Trade
from engine.view import QuoteBoard

BookKey: TypeAlias = tuple[str, Product, str]
"""Instrument key, product, owner; the owner "" is the net of all."""

NET = ""
"""Owner of net positions."""

_price_units = price_units.plain


@dataclass(slots=True)
class _Holding:
    """A position and its latest mark."""

    position: Position
    mark_units: int = 0
    price: float = 0.0
    """The mark in rupees, as it was last seen on the board."""

    def value_units(self) -> int:
        position = self.position
        return self.mark_units * position.quantity * position.instrument.multiplier

    def marked(self) -> Position:
        position = self.position
        return position if position.last_price_units == self.mark_units else replace(position, last_price_units=self.mark_units)


@dataclass(slots=True)
class _Sums:
    """What one owner's books come to, as far as fills tell; marks are added when asked."""

    capital_units: int = 0
    realised_units: int = 0
    charges_units: int = 0
    fills: int = 0
    day_start_units: int = 0
    peak_units: int = 0


class PositionTracker(QObject):
    """Positions, round trips and the account's figures."""

    position_changed = Signal(object)
    """Net Position of an instrument and product."""
    book_changed = Signal(object)
    """Position of one owner."""
    trade_closed = Signal(object)
    """A round trip of one owner."""

    def __init__(self, capital_units: int = 0, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._holdings: dict[BookKey, _Holding] = {}
        self._open: dict[BookKey, _Holding] = {}
        self._builders: dict[BookKey, TradeBuilder] = {}
        self._marked: set[BookKey] = set()
        self._tallies: dict[str, Tally] = {}
        self._sums: dict[str, _Sums] = {}
        self._accounts: dict[str, Account] = {}
        """Figures as of the last fill, mark or day, made when they are asked for."""
        self.set_capital(capital_units)

    def set_capital(self, capital_units: int, owner: str = NET) -> None:
        """Set what the account, or one owner of it, began with; its day and its peak begin anew from there."""
        self._accounts.clear()
        sums = self._sums.setdefault(owner, _Sums())
        sums.capital_units = capital_units
        sums.day_start_units = sums.peak_units = self.equity_units(owner)

    def restore_day(self, day_start_units: int, peak_units: int) -> None:
        """Go on with a day that began before a restart."""
        self._accounts.clear()
        sums = self._sums[NET]
        sums.day_start_units, sums.peak_units = day_start_units, max(peak_units, self.equity_units())

    def restore(self, fills: Iterable[Fill]) -> None:
        """Rebuild everything from fills of before, in their order, without telling anyone."""
        for fill in fills:
            self._apply_net(fill)
            self._apply(fill, fill.owner)
            self._build(fill)
        for owner in self._sums:
            self.roll_day(owner)

    def rebuild(self, fills: Iterable[Fill]) -> None:
        """Reckon positions anew from these executions, for one was taken back; day and peak stay as they were, and nobody is told."""
        marks = {key: (holding.mark_units, holding.price) for key, holding in self._holdings.items()}
        for kept in (self._holdings, self._open, self._builders, self._tallies, self._marked, self._accounts):
            kept.clear()
        for sums in self._sums.values():
            sums.realised_units = sums.charges_units = sums.fills = 0
        for fill in fills:
            self._apply_net(fill)
            self._apply(fill, fill.owner)
            self._build(fill)
        for key, holding in self._holdings.items():
            holding.mark_units, holding.price = marks[key]

    def on_fill(self, fill: Fill) -> None:
        """Take one execution; tells the net position, the owner's, and the round trip that it ended."""
        net, book = self._apply_net(fill), self._apply(fill, fill.owner)
        trade = self._build(fill)
        self.book_changed.emit(book)
        self.position_changed.emit(net)
        if trade is not None:
            self.trade_closed.emit(trade)

    def mark(self, board: QuoteBoard) -> bool:
        """Take the last prices of what is held from the board; tells whether one changed. Nobody is told before `publish`."""
        is_changed, slot_of, price_of = False, board.slot, board.last_price.item
        for key, holding in self._open.items():
            slot = slot_of(key[0])
            price = 0.0 if slot is None else price_of(slot)
            if price > 0.0 and price != holding.price:
                holding.price = price
                is_changed |= self._mark(key, holding, _price_units(price))
        if is_changed:
            self._accounts.clear()
        return is_changed

    def publish(self) -> None:
        """Tell the net positions whose mark changed since the last time."""
        marked, self._marked = self._marked, set()
        for key in marked:
            self.position_changed.emit(self._holdings[key].marked())

    def note_peak(self) -> None:
        """Take note of equity as it is now: the drawdown counts from the highest."""
        for owner, sums in self._sums.items():
            sums.peak_units = max(sums.peak_units, self.account(owner).equity_units)

    def roll_day(self, owner: str | None = None) -> None:
        """Begin a day: its profit counts from here, for one owner or for all."""
        self._accounts.clear()
        for name, sums in self._sums.items():
            if owner is None or name == owner:
                sums.day_start_units = self.equity_units(name)
                sums.peak_units = max(sums.peak_units, sums.day_start_units)

    def position(self, instrument: Instrument, product: Product, owner: str = NET) -> Position:
        """Return what the owner holds, or the net; a flat one when there was never any."""
        holding = self._holdings.get((instrument.key, product, owner))
        return Position(instrument, product, owner) if holding is None else holding.marked()

    def quantity(self, key: str, product: Product, owner: str = NET) -> int:
        """Return the signed quantity that the owner holds, or the net."""
        holding = self._open.get((key, product, owner))
        return 0 if holding is None else holding.position.quantity

    @property
    def positions(self) -> list[Position]:
        """List the net positions, flat ones of the past included."""
        return [holding.marked() for key, holding in self._holdings.items() if key[2] == NET]

    @property
    def books(self) -> list[Position]:
        """List the positions of each owner, flat ones of the past included."""
        return [holding.marked() for key, holding in self._holdings.items() if key[2] != NET]

    def holders(self, key: str, product: Product) -> list[tuple[str, int]]:
        """List who holds an instrument in a product, the net (owner "") among them, each with the signed quantity."""
        return [(it[2], holding.position.quantity) for it, holding in self._open.items() if it[0] == key and it[1] is product]

    def open_net(self) -> list[Position]:
        """List what the account holds."""
        return [holding.marked() for key, holding in self._open.items() if key[2] == NET]

    def open_books(self, owner: str | None = None, product: Product | None = None) -> list[Position]:
        """List what is held by one owner, or by each, of one product if given."""
        return [
            holding.marked()
            for key, holding in self._open.items()
            if key[2] != NET and owner in (None, key[2]) and product in (None, key[1])
        ]

    def closable(self, book: Position) -> int:
        """Return how much of what an owner holds is there to be closed, signed: not what it and orders from elsewhere closed mutually."""
        key, product, is_ours = book.instrument.key, book.product, book.owner != EXTERNAL
        if not self.quantity(key, product, EXTERNAL):
            return book.quantity
        others = (held for who, held in self.holders(key, product) if who != NET and (who == EXTERNAL) is is_ours)
        left = max(0, abs(book.quantity) - sum(abs(held) for held in others if held * book.quantity < 0))
        return left if book.quantity > 0 else -left

    def held_keys(self, owner: str = NET) -> set[tuple[str, Product]]:
        """List instruments and products in which the owner, or the account, holds something."""
        return {key[:2] for key in self._open if key[2] == owner}

    def realised_units(self, owner: str = NET) -> int:
        """Return the profit of what was closed, before charges."""
        return self._sums[owner].realised_units if owner in self._sums else 0

    def charges_units(self, owner: str = NET) -> int:
        """Return what all fills cost."""
        return self._sums[owner].charges_units if owner in self._sums else 0

    def unrealised_units(self, owner: str = NET) -> int:
        """Return the profit of what is held, at the marks."""
        return sum(h.value_units() - h.position.cost_units for key, h in self._open.items() if key[2] == owner)

    def exposure_units(self, owner: str = NET) -> int:
        """Return the market value of what is held, without signs."""
        return sum(abs(h.value_units()) for key, h in self._open.items() if key[2] == owner)

    def tally(self, owner: str) -> Tally:
        """Return what the owner's closed trades came to, those of before a restart included."""
        return self._tallies.get(owner) or self._tallies.setdefault(owner, Tally())

    def equity_units(self, owner: str = NET) -> int:
        """Return capital and all profit, after charges."""
        sums = self._sums[owner]
        return sums.capital_units + sums.realised_units - sums.charges_units + self.unrealised_units(owner)

    def account(self, owner: str = NET, open_orders: int = 0) -> Account:
        """Return the figures of the account, or of one owner in it; `cash_units` is what was not spent (short sales add to it)."""
        made = self._accounts.get(owner) or self._reckon(owner)
        return made if made.open_orders == open_orders else replace(made, open_orders=open_orders)

    def _reckon(self, owner: str) -> Account:
        sums = self._sums.get(owner) or self._sums.setdefault(owner, _Sums())
        unrealised = held = exposure = 0
        for key, holding in self._open.items():
            if key[2] == owner:
                value = holding.value_units()
                held += value
                exposure += abs(value)
                unrealised += value - holding.position.cost_units
        equity = sums.capital_units + sums.realised_units - sums.charges_units + unrealised
        made = self._accounts[owner] = Account(
            capital_units=sums.capital_units,
            cash_units=equity - held,
            equity_units=equity,
            peak_units=max(sums.peak_units, equity),
            day_start_units=sums.day_start_units,
            realised_units=sums.realised_units,
            unrealised_units=unrealised,
            charges_units=sums.charges_units,
            exposure_units=exposure,
            fills=sums.fills,
        )
        return made

    def _mark(self, key: BookKey, holding: _Holding, units: int) -> bool:
        if holding.mark_units == units:
            return False
        holding.mark_units = units
        if key[2] == NET:
            self._marked.add(key)
        return True

    def _apply_net(self, fill: Fill) -> Position:
        """Book a fill on the net; a lot that only passes from one owner to another changes nothing there."""
        return self.position(fill.instrument, fill.product) if fill.purpose is Purpose.ASSIGN else self._apply(fill, NET)

    def _apply(self, fill: Fill, owner: str) -> Position:
        key = (fill.instrument.key, fill.product, owner)
        holding = self._holdings.get(key)
        if holding is None:
            holding = self._holdings[key] = _Holding(Position(fill.instrument, fill.product, owner))
        holding.position, realised = apply(holding.position, fill)
        if holding.position.quantity:
            self._open[key] = holding
        else:
            self._open.pop(key, None)
            self._marked.discard(key)
        holding.mark_units, holding.price = fill.price_units, 0.0
        sums = self._sums.setdefault(owner, _Sums())
        sums.realised_units += realised
        sums.charges_units += fill.charges_units
        sums.fills += 1
        self._accounts.clear()
        return holding.position

    def _build(self, fill: Fill) -> Trade | None:
        builder = self._builders.setdefault((fill.instrument.key, fill.product, fill.owner), TradeBuilder())
        trade = builder.add(fill)
        if trade is not None:
            self.tally(fill.owner).add(trade.pnl_units - trade.charges_units)
        return trade

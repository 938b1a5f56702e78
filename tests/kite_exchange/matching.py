"""Who trades with whom: price first, then time, against the market's depth and against orders that rest."""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count

from tests.kite_exchange.board import Board

BUY, SELL = 1, -1


@dataclass(slots=True, order=True)
class Resting:
    """An order at its place in the queue; `rank` puts the best price first, then the oldest."""

    rank: tuple[int, int]
    price: int = field(compare=False)
    side: int = field(compare=False)
    quantity: int = field(compare=False)  # what is left of it
    owner: str = field(compare=False)  # an order_id, or empty for somebody else's


Filled = Callable[[str, int, int], None]
"""Told of each fill: the owner, the quantity, the price in units."""


class Queue:
    """One instrument's resting orders, over the depth the board shows."""

    def __init__(self, board: Board, row: int, filled: Filled) -> None:
        self._board = board
        self._row = row
        self._filled = filled
        self._sides: dict[int, list[Resting]] = {BUY: [], SELL: []}
        self._arrivals = count()

    def add(self, owner: str, side: int, price: int, quantity: int, is_lasting: bool = True) -> int:
        """Bring an order in: it takes what is offered at its price or better, the rest waits if it may. Returns what is left."""
        while quantity:
            best = self._best(-side)
            if best is None or (best[0] - price) * side > 0:
                break
            offered_price, offered, resting = best
            taken = min(quantity, offered)
            quantity -= taken
            self._take(-side, taken, resting)
            self._filled(owner, taken, offered_price)
            if resting is not None and resting.owner:
                self._filled(resting.owner, taken, offered_price)
        if quantity and is_lasting:
            insort(self._sides[side], Resting((-price * side, next(self._arrivals)), price, side, quantity, owner))
        return quantity

    def _best(self, side: int) -> tuple[int, int, Resting | None] | None:
        """Return the best price on a side, its quantity, and who rests there; at equal prices a resting order comes before the depth."""
        resting = self._sides[side][0] if self._sides[side] else None
        level = self._level(side)
        if level is None:
            return (resting.price, resting.quantity, resting) if resting else None
        price = int(self._board.depth_price[self._row, 0 if side == BUY else 1, level])
        if resting is not None and (resting.price - price) * side >= 0:
            return resting.price, resting.quantity, resting
        return price, int(self._board.depth_quantities[self._row, 0 if side == BUY else 1, level]), None

    def _level(self, side: int) -> int | None:
        quantities = self._board.depth_quantities[self._row, 0 if side == BUY else 1]
        for level in range(len(quantities)):
            if quantities[level] > 0:
                return level
        return None

    def _take(self, side: int, quantity: int, resting: Resting | None) -> None:
        if resting is not None:
            resting.quantity -= quantity
            if resting.quantity == 0:
                self._sides[side].pop(0)
            return
        level = self._level(side)
        assert level is not None
        index = (self._row, 0 if side == BUY else 1, level)
        self._board.depth_quantities[index] -= quantity
        if self._board.depth_quantities[index] == 0:
            self._board.depth_orders[index] = 0

    def meet_market(self) -> None:
        """After the depth moved: resting orders that the market now crosses fill at their own price, best and oldest first."""
        for side in (BUY, SELL):
            while self._sides[side]:
                resting = self._sides[side][0]
                level = self._level(-side)
                if level is None:
                    break
                column = 1 if side == BUY else 0
                if (int(self._board.depth_price[self._row, column, level]) - resting.price) * side > 0:
                    break
                taken = min(resting.quantity, int(self._board.depth_quantities[self._row, column, level]))
                self._take(-side, taken, None)
                self._take(side, taken, resting)
                if resting.owner:
                    self._filled(resting.owner, taken, resting.price)

    def remove(self, owner: str) -> int:
        """Take an order out; returns what was left of it, 0 if it was not there."""
        for side in self._sides.values():
            for resting in side:
                if resting.owner == owner:
                    side.remove(resting)
                    return resting.quantity
        return 0

    def reduce(self, owner: str, quantity: int) -> bool:
        """Make an order smaller without losing its place; False if it is not there or not larger."""
        for side in self._sides.values():
            for resting in side:
                if resting.owner == owner and resting.quantity > quantity:
                    resting.quantity = quantity
                    return True
        return False

    def waiting(self) -> list[Resting]:
        """Return all that rests, both sides, in the order they would trade."""
        return [*self._sides[BUY], *self._sides[SELL]]

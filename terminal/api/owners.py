"""Whose profit is whose, over the REST API: each strategy's, the hand's, and what is from outside; together the account's net."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import BaseModel, Field

from engine.core.model import Position, StrategyStatus
from terminal.api.schemas import PositionInfo
from terminal.api.words import position_words, rupees


class OwnerInfo(BaseModel):
    """What one owner holds and has made since its books began."""

    owner: str = Field(description='The id of a strategy, "hand", or "external".')
    name: str
    open_positions: int
    realised_pnl: float
    unrealised_pnl: float
    charges: float
    net_pnl: float = Field(description="Realised and not, after charges.")
    positions: list[PositionInfo]


class OwnerList(BaseModel):
    """All who hold or held something."""

    owners: list[OwnerInfo]


def owner_words(books: Iterable[Position], strategies: Mapping[str, StrategyStatus]) -> list[dict[str, Any]]:
    """Return what each owner holds and has made, in order of the owners' first lots; `books` are the owners' own."""
    by_owner: dict[str, list[Position]] = {}
    for book in books:
        by_owner.setdefault(book.owner, []).append(book)
    return [_words(owner, held, strategies.get(owner)) for owner, held in by_owner.items()]


def _words(owner: str, held: list[Position], status: StrategyStatus | None) -> dict[str, Any]:
    realised, unrealised = sum(book.realised_units for book in held), sum(book.unrealised_units for book in held)
    charges = sum(book.charges_units for book in held)
    return {
        "owner": owner,
        "name": owner if status is None else status.name,
        "open_positions": sum(book.quantity != 0 for book in held),
        "realised_pnl": rupees(realised),
        "unrealised_pnl": rupees(unrealised),
        "charges": rupees(charges),
        "net_pnl": rupees(realised + unrealised - charges),
        "positions": [position_words(book) for book in held],
    }

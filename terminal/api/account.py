"""Orders, positions, risk and the kill switch over the REST API: what the window shows, and the ways to stop.

Stopping never needs real money armed; nothing here opens a position.
"""

from __future__ import annotations

import asyncio
from typing import Annotated, Literal

from fastapi import Query

from engine.clock import Clock
from engine.core.model import TradingState
from terminal.api.backend import Backend
from terminal.api.gate import Refused
from terminal.api.owners import OwnerInfo, OwnerList, owner_words
from terminal.api.risk import RiskInfo, risk_words
from terminal.api.schemas import Done, Health, Mode, OrderInfo, OrderList, PositionInfo, PositionList, Proof, Reason
from terminal.api.tokens import Tokens
from terminal.api.words import order_words, position_words

Nonce = Annotated[str, Query(min_length=16, max_length=128, pattern=r"^[A-Za-z0-9_-]+$")]

_STATUS: dict[TradingState, Literal["ok", "reducing", "halted"]] = {
    TradingState.ACTIVE: "ok",
    TradingState.REDUCING: "reducing",
    TradingState.HALTED: "halted",
}


class AccountRoutes:
    """Handlers of orders, positions, risk, health."""

    def __init__(self, backend: Backend, tokens: Tokens, clock: Clock) -> None:
        self._backend, self._tokens = backend, tokens

    async def orders(self) -> OrderList:
        """List the orders that the terminal knows, oldest first."""
        return OrderList(orders=[OrderInfo(**order_words(order)) for order in self._backend.view.orders.values()])

    async def cancel_order(self, order_id: str) -> Done:
        """Ask for the cancel of one order."""
        if order_id not in self._backend.view.orders:
            raise Refused(404, "no_order", f'Expected the id of an order, was "{order_id[:40]}"; GET /api/orders lists them.')
        self._backend.actions.ask("order.cancel", order_id)
        return Done(message="The cancel is on its way.")

    async def cancel_all(self) -> Done:
        """Ask for the cancel of every working order."""
        cancelled = self._backend.actions.ask("order.cancel_all", None)
        return Done(message=f"{len(cancelled)} cancels are on their way.")

    async def positions(self) -> PositionList:
        """List the net positions, closed ones of the day too."""
        return PositionList(positions=[PositionInfo(**position_words(position)) for position in self._backend.view.positions.values()])

    async def owners(self) -> OwnerList:
        """List what each strategy, the hand, and whoever is outside holds and has made; the sum is the account's net."""
        owners = owner_words(self._backend.engine.session.positions.books, self._backend.view.strategies)
        return OwnerList(owners=[OwnerInfo(**each) for each in owners])

    async def risk(self) -> RiskInfo:
        """Show the account's state, its figures and limits, and who is held back and why."""
        view, session = self._backend.view, self._backend.engine.session
        # Asked, not read off the screen's model, which is a frame behind.
        status = session.risk.status(session.account)
        mode: Mode = "live" if view.mode == "live" else "paper"
        return RiskInfo(mode=mode, is_armed=self._backend.is_armed, **risk_words(status))

    async def kill(self, body: Reason) -> Done:
        """Latch the kill switch: strategies stop, every order is cancelled, nothing new is sent until it is resumed by hand."""
        self._backend.actions.ask("account.kill", {"flatten": body.flatten, "reason": body.reason})
        return Done(message="All trading is stopped; resume it in the window, or at the console.")

    async def health(self) -> Health:
        """Tell whether it trades, where, and whether the broker is heard."""
        view = self._backend.view
        state = self._backend.engine.session.risk.state
        return Health(
            status=_STATUS[state],
            mode="live" if view.mode == "live" else "paper",
            broker=view.broker_name,
            link=str(view.link),
            market=str(view.phase),
            strategies=len(view.strategies),
            tasks=len(asyncio.all_tasks()),
        )

    async def hello(self, nonce: Nonce) -> Proof:
        """Prove to a client, before it shows its token, that this server knows it."""
        return Proof(proofs=self._tokens.proofs(nonce))

"""Turns what a strategy wants into orders: the live twin of `core.decision`, step for step, so that both trade alike.

A new decision first takes back what the last one has working, and waits until that is certain; protection stays until a fill changes
the position. Protection itself is kept by the session.
"""

from __future__ import annotations

import math
from dataclasses import replace

from engine.core.model import Order, OrderRequest, OrderStatus, Pending, Position, Purpose, TradingState
from engine.core.sizing import KELLY, NO_SIZE, entry_price, is_wanted_by, order_for, size_for, size_of
from engine.executor.config import StrategyConfig
from engine.executor.leg import Leg, Seen, Wish
from engine.session import TradingSession

OWN = frozenset({Purpose.ENTRY, Purpose.EXIT, Purpose.REVERSAL})
"""Purposes of what a strategy wished for itself."""

_size_of = size_of.plain


class StrategyOrders:
    """The orders and positions of one strategy in one session."""

    def __init__(self, session: TradingSession, config: StrategyConfig) -> None:
        self.unsized = 0
        """Decisions that came to no quantity at all."""
        self._session = session
        self._config = config
        self._waiting: dict[str, tuple[Leg, Wish, float, bool]] = {}
        self._bet = ""
        """What was last told of how Kelly sizes: unknown, some, none."""

    def held(self, leg: Leg) -> int:
        """Return the signed quantity that the strategy holds."""
        return self._session.positions.quantity(leg.instrument.key, self._config.product, self._config.id)

    def act(self, leg: Leg, wish: Wish, bar: Seen, *, may_open: bool) -> Order | None:
        """Do what is wished for at the close of its bar, then draw a trailing stop; returns the order, if one was made.

        `may_open`: else only what reduces the position is done. Raises UserError when nothing tells how much to order.
        """
        has_target = not math.isnan(wish.target)
        prices = {} if has_target else _prices(wish)
        if not has_target and not prices and not self._is_trailing(leg):
            return None
        product, owner = self._config.product, self._config.id
        if self._session.closer.is_past(leg.instrument, product, owner) or self._is_closing(leg):
            return None
        order = None
        if has_target:
            order = self._follow(leg, wish, bar.close, may_open=may_open)
        elif self.held(leg):
            self._session.guard.move(leg.instrument, product, owner, **prices)
        if self._is_trailing(leg):
            self._session.trail(bar, leg.instrument, product, owner)
        return order

    def on_order(self, order: Order) -> Order | None:
        """Go on with a decision that waited for this order's cancel; returns the order that was made, if any."""
        waiting = self._waiting.get(order.instrument.key)
        if waiting is None or self._working(waiting[0]):
            return None
        del self._waiting[order.instrument.key]
        leg, wish, close, may_open = waiting
        return self._order(leg, wish, close, may_open=may_open)

    def was_acted_on(self, leg: Leg) -> bool:
        """Tell whether a decision of this very moment was acted on before a restart: its order left, or what came of it is known."""
        now_ns, owner, instrument = self._session.clock.now_ns(), self._config.id, leg.instrument
        orders = (o for o in self._session.orders.orders if o.created_ns == now_ns and o.status is not OrderStatus.NOT_PLACED)
        fills = (fill for fill in self._session.orders.trades if fill.time_ns >= now_ns)
        has_order = any(order.request.owner == owner and order.instrument == instrument for order in orders)
        return has_order or any(fill.owner == owner and fill.instrument == instrument for fill in fills)

    def cancel_wishes(self) -> None:
        """Take back whatever would open or close by the strategy's own wish; protection stays."""
        self._waiting.clear()
        for order in self._session.orders.working(self._config.id):
            if order.request.purpose in OWN:
                self._session.cancel(order.id)

    def cancel_entries(self) -> None:
        """Take back what would open; exits go on."""
        self._waiting.clear()
        for order in self._session.orders.working(self._config.id):
            if order.request.purpose in (Purpose.ENTRY, Purpose.REVERSAL):
                self._session.cancel(order.id)

    def told(self) -> str:
        """Say in words what is held and what works on, as the end of a sentence; "" when there is neither."""
        held = [f"{each.quantity:+d} {each.instrument.symbol}" for each in self.open_positions()]
        working = [_told(order) for order in self._session.orders.working(self._config.id) if order.pending is not Pending.CANCEL]
        parts = [f"it holds {', '.join(held)}" if held else "", f"still working: {'; '.join(working)}" if working else ""]
        return "".join(f" {part[0].upper()}{part[1:]}." for part in parts if part)

    def flatten(self) -> None:
        """Close everything that the strategy holds."""
        self._session.flatten(self._config.id)

    def open_positions(self) -> list[Position]:
        """List what the strategy holds."""
        return self._session.positions.open_books(self._config.id)

    def _follow(self, leg: Leg, wish: Wish, close: float, *, may_open: bool) -> Order | None:
        if not may_open and not self._reduces(leg, wish):
            return None
        working = self._working(leg)
        if working and wish.target == leg.held_target and any(is_wanted_by(order.request, wish) for order in working):
            return None
        self._waiting.pop(leg.instrument.key, None)
        for order in working:
            self._session.cancel(order.id)
        if working and self._working(leg):
            self._waiting[leg.instrument.key] = (leg, wish, close, may_open)
            return None
        return self._order(leg, wish, close, may_open=may_open)

    def _reduces(self, leg: Leg, wish: Wish) -> bool:
        held = self.held(leg)
        return held != 0 and wish.target * held <= 0

    def _order(self, leg: Leg, wish: Wish, close: float, *, may_open: bool) -> Order | None:
        """Size the wish and send the one order that leads to it."""
        if not may_open:
            wish = wish._replace(target=0.0)
        held = self.held(leg)
        equity_units = self._session.positions.account(self._config.id).equity_units
        entry = entry_price(wish, leg.instrument, close)
        self._fit(leg)
        size = min(_size_of(leg.sizing, equity_units, entry, wish.stop), self._session.risk.most_of(self._config.id, leg.instrument))
        target = wish.target if leg.can_short else max(0.0, wish.target)
        if target != 0.0 and size <= 0 and held * target <= 0.0:
            self.unsized += 1
            if size == NO_SIZE:
                size_for(leg.sizing, equity_units, entry, wish.stop)
        request = self._request(leg, wish, close, held, size)
        if request is None:
            return None
        order = self._session.submit(request)
        if order.status is OrderStatus.DENIED and request.purpose is Purpose.REVERSAL and self._only_reduces():
            # While new risk is stopped a reversal does its first half all the same: the position is left.
            wish = wish._replace(target=0.0)
            leaving = self._request(leg, wish, close, held, size)
            order = order if leaving is None else self._session.submit(leaving)
        if order.status is not OrderStatus.DENIED:
            leg.held_target = wish.target
        return order

    def _request(self, leg: Leg, wish: Wish, close: float, held: int, size: int) -> OrderRequest | None:
        """Return the one order that leads from what is held to what is wished for, None when none does."""
        request = order_for(
            wish,
            leg.instrument,
            held,
            leg.held_target,
            size,
            product=self._config.product,
            owner=self._config.id,
            price=close,
            can_short=leg.can_short,
        )
        config = self._config
        if request is None or request.is_exit or (config.exit_after_s == 0.0 and config.exit_at_min is None):
            return request
        return replace(request, close_after_s=config.exit_after_s, close_at_ns=self._session.closer.leaves_ns(config.id))

    def _only_reduces(self) -> bool:
        return self._session.risk.memory.stops.of(self._config.id).state is TradingState.REDUCING

    def _fit(self, leg: Leg) -> None:
        """Size by the limits that hold now and, where it goes by Kelly, by the trades so far; a change of that is told."""
        limits = self._session.risk.limits
        if leg.fitted_to is not limits:
            leg.fit(limits, self._session.risk.desk.is_live)
        if leg.sizing.mode != KELLY:
            return
        tally, fraction = self._session.positions.tally(self._config.id), leg.sizing.fraction
        leg.sizing.bet_pct = bet = tally.bet_pct(fraction)
        state = "unknown" if math.isnan(bet) else "some" if bet > 0.0 else "none"
        if state != self._bet:
            self._bet = state
            self._session.life.tell(f"{self._config.id}: {tally.words(fraction)}", "warning" if state == "none" else "info")

    def _is_trailing(self, leg: Leg) -> bool:
        plan = self._session.guard.plan(leg.instrument, self._config.product, self._config.id)
        return plan is not None and plan.trail is not None

    def _is_closing(self, leg: Leg) -> bool:
        """Tell whether a square-off, or an exit whose time has come, is on its way."""
        working = self._session.working_in(leg.instrument.key, self._config.product, self._config.id)
        return any(order.request.purpose is Purpose.SQUARE_OFF for order in working)

    def _working(self, leg: Leg) -> list[Order]:
        working = self._session.working_in(leg.instrument.key, self._config.product, self._config.id)
        return [order for order in working if order.request.purpose in OWN]


def _told(order: Order) -> str:
    """Say in words what an order would do."""
    request = order.request
    prices = [f"{word} {price:g}" for word, price in (("at", order.price), ("trigger", order.trigger_price)) if price]
    words = [request.side.name, str(order.quantity - order.filled), order.instrument.symbol, *prices, f"({request.purpose.value})"]
    return " ".join(words)


def _prices(wish: Wish) -> dict[str, float]:
    """Return where protection is wished for, by the names that the guard knows."""
    wished = {"stop": wish.stop, "target": wish.profit, "trail": wish.trail}
    return {name: value for name, value in wished.items() if not math.isnan(value)}

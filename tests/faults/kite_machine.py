"""The same trader at the exchange that speaks Kite, over real sockets: every step really travels, and waits of minutes take moments.

What the exchange keeps is the truth; the session dies and comes back on what was safe in its store.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from engine.brokers.zerodha.limiter import RATES, Call, Limiters, Rate
from engine.core.model import Order, OrderChange, OrderRequest, OrderType, Product, Side
from tests.faults.kite_account import DAY_S, KEY, TIGHT, KiteAccount
from tests.faults.ledger import Kill
from tests.faults.over_time import SECOND_NS

FAULTS = ("none", "none", "drop before", "drop after", "html after", "error before", "cut after")

faults = st.sampled_from(FAULTS)


class KiteMachine(KiteAccount, RuleBasedStateMachine):
    """One account at the Kite exchange, over any number of sessions."""

    @initialize(is_tight=st.booleans(), is_paper=st.sampled_from([False] * 7 + [True]))
    def begin(self, is_tight: bool, is_paper: bool) -> None:
        """Open an account with an order that fills, and one that rests."""
        self.limits, self.is_paper = dict(TIGHT) if is_tight else {}, is_paper
        self._start()
        self.enter("BUY", 10, None, "none")
        self.enter("BUY", 10, 1490.0, "none")

    @rule(
        side=st.sampled_from(["BUY", "SELL"]),
        quantity=st.integers(1, 20),
        price=st.none() | st.sampled_from([1490.0, 1510.0]),
        fault=faults,
    )
    def enter(self, side: str, quantity: int, price: float | None, fault: str) -> None:
        """Place an order."""
        self._fault(fault, "POST")
        instrument = self.broker._catalogue.get(KEY)
        order_type = OrderType.MARKET if price is None else OrderType.LIMIT
        wanted = OrderRequest(instrument, Side[side], quantity, order_type, Product.MIS, price, reference_price=1500.0)
        self.run(self._settled(lambda: self.session.submit(wanted)))

    @rule(pick=st.integers(0, 9), price=st.sampled_from([1485.0, 1495.0, 1505.0]), fault=faults)
    def modify(self, pick: int, price: float, fault: str) -> None:
        """Change a resting order."""
        if (order := self._pick(pick)) is not None and order.request.order_type is OrderType.LIMIT:
            self._fault(fault, "PUT")
            self.run(self._settled(lambda: self.session.modify(order.id, OrderChange(price=price))))

    @rule(pick=st.integers(0, 9), fault=faults)
    def cancel(self, pick: int, fault: str) -> None:
        """Cancel a working order."""
        if (order := self._pick(pick)) is not None:
            self._fault(fault, "DELETE")
            self.run(self._settled(lambda: self.session.cancel(order.id)))

    def _pick(self, pick: int) -> Order | None:
        working = [order for order in self.session.orders.working() if order.request.owner == "hand"]
        return working[pick % len(working)] if working else None

    @rule(price=st.sampled_from([1480.0, 1490.0, 1500.0, 1510.0, 1520.0]), quantity=st.integers(1, 30))
    def trade(self, price: float, quantity: int) -> None:
        """Let somebody offer or bid, and resting orders fill, in part or in full."""
        sell, buy = [[price, quantity, 1]], [[price - 1.0, quantity, 1]]
        self.exchange.control("set_depth", symbol=KEY, buy=buy, sell=sell)
        self.run(asyncio.sleep(0.02))

    @rule(drop=st.sampled_from([0.0, 0.5, 1.0]), duplicate=st.sampled_from([0.0, 1.0]), hold=st.sampled_from([0.0, 1.0]))
    def updates(self, drop: float, duplicate: float, hold: float) -> None:
        """Let messages be lost, doubled or held back from now on."""
        self.exchange.control("updates", drop=drop, duplicate=duplicate, hold=hold)

    @rule()
    def release(self) -> None:
        """Let go of what was held back, shuffled."""
        self.exchange.control("release_updates", shuffle=True)
        self.run(asyncio.sleep(0.02))

    @rule(side=st.sampled_from(["BUY", "SELL"]), quantity=st.integers(1, 9))
    def elsewhere(self, side: str, quantity: int) -> None:
        """Trade from the broker's own app."""
        form = {"exchange": "NSE", "tradingsymbol": "INFY", "transaction_type": side, "quantity": quantity, "product": "MIS"}
        self.exchange.control("place_elsewhere", **form, order_type="LIMIT", price=1490.0 if side == "BUY" else 1510.0)

    @rule(abruptly=st.booleans())
    def reconnect(self, abruptly: bool) -> None:
        """Lose the feed; it comes back by itself."""
        self.exchange.control("close_sockets", abruptly=abruptly)
        self.run(asyncio.sleep(0.05))

    @rule(fault=faults, lucky=st.integers(0, 5))
    def crash(self, fault: str, lucky: int) -> None:
        """Die with an order on its way, and start again on what was safe."""
        self._fault(fault, "POST")
        instrument = self.broker._catalogue.get(KEY)
        self.run(self._begin_to_place(OrderRequest(instrument, Side.BUY, 3, reference_price=1500.0)))
        self._die()
        self.exchange.control("clear_faults")
        self.store = self.store.after_crash(lucky)
        self.watch.chain.forget_undone(self.store.journal())
        self._start()

    @rule(seconds=st.sampled_from([-600, -1, 0, 1, 600]))
    def step_clock(self, seconds: int) -> None:
        """Let somebody set the machine's clock."""
        self.was_set |= self.clock.off_ns != seconds * SECOND_NS
        self.clock.off_ns = seconds * SECOND_NS
        self.run(asyncio.sleep(0.02))

    @rule(luck=st.integers(0, 3))
    def next_day(self, luck: int) -> None:
        """End the day, now and then: what rests expires, tokens end, and the terminal is started after the next morning's log-in."""
        if luck:
            return
        self.run(self._rest())
        self._die()
        self.store = self.store.after_crash(10_000)
        self.exchange.control("advance", seconds=DAY_S)
        self._start()

    @precondition(lambda self: not self.is_killed)
    @rule(how=st.sampled_from(["not at all"] * 3 + ["here", "from outside"]), is_racing=st.booleans(), flatten=st.booleans())
    def press_kill(self, how: str, is_racing: bool, flatten: bool) -> None:
        """Press the kill switch now and then, here or in another process; sometimes an entry has just been asked for."""
        if how == "not at all":
            return
        self.run(self._kill(how == "here", is_racing, flatten))
        self.kills.append(Kill(self.now_ns()))
        self.run(asyncio.sleep(0.06))

    @precondition(lambda self: self.is_killed)
    @rule()
    def take_kill_back(self) -> None:
        """Let a person take the kill switch back."""
        self.kills[-1].until_ns = self.now_ns()
        self.run(self._settled(lambda: self.session.rearm("looked through")))

    @precondition(lambda self: hasattr(self, "session"))
    @invariant()
    def nothing_is_broken(self) -> None:
        found = self.breaches()
        assert not found, "\n".join(found)

    def teardown(self) -> None:
        try:
            if hasattr(self, "session"):
                try:
                    self.run(self._rest())
                except TimeoutError:
                    raise AssertionError("\n".join(self.run(self._differing()))) from None
                finally:
                    self._die()
        finally:
            logging.getLogger("engine").removeHandler(self.log)
            self.loop.close()
            self.folder.cleanup()


def fresh_limiters(monkeypatch: Any) -> None:
    """Let the account's budget of calls begin anew with each run, and reading wait for no second to be over; orders keep their rate."""
    monkeypatch.setattr("engine.brokers.zerodha.broker._LIMITERS", Limiters())
    monkeypatch.setitem(RATES, Call.OTHER, Rate(1_000, SECOND_NS))

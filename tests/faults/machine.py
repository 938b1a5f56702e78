"""A trader, a broker and everything that may come between them, as rules that Hypothesis plays in any order.

After every step all that must hold is asked (`invariants`); in the end all faults rest, and the books must agree.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from typing import Any

import numpy as np
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from engine.core.errors import BrokerError, InvalidOrder
from engine.core.model import LinkState, Order, OrderChange, OrderRequest, OrderStatus, OrderType, Product, Purpose, Side
from engine.core.records import TICK, Rows
from engine.session import TradingSession
from tests.engine.fakes import RELIANCE, SECOND_NS, TCS, request
from tests.faults.invariants import Watch, breaches, breaches_at_rest, same_again, state_of
from tests.faults.lossy_store import LossyStore
from tests.faults.simulated_market import FATES, FaultyBroker, OffClock, SimulatedMarket

DAY_NS = 86_400 * SECOND_NS
CAPITAL = 10_000_000 * 10_000
LIMITS = {"message_rate": 8.0, "max_position_size": 50.0}
OWNERS = ("hand", "ema")
SHARES = {"RELIANCE": RELIANCE, "TCS": TCS}
PRICES = st.sampled_from([95.0, 98.0, 99.0, 100.0, 101.0, 102.0, 105.0])

shares = st.sampled_from(list(SHARES))
owners = st.sampled_from(OWNERS)
sides = st.sampled_from(["BUY", "SELL"])
fates = st.sampled_from(("ok",) * len(FATES) + FATES)
quantities = st.integers(1, 20)


class TradingMachine(RuleBasedStateMachine):
    """One account at the simulated exchange, over any number of sessions."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.market = SimulatedMarket()
        self.clock = OffClock(self.market.clock)
        self.watch = Watch()
        self.store = LossyStore()
        self.last = dict.fromkeys(SHARES, 100.0)
        self.broker: FaultyBroker
        self.session: TradingSession

    def run(self, coroutine: Any) -> Any:
        """Let something happen, and what it stirs up come to rest; nothing waits for time to pass."""
        result = self.loop.run_until_complete(coroutine)
        self.loop.run_until_complete(turns())
        return result

    @initialize()
    def begin(self) -> None:
        for share in SHARES.values():
            self.market.trade(share, 100.0, 1)
        self._start()
        for owner, share in zip(OWNERS, SHARES, strict=True):
            self.enter(share, owner, "BUY", 10, None, "ok", protect=True)
            self.enter(share, owner, "BUY", 10, 99.0, "ok", protect=False)
        self.hear(99, "in order", 0)

    def _start(self) -> None:
        self.broker = FaultyBroker(self.market, self.store, self.clock)
        self.session = TradingSession(
            self.broker,
            self.store,
            limits=LIMITS,
            capital_units=CAPITAL,
            clock=self.clock,
            wall=self.clock,
            mode="live",  # type: ignore[arg-type]
        )
        self.broker.session = self.session
        self.session.risk.arm("ema")
        self.session.orders.alarm_raised.connect(self._on_alarm)
        tell = self.session.life.tell

        def told(text: str, level: str = "info") -> None:
            self.watch.told.append(text)
            tell(text, level)

        self.session.life.tell = self.session.life.books._tell = told  # type: ignore[method-assign, assignment]
        self.run(self._open())
        self.watch.forget_undone(self.session.orders.orders)
        self._quote()

    async def _open(self) -> None:
        await self.session.open()
        await self.session.subscribe(SHARES.values())

    def _on_alarm(self, text: str) -> None:
        self.watch.alarms.append(text)
        self.watch.told.append(text)

    @rule(share=shares, owner=owners, side=sides, quantity=quantities, price=st.none() | PRICES, fate=fates, protect=st.booleans())
    def enter(self, share: str, owner: str, side: str, quantity: int, price: float | None, fate: str, protect: bool) -> None:
        """Place an order that opens something."""
        more: dict[str, Any] = {"price": price} if price is not None else {}
        if protect:
            more |= {"stop": 90.0 if side == "BUY" else 110.0, "target": 110.0 if side == "BUY" else 90.0}
        self.broker.fates["place"] = fate
        self.run(self._submit(request(Side[side], quantity, instrument=SHARES[share], owner=owner, **more)))

    @rule(share=shares, owner=owners, fate=fates, part=st.integers(1, 3))
    def leave(self, share: str, owner: str, fate: str, part: int) -> None:
        """Place an order that closes what is held, or a part of it."""
        held = self.session.positions.quantity(SHARES[share].key, Product.MIS, owner)
        if held:
            self.broker.fates["place"] = fate
            side = Side.SELL if held > 0 else Side.BUY
            quantity = max(1, abs(held) // part)
            self.run(self._submit(request(side, quantity, instrument=SHARES[share], owner=owner, purpose=Purpose.EXIT)))

    async def _submit(self, *wanted: OrderRequest) -> None:
        for one in wanted:
            self.session.submit(one)
        await turns()
        self.broker.fates.clear()

    @rule(pick=st.integers(0, 9), price=PRICES, quantity=st.none() | quantities, fate=fates)
    def modify(self, pick: int, price: float, quantity: int | None, fate: str) -> None:
        """Change a working order."""
        order = self._pick(pick)
        if order is None:
            return
        self.broker.fates["modify"] = fate
        is_priced = order.request.order_type in (OrderType.LIMIT, OrderType.SL)
        change = OrderChange(quantity=quantity, price=price if is_priced else None)
        self.run(self._try(lambda: self.session.modify(order.id, change)))

    @rule(pick=st.integers(0, 9), fate=fates)
    def cancel(self, pick: int, fate: str) -> None:
        """Cancel a working order."""
        order = self._pick(pick)
        if order is not None:
            self.broker.fates["cancel"] = fate
            self.run(self._try(lambda: self.session.cancel(order.id)))

    async def _try(self, verb: Any) -> None:
        with contextlib.suppress(InvalidOrder):
            verb()
        await turns()
        self.broker.fates.clear()

    def _pick(self, pick: int) -> Order | None:
        working = [order for order in self.session.orders.working() if order.request.owner in OWNERS]
        return working[pick % len(working)] if working else None

    @rule(share=shares, price=PRICES, quantity=quantities)
    def trade(self, share: str, price: float, quantity: int) -> None:
        """Let the market move, and resting orders fill, in part or in full."""
        self.market.trade(SHARES[share], price, quantity)
        self.last[share] = price
        self._quote()

    def _quote(self) -> None:
        frame = np.zeros(len(SHARES), dtype=TICK)
        for row, (name, instrument) in zip(frame, SHARES.items(), strict=True):
            row["instrument_token"], row["mode"], row["last_price"] = instrument.token, 1, self.last[name]
            row["exchange_time"] = self.market.clock.now_ns() // SECOND_NS
        self.run(self._ticks(frame))

    async def _ticks(self, frame: Rows) -> None:
        self.session.on_ticks(frame)

    @rule(count=st.integers(1, 30), how=st.sampled_from(["in order", "in order", "twice", "shuffled", "lost"]), seed=st.integers(0, 999))
    def hear(self, count: int, how: str, seed: int) -> None:
        """Let news arrive: as sent, doubled, shuffled, or not at all."""
        line = self.market.line
        news, line.waiting = line.waiting[:count], line.waiting[count:]
        if how == "lost":
            return
        if how == "twice":
            news = news * 2
        if how == "shuffled":
            random.Random(seed).shuffle(news)
        self.run(self._hear(news))

    async def _hear(self, news: list[Any]) -> None:
        for update in news:
            self.session.on_order_update(update)

    @rule(seconds=st.sampled_from([0.5, 1.0, 3.0, 6.0, 31.0]))
    def wait(self, seconds: float) -> None:
        """Let time pass, and whoever waits for it wake."""
        self.run(self._wait(seconds))

    async def _wait(self, seconds: float) -> None:
        for _ in range(4):
            self.market.clock.advance(seconds / 4)
            await turns()

    @rule(share=shares, side=sides, quantity=quantities)
    def elsewhere(self, share: str, side: str, quantity: int) -> None:
        """Trade from another program, or let the broker square something off."""
        self.market.place_elsewhere(request(Side[side], quantity, instrument=SHARES[share]))

    @rule(pick=st.integers(0, 9))
    def broker_cancels(self, pick: int) -> None:
        """Let the broker take an order out of the market by itself."""
        working = self.market.working()
        if working:
            self.market.exchange.end(working[pick % len(working)], OrderStatus.CANCELLED, "RMS: cancelled")

    @rule(fails=st.integers(0, 3))
    def reconnect(self, fails: int) -> None:
        """Lose the line and find it again; what came meanwhile is lost."""
        self.market.line.waiting.clear()
        self.broker.reads_fail = fails
        self.run(self._reconnect())

    async def _reconnect(self) -> None:
        self.session.on_link(LinkState.DISCONNECTED, "the line broke")
        await turns()
        self.session.on_link(LinkState.LIVE, "")
        await turns()

    @rule(lucky=st.integers(0, 5))
    def crash(self, lucky: int) -> None:
        """Let the process die here and now, and start another one on what was safe."""
        self._die()
        self.store = self.store.after_crash(lucky)
        self._start()

    @rule(share=shares, side=sides, when=st.sampled_from(["before", "after"]), price=st.none() | PRICES)
    def crash_while_placing(self, share: str, side: str, when: str, price: float | None) -> None:
        """Die while an order is on its way, taken or not."""
        self.broker.hangs = when
        self.enter(share, "hand", side, 5, price, "ok", protect=False)
        self.crash(0)

    @rule(share=shares, owner=owners, orders=st.lists(st.tuples(sides, quantities, st.none() | PRICES), min_size=2, max_size=5))
    def burst(self, share: str, owner: str, orders: list[tuple[str, int, float | None]]) -> None:
        """Place several orders within one turn of the loop."""
        wanted = [
            request(Side[side], quantity, instrument=SHARES[share], owner=owner, **({} if price is None else {"price": price}))
            for side, quantity, price in orders
        ]
        self.run(self._submit(*wanted))

    def _die(self) -> None:
        self.broker.is_gone = self.store.is_gone = True
        self.market.line.waiting.clear()
        tasks = asyncio.all_tasks(self.loop)
        for task in tasks:
            task.cancel()
        self.loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        # No process starts within the second in which another one died: what was sent in that second is not remembered.
        self.market.clock.advance(1.0)

    @rule(seconds=st.sampled_from([-600, -1, 0, 1, 600]))
    def set_clock(self, seconds: int) -> None:
        """Let somebody set the machine's clock."""
        self.clock.off_ns = seconds * SECOND_NS

    @rule()
    def next_day(self) -> None:
        """End the day: orders expire, the list is emptied, and the terminal is started in the morning."""
        self.run(self._rest())
        self._die()
        self.store = self.store.after_crash(10_000)
        now_ns = self.market.clock.now_ns()
        self.market.end_day(now_ns - now_ns % DAY_NS + DAY_NS + 4 * 3_600 * SECOND_NS)
        self.market.line.waiting.clear()
        self._start()

    @precondition(lambda self: hasattr(self, "session"))
    @invariant()
    def nothing_is_broken(self) -> None:
        found = breaches(self.session, self.market.ledger(), self.store.journal(), self.watch)
        assert not found, "\n".join(found)

    async def _rest(self) -> None:
        """Let all faults rest, everything arrive, and every question be answered."""
        self.broker.fates.clear()
        self.broker.reads_fail = 0
        self.clock.off_ns = 0
        for _ in range(24):
            news, self.market.line.waiting = self.market.line.waiting, []
            await self._hear(news)
            self.market.clock.advance(8.0)
            await turns()
        await self._reconnect()
        try:
            await self.session.compare()
        except BrokerError as error:
            raise AssertionError(f"the books cannot be compared: {error}") from error
        while True:
            await self._wait(2.0)
            news, self.market.line.waiting = self.market.line.waiting, []
            if not news:
                return
            await self._hear(news)

    def teardown(self) -> None:
        if hasattr(self, "session"):
            self.run(self._rest())
            found = breaches_at_rest(self.session, self.market.ledger(), self.watch)
            before = state_of(self.session)
            old = [update for update in self.market.line.sent if update.time_ns > self.market.clock.now_ns() - DAY_NS // 2]
            random.Random(len(old)).shuffle(old)
            self.run(self._hear(old))
            found += same_again(before, state_of(self.session))
            self._die()
            assert not found, "\n".join(found)
        self.market.close()
        self.loop.close()


async def turns(count: int = 12) -> None:
    """Give everything that can go on a few turns."""
    for _ in range(count):
        await asyncio.sleep(0)


def profile(examples: int, steps: int) -> settings:
    """Return how long the machine is played."""
    return settings(
        max_examples=examples,
        database=None,
        stateful_step_count=steps,
        deadline=None,
        print_blob=True,
        suppress_health_check=list(HealthCheck),
    )

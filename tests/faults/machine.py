"""A trader, a broker and everything that may come between them, as rules that Hypothesis plays in any order.

After every step all that must hold is asked (`invariants`); in the end all faults rest, and the books must agree.
"""

from __future__ import annotations

import contextlib
import functools
import random
from collections.abc import Callable, Iterator
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from engine.core.errors import InvalidOrder
from engine.core.model import Order, OrderChange, OrderRequest, OrderStatus, OrderType, Product, Purpose, Side
from tests.engine.fakes import request
from tests.faults.invariants import same_again, state_of
from tests.faults.over_time import histories_agree
from tests.faults.simulated_account import DAY_NS, LIMITS, OWNERS, SHARES, TIGHT, SimulatedAccount, turns
from tests.faults.simulated_market import FATES

PRICES = st.sampled_from([95.0, 98.0, 99.0, 100.0, 101.0, 102.0, 105.0])

shares = st.sampled_from(list(SHARES))
owners = st.sampled_from(OWNERS)
sides = st.sampled_from(["BUY", "SELL"])
fates = st.sampled_from(("ok",) * len(FATES) + FATES)
quantities = st.integers(1, 20)

Step = tuple[str, tuple[Any, ...], dict[str, Any]]


def noted(function: Callable[..., None]) -> Callable[..., None]:
    """Let a machine remember that a step was done, unless it is a part of another."""

    @functools.wraps(function)
    def note(machine: TradingMachine, *facts: Any, **more: Any) -> None:
        if machine.is_within:
            function(machine, *facts, **more)
            return
        machine.steps.append((function.__name__, facts, more))
        machine.is_within = True
        try:
            function(machine, *facts, **more)
        finally:
            machine.is_within = False

    return note


def step(**choices: st.SearchStrategy[Any]) -> Callable[[Callable[..., None]], Any]:
    """Make a method a rule of the machine, whose steps are remembered."""
    return lambda function: rule(**choices)(noted(function))


class TradingMachine(SimulatedAccount, RuleBasedStateMachine):
    """One account at the simulated exchange, over any number of sessions."""

    def __init__(self) -> None:
        super().__init__()
        self.steps: list[Step] = []
        """What was done, step by step."""
        self.is_within = False
        """A step is being done."""
        self.is_twice = False
        """In the end all steps are played once more."""

    @initialize(is_tight=st.booleans(), is_paper=st.sampled_from([False] * 9 + [True]), is_twice=st.sampled_from([False] * 9 + [True]))
    def begin(self, is_tight: bool, is_paper: bool, is_twice: bool = False) -> None:
        """Open an account with some positions, protected and not."""
        self.is_twice = is_twice
        self._begin(is_tight=is_tight, is_paper=is_paper)

    @noted
    def _begin(self, is_tight: bool, is_paper: bool) -> None:
        self.limits, self.is_paper = TIGHT if is_tight else LIMITS, is_paper
        for share in SHARES.values():
            self.market.trade(share, 100.0, 1)
        self.start()
        for owner, share in zip(OWNERS, SHARES, strict=True):
            self.enter(share, owner, "BUY", 10, None, "ok", protect=True)
            self.enter(share, owner, "BUY", 10, 99.0, "ok", protect=False)
        self.news(99, "in order", 0)

    @step(share=shares, owner=owners, side=sides, quantity=quantities, price=st.none() | PRICES, fate=fates, protect=st.booleans())
    def enter(self, share: str, owner: str, side: str, quantity: int, price: float | None, fate: str, protect: bool) -> None:
        """Place an order that opens something."""
        more: dict[str, Any] = {"price": price} if price is not None else {}
        if protect:
            more |= {"stop": 90.0 if side == "BUY" else 110.0, "target": 110.0 if side == "BUY" else 90.0}
        self.broker.fates["place"] = fate
        self.run(self._submit(request(Side[side], quantity, instrument=SHARES[share], owner=owner, **more)))

    @step(share=shares, owner=owners, fate=fates, part=st.integers(1, 3))
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

    @step(pick=st.integers(0, 9), price=PRICES, quantity=st.none() | quantities, fate=fates)
    def modify(self, pick: int, price: float, quantity: int | None, fate: str) -> None:
        """Change a working order."""
        order = self._pick(pick)
        if order is None:
            return
        self.broker.fates["modify"] = fate
        is_priced = order.request.order_type in (OrderType.LIMIT, OrderType.SL)
        change = OrderChange(quantity=quantity, price=price if is_priced else None)
        self.run(self._try(lambda: self.session.modify(order.id, change)))

    @step(pick=st.integers(0, 9), fate=fates)
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

    @step(share=shares, price=PRICES, quantity=quantities)
    def trade(self, share: str, price: float, quantity: int) -> None:
        """Let the market move, and resting orders fill, in part or in full."""
        self.market.trade(SHARES[share], price, quantity)
        self.last[share] = price
        self.quote()

    @step(count=st.integers(1, 30), how=st.sampled_from(["in order", "in order", "twice", "shuffled", "lost"]), seed=st.integers(0, 999))
    def news(self, count: int, how: str, seed: int) -> None:
        """Let news arrive: as sent, doubled, shuffled, or not at all."""
        line = self.market.line
        news, line.waiting = line.waiting[:count], line.waiting[count:]
        if how == "lost":
            return
        if how == "twice":
            news = news * 2
        if how == "shuffled":
            random.Random(seed).shuffle(news)
        self.run(self.hear(news))

    @step(seconds=st.sampled_from([0.5, 1.0, 3.0, 6.0, 31.0]))
    def wait(self, seconds: float) -> None:
        """Let time pass, and whoever waits for it wake."""
        self.run(self.pass_time(seconds))

    @step(share=shares, side=sides, quantity=quantities)
    def elsewhere(self, share: str, side: str, quantity: int) -> None:
        """Trade from another program, or let the broker square something off."""
        self.market.place_elsewhere(request(Side[side], quantity, instrument=SHARES[share]))

    @step(pick=st.integers(0, 9))
    def broker_cancels(self, pick: int) -> None:
        """Let the broker take an order out of the market by itself."""
        working = self.market.working()
        if working:
            self.market.exchange.end(working[pick % len(working)], OrderStatus.CANCELLED, "RMS: cancelled")

    @step(fails=st.integers(0, 3))
    def reconnect(self, fails: int) -> None:
        """Lose the line and find it again; what came meanwhile is lost."""
        self.market.line.waiting.clear()
        self.broker.reads_fail = fails
        self.run(self.lose_and_find_the_line())

    @step(lucky=st.integers(0, 5))
    def dies(self, lucky: int) -> None:
        """Let the process die here and now, and start another one on what was safe."""
        self.crash(lucky)

    @step(share=shares, side=sides, when=st.sampled_from(["before", "after"]), price=st.none() | PRICES)
    def crash_while_placing(self, share: str, side: str, when: str, price: float | None) -> None:
        """Die while an order is on its way, taken or not."""
        self.broker.hangs = when
        self.enter(share, "hand", side, 5, price, "ok", protect=False)
        self.crash(0)

    @step(share=shares, owner=owners, orders=st.lists(st.tuples(sides, quantities, st.none() | PRICES), min_size=2, max_size=5))
    def burst(self, share: str, owner: str, orders: list[tuple[str, int, float | None]]) -> None:
        """Place several orders within one turn of the loop."""
        wanted = [
            request(Side[side], quantity, instrument=SHARES[share], owner=owner, **({} if price is None else {"price": price}))
            for side, quantity, price in orders
        ]
        self.run(self._submit(*wanted))

    @step(seconds=st.sampled_from([-600, -1, 0, 1, 600]))
    def step_clock(self, seconds: int) -> None:
        """Let somebody set the machine's clock."""
        self.set_clock(seconds)

    @step(is_rearmed=st.booleans())
    def next_day(self, is_rearmed: bool) -> None:
        """End the day: orders expire, the list is emptied, and the terminal is started in the morning."""
        self.run(self.rest())
        self.end_day()
        if is_rearmed and self.is_killed:
            self.rearm()

    @precondition(lambda self: not self.is_killed)
    @step(how=st.sampled_from(["not at all"] * 4 + ["here", "from outside"]), flatten=st.booleans())
    def press_kill(self, how: str, flatten: bool) -> None:
        """Press the kill switch now and then, here or in another process."""
        if how == "here":
            self.kill(flatten)
        elif how == "from outside":
            self.kill_from_outside(flatten)

    @precondition(lambda self: self.is_killed)
    @step()
    def take_kill_back(self) -> None:
        """Let a person take the kill switch back."""
        self.rearm()

    @precondition(lambda self: hasattr(self, "session"))
    @invariant()
    def nothing_is_broken(self) -> None:
        """Ask for all that must hold."""
        found = self.breaches()
        assert not found, "\n".join(found)

    def play_again(self) -> Iterator[str]:
        """Play all steps once more at an exchange of their own: the same journal must come of them, to the last hash."""
        again = type(self)()
        for name, facts, more in self.steps:
            getattr(again, name)(*facts, **more)
        for account in (self, again):
            list(account.watch.chain.follow(account.store.journal()))
        yield from histories_agree(self.watch.chain.hashes, again.watch.chain.hashes)
        again.die()
        again.close()

    def teardown(self) -> None:
        """Let everything come to rest, hold the books against the exchange's, and tell all news once more."""
        if hasattr(self, "session"):
            found = list(self.play_again()) if self.is_twice else []
            self.run(self.rest())
            found += self.breaches_at_rest()
            before = state_of(self.session)
            old = [update for update in self.market.line.sent if update.time_ns > self.market.clock.now_ns() - DAY_NS // 2]
            random.Random(len(old)).shuffle(old)
            self.run(self.hear(old))
            found += same_again(before, state_of(self.session))
            self.die()
            assert not found, "\n".join(found)
        self.close()


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

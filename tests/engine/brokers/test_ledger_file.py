"""The simulated broker's memory: what was reported is there again, and a replay goes on where it was killed."""

from __future__ import annotations

import sqlite3
import stat
from collections.abc import Callable, Coroutine
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.brokers.simulated import SimulatedBroker
from engine.brokers.simulated.ledger_file import LedgerFile
from engine.brokers.simulated.orders import ExchangeOrder
from engine.core.friction import Friction
from engine.core.model import (
    BrokerFill,
    Exchange,
    Instrument,
    InstrumentKind,
    Order,
    OrderRequest,
    OrderStatus,
    OrderType,
    OrderUpdate,
    Product,
    Side,
)
from engine.core.records import Rows
from tests.engine.brokers.sessions import LIMIT, OPEN_NS, RELIANCE, SL_M, FakeSession, bars_of

BUY, SELL = Side.BUY, Side.SELL
Run = Callable[[Coroutine[Any, Any, Any]], Any]

OPTION = Instrument(
    Exchange.NFO,
    "NIFTY25DEC26000CE",
    77,
    "NIFTY",
    InstrumentKind.CALL,
    Decimal("0.05"),
    75,
    expiry=date(2025, 12, 30),
    strike=Decimal(26000),
    freeze_quantity=1800,
)


def order_of(instrument: Instrument, number: int = 1, **request: Any) -> ExchangeOrder:
    order = Order(f"T{number:019d}", OrderRequest(instrument, BUY, 75, **request))
    return ExchangeOrder.received(order, f"{number:020d}", number, OPEN_NS)


def test_orders_and_fills_come_back_as_they_were(tmp_path: Path) -> None:
    file = LedgerFile(tmp_path / "book.sqlite", 1_000_000)
    order = order_of(OPTION, order_type=OrderType.SL, price=12.05, trigger_price=12.0, product=Product.NRML)
    order.filled, order.value_units, order.charges_units, order.status = 25, 3_012_500, 777, OrderStatus.PARTIAL
    fill = BrokerFill("X1", 25, 12.05, OPEN_NS)
    file.put_order(order)
    file.put_fill(order.id, fill, 777)
    order.fills.append(fill)
    file.be_at(OPEN_NS, 2)
    file.close()
    file = LedgerFile(tmp_path / "book.sqlite", 2_000_000)
    (again,) = file.orders()
    assert again.snapshot() == order.snapshot()
    assert (again.value_units, again.charges_units, again.instrument) == (3_012_500, 777, OPTION)
    assert list(file.fills()) == [(order.id, fill, 777)]
    assert file.position == (OPEN_NS, 2)
    assert file.mark == "1"
    file.close()


def test_a_fill_cannot_be_written_twice(tmp_path: Path) -> None:
    file = LedgerFile(tmp_path / "book.sqlite", 0)
    file.put_fill("1", BrokerFill("X1", 5, 10.0, 0), 0)
    with pytest.raises(sqlite3.IntegrityError):
        file.put_fill("1", BrokerFill("X1", 5, 10.0, 0), 0)
    file.close()


def test_what_was_not_committed_is_not_there(tmp_path: Path) -> None:
    file, other = LedgerFile(tmp_path / "book.sqlite", 0), LedgerFile(tmp_path / "book.sqlite", 0)
    file.put_order(order_of(RELIANCE))
    assert other.orders() == []
    file.commit()
    assert len(other.orders()) == 1
    file.close()
    other.close()


def test_only_the_user_can_read_it(tmp_path: Path) -> None:
    path = tmp_path / "new folder" / "book.sqlite"
    LedgerFile(path, 0).close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_forgetting_keeps_the_numbers_going(tmp_path: Path) -> None:
    file = LedgerFile(tmp_path / "book.sqlite", 5_000_000)
    file.put_order(order_of(RELIANCE))
    file.order_number = 1
    file.be_at(OPEN_NS, 1)
    file.clear()
    assert (file.orders(), list(file.fills()), file.position, file.order_number, file.mark) == ([], [], (0, 0), 1, "5")
    file.close()


class Killed(Exception):
    """The process is gone: nothing after this line happens."""


class Trader(FakeSession):
    """Turns with every bar, from what it sees alone: the same again on the same bars. It may protect what it holds."""

    def __init__(self, path: Path, *, protects: bool = False, resume: bool = False, friction: Friction | None = None) -> None:
        super().__init__(SimulatedBroker(replay={RELIANCE: walk(40)}, file=path, resume=resume, friction=friction))
        self.on_time_do = self.decide
        self.on_update_do = self.take
        self.on_ticks_do = lambda ticks: self.closes.append(float(ticks["last_price"][-1]))
        self.protects = protects
        self.is_late = friction is not None
        """What it decided at the moment of the cut has not filled yet, and must not be decided again."""
        self.position = 0
        self.seen: set[str] = set()
        self.working: set[str] = set()
        self.closes: list[float] = []

    async def play(self, prepare: Callable[[Trader], None] = lambda trader: None) -> None:
        """Take over what the broker knows, then run to the end."""
        await self.broker.connect()
        for update in await self.broker.orders():
            assert update.request is not None
            self.orders[update.tag] = Order(update.tag, update.request, OrderStatus.OPEN)
            self.note(update)
        await self.broker.subscribe([RELIANCE])
        prepare(self)
        await self.broker.start_market()
        await self.broker.wait_until_done()
        await self.broker.close()

    def note(self, update: OrderUpdate) -> bool:
        """Tell whether the update brought a new fill."""
        assert update.status is not None
        (self.working.discard if update.status.is_terminal else self.working.add)(update.tag)
        new = [fill for fill in update.fills if fill.trade_id not in self.seen]
        self.seen.update(fill.trade_id for fill in new)
        self.position += sum(self.orders[update.tag].request.side * fill.quantity for fill in new)
        return bool(new)

    def at_market(self) -> list[str]:
        return [tag for tag in self.working if self.orders[tag].request.order_type is OrderType.MARKET]

    def decide(self, time_ns: int) -> None:
        if (
            self.broker.is_warming_up
            or (self.is_late and time_ns <= self.broker.resumed_until_ns)
            or len(self.closes) < 2
            or self.at_market()
        ):
            return
        side = BUY if self.closes[-1] > self.closes[-2] else SELL
        if int(side) * self.position <= 0:
            self.send(side, 10 + abs(self.position))

    def send(self, side: Side, quantity: int, **request: Any) -> None:
        self.working.add(self.place(side, quantity, **request).id)

    def take(self, update: OrderUpdate) -> None:
        if not self.note(update) or not self.protects:
            return
        for tag in self.working - set(self.at_market()):
            self.working.discard(tag)
            self.cancel(self.orders[tag])
        if self.position:
            side = SELL if self.position > 0 else BUY
            price = update.fills[-1].price
            self.send(side, abs(self.position), order_type=SL_M, trigger_price=price + 2.0 * side)
            self.send(side, abs(self.position), order_type=LIMIT, price=price - 3.0 * side)


def walk(count: int) -> Rows:
    steps = np.random.default_rng(7).integers(-2, 3, size=(count, 4)).astype(float)
    opens = 500.0 + np.cumsum(steps[:, 0])
    closes = opens + steps[:, 1]
    highs, lows = np.maximum(opens, closes) + np.abs(steps[:, 2]), np.minimum(opens, closes) - np.abs(steps[:, 3])
    return bars_of(*zip(opens, highs, lows, closes, strict=True))


def book_of(path: Path) -> list[tuple[Any, ...]]:
    file = LedgerFile(path, 0)
    sides = {order.id: int(order.side) for order in file.orders()}
    made = [(sides[order_id] * fill.quantity, fill.price, fill.time_ns, charges) for order_id, fill, charges in file.fills()]
    file.close()
    return made


def test_a_replay_without_resume_begins_anew(loop_run: Run, tmp_path: Path) -> None:
    path = tmp_path / "book.sqlite"
    loop_run(Trader(path).play())
    first = book_of(path)
    loop_run(Trader(path).play())
    assert book_of(path) == first != []


def test_a_finished_replay_that_is_resumed_only_warms_up(loop_run: Run, tmp_path: Path) -> None:
    path = tmp_path / "book.sqlite"
    loop_run(Trader(path).play())
    first = book_of(path)
    again = Trader(path, resume=True)
    loop_run(again.play())
    assert len(again.frames) == 40
    assert book_of(path)[: len(first)] == first


def kill_after(commits: int) -> Callable[[Trader], None]:
    """Let the process die right after a commit, before anybody is told of what it holds; nothing is written after that."""

    def prepare(trader: Trader) -> None:
        broker: Any = trader.broker
        file, left = broker._file, [commits]
        commit = file.commit

        def counted() -> None:
            if left[0] > 0:
                left[0] -= file._is_open
                commit()
            if left[0] <= 0:
                raise Killed

        file.commit = broker._wire._commit = counted

    return prepare


async def kill(trader: Trader, commits: int) -> None:
    """Run until it dies, and leave the file as a killed process leaves it."""
    with pytest.raises(Killed):
        await trader.play(kill_after(commits))
    broker: Any = trader.broker
    broker._wire.close()
    broker._file._db.close()


@pytest.mark.logs_warnings
@pytest.mark.parametrize("commits", range(1, 47, 3))
def test_killed_after_any_commit_and_resumed_it_makes_the_fills_of_an_unbroken_run(loop_run: Run, tmp_path: Path, commits: int) -> None:
    whole, path = tmp_path / "whole.sqlite", tmp_path / "killed.sqlite"
    loop_run(Trader(whole).play())
    loop_run(kill(Trader(path), commits))
    before = book_of(path)
    loop_run(Trader(path, resume=True).play())
    assert book_of(whole)[: len(before)] == before
    assert book_of(path) == book_of(whole)


@pytest.mark.logs_warnings
@pytest.mark.parametrize("commits", range(2, 120, 9))
def test_killed_amid_stops_and_targets_nothing_is_lost_or_filled_twice(loop_run: Run, tmp_path: Path, commits: int) -> None:
    path = tmp_path / "killed.sqlite"
    loop_run(kill(Trader(path, protects=True), commits))
    before = book_of(path)
    again = Trader(path, protects=True, resume=True)
    loop_run(again.play())
    after = book_of(path)
    assert after[: len(before)] == before
    assert [row[2] for row in after] == sorted(row[2] for row in after)
    assert again.position == sum(row[0] for row in after)
    file = LedgerFile(path, 0)
    assert all(sum(fill.quantity for fill in order.fills) == order.filled <= order.quantity for order in file.orders())
    file.close()


@pytest.mark.logs_warnings
@pytest.mark.parametrize("commits", range(2, 62, 5))
@pytest.mark.parametrize("friction", [Friction(participation=0.07, slippage_ticks=1), Friction(latency_bars=2, participation=0.2)])
def test_killed_while_orders_are_on_their_way_or_filled_in_part_it_goes_on_as_if_nothing_had_been(
    loop_run: Run, tmp_path: Path, commits: int, friction: Friction
) -> None:
    whole, path = tmp_path / "whole.sqlite", tmp_path / "killed.sqlite"
    loop_run(Trader(whole, friction=friction).play())
    made = book_of(whole)
    assert len({row[2] for row in made}) >= 10
    loop_run(kill(Trader(path, friction=friction), min(commits, len(made))))
    loop_run(Trader(path, resume=True, friction=friction).play())
    assert book_of(path) == made


def test_a_file_of_an_older_version_is_made_to_fit(tmp_path: Path) -> None:
    path = tmp_path / "book.sqlite"
    LedgerFile(path, 0).close()
    with sqlite3.connect(path) as db:
        for column in ("delay_bars", "is_sliced"):
            db.execute(f"ALTER TABLE orders DROP COLUMN {column}")
    file = LedgerFile(path, 0)
    file.put_order(order_of(RELIANCE))
    file.commit()
    assert [(order.delay_bars, order.is_sliced) for order in file.orders()] == [(0, False)]
    file.close()


@pytest.mark.logs_warnings
def test_charges_of_a_slice_go_on_after_a_restart(loop_run: Run, tmp_path: Path) -> None:
    """An option's brokerage is 20 rupees an order, whatever it is worth: each slice pays it once."""
    frozen = replace(OPTION, freeze_quantity=150)
    rows = bars_of(*[(100.0, 101.0, 99.0, 100.0)] * 12)
    rows["volume"] = 75.0

    def trader(resume: bool) -> FakeSession:
        broker = SimulatedBroker(
            replay={frozen: rows}, file=tmp_path / "book.sqlite", resume=resume, friction=Friction(participation=1.0), interval_s=60
        )
        return FakeSession(broker)

    async def part(session: FakeSession, commits: int | None) -> None:
        await session.broker.connect()
        if commits is not None:
            session.place(BUY, 300, instrument=frozen, product=Product.NRML, is_sliced=True)
            kill_after(commits)(session)  # type: ignore[arg-type]
        await session.broker.start_market()
        await session.broker.wait_until_done()
        await session.broker.close()

    with pytest.raises(Killed):
        loop_run(part(trader(False), 4))
    loop_run(part(trader(True), None))
    charges = [row[3] for row in book_of(tmp_path / "book.sqlite")]
    assert len(charges) == 4
    assert charges[0] > 20 * 10_000 > charges[1]
    assert charges[2:] == charges[:2]

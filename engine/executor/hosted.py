"""One symbol of a strategy that runs in a process of its own: bars go in with what is held, wishes come out, checked as a stranger's.

Nothing waits for the process: it is asked, and whoever asked hears the answer in a later turn of the loop. A replayed market waits.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

from engine.authored.classes import Desk, StrategyFault
from engine.authored.signals import NOTHING, checked
from engine.core.bars import SECOND_NS
from engine.core.model import UNITS, Fill, Instrument
from engine.core.records import Row, Rows
from engine.executor.config import StrategyConfig
from engine.executor.leg import Leg, Wish
from engine.host.answers import Answer
from engine.host.limits import Limits
from engine.host.process import StrategyProcess
from engine.host.wire import encode_instrument
from engine.tasks import Tasks


class PastDesk(Desk, Protocol):
    """Whoever knows what a strategy holds, and what it held."""

    fills: list[Fill]
    """What it did before it was started, in order."""

    def position_at(self, time_ns: int) -> int:
        """Return the signed quantity held before that moment of the past."""
        ...


class HostedLeg(Leg):
    """What a strategy in a process of its own keeps of one symbol here."""

    def __init__(
        self, config: StrategyConfig, instrument: Instrument, slot: int, desk: PastDesk, process: StrategyProcess, seat: int
    ) -> None:
        """`seat`: the number of the symbol's instance in the process."""
        super().__init__(config, instrument, slot)
        self.process = process
        self.notes: list[Mapping[str, Any]] = []
        """What the strategy noted after the last two bars that changed it: {"at_ns", "state"}."""
        self._desk, self._seat = desk, seat
        self._interval_ns = config.interval_s * SECOND_NS
        self._untold = list(desk.fills)
        self._is_live = False
        self._what = f"on_bar of {instrument.symbol}"

    def ask(self, bar: Row, then: Callable[[Answer], None], *, is_past: bool) -> None:
        """Ask what is wanted after a closed bar; `then` hears the answer. `is_past`: nobody will act on it."""
        values = bar.item()
        self.decided_ns = values[0]
        question = {
            "ask": "bar",
            "seat": self._seat,
            "row": [None if value != value else value for value in values],
            "held": self._desk.position_at(values[0] + self._interval_ns) if is_past else self._desk.position(),
            "equity": self._desk.equity(),
            "past": is_past,
            "fills": self._news(values[0], is_past=is_past),
        }
        self.process.ask(question, lambda answer: self._hear(values[0], answer, then), self._what)

    def on_fill(self, fill: Fill) -> None:
        """Keep an execution until the next bar."""
        if fill.instrument.key == self.instrument.key:
            self._untold.append(fill)

    def _news(self, time_ns: int, *, is_past: bool) -> list[tuple[int, int, float, float, str]]:
        """Return what was filled before the bar of that time was over, and not told yet; what came before the first live bar is history."""
        if not is_past and not self._is_live:
            self._is_live = True
            self._untold = [each for each in self._untold if each.time_ns >= time_ns]
        if not self._untold:
            return []
        due = [each for each in self._untold if each.time_ns < time_ns + self._interval_ns]
        self._untold = [each for each in self._untold if each.time_ns >= time_ns + self._interval_ns]
        return [(f.time_ns, f.signed_quantity, f.price, f.charges_units / UNITS, f.purpose.value) for f in due]

    def wish_of(self, answer: Answer) -> Wish:
        """Return what an answer wishes for; raises StrategyFault for what the strategy raised, or what cannot be."""
        if answer.fault:
            raise StrategyFault(answer.fault)
        return checked(Wish._make(NOTHING if answer.wish is None else answer.wish))

    def learnt(self, wish: Wish) -> None:
        """Take a wish of the past as acted on."""
        if wish.target == wish.target:
            self.held_target = wish.target

    async def learn_all(self, rows: Rows) -> None:
        """Let the strategy see closed bars of the past (BAR rows); raises StrategyFault for whatever it raises."""
        answers: list[Answer] = []
        done = asyncio.get_running_loop().create_future()

        def take(answer: Answer) -> None:
            answers.append(answer)
            if len(answers) == len(rows):
                done.set_result(None)

        for bar in rows:
            self.ask(bar, take, is_past=True)
        if len(rows):
            await self.process.until(done)
        for answer in answers:
            self.learnt(self.wish_of(answer))

    def take_notes(self, at_ns: int, state: Mapping[str, Any]) -> None:
        """Keep what the strategy noted after the bar of that time."""
        self.notes = [*(each for each in self.notes if each["at_ns"] < at_ns), {"at_ns": at_ns, "state": state}][-2:]

    def _hear(self, at_ns: int, answer: Answer, then: Callable[[Answer], None]) -> None:
        if answer.state is not None:
            self.take_notes(at_ns, answer.state)
        then(answer)


async def hosted_legs(
    config: StrategyConfig,
    symbols: Iterable[tuple[Instrument, int, PastDesk]],
    kept: Mapping[str, Any],
    tasks: Tasks,
    limits: Limits,
) -> list[HostedLeg]:
    """Start the strategy's process and seat each symbol (instrument, row on the board, desk) in it.

    `kept`: notes of before a restart by instrument key. Raises StrategyFault when the strategy cannot begin; then no process is left.
    """
    assert config.code is not None
    process = StrategyProcess(tasks, config.name, limits)
    try:
        await process.start(config.code)
        legs = []
        for seat, (instrument, slot, desk) in enumerate(symbols):
            leg = HostedLeg(config, instrument, slot, desk, process, seat)
            leg.notes = list(kept.get(instrument.key, ()))
            await process.call(_seat(config, instrument, leg.notes), f"on_start of {instrument.symbol}", limits.start_s)
            legs.append(leg)
    except BaseException:
        process.kill()
        raise
    return legs


def _seat(config: StrategyConfig, instrument: Instrument, kept: list[Mapping[str, Any]]) -> dict[str, Any]:
    given = {"values": dict(config.parameters), "instrument": encode_instrument(instrument), "interval_s": config.interval_s}
    return {"ask": "seat", "kept": kept, **given}


def process_of(legs: Iterable[Leg]) -> StrategyProcess | None:
    """Return the process that the legs' strategy runs in, None when it runs here."""
    return next((leg.process for leg in legs if isinstance(leg, HostedLeg)), None)

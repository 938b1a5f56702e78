"""Asks a strategy what it wants, wherever its code lives: a template and a function here, a class of the user's in its own process.

What comes back is acted on by whoever runs the strategy; what goes wrong is told to the same, and ends this strategy only.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

from engine.authored.classes import StrategyFault
from engine.authored.signals import SignalCallback
from engine.core.model import Fill, Quote
from engine.core.records import Row
from engine.executor.config import StrategyConfig
from engine.executor.hosted import HostedLeg, process_of
from engine.executor.leg import Leg, Seen, Wish
from engine.executor.notes import StrategyNotes
from engine.executor.watch import Watch
from engine.host.answers import Answer
from engine.host.process import StrategyProcess
from engine.session import TradingSession

Act = Callable[[Leg, Wish, Seen], None]


class Decider:
    """The decisions of one strategy, from its start to its end."""

    def __init__(self, session: TradingSession, config: StrategyConfig, watch: Watch) -> None:
        self.act: Act = lambda leg, wish, seen: None
        """Does what is wished for."""
        self.fault: Callable[[Exception], None] = lambda error: None
        """Is told of what went wrong after it was asked."""
        self.notes = StrategyNotes(session, config)
        self.watch = watch
        self._session = session
        self._process: StrategyProcess | None = None
        self._legs: list[Leg] = []
        self._ending: asyncio.Task[None] | None = None

    def begin(self, legs: Iterable[Leg]) -> None:
        """Watch over these from now on."""
        self._legs = list(legs)
        self.notes.follow(self._legs)
        self._process = process_of(self._legs)
        if self._process is not None:
            self._process.on_lost = lambda fault: self.fault(fault)

    def ask(self, leg: Leg, bar: Row, seen: Seen, *, is_past: bool) -> None:
        """Ask for a decision on a closed bar, and act on it, now or once the answer is there; of the past it is only learnt."""
        if isinstance(leg, HostedLeg):
            leg.ask(bar, lambda answer: self._on_answer(leg, seen, answer, is_past=is_past), is_past=is_past)
            return
        if is_past:
            leg.learn(bar)
        else:
            self.act(leg, self.watch.timed(f"on_bar of {leg.instrument.symbol}", lambda: leg.decide(bar)), seen)
        self.notes.note()

    def ask_function(self, leg: Leg, function: SignalCallback, bar: Row, seen: Seen, quote: Quote, held: int) -> None:
        """Ask a function of the user's, which runs here, and act on its answer."""
        what = f"the function for {leg.instrument.symbol}"
        self.act(leg, self.watch.timed(what, lambda: leg.decide_by(function, bar, quote, held)), seen)

    def on_fill(self, fill: Fill) -> None:
        """Let a class hear of an execution with its next bar."""
        if self._process is not None:
            for leg in self._legs:
                if isinstance(leg, HostedLeg):
                    leg.on_fill(fill)

    def kill(self) -> None:
        """End at once; what was noted is kept."""
        if self._process is not None:
            self._process.kill()
        if self._legs:
            self.notes.write()

    def end(self) -> None:
        """Let the strategy end in the background: on_stop has as long as any callback."""
        process, self._process = self._process, None
        if process is not None and process.is_alive:
            process.on_lost = lambda fault: None
            self._ending = self._session.tasks.spawn(self._farewell(process), "end of a strategy")
        elif self._legs:
            self.notes.write()

    async def ended(self) -> None:
        """Wait until the end is over: what was noted last is written before anybody reads it."""
        if self._ending is not None:
            await asyncio.wait({self._ending})

    async def _farewell(self, process: StrategyProcess) -> None:
        try:
            answer = await process.end()
        except StrategyFault as fault:
            self.watch.warn(f"on_stop went wrong: {fault}")
        else:
            if answer is not None:
                self._take_last(answer)
        self.notes.write()

    def _take_last(self, answer: Answer) -> None:
        self.watch.heard(answer, "on_stop")
        for leg, state in zip(self._legs, answer.states, strict=False):
            if isinstance(leg, HostedLeg) and state is not None:
                leg.take_notes(leg.decided_ns, state)

    def _on_answer(self, leg: HostedLeg, seen: Seen, answer: Answer, *, is_past: bool) -> None:
        self.watch.heard(answer, f"on_bar of {leg.instrument.symbol}")
        try:
            wish = leg.wish_of(answer)
        except StrategyFault as fault:
            self.fault(fault)
            return
        if is_past:
            leg.learnt(wish)
        else:
            self.act(leg, wish, seen)
        if leg.notes:
            self.notes.note()

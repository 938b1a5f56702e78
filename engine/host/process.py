"""A strategy's process as the terminal sees it: questions go in, answers are checked, and one that does not answer is killed.

All of it happens on the session's loop, which never waits for the process. Answers come in the order of the questions.
"""

from __future__ import annotations

import asyncio
import base64
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from engine.authored.classes import StrategyFault
from engine.authored.files import StrategyCode
from engine.core.errors import UserError
from engine.host.answers import Answer, read_answer
from engine.host.limits import LIMITS, Limits
from engine.host.spawning import Process, has_ended, how_it_ended, kill, spawn
from engine.host.wire import Frames, Garbled, pack
from engine.tasks import Tasks

GRACE = 0.1
"""A late answer may lie unread while our own loop was busy: it gets this share of its time once more before it counts as late."""

LOOK_S, LOOKS = 0.002, 1_000
"""How often it is looked whether a process is gone, and how many times whether one that has closed its line ends by itself."""

MOST_WAITING = 10_000
"""Questions that may wait for an answer: more means that it does not keep up."""

Then = Callable[[Answer], None]


class _Asked(NamedTuple):
    then: Then
    limit_s: float
    what: str


class StrategyProcess(asyncio.Protocol):
    """One strategy in a process of its own."""

    def __init__(self, tasks: Tasks, name: str, limits: Limits = LIMITS) -> None:
        """Nothing runs before `start`. `tasks`: the session's, which wait for answers that are due; `name` is for messages."""
        self._tasks, self._name, self._limits = tasks, name, limits
        self.on_lost: Callable[[StrategyFault], None] = lambda fault: None
        """Is told once when the process is lost while it is wanted."""
        self.on_answer: Then = lambda answer: None
        """Hears every answer, before whoever asked."""
        self.fault: StrategyFault | None = None
        """Why it is gone; None while it lives."""
        self._process: Process | None = None
        self._line: asyncio.Transport | None = None
        self._frames = Frames()
        self._asked: deque[_Asked] = deque()
        self._since_s = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._due_s = 0.0
        self._is_suspect = False
        self._still: asyncio.Future[None] | None = None
        self._gone: asyncio.Future[None] | None = None

    async def start(self, code: StrategyCode) -> Answer:
        """Start the process and let it read the file; returns what the file is. Raises StrategyFault when that fails."""
        loop = asyncio.get_running_loop()
        self._gone = loop.create_future()
        try:
            self._process, ours = spawn()
        except OSError as error:
            raise StrategyFault(
                f"A process for {self._name} cannot be started: {error}; end what you do not need, and try again."
            ) from error
        ours.setblocking(False)
        await loop.create_connection(lambda: self, sock=ours)
        self._tasks.spawn(self._live(self._gone), f"process of {self._name}", service=True)
        return await self.call(load_question(code), "reading its file", self._limits.load_s)

    @property
    def is_alive(self) -> bool:
        """Tell whether it can be asked."""
        return self._process is not None and self.fault is None

    async def call(self, question: Mapping[str, Any], what: str, limit_s: float | None = None) -> Answer:
        """Ask, and return the answer; raises StrategyFault when the strategy raised, or the process is lost."""
        loop, told = asyncio.get_running_loop(), []
        done = loop.create_future()

        def take(answer: Answer) -> None:
            told.append(answer)
            done.set_result(None)

        self.ask(question, take, what, limit_s)
        await self.until(done)
        if told[0].fault:
            raise StrategyFault(told[0].fault)
        return told[0]

    async def until(self, done: asyncio.Future[None]) -> None:
        """Wait for an answer; raises StrategyFault when the process is lost before."""
        assert self._gone is not None
        await asyncio.wait({done, self._gone}, return_when=asyncio.FIRST_COMPLETED)
        if not done.done():
            raise self.fault or StrategyFault(f"The process of {self._name} was ended.")

    def ask(self, question: Mapping[str, Any], then: Then, what: str, limit_s: float | None = None) -> None:
        """Ask without waiting: `then` hears the answer. `what` says in words what it is about; a process that is gone hears nothing."""
        if self._line is None or self.fault is not None:
            return
        if len(self._asked) >= MOST_WAITING:
            self._lose(f"does not keep up: {len(self._asked):,} questions wait for an answer")
            return
        self._line.write(pack(question))
        self._asked.append(_Asked(then, limit_s or self._limits.stop_s, what))
        if len(self._asked) == 1:
            self._watch()
            self._still = asyncio.get_running_loop().create_future()
            self._tasks.spawn(_wait(self._still), f"answers of {self._name}")

    async def end(self) -> Answer | None:
        """Let the strategy end, as long as a callback may take, then end the process; returns its last answer, if it gave one."""
        answer = None
        if self.is_alive:
            try:
                answer = await self.call({"ask": "stop"}, "on_stop")
            finally:
                self.kill()
                await self.wait_until_gone()
        return answer

    def kill(self, fault: StrategyFault | None = None) -> None:
        """End the process now, with all that it may have started; nobody is told."""
        if self._end(fault):
            self._tasks.spawn(self.wait_until_gone(), f"end of {self._name}")

    def _end(self, fault: StrategyFault | None = None) -> bool:
        """End the process; tells whether there was one."""
        if self.fault is not None or self._process is None:
            return False
        self.fault = fault or StrategyFault(f"The process of {self._name} was ended.")
        kill(self._process)
        if self._line is not None:
            self._line.abort()
        if self._timer is not None:
            self._timer.cancel()
        self._asked.clear()
        self._answered()
        if self._gone is not None and not self._gone.done():
            self._gone.set_result(None)
        return True

    async def _live(self, gone: asyncio.Future[None]) -> None:
        """Stand for the process among the session's services: it ends with them."""
        try:
            await asyncio.wait({gone})
        except asyncio.CancelledError:
            self._end()
            await self.wait_until_gone()
            raise

    async def wait_until_gone(self) -> None:
        """Return once the system has forgotten the process."""
        while self._process is not None and self._process.poll() is None:  # noqa: ASYNC110  # the system tells no loop
            await asyncio.sleep(LOOK_S)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Have the line."""
        assert isinstance(transport, asyncio.Transport)
        self._line = transport

    def data_received(self, data: bytes) -> None:
        """Take what the process says; whatever is no answer to a question loses it."""
        try:
            for message in self._frames.feed(data):
                if self.fault is not None:
                    return
                self._take(read_answer(message))
        except (Garbled, StrategyFault) as fault:
            self._lose(f"said what no strategy says: {fault}")

    def connection_lost(self, error: Exception | None) -> None:
        """Find out how it ended."""
        if self.fault is None and self._process is not None:
            self._tasks.spawn(self._tell_end(self._process), f"end of {self._name}")

    def _take(self, answer: Answer) -> None:
        if not self._asked:
            raise StrategyFault("it spoke without being asked")
        asked = self._asked.popleft()
        self._watch()
        self.on_answer(answer)
        asked.then(answer)
        if not self._asked:
            self._answered()

    def _answered(self) -> None:
        """Nothing is due any more: a replayed market may go on."""
        still, self._still = self._still, None
        if still is not None and not still.done():
            still.set_result(None)

    def _watch(self) -> None:
        """Look at the clock for the question whose turn it is now."""
        loop = asyncio.get_running_loop()
        self._since_s, self._is_suspect = loop.time(), False
        if self._asked and (self._timer is None or self._due_s > self._since_s + self._asked[0].limit_s):
            self._arm(self._asked[0].limit_s)

    def _arm(self, seconds: float) -> None:
        """Look again in so many seconds; one timer does for many questions."""
        loop = asyncio.get_running_loop()
        if self._timer is not None:
            self._timer.cancel()
        self._due_s, self._timer = loop.time() + seconds, loop.call_later(seconds, self._on_time)

    def _on_time(self) -> None:
        """Kill what has not answered in time; where another question's turn has come meanwhile, look again when its time is over."""
        self._timer = None
        if not self._asked:
            return
        asked = self._asked[0]
        left_s = self._since_s + asked.limit_s - asyncio.get_running_loop().time()
        if left_s <= 0.0:
            if self._is_suspect:
                self._lose(f"did not come back from {asked.what} within {asked.limit_s:g} s")
                return
            self._is_suspect, left_s = True, GRACE * asked.limit_s
        self._arm(left_s)

    async def _tell_end(self, process: Process) -> None:
        for _ in range(LOOKS):
            if has_ended(process):
                break
            await asyncio.sleep(LOOK_S)
        is_over = has_ended(process)
        kill(process)
        await self.wait_until_gone()
        code = process.returncode if is_over else None
        busy = f" during {self._asked[0].what}" if self._asked else ""
        self._lose(f"{how_it_ended(code)}{busy}")

    def _lose(self, why: str) -> None:
        """Give the process up, and tell."""
        if self.fault is None:
            fault = StrategyFault(f"The process of {self._name} {why}; mend the strategy and start it again.")
            self.kill(fault)
            self.on_lost(fault)


async def _wait(still: asyncio.Future[None]) -> None:
    await still


def load_question(code: StrategyCode) -> dict[str, Any]:
    """Ask what a file is: the text that was looked at goes in, not the path alone."""
    source = base64.b64encode(code.source).decode()
    question = {"ask": "load", "path": str(code.path), "source": source}
    try:
        pack(question)
    except ValueError as error:
        raise UserError(f"{code.path.name} is too long for a strategy: {error}") from None
    return question

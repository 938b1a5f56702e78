"""A real strategy process: whatever it does, the loop goes on, and it ends with words."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any

import pytest

from engine.authored.classes import StrategyFault
from engine.authored.files import StrategyCode
from engine.core.model import Exchange, Instrument
from engine.host.answers import Answer
from engine.host.limits import LIMITS
from engine.host.process import StrategyProcess
from engine.host.spawning import how_it_ended
from engine.host.wire import encode_instrument
from engine.tasks import Tasks
from tests.engine.host.conftest import CodeOf

LoopRun = Callable[[Coroutine[Any, Any, Any]], Any]

SEAT = {
    "ask": "seat", "values": {}, "instrument": encode_instrument(Instrument(Exchange.NSE, "RELIANCE", 1)), "interval_s": 60, "kept": [],
}  # fmt: skip
IMPATIENT = replace(LIMITS, stop_s=0.05)


def bar(number: int = 1) -> dict[str, Any]:
    row = [number * 60_000_000_000, 0, 0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0]
    return {"ask": "bar", "seat": 0, "row": row, "held": 0, "equity": 1.0, "past": False, "fills": []}


async def begun(code: StrategyCode, limits: Any = LIMITS) -> tuple[StrategyProcess, list[str]]:
    process, lost = StrategyProcess(Tasks(), "mine", limits), []
    await process.start(code)
    await process.call(SEAT, "on_start", LIMITS.start_s)
    process.on_lost = lambda fault: lost.append(str(fault))
    return process, lost


async def lost_by(process: StrategyProcess, *questions: dict[str, Any]) -> None:
    """Ask, and wait until the process is lost and gone."""
    for question in questions:
        process.ask(question, lambda answer: None, "on_bar")
    assert process._gone is not None
    await process._gone
    await process._tasks.close()


@pytest.fixture(autouse=True)
def _short_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.host.process.LOOKS", 100)


def test_it_answers_prints_and_ends(code: CodeOf, loop_run: LoopRun) -> None:
    async def scenario() -> None:
        process, lost = await begun(
            code("""
            def on_bar(self, bar):
                print("seen", bar.close)
                self.buy()
            def on_stop(self):
                self.state["ended"] = 1
            """)
        )
        heard: list[Answer] = []
        process.on_answer = heard.append
        for number in range(3):
            process.ask(bar(number), lambda answer: None, "on_bar")
        await process._tasks.settle()  # a replayed market waits for exactly this
        assert [(answer.wish and answer.wish[0], answer.said) for answer in heard] == [(1.0, "seen 1.0\n")] * 3
        last = await process.end()
        assert last is not None
        assert last.states == ({"ended": 1},)
        assert not process.is_alive
        assert not lost
        assert await process.end() is None
        process.ask(bar(), heard.append, "on_bar")
        await process._tasks.close()

    loop_run(scenario())


@pytest.mark.parametrize(
    "body",
    ["def on_bar(self, bar):\n    time.sleep(30)", "def on_bar(self, bar):\n    while True: pass",
     "def on_bar(self, bar):\n    while True:\n        try:\n            time.sleep(1)\n        except BaseException: pass"],
)  # fmt: skip
def test_what_does_not_come_back_is_killed(code: CodeOf, loop_run: LoopRun, body: str) -> None:
    async def scenario() -> None:
        process, lost = await begun(code(body), IMPATIENT)
        await lost_by(process, bar(), bar())
        assert lost == ["The process of mine did not come back from on_bar within 0.05 s; mend the strategy and start it again."]
        assert process._process is not None
        assert process._process.returncode == -9
        with pytest.raises(StrategyFault, match=r"within 0\.05 s"):
            raise process.fault or AssertionError

    loop_run(scenario())


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("def on_bar(self, bar):\n    os._exit(3)", "ended by itself with exit code 3 during on_bar"),
        ("def on_bar(self, bar):\n    sys.exit()", "ended by itself with exit code 0 during on_bar"),
        ("def on_bar(self, bar):\n    os.closerange(3, 60)\n    time.sleep(30)", "closed its line during on_bar"),
        ("def on_bar(self, bar):\n    os.kill(os.getpid(), 11)", r"crashed \(SIGSEGV\) during on_bar"),
        ("def on_bar(self, bar):\n    for fd in range(3, 60):\n        try: os.write(fd, b'rubbish' * 99)\n        except OSError: pass",
         "said what no strategy says"),
        ("def on_bar(self, bar):\n    for fd in range(3, 60):\n        try:\n"
         "            for _ in range(9999): os.write(fd, b'\\2\\0\\0\\0{}')\n        except OSError: pass", "spoke without being asked"),
    ],
)  # fmt: skip
def test_what_ends_or_says_what_it_should_not_is_lost_with_words(code: CodeOf, loop_run: LoopRun, body: str, words: str) -> None:
    async def scenario() -> None:
        process, lost = await begun(code(body))
        await lost_by(process, bar())
        assert len(lost) == 1
        with pytest.raises(StrategyFault, match=words):
            raise process.fault or AssertionError

    loop_run(scenario())


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("def on_bar(self, bar):\n    self.hog = bytearray(8 << 30)", "MemoryError"),
        ("def on_bar(self, bar):\n    while True: os.fork()", "starts no processes"),
        ("def on_bar(self, bar):\n    os.system('true')", "starts no processes"),
        ("def on_bar(self, bar):\n    self.kept = [open('/dev/null') for _ in range(1000)]", "Too many open files"),
        ("def on_bar(self, bar):\n    self.on_bar(bar)", "RecursionError"),
    ],
)
def test_what_takes_too_much_is_refused_it(code: CodeOf, loop_run: LoopRun, body: str, words: str) -> None:
    async def scenario() -> None:
        process, _ = await begun(code(body))
        with pytest.raises(StrategyFault, match=words):
            await process.call(bar(), "on_bar")
        process.kill()
        await process._tasks.close()

    loop_run(scenario())


def test_it_is_bound_to_its_limits(code: CodeOf, loop_run: LoopRun) -> None:
    async def scenario() -> None:
        process, _ = await begun(
            code("""
            def on_bar(self, bar):
                import resource
                names = ("RLIMIT_AS", "RLIMIT_NOFILE", "RLIMIT_FSIZE", "RLIMIT_NPROC", "RLIMIT_CORE", "RLIMIT_CPU")
                self.state["limits"] = {name: resource.getrlimit(getattr(resource, name))[0] for name in names}
            """)
        )
        told = (await process.call(bar(), "on_bar")).state
        assert told is not None
        cpu_s = told["limits"].pop("RLIMIT_CPU")
        assert LIMITS.cpu_s < cpu_s < LIMITS.cpu_s + 30
        assert told["limits"] == {
            "RLIMIT_AS": 2 << 30, "RLIMIT_NOFILE": 64, "RLIMIT_FSIZE": 64 << 20, "RLIMIT_NPROC": 4096, "RLIMIT_CORE": 0,
        }  # fmt: skip
        process.kill()
        await process._tasks.close()

    loop_run(scenario())


def test_it_inherits_neither_secrets_nor_files(code: CodeOf, loop_run: LoopRun, monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    monkeypatch.setenv("KITE_ACCESS_TOKEN", "s3cret")
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:1")

    async def scenario() -> None:
        with (tmp_path / "ours").open("w") as ours:
            os.set_inheritable(ours.fileno(), True)
            process, _ = await begun(
                code("""
                def on_bar(self, bar):
                    self.state["environment"] = dict(os.environ)
                    self.state["files"] = [os.readlink(f"/proc/self/fd/{each}") for each in os.listdir("/proc/self/fd") if int(each) < 60
                                           and os.path.exists(f"/proc/self/fd/{each}")]
                    self.state["session"] = os.getsid(0)
                    self.state["keyring"] = os.environ.get("PYTHON_KEYRING_BACKEND")
                """)
            )
            told = (await process.call(bar(), "on_bar")).state
        assert told is not None
        assert "s3cret" not in str(told)
        assert "127.0.0.1" not in str(told)
        assert str(tmp_path / "ours") not in told["files"]
        assert told["session"] != os.getsid(0)
        process.kill()
        await process._tasks.close()

    loop_run(scenario())


def test_it_is_gone_when_nobody_holds_the_other_end(code: CodeOf, loop_run: LoopRun) -> None:
    async def scenario() -> None:
        process, _ = await begun(code("def on_bar(self, bar): pass"))
        assert process._line is not None
        process.fault = StrategyFault("as if we had died")
        process._line.abort()
        await process.wait_until_gone()
        assert process._process is not None
        assert process._process.returncode == 0
        await process._tasks.close()

    loop_run(scenario())


def test_a_busy_loop_of_ours_kills_nobody(code: CodeOf, loop_run: LoopRun) -> None:
    async def scenario() -> None:
        process, lost = await begun(code("def on_bar(self, bar): pass"), IMPATIENT)
        heard: list[Answer] = []
        process.ask(bar(), heard.append, "on_bar")
        process._since_s -= 10.0  # the time is over, and the answer lies unread
        process._on_time()
        await process._tasks.settle()
        assert len(heard) == 1
        assert not lost
        process.kill()
        await process._tasks.close()

    loop_run(scenario())


def test_a_process_that_falls_behind_without_end_is_given_up(code: CodeOf, loop_run: LoopRun, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.host.process.MOST_WAITING", 3)

    async def scenario() -> None:
        process, lost = await begun(code("def on_bar(self, bar): time.sleep(1)"))
        await lost_by(process, bar(), bar(), bar(), bar())
        assert "does not keep up: 3 questions wait" in lost[0]

    loop_run(scenario())


def test_a_system_that_starts_no_process_is_told(code: CodeOf, loop_run: LoopRun, monkeypatch: pytest.MonkeyPatch) -> None:
    def full() -> Any:
        raise OSError(11, "Resource temporarily unavailable")

    monkeypatch.setattr("engine.host.process.spawn", full)

    async def scenario() -> None:
        with pytest.raises(StrategyFault, match=r"cannot be started: .*temporarily unavailable"):
            await StrategyProcess(Tasks(), "mine").start(code("def on_bar(self, bar): pass"))

    loop_run(scenario())


@pytest.mark.parametrize(
    ("code_", "words"), [(None, "closed its line"), (1, "exit code 1"), (-24, "more processor time"), (-9, "SIGKILL"), (-99, "signal 99")]
)
def test_how_it_ended_is_told_in_words(code_: int | None, words: str) -> None:
    assert words in how_it_ended(code_)


def test_asked_after_its_end_nothing_happens(code: CodeOf, loop_run: LoopRun) -> None:
    async def scenario() -> None:
        process, _ = await begun(code("def on_bar(self, bar): pass"))
        asking = asyncio.ensure_future(process.call(bar(), "on_bar"))
        await asyncio.sleep(0)
        process.kill()
        process.kill()
        with pytest.raises(StrategyFault, match="was ended"):
            await asking
        await process._tasks.close()

    loop_run(scenario())

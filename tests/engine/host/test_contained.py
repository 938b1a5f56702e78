"""A strategy that goes wrong in a real session: it alone is stopped, its protection stays, and everything else trades on."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.brokers.simulated import SimulatedBroker
from engine.clock import ManualClock
from engine.core.bars import MINUTE_NS
from engine.core.errors import TradingError
from engine.core.model import Exchange, Instrument, OrderStatus, Purpose, StrategyState, TradingState
from engine.core.records import BAR, Rows
from engine.executor.executor import StrategyExecutor
from engine.executor.notes import setting_of
from engine.host.limits import LIMITS
from engine.session import TradingSession
from engine.store import Store
from tests.engine.host.conftest import CodeOf

OPEN_NS = 1_761_709_500 * 10**9  # 2025-10-29 09:15 IST
RELIANCE, TCS = Instrument(Exchange.NSE, "RELIANCE", 738561), Instrument(Exchange.NSE, "TCS", 2953217)
S = StrategyState

pytestmark = pytest.mark.usefixtures("read_here")


def bars() -> Rows:
    """Twelve quiet minutes."""
    rows = np.zeros(12, dtype=BAR)
    rows["session_minute"] = np.arange(12)
    rows["time_ns"] = OPEN_NS + np.arange(12) * MINUTE_NS
    for name, shift in (("open", 0.0), ("high", 0.5), ("low", -0.5), ("close", 0.0)):
        rows[name] = 100.0 + shift
    rows["volume"] = 100
    return rows


class Stage:
    """A session over quiet bars of two shares, with a database."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.broker = SimulatedBroker(replay={RELIANCE: bars(), TCS: bars()}, tariff="none", file=folder / "exchange.db", capital=1e7)
        self.store = Store.open(folder / "shikra.db")
        self.wall = ManualClock(1)
        self.session = TradingSession(self.broker, self.store, limits={}, capital_units=10**11, account="test", wall=self.wall)
        self.told: list[str] = []

    def executor(self, name: str, body: str, symbol: str, code: CodeOf, **limits: Any) -> StrategyExecutor:
        path = code(body).path.rename(self.folder / f"{name}.py")
        config = {"name": name, "strategy_type": str(path), "symbols": [symbol], "sizing": "fixed:10", "product": "NRML"}
        made = StrategyExecutor(session=self.session, strategy_config=config)
        made.limits = replace(LIMITS, **limits)
        made.faulted.connect(self.told.append)
        made.warned.connect(self.told.append)
        return made

    def sound(self) -> StrategyExecutor:
        """One that buys and sells TCS in turn, by a function."""
        config = {"name": "sound", "strategy_type": "callback", "symbols": ["TCS"], "sizing": "fixed:10", "product": "NRML"}
        made = StrategyExecutor(session=self.session, strategy_config=config)
        made.set_signal_callback(lambda symbol, exchange, quote, has_position: {"action": "EXIT" if has_position else "BUY"})
        return made

    async def play(self) -> None:
        await self.broker.start_market()
        await self.broker.wait_until_done()
        await self.session.settle()

    def fills(self, owner: str) -> int:
        return sum(1 for each in self.session.orders.trades if each.owner == owner)


@pytest.fixture
def on_stage(tmp_path: Path, loop_run: Callable[[Coroutine[Any, Any, Any]], Any]) -> Callable[..., None]:
    """Run a coroutine with an open stage, and close it."""

    def run(play: Callable[[Stage], Awaitable[None]]) -> None:
        async def whole() -> None:
            stage = Stage(tmp_path)
            await stage.session.open()
            try:
                await play(stage)
            finally:
                await stage.session.close()
                stage.store.close()

        loop_run(whole())

    return run


AT_THE_FIFTH = "def on_bar(self, bar):\n    self.state['n'] = n = self.state.get('n', 0) + 1\n    if n == 1: self.buy(stop=95.0)\n    "


@pytest.mark.logs_warnings
@pytest.mark.parametrize(
    ("deed", "words"),
    [
        ("if n == 5: time.sleep(30)", "did not come back from on_bar of RELIANCE within 0.2 s"),
        ("while n == 5: pass", "did not come back from on_bar of RELIANCE within 0.2 s"),
        ("if n == 5: os._exit(7)", "ended by itself with exit code 7 during on_bar of RELIANCE"),
        ("if n == 5: self.hog = bytearray(8 << 30)", "MemoryError"),
        ("if n == 5:\n        for fd in range(3, 60):\n            try: os.write(fd, b'x' * 99)\n            except OSError: pass",
         "said what no strategy says"),
        ("if n == 5: {}['x']", "KeyError: 'x' (line 8 of bad.py), on the bar of RELIANCE at 2025-10-29 09:19"),
        ("if n == 5: self.buy(True)", "Expected size to be a number, was True"),
        ("if n == 5: self.wish = ('1', 2)", "Expected a wish of 6 numbers"),
        ("if n == 5: self.wish = (1.0, -5.0, *[math.nan] * 4)", "Expected limit above zero or none, was -5.0"),
        ("if n == 5: self.state['x'] = object()", "Expected self.state['x'] to be text"),
    ],
)  # fmt: skip
def test_it_alone_is_stopped_and_its_protection_stays(code: CodeOf, on_stage: Any, deed: str, words: str) -> None:
    async def play(stage: Stage) -> None:
        sound = stage.sound()
        bad = stage.executor("bad", AT_THE_FIFTH + deed, "RELIANCE", code, stop_s=0.2)
        await sound.begin()
        await bad.begin()
        await stage.play()
        assert (sound.state, bad.state) == (S.RUNNING, S.FAULTED)
        assert words in bad.tally.last_error
        assert stage.fills("sound") == 11
        assert stage.fills("bad") == 1
        (stop,) = stage.session.orders.working("bad")
        assert (stop.request.purpose, stop.quantity, stop.trigger_price) == (Purpose.STOP, 10, 95.0)
        assert stage.told[-1].endswith("It holds +10 RELIANCE. Still working: SELL 10 RELIANCE trigger 95 (stop).")
        await stage.store.flush()
        kept = stage.store.settings()[setting_of("test", "bad")]
        assert kept["legs"]["NSE:RELIANCE"]["notes"][-1]["state"]["n"] in (4, 5)  # type: ignore[index]
        stage.session.kill("by hand")
        await stage.session.settle()
        assert not stage.session.orders.working()
        bad.start()
        await stage.session.settle()
        assert bad.state is S.RUNNING

    on_stage(play)


@pytest.mark.logs_warnings
def test_its_entries_are_taken_back(code: CodeOf, on_stage: Any) -> None:
    async def play(stage: Stage) -> None:
        bad = stage.executor("bad", AT_THE_FIFTH.replace("stop=95.0", "limit=50.0") + "if n == 5: 1 / 0", "RELIANCE", code)
        await bad.begin()
        await stage.play()
        assert bad.state is S.FAULTED
        (entry,) = stage.session.orders.orders
        assert entry.status is OrderStatus.CANCELLED
        assert stage.told == [f"bad was stopped: {bad.tally.last_error}"]

    on_stage(play)


@pytest.mark.logs_warnings
@pytest.mark.parametrize(
    ("body", "words"),
    [
        (
            "def on_start(self):\n    while True: pass\ndef on_bar(self, bar): pass",
            "did not come back from on_start of RELIANCE within 0.5 s",
        ),
        ("def on_start(self):\n    1 / 0\ndef on_bar(self, bar): pass", "Mine of RELIANCE cannot start: ZeroDivisionError"),
        ("def on_start(self):\n    self.indicator('emma')\ndef on_bar(self, bar): pass", 'Unknown indicator "emma"'),
        (
            "def on_start(self):\n    os._exit(0)\ndef on_bar(self, bar): pass",
            "ended by itself with exit code 0 during on_start of RELIANCE",
        ),
    ],
)
def test_what_cannot_begin_is_told_and_leaves_no_process(code: CodeOf, on_stage: Any, body: str, words: str) -> None:
    async def play(stage: Stage) -> None:
        bad = stage.executor("bad", body, "RELIANCE", code, start_s=0.5 if "while" in body else 20.0)
        with pytest.raises(TradingError, match="RELIANCE"):
            await bad.begin()
        assert bad.state is S.FAULTED
        assert words in bad.tally.last_error
        await stage.play()

    on_stage(play)


@pytest.mark.logs_warnings
@pytest.mark.parametrize(
    ("deed", "words"),
    [("while True: pass", "did not come back from on_stop within 0.2 s"), ("1 / 0", "cannot stop: ZeroDivisionError")],
)
def test_an_end_that_goes_wrong_is_an_end(code: CodeOf, on_stage: Any, deed: str, words: str) -> None:
    async def play(stage: Stage) -> None:
        bad = stage.executor("bad", f"def on_bar(self, bar): pass\ndef on_stop(self):\n    {deed}", "RELIANCE", code, stop_s=0.2)
        await bad.begin()
        bad.stop()
        assert bad.state is S.STOPPED
        await stage.session.settle()
        assert bad.state is S.STOPPED
        assert words in stage.told[-1]

    on_stage(play)


@pytest.mark.logs_warnings
def test_what_is_slow_is_told_once_and_trades_on(code: CodeOf, on_stage: Any) -> None:
    async def play(stage: Stage) -> None:
        slow = stage.executor("slow", "def on_bar(self, bar):\n    time.sleep(0.02)\n    self.buy()", "RELIANCE", code, slow_s=0.01)
        await slow.begin()
        await stage.play()
        assert slow.state is S.RUNNING
        assert stage.fills("slow") == 1
        (said,) = stage.told
        assert said.startswith("slow is slow: on_bar of RELIANCE took ")

    on_stage(play)


def test_what_it_prints_is_in_its_log_up_to_a_bound(code: CodeOf, on_stage: Any, caplog: pytest.LogCaptureFixture) -> None:
    async def play(stage: Stage) -> None:
        loud = stage.executor("loud", "def on_bar(self, bar):\n    for n in range(3_000): print('line', n)", "RELIANCE", code, slow_s=9.0)
        with caplog.at_level("INFO", "engine.executor.watch"):
            await loud.begin()
            await stage.play()
        assert loud.state is S.RUNNING
        said = [record.getMessage() for record in caplog.records]
        assert said[0] == "loud says: line 0"
        assert 12 < len(said) <= 12 * 21
        assert "characters lost" in said[20]

    on_stage(play)


@pytest.mark.logs_warnings
def test_one_that_is_stopped_while_it_begins_does_not_run(code: CodeOf, on_stage: Any) -> None:
    async def play(stage: Stage) -> None:
        late = stage.executor("late", "def on_start(self):\n    time.sleep(0.05)\ndef on_bar(self, bar): self.buy()", "RELIANCE", code)
        late.start()
        late.stop()
        await stage.session.settle()
        assert late.state is S.STOPPED
        await stage.play()
        assert stage.fills("late") == 0

    on_stage(play)


@pytest.mark.logs_warnings
def test_a_function_in_our_own_process_that_takes_too_long_is_paused(code: CodeOf, on_stage: Any) -> None:
    async def play(stage: Stage) -> None:
        slow = stage.sound()
        slow.warned.connect(stage.told.append)

        def decide(symbol: str, exchange: str, quote: dict[str, Any], has_position: bool) -> dict[str, Any]:
            stage.wall.advance(3.0)
            return {"action": "BUY"}

        slow.set_signal_callback(decide)
        await slow.begin()
        await stage.play()
        assert slow.state is S.PAUSED
        assert stage.fills("sound") == 0
        assert stage.told[0].startswith("sound was paused: the function for TCS took 3.0 s, at most 2 s is allowed")

    on_stage(play)


@pytest.mark.logs_warnings
def test_code_that_changed_while_it_runs_on_real_money_opens_nothing_from_the_next_day_on(code: CodeOf, on_stage: Any) -> None:
    async def play(stage: Stage) -> None:
        live = stage.executor("live", "def on_bar(self, bar): self.buy()", "RELIANCE", code)
        await live.begin()
        live.mode = "live"
        (stage.folder / "live.py").write_text("# another")
        await stage.play()
        assert live.state is S.PAUSED
        assert stage.fills("live") == 0
        assert "live is disarmed: its file live.py has changed since it was armed" in stage.told[0]

    on_stage(play)


@pytest.mark.logs_warnings
def test_the_kill_switch_works_while_it_hangs(code: CodeOf, on_stage: Any) -> None:
    body = AT_THE_FIFTH.replace("stop=95.0", "limit=50.0") + "if n == 2: time.sleep(30)"

    async def play(stage: Stage) -> None:
        bad = stage.executor("bad", body, "RELIANCE", code, stop_s=600.0)
        await bad.begin()
        playing = asyncio.ensure_future(stage.play())
        while not any(each.status is OrderStatus.OPEN for each in stage.session.orders.working("bad")):  # noqa: ASYNC110
            await asyncio.sleep(0)
        stage.session.kill("by hand")
        assert stage.session.risk.state is TradingState.HALTED
        while stage.session.orders.working("bad"):  # noqa: ASYNC110
            await asyncio.sleep(0)
        assert bad.state is S.RUNNING, "it hangs still, and nobody waited for it"
        process = bad._decider._process  # type: ignore[union-attr]
        assert process is not None
        while not process._asked:  # noqa: ASYNC110
            await asyncio.sleep(0)
        process._since_s, process._is_suspect = process._since_s - 600.0, True  # ten minutes later
        process._on_time()
        await playing
        assert bad.state is S.FAULTED

    on_stage(play)

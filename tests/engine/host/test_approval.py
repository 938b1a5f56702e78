"""Changed code does not meet real money before a person has looked at it; on paper it is taken up, and told."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from engine.authored.files import code_of
from engine.core.errors import InvalidOption, UserError
from engine.core.model import StrategyState
from engine.engine_settings import EngineSettings
from engine.executor.approval import Approval
from engine.executor.config import parse_strategy
from engine.executor.notes import setting_of
from engine.store import Setting
from engine.trading_engine import TradingEngine
from tests.engine.host.conftest import CodeOf

LoopRun = Callable[[Coroutine[Any, Any, Any]], Any]

pytestmark = pytest.mark.usefixtures("read_here")

BODY = "length = Parameter(20, 2, 200)\ndef on_bar(self, bar): pass"


def given(path: Path, **parameters: float) -> dict[str, Any]:
    return {
        "strategy_config": {
            "name": "Mine", "strategy_type": str(path), "symbols": ["RELIANCE"], "sizing": "fixed:10", "parameters": parameters,
        }
    }  # fmt: skip


def test_real_money_meets_only_the_code_that_was_armed(code: CodeOf) -> None:
    armed = code(BODY)
    approval = Approval(lambda: parse_strategy(given(armed.path)["strategy_config"]))
    assert approval.config_for("live")[0].code == armed
    assert approval.why_not() == ""
    assert approval.changed_by(1) == ""
    code(BODY + "\n# one more line")
    for refused in (approval.require, lambda: approval.config_for("live")):
        with pytest.raises(UserError, match=rf"Mine is disarmed: its file mine.py has changed .*SHA-256 {armed.sha256[:12]}, now "):
            refused()
    assert approval.changed_by(2) == "", "looked at once a day"
    assert "is disarmed" in approval.changed_by(86_400 * 10**9)
    config, said = approval.config_for("paper")
    assert "Mine runs changed code: its file has SHA-256" in said
    assert config.sha256 == approval.sha256 != armed.sha256
    assert approval.config_for("live")[1] == ""
    assert approval.config_for("paper")[1] == ""
    armed.path.unlink()
    assert "There is no strategy file" in approval.why_not()


def test_what_comes_from_no_file_needs_no_approval() -> None:
    plain = {"name": "x", "strategy_type": "ema_crossover", "symbols": ["RELIANCE"], "sizing": "fixed:1"}
    approval = Approval(lambda: parse_strategy(plain))
    assert (approval.sha256, approval.why_not()) == ("", "")


def test_parameters_that_do_not_fit_the_code_any_more_are_refused(code: CodeOf) -> None:
    path = code(BODY).path
    approval = Approval(lambda: parse_strategy(given(path, length=50)["strategy_config"]))
    code(BODY.replace("200", "40"))
    with pytest.raises(InvalidOption, match="Expected length from 2 to 40, was 50"):
        approval.config_for("paper")
    code(BODY.replace("length", "size"))
    with pytest.raises(InvalidOption, match='Unknown parameter "length"'):
        approval.approve()


@pytest.mark.parametrize("what", ["folder", "file"])
def test_a_file_that_others_could_have_written_is_not_read(code: CodeOf, what: str) -> None:
    path = code(BODY).path
    place = path if what == "file" else path.parent
    mode = place.stat().st_mode
    place.chmod(mode | 0o002)
    with pytest.raises(UserError, match="Expected strategies where only you can write"):
        code_of(str(path))
    place.chmod(mode)
    assert code_of(str(path)).source


class Terminal:
    """An engine on the generated market, opened as often as the test likes."""

    def __init__(self, folder: Path, **market: Any) -> None:
        self.folder, self.market = folder, market
        self.told: list[str] = []

    async def __aenter__(self) -> TradingEngine:
        self.engine = TradingEngine(EngineSettings(self.folder, broker_options=self.market))
        self.engine.view.notice_given.connect(lambda level, text: self.told.append(text))
        await self.engine.open()
        return self.engine

    async def __aexit__(self, *what: object) -> None:
        await self.engine.close()


async def until(engine: TradingEngine, strategy_id: str, state: StrategyState) -> None:
    while engine.strategies[strategy_id].state is not state:  # noqa: ASYNC110  # a process is started meanwhile
        await asyncio.sleep(0.01)


@pytest.mark.logs_warnings
def test_the_terminal_keeps_what_was_armed_over_a_restart(code: CodeOf, tmp_path: Path, loop_run: LoopRun) -> None:
    first = code("import threading\n" + BODY)

    async def scenario() -> None:
        terminal = Terminal(tmp_path / "data")
        async with terminal as engine:
            name = engine.add_strategy(given(first.path, length=30))
            assert "mine.py uses threads (threading in line 5): " in terminal.told[0]
            assert engine.view.strategies[name].code_sha256 == first.sha256
        code(BODY)
        async with terminal as engine:
            executor = engine.strategies[name]
            assert executor.approval.sha256 == first.sha256
            executor.mode = "live"
            with pytest.raises(UserError, match="is disarmed"):
                await executor.begin()
            assert executor.state is StrategyState.FAULTED
            engine.approve_strategy(name)
            assert executor.config.sha256 != first.sha256
            await executor.begin()
            assert executor.state is StrategyState.RUNNING
            with pytest.raises(UserError, match="stands still"):
                engine.approve_strategy(name)
            engine.pause_strategy(name)
            code(BODY + "\n# changed")
            with pytest.raises(UserError, match="is disarmed"):
                engine.resume_strategy(name)
            assert executor.state is StrategyState.PAUSED
            engine.stop_strategy(name)
            await engine.session.settle()
        approved = executor.approval.sha256
        async with terminal as engine:
            assert engine.strategies[name].approval.sha256 == approved
            engine.start_strategy(name)
            await until(engine, name, StrategyState.RUNNING)
            assert "Mine runs changed code" in terminal.told[-1]

    loop_run(scenario())


@pytest.mark.logs_warnings
def test_a_strategy_that_does_not_fit_its_file_any_more_is_told_and_left_in_the_store(
    code: CodeOf, tmp_path: Path, loop_run: LoopRun
) -> None:
    path = code(BODY).path

    async def scenario() -> None:
        terminal = Terminal(tmp_path / "data")
        async with terminal as engine:
            name = engine.add_strategy(given(path, length=150))
        code(BODY.replace("200", "40"))
        async with terminal as engine:
            assert [executor.config.id for executor in engine.strategies] == []
            assert "The strategy Mine cannot be brought back: Expected length from 2 to 40, was 150" in terminal.told[-1]
        code(BODY)
        async with terminal as engine:
            assert engine.strategies[name].config.parameters == {"length": 150}

    loop_run(scenario())


def test_another_strategy_of_the_name_does_not_inherit_notes(code: CodeOf, tmp_path: Path, loop_run: LoopRun) -> None:
    path = code(BODY).path

    async def scenario() -> None:
        async with Terminal(tmp_path / "data") as engine:
            name = engine.add_strategy(given(path))
            setting = setting_of(engine.session.account_id, name)
            engine.session.store.write(Setting(setting, {"legs": {}}))
            engine.remove_strategy(name)
            await engine.session.store.flush()
            assert engine.session.store.settings()[setting] is None
            await engine.read_strategy(str(path))

    loop_run(scenario())


def test_notes_are_there_again_when_the_terminal_is_opened_again(code: CodeOf, tmp_path: Path, loop_run: LoopRun) -> None:
    path = code("def on_bar(self, bar):\n    self.state.setdefault('born', time.time_ns())\n    self.state['last'] = bar.time_ns").path

    async def noted(engine: TradingEngine, name: str, after_ns: int) -> Any:
        while True:
            kept: Any = engine.session.store.settings().get(setting_of(engine.session.account_id, name))
            if kept and kept["legs"]["NSE:RELIANCE"]["notes"][-1]["at_ns"] > after_ns:
                return kept["legs"]["NSE:RELIANCE"]["notes"][-1]["state"]
            await asyncio.sleep(0.01)

    async def scenario() -> None:
        terminal = Terminal(tmp_path / "data", seed=3, speed=3600.0)
        async with terminal as engine:
            name = engine.add_strategy(given(path))
            engine.start_strategy(name)
            before = await noted(engine, name, 0)
        async with terminal as engine:
            engine.start_strategy(name)
            after = await noted(engine, name, before["last"])
        assert after["born"] == before["born"]
        assert after["last"] > before["last"]

    loop_run(scenario())

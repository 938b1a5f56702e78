"""Backtests over the REST API: real ones, on the past bars of the strategy's own symbols, beside the loop, one after the other.

A job tells its progress and can be stopped; its result is the same report that the command line writes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Literal

from fastapi.responses import HTMLResponse

from engine.clock import IST, Clock
from engine.core.errors import HistoryMissing, InvalidOption, TradingError
from engine.core.model import Instrument
from engine.core.records import Rows
from engine.executor.config import StrategyConfig, parse_strategy
from engine.tasks import Tasks
from terminal.api.backend import Backend
from terminal.api.backtest_run import Asked, Stopped, run_asked
from terminal.api.gate import Refused
from terminal.api.schemas import BacktestRequest, Done, Job, JobList, StrategyId
from terminal.api.tokens import Tokens

MOST_JOBS = 100
MOST_WAITING = 8
DAY_NS = 86_400_000_000_000

State = Literal["running", "done", "failed", "cancelled"]


@dataclass(slots=True)
class Work:
    """One backtest on its way."""

    id: str
    strategy_id: str
    state: State = "running"
    progress: float = 0.0
    message: str = ""
    result: dict[str, Any] | None = None
    page: str = ""
    is_stopped: bool = False
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    def told(self) -> Job:
        """Return it as it stands."""
        return Job(
            id=self.id, strategy_id=self.strategy_id, state=self.state, progress=self.progress, message=self.message, result=self.result
        )


class BacktestRoutes:
    """Handlers of backtests."""

    def __init__(self, backend: Backend, tokens: Tokens, clock: Clock) -> None:
        self._backend = backend
        self._jobs: dict[str, Work] = {}
        self._last = 0
        self._tasks = Tasks()
        self._turn = asyncio.Lock()

    async def start(self, strategy_id: StrategyId, body: BacktestRequest) -> Job:
        """Backtest a strategy as it is; the answer is a job, or the result when `wait` is true."""
        if strategy_id not in self._backend.view.strategies:
            raise Refused(404, "no_strategy", f'Expected the id of a strategy, was "{strategy_id}"; GET /api/strategies lists them.')
        if sum(work.state == "running" for work in self._jobs.values()) >= MOST_WAITING:
            raise Refused(409, "busy", f"Expected fewer than {MOST_WAITING} backtests at a time, were that many; wait for one to end.")
        given = self._backend.engine.strategies.given(strategy_id)
        config = parse_strategy(given["strategy_config"], given["risk_config"], strategy_id, is_backtest=True)
        first_ns, last_ns = _span(body, self._backend.engine.session.clock.now_ns())
        self._last += 1
        work = self._jobs[f"bt-{self._last}"] = Work(f"bt-{self._last}", strategy_id)
        self._forget_old()
        self._tasks.spawn(self._run(work, config, body, first_ns, last_ns), work.id)
        if body.wait:
            await work.ended.wait()
        return work.told()

    async def list_all(self) -> JobList:
        """List the backtests of this run of the terminal, newest last; their results are with each of them."""
        return JobList(jobs=[work.told().model_copy(update={"result": None}) for work in self._jobs.values()])

    async def one(self, job_id: str) -> Job:
        """Show a backtest, with its result once it is done."""
        return self._work(job_id).told()

    async def cancel(self, job_id: str) -> Done:
        """Stop a backtest; one that has ended is left as it is."""
        work = self._work(job_id)
        work.is_stopped = True
        return Done(message=f"{work.id} stops." if work.state == "running" else f"{work.id} has ended already.")

    async def report(self, job_id: str) -> HTMLResponse:
        """Return the report as a page that needs nothing from outside."""
        work = self._work(job_id)
        if work.state != "done":
            raise Refused(409, "not_done", f"Expected a backtest that is done, was {work.state}; wait for it.")
        return HTMLResponse(work.page)

    def _work(self, job_id: str) -> Work:
        if job_id not in self._jobs:
            raise Refused(404, "no_job", f'Expected the id of a backtest, was "{job_id[:40]}"; GET /api/backtests lists them.')
        return self._jobs[job_id]

    async def _run(self, work: Work, config: StrategyConfig, body: BacktestRequest, first_ns: int, last_ns: int) -> None:
        def on_progress(share: float) -> None:
            work.progress = share
            if work.is_stopped:
                raise Stopped

        try:
            async with self._turn:
                bars = await self._bars(config, first_ns, last_ns)
                asked = Asked(config, body.capital, body.charges, body.slippage_bps)
                work.result, work.page = await asyncio.to_thread(run_asked, asked, bars, self._backend.engine.calendar, on_progress)
            work.state, work.progress = "done", 1.0
        except Stopped:
            work.state, work.message = "cancelled", "It was stopped."
        except TradingError as error:
            work.state, work.message = "failed", str(error)
        finally:
            if work.state == "running":
                work.state, work.message = "failed", "It failed; look at the terminal's log."
            work.ended.set()

    async def _bars(self, config: StrategyConfig, first_ns: int, last_ns: int) -> Mapping[Instrument, Rows]:
        """Return the minutes of the strategy's symbols; raises HistoryMissing where nobody has any."""
        found: dict[Instrument, Rows] = {}
        for key in config.keys:
            instrument = self._backend.engine.instruments.get(key)
            rows = await self._backend.engine.bars_of(instrument, 60)
            found[instrument] = rows[(rows["time_ns"] >= first_ns) & (rows["time_ns"] < last_ns)]
            if not len(found[instrument]):
                raise HistoryMissing(f"Expected bars of {key} in these days, was none; ask for other days, or import history.")
        return found

    def _forget_old(self) -> None:
        ended = [name for name, work in self._jobs.items() if work.state != "running"]
        for name in ended[: max(0, len(self._jobs) - MOST_JOBS)]:
            del self._jobs[name]


def _span(body: BacktestRequest, now_ns: int) -> tuple[int, int]:
    """Return from when to when, in UTC ns; raises InvalidOption for days that make no sense."""
    try:
        last = date.fromisoformat(body.to_date) + timedelta(days=1) if body.to_date else None
        first = date.fromisoformat(body.from_date) if body.from_date else None
        last_ns = _midnight_ns(last) if last else now_ns
        first_ns = _midnight_ns(first) if first else last_ns - body.days * DAY_NS
    except (ValueError, OverflowError):
        raise InvalidOption("Expected dates as 2026-01-31, was another; change from_date or to_date.") from None
    if first_ns >= last_ns:
        raise InvalidOption("Expected from_date before to_date, was after; change one of them.")
    return first_ns, last_ns


def _midnight_ns(day: date) -> int:
    return round(datetime(day.year, day.month, day.day, tzinfo=IST).timestamp()) * 1_000_000_000

"""All strategies of the terminal, running or not: added, started, stopped, taken away, and there again after a restart.

After a restart every strategy stands still until somebody starts it. All of them trade in the one session. Which text of its file a
strategy was added with is kept: another one never trades real money before somebody has approved it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any

from PySide6.QtCore import QObject, Qt

from engine.authored.files import code_of, is_file_name
from engine.authored.lint import lint_of
from engine.core.errors import InvalidOption, TradingError, UserError, did_you_mean
from engine.core.model import StrategyState, StrategyStatus
from engine.core.options import Option
from engine.executor.config import check_mode, parse_strategy
from engine.executor.executor import StrategyExecutor
from engine.executor.notes import setting_of
from engine.host.describe import describe
from engine.instruments import Instruments
from engine.session import TradingSession
from engine.store import Setting, StoreFailed, StrategyRemoved, StrategyRow
from engine.view import EngineView

log = logging.getLogger(__name__)

S = StrategyState

_ACTIVE = (S.STARTING, S.RUNNING, S.PAUSED, S.STOPPING)
CODE = "code_sha256"
"""Under which name a strategy's row keeps the fingerprint of the code that was armed."""

_ADD_OPTIONS = (
    Option("strategy_config", "", is_required=True),
    Option("risk_config", ""),
    Option("mode", "paper"),
    Option(CODE, ""),
)


class StrategyShelf(QObject):
    """The strategies of one session."""

    def __init__(self, session: TradingSession, view: EngineView, instruments: Instruments, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._view = view
        self._instruments = instruments
        self._executors: dict[str, StrategyExecutor] = {}
        self._rows: dict[str, StrategyRow] = {}

    def __iter__(self) -> Iterator[StrategyExecutor]:
        """Walk over all strategies."""
        return iter(list(self._executors.values()))

    def __getitem__(self, strategy_id: str) -> StrategyExecutor:
        """Return one by its id; raises UserError with the nearest one."""
        if strategy_id not in self._executors:
            raise UserError(f'There is no strategy "{strategy_id}"{did_you_mean(strategy_id, self._executors)}')
        return self._executors[strategy_id]

    def add(self, config: Mapping[str, Any]) -> str:
        """Add {"strategy_config": ..., "risk_config": ...} as in the public API; returns the id. Raises UserError for what is wrong."""
        given = _parts(config)
        wanted = parse_strategy(given["strategy_config"], given["risk_config"]).id
        strategy_id = next(name for name in _numbered(wanted) if name not in self._executors)
        executor = self._put_up(strategy_id, given)
        self._write(self._rows[strategy_id], self._forgotten(strategy_id))
        self._look_over(executor)
        self._on_status(executor.status())
        return strategy_id

    def given(self, strategy_id: str) -> Mapping[str, Any]:
        """Return what a strategy was added with: strategy_config and risk_config; raises UserError for an unknown id."""
        self[strategy_id]
        return self._rows[strategy_id].config

    def change(self, strategy_id: str, config: Mapping[str, Any]) -> None:
        """Put another strategy in the place of one that stands still and holds nothing; its id stays. Raises UserError otherwise."""
        before = self._require_idle(strategy_id)
        given = _parts(config)
        parse_strategy(given["strategy_config"], given["risk_config"], strategy_id)
        before.deleteLater()
        executor = self._put_up(strategy_id, given)
        self._write(self._rows[strategy_id], self._forgotten(strategy_id))
        self._look_over(executor)
        self._on_status(executor.status())

    def approve(self, strategy_id: str) -> None:
        """Arm the file of a strategy that stands still as it is now; raises UserError when it runs, or the file is not in order."""
        executor = self[strategy_id]
        if executor.state in _ACTIVE:
            raise UserError(f"Expected a strategy that stands still, was {executor.state}: {executor.config.name}; stop it first.")
        executor.config = executor.approval.approve()
        self._keep(executor)
        self._look_over(executor)
        self._on_status(executor.status())

    async def open(self, rows: list[StrategyRow]) -> None:
        """Put up the strategies of before; files of theirs are read by processes, off the loop."""
        await asyncio.to_thread(_read_files, [row.strategy_type for row in rows])
        self.restore(rows)

    def restore(self, rows: list[StrategyRow]) -> None:
        """Put up the strategies of before, standing still; one that cannot be read any more is told and left in the store."""
        for row in rows:
            try:
                executor = self._put_up(row.id, row.config)
            except TradingError as error:
                log.warning("strategy %s cannot be brought back: %s", row.name, error)
                self._view.notify("warning", f"The strategy {row.name} cannot be brought back: {error}")
                continue
            self._rows[row.id] = replace(row, state=S.STOPPED)
            executor.approval.sha256 = str(row.config.get(CODE) or executor.approval.sha256)
            if executor.mode == "live" and (said := executor.approval.why_not()):
                self._view.notify("critical", said)
            self._view.on_strategy(executor.status())

    def remove(self, strategy_id: str) -> None:
        """Forget a strategy that stands still and holds nothing; its orders and fills stay. Raises UserError while it trades."""
        executor = self._require_idle(strategy_id)
        del self._executors[strategy_id], self._rows[strategy_id]
        executor.deleteLater()
        self._write(StrategyRemoved(strategy_id), self._forgotten(strategy_id))
        self._view.on_strategy_removed(strategy_id)

    def _require_idle(self, strategy_id: str) -> StrategyExecutor:
        executor = self[strategy_id]
        if executor.state in _ACTIVE:
            raise UserError(f"Expected a strategy that stands still, was {executor.state}: {executor.config.name}; stop it first.")
        if self._session.positions.open_books(strategy_id):
            raise UserError(f"Expected {executor.config.name} to hold nothing, was a position; close it first (emergency stop).")
        return executor

    def refresh(self) -> None:
        """Tell the present results of whatever trades."""
        for executor in self:
            if executor.state in _ACTIVE or self._session.positions.open_books(executor.config.id):
                self._view.on_strategy(executor.status())

    def halt(self) -> None:
        """Stop every strategy's deciding; positions and protection stay."""
        for executor in self:
            if executor.state in _ACTIVE:
                executor.stop()

    def _put_up(self, strategy_id: str, given: Mapping[str, Any]) -> StrategyExecutor:
        parts = _parts(given)
        executor = StrategyExecutor(
            None,
            parts["strategy_config"],
            parts["risk_config"],
            session=self._session,
            strategy_id=strategy_id,
            instruments=self._instruments,
            parent=self,
        )
        config = executor.config
        direct = Qt.ConnectionType.DirectConnection
        executor.status_changed.connect(self._on_status, direct)
        executor.faulted.connect(partial(self._view.notify, "critical"), direct)
        executor.warned.connect(partial(self._view.notify, "warning"), direct)
        self._executors[strategy_id] = executor
        self._rows[strategy_id] = StrategyRow(
            strategy_id,
            config.name,
            config.strategy_type,
            dict(config.parameters),
            executor.mode,
            symbols=config.keys,
            config={**parts, CODE: config.sha256},
        )
        return executor

    def _keep(self, executor: StrategyExecutor) -> None:
        """Remember which code of a strategy is armed."""
        row = self._rows[executor.config.id]
        self._rows[row.id] = row = replace(row, config={**row.config, CODE: executor.approval.sha256})
        self._write(row)

    def _look_over(self, executor: StrategyExecutor) -> None:
        """Tell what in a strategy's file somebody should look at."""
        for text in lint_of(executor.config.code):
            self._view.notify("warning", text)

    def _forgotten(self, strategy_id: str) -> Setting:
        """Return the wish to forget a strategy's notes: another one of that name begins anew."""
        return Setting(setting_of(self._session.account_id, strategy_id), None)

    def _on_status(self, status: StrategyStatus) -> None:
        row = self._rows.get(status.id)
        if row is not None and row.state != status.state:
            armed = {CODE: self[status.id].approval.sha256}
            self._rows[status.id] = replace(row, state=str(status.state), config={**row.config, **armed})
            self._write(self._rows[status.id])
        self._view.on_strategy(status)

    def _write(self, *rows: StrategyRow | StrategyRemoved | Setting) -> None:
        try:
            self._session.store.write(*rows)
        except StoreFailed as failure:
            self._view.notify("critical", f"The strategy is not remembered: {failure}")


def _read_files(names: list[str]) -> None:
    """Find out what the strategy files are, so that the loop need not wait for it; what is wrong with one is told when it is put up."""
    for name in names:
        if is_file_name(name):
            with suppress(TradingError, OSError):
                describe(code_of(name))


def _parts(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the dicts of the public API, as plain dicts that the store can keep."""
    known = {option.name for option in _ADD_OPTIONS}
    unknown = next((name for name in config if name not in known), None)
    if unknown is not None:
        raise InvalidOption(f'Unknown "{unknown}" of a strategy{did_you_mean(str(unknown), known)}')
    check_mode(config.get("mode", "paper"))
    return {name: dict(config.get(name) or {}) for name in ("strategy_config", "risk_config")}


def _numbered(name: str) -> Iterator[str]:
    yield name
    number = 2
    while True:
        yield f"{name}-{number}"
        number += 1

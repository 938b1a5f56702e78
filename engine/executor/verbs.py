"""What can be asked of the terminal's strategies: add, change, approve, start, pause, resume, stop, remove, each by its id.

Whoever asks goes through the engine, which has these verbs among its own.
"""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections.abc import Mapping
from typing import Any

from engine.authored.files import code_of
from engine.authored.lint import lint_of
from engine.core.registry import Template
from engine.executor.shelf import StrategyShelf
from engine.host.describe import describe


class StrategyVerbs:
    """The verbs of strategies; raise UserError for an unknown id, or where the strategy's state does not allow it."""

    @property
    @abstractmethod
    def strategies(self) -> StrategyShelf:
        """The strategies that the verbs act on."""

    def add_strategy(self, config: Mapping[str, Any]) -> str:
        """Add {"strategy_config": ..., "risk_config": ...}, standing still; returns its id."""
        return self.strategies.add(config)

    def change_strategy(self, strategy_id: str, config: Mapping[str, Any]) -> None:
        """Put another strategy in the place of one that stands still and holds nothing, under its id."""
        self.strategies.change(strategy_id, config)

    async def read_strategy(self, path: str) -> tuple[Template, list[str]]:
        """Find out off the loop what a strategy file is, so that adding it takes no time, and what in it is worth a look.

        Raises UserError for what is wrong in it.
        """
        return await asyncio.to_thread(_read, path)

    def start_strategy(self, strategy_id: str) -> None:
        """Start one in the background; the view tells when it runs, or why it does not."""
        self.strategies[strategy_id].start()

    def approve_strategy(self, strategy_id: str) -> None:
        """Arm the changed file of one that stands still, after a person has looked at it."""
        self.strategies.approve(strategy_id)

    def pause_strategy(self, strategy_id: str) -> None:
        """Let one open nothing more; its exits go on."""
        self.strategies[strategy_id].pause()

    def resume_strategy(self, strategy_id: str) -> None:
        """Let a paused one open positions again."""
        self.strategies[strategy_id].resume()

    def stop_strategy(self, strategy_id: str) -> None:
        """Stop one; its position and protection stay."""
        self.strategies[strategy_id].stop()

    def emergency_stop_strategy(self, strategy_id: str) -> None:
        """Stop one, cancel its orders and close its position."""
        self.strategies[strategy_id].emergency_stop()

    def remove_strategy(self, strategy_id: str) -> None:
        """Forget one that stands still and holds nothing."""
        self.strategies.remove(strategy_id)


def _read(path: str) -> tuple[Template, list[str]]:
    code = code_of(path)
    return describe(code)[0], lint_of(code)

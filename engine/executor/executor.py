"""A strategy as a script and the terminal handle it: given its dicts, started, paused, resumed, stopped, asked what it came to.

Works in a plain script (it then makes its own session, in a thread of its own when no loop is running), and in the terminal, where
every strategy is handed the shared session and so meets the same risk manager.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from PySide6.QtCore import QObject

from engine.authored.signals import SignalCallback
from engine.brokers.base import Broker
from engine.core.errors import InvalidOption
from engine.core.model import StrategyState
from engine.executor.approval import Approval
from engine.executor.config import check_mode, parse_strategy
from engine.executor.home import StrategyHome
from engine.executor.run import StrategyRun
from engine.executor.summary import summary_of
from engine.instruments import Instruments
from engine.session import TradingSession

S = StrategyState


class StrategyExecutor(StrategyRun):
    """One strategy, and the verbs of the public API."""

    def __init__(
        self,
        broker: Broker | None = None,
        strategy_config: Mapping[str, object] | None = None,
        risk_config: Mapping[str, object] | None = None,
        mode: str = "paper",
        *,
        session: TradingSession | None = None,
        strategy_id: str | None = None,
        instruments: Instruments | None = None,
        parent: QObject | None = None,
    ) -> None:
        """Parse the dicts; nothing runs before `start`. Raises UserError for whatever is unknown or out of range.

        `session`: trade in this one, on its loop; without it one is made over `broker`, in this mode. `instruments`: known already.
        """
        approval = Approval(lambda: parse_strategy(strategy_config or {}, risk_config, strategy_id))
        mode = check_mode(mode) if session is None else session.mode
        super().__init__(approval, mode, StrategyHome(approval.config, broker, mode, session), instruments, parent)

    def start(self) -> None:
        """Start deciding on closed bars: in the background on a running loop; in a plain script this returns, or raises, once it runs."""
        self._require("that stands still", S.IDLE, S.STOPPED, S.FAULTED)
        self._home.move_in()
        try:
            self._home.call(lambda: self._enter(S.STARTING))
            self._home.run(self._begin_if_wanted, f"start {self.config.id}")
        except BaseException:
            self._home.move_out()
            raise

    async def _begin_if_wanted(self) -> None:
        """Start, unless it was stopped again before its turn came."""
        if self.state is S.STARTING:
            await self.begin()

    def pause(self) -> None:
        """Open nothing more; exits, stops and targets go on working."""
        self._home.call(self._pause)

    def resume(self) -> None:
        """Open positions again."""
        self._home.call(self._resume)

    def stop(self) -> None:
        """Stop deciding and take back what has not filled; a position stays, and so does its protection."""
        self._home.call(self._release)
        if self._home.has_own_session:
            self._home.run(self._home.close, f"stop {self.config.id}", is_service=True)
        self._home.move_out()

    def emergency_stop(self) -> None:
        """Stop at once, cancel this strategy's orders and close its position at the market.

        In a plain script this returns when it is flat, or after some seconds; on a running loop it returns at once.
        """
        self._home.call(self._close_everything)
        if self.state is S.STOPPING:
            self._home.run(self._until_flat, f"emergency stop {self.config.id}", is_service=True)

    def get_summary(self) -> dict[str, Any]:
        """Return name, state, counts and results in rupees (`drawdown` in percent)."""
        return summary_of(self._home.call(self.status))

    def set_signal_callback(self, callback: SignalCallback | None) -> None:
        """Let a function decide instead of the template: fn(symbol, exchange, quote, has_position) at each closed bar.

        It returns {"action": BUY, SELL, EXIT or HOLD} and if wanted "price" (a limit), "stop_loss" and "target", or None. BUY and SELL
        open from flat and close what is against them. It runs in this process, on the session's loop, and must return quickly.
        """
        if callback is not None and not callable(callback):
            raise InvalidOption(f"Expected a function, was {type(callback).__name__}; give fn(symbol, exchange, quote, has_position).")
        self._home.call(lambda: setattr(self, "_callback", callback))

"""One trader's desk, put together: settings, the read model, the engine behind it, and the door that every action goes through.

The engine is imported and opened late, off the loop where it is heavy; until then its actions answer that it is starting.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from importlib import import_module
from typing import TYPE_CHECKING, Any

from engine.clock import SystemClock
from engine.core.alerts import Level
from engine.core.errors import UserError
from engine.core.model import StrategyState, to_units
from engine.engine_settings import EngineSettings
from engine.tasks import Tasks
from engine.view import EngineView
from terminal.actions import Actions, Window
from terminal.arming import is_armed
from terminal.backtests import Backtests
from terminal.connection import Connection
from terminal.crash import CrashHooks
from terminal.settings import Settings

if TYPE_CHECKING:
    from engine.trading_engine import TradingEngine
    from terminal.alert_channels import DesktopChannel
    from terminal.api.server import ApiServer

log = logging.getLogger(__name__)

DEMO_SYMBOLS = ("NSE:RELIANCE", "NSE:TCS", "NSE:INFY")
DEMO, REPLAY_DEMO = "EMA demo", "EMA replay"
MOST_WATCHED = 12
PACED = ("quote_age", "message_rate", "duplicate_order")
STANDING = (StrategyState.IDLE, StrategyState.STOPPED, StrategyState.FAULTED)
LEAVE, CANCEL, FLATTEN, RESTART = "leave", "cancel", "flatten", "restart"
"""What becomes of what is open when the terminal is closed; RESTART leaves it, and opens the terminal anew on another market."""
WIND_UP_S = 10.0
"""So long closing waits for orders to be cancelled and positions to be closed."""
STEP_S = 0.05


class Desk:
    """The context of every action."""

    def __init__(self, settings: Settings, plan: EngineSettings, crash: CrashHooks | None = None, *, with_api: bool = False) -> None:
        self.view = EngineView()
        self.settings = settings
        self.plan = plan
        self.with_api = with_api
        self.tasks = Tasks(on_failure=lambda name, error: self.actions.on_failure(name, error))
        self.actions: Actions = Actions(self, self.tasks, crash.report if crash is not None else None)
        self.connection = Connection(settings, plan.data_dir, plan.mode)
        self.backtests = Backtests(plan.data_dir)
        self._engine: TradingEngine | None = None
        self._api: ApiServer | None = None
        self._window: Window | None = None
        self._tray: DesktopChannel | None = None
        self.restored = ""
        """What became of a backup that was put back when the engine closed; empty when none was."""

    @property
    def is_armed(self) -> bool:
        """Tell whether real money may be traded by others than the trader's own hand."""
        return self.plan.mode == "live" and is_armed(self.plan.data_dir, SystemClock().now_ns())

    @property
    def engine(self) -> TradingEngine:
        """The engine; raises UserError while it is still starting."""
        if self._engine is None:
            raise UserError("The engine is still starting; try again in a moment.")
        return self._engine

    @property
    def window(self) -> Window:
        """The window; raises UserError when there is none."""
        if self._window is None:
            raise UserError("There is no window here; start the terminal on a display.")
        return self._window

    @window.setter
    def window(self, window: Window) -> None:
        """Put a window on the desk."""
        self._window = window

    async def open(self) -> None:
        """Import and open the engine, follow the watch list, and add the demo on the first start.

        Raises UserError or DataError when the file to replay cannot be used, StoreFailed when the database cannot.
        """
        loop = asyncio.get_running_loop()
        # In a thread, because numba, SQLAlchemy and pandas together take a second, and the window must answer meanwhile.
        module: Any = await loop.run_in_executor(None, import_module, "engine.trading_engine")
        engine: TradingEngine = module.TradingEngine(self._with_limits(), self.view)
        await engine.open()
        self._engine = engine
        self._open_channels(engine)
        known = [key for key in self.settings["watch"] if key in self.view.catalogue]
        await engine.watch(known or list(self.view.catalogue)[:MOST_WATCHED])
        # Nowhere but on a market of our own does anything trade that the trader did not start.
        if self.settings["demo_strategy"] and (self.plan.broker == "simulated" or self.plan.replay is not None):
            self._add_demo(engine)
        if self.settings["api"] or self.with_api:
            await self.open_api()

    def _open_channels(self, engine: TradingEngine) -> None:
        """Let alerts be heard and seen on this machine, where there is a display."""
        theme = getattr(self._window, "theme", None)
        if theme is not None:
            from terminal.alert_channels import DesktopChannel, SoundChannel

            self._tray = DesktopChannel(theme)
            engine.alerts.notices.add_channel("desktop", self._tray)
            engine.alerts.notices.add_channel("sound", SoundChannel())
        self.route_alerts()

    def route_alerts(self) -> None:
        """Send alerts by the channels that the settings name now."""
        if self._engine is not None:
            routes = {level: self.settings[f"alert_{level}"] for level in Level}
            self._engine.alerts.notices.route(routes, float(self.settings["alert_repeat_s"]))

    def _with_limits(self) -> EngineSettings:
        """Leave out the rules that go by the pace of real time where bars are played again: between two of them a quote must grow old."""
        if self.plan.replay is None:
            return self.plan
        from engine.risk_limits import retail_limits

        limits = retail_limits(to_units(self.plan.capital))
        return replace(self.plan, limits={name: limit for name, limit in limits.items() if name not in PACED})

    def _add_demo(self, engine: TradingEngine) -> None:
        """Start an EMA crossover when nothing else trades: on the first start, and on every replay of a file."""
        is_replay = self.plan.replay is not None
        if is_replay:
            for strategy in [s for s in self.view.strategies.values() if s.name == REPLAY_DEMO]:
                engine.remove_strategy(strategy.id)
        elif self.view.strategies:
            return
        tradable = [key for key, instrument in self.view.catalogue.items() if instrument.is_tradable]
        keys = tradable[: len(DEMO_SYMBOLS)] if is_replay else [key for key in DEMO_SYMBOLS if key in tradable]
        if keys:
            engine.start_strategy(engine.add_strategy(demo(REPLAY_DEMO if is_replay else DEMO, keys)))
            log.info("the demo strategy trades %s on paper", ", ".join(keys))

    async def open_api(self, port: int | None = None) -> str:
        """Let the REST API answer, at a port (None: that of the settings); returns where. Raises UserError when the port is taken."""
        if self._api is None:
            from terminal.api.server import ApiServer
            from terminal.api.tokens import Tokens

            wanted = self.settings["api_port"] if port is None else port
            made = ApiServer(self, Tokens(self.plan.data_dir), port=wanted)
            await made.start()
            self._api = made
        return self._api.url

    async def switch_api(self) -> None:
        """Let the REST API answer, or not, as the settings say now; raises UserError when the port is taken."""
        await self.close_api()
        if self.settings["api"]:
            self.view.notify("info", f"The REST API answers at {await self.open_api()}.")

    def api_token(self) -> str:
        """Return the token for paper trading over the REST API."""
        from terminal.api.tokens import Scope, Tokens

        return Tokens(self.plan.data_dir).get(Scope.PAPER)

    def revoke_tokens(self) -> None:
        """Let no token of the REST API be worth anything any more."""
        from terminal.api.tokens import Tokens

        Tokens(self.plan.data_dir).revoke()

    async def close_api(self) -> None:
        """Let the REST API answer no more."""
        api, self._api = self._api, None
        if api is not None:
            await api.stop()

    def start_strategies(self) -> None:
        """Start every strategy that stands still: without a window nobody else would."""
        for status in list(self.view.strategies.values()):
            if status.state in STANDING:
                self.actions.run("strategy.start", status.id)

    async def wait_until_done(self) -> None:
        """Return when a replayed file has come to its end; another market never does."""
        await self.engine.wait_until_done()

    async def wind_up(self, choice: str) -> None:
        """Stop the strategies, then cancel every order (CANCEL) or close every position, too (FLATTEN); wait for it, but not for ever."""
        engine = self.engine
        for status in self.view.strategies.values():
            if status.state not in STANDING:
                engine.stop_strategy(status.id)
        if choice == CANCEL:
            engine.cancel_all()
        elif choice == FLATTEN:
            engine.flatten()
        waited_s = 0.0
        while waited_s < WIND_UP_S and self._is_open(choice):
            await asyncio.sleep(STEP_S)
            waited_s += STEP_S
        if self._is_open(choice):
            log.warning("closed with %d open orders; look at your broker's own page", len(self.view.working_orders()))

    def _is_open(self, choice: str) -> bool:
        held = choice == FLATTEN and any(position.quantity for position in self.view.positions.values())
        return held or (choice in (CANCEL, FLATTEN) and bool(self.view.working_orders()))

    async def close(self) -> None:
        """Let what was asked come to its end, then close the engine."""
        await self.close_api()
        self.connection.close()
        self.backtests.close()
        if self._tray is not None:
            self._tray.close()
        await self.tasks.close()
        engine, self._engine = self._engine, None
        if engine is not None:
            await engine.close()
            self.restored = engine.keeping.restored


def demo(name: str, keys: list[str]) -> dict[str, Any]:
    """Return an EMA crossover on one-minute bars, ten units an order."""
    return {
        "strategy_config": {
            "name": name,
            "strategy_type": "ema_crossover",
            "symbols": keys,
            "product": "MIS",
            "sizing": "fixed:10",
            "parameters": {"fast_ema": 9, "slow_ema": 21, "scan_interval": 1},
        },
        "risk_config": {"capital": 500_000},
    }

"""Everything that trades; a user's script needs only what is named here.

    from engine import create_broker, StrategyExecutor

Names are imported when they are first used, so that opening the window costs neither numba nor a database.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from engine.authored.classes import Parameter, Strategy
    from engine.brokers.base import create_broker
    from engine.executor.executor import StrategyExecutor
    from engine.market_data import MarketDataHandler
    from engine.order_manager import OrderManager
    from engine.position_tracker import PositionTracker
    from engine.risk_manager import RiskManager
    from engine.session import TradingSession
    from engine.trading_engine import TradingEngine

__all__ = [
    "MarketDataHandler",
    "OrderManager",
    "Parameter",
    "PositionTracker",
    "RiskManager",
    "Strategy",
    "StrategyExecutor",
    "TradingEngine",
    "TradingSession",
    "create_broker",
]

_HOMES = {
    "MarketDataHandler": "market_data",
    "OrderManager": "order_manager",
    "Parameter": "authored.classes",
    "PositionTracker": "position_tracker",
    "RiskManager": "risk_manager",
    "Strategy": "authored.classes",
    "StrategyExecutor": "executor.executor",
    "TradingEngine": "trading_engine",
    "TradingSession": "session",
    "create_broker": "brokers.base",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'engine' has no attribute {name!r}")
    return getattr(import_module(f"engine.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])

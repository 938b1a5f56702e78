"""Zerodha: live orders over Kite Connect, quotes and order news over its feed."""

from engine.brokers.zerodha.broker import ZerodhaBroker

__all__ = ["ZerodhaBroker"]

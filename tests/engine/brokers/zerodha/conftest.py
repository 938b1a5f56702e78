"""One exchange for all tests of a file, begun anew for each."""

from __future__ import annotations

from tests.kite_exchange.fixtures import exchange, running_exchange

__all__ = ["exchange", "running_exchange"]

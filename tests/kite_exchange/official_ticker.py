"""The official KiteTicker in a process of its own: events go out as JSON lines, commands come in the same way.

Nothing of it is changed. Its reactor cannot be started twice, so each ticker after the first is made on the running one.
"""

from __future__ import annotations

import json
import sys
from datetime import datetime
from typing import Any

from kiteconnect import KiteTicker
from twisted.internet import reactor


def as_seconds(value: object) -> int:
    """Turn the client's naive local times back into epoch seconds."""
    if isinstance(value, datetime):
        return int(value.timestamp())
    raise TypeError(type(value))


def make(number: int, root: str, api_key: str, token: str) -> KiteTicker:
    """Return a ticker that tells of everything."""

    def tell(event: str, **facts: Any) -> None:
        print(json.dumps({"event": event, "ticker": number, **facts}, default=as_seconds), flush=True)

    ticker = KiteTicker(api_key, token, root=root, reconnect_max_tries=5, reconnect_max_delay=5)
    ticker.on_connect = lambda ws, response: tell("connect")
    ticker.on_open = lambda ws: tell("open")
    ticker.on_ticks = lambda ws, ticks: tell("ticks", ticks=ticks)
    ticker.on_order_update = lambda ws, data: tell("order", data=data)
    ticker.on_close = lambda ws, code, reason: tell("close", code=code, reason=str(reason))
    ticker.on_error = lambda ws, code, reason: tell("error", code=code, reason=str(reason))
    ticker.on_reconnect = lambda ws, count: tell("reconnect", count=count)
    ticker.on_noreconnect = lambda ws: tell("noreconnect")
    ticker.on_message = lambda ws, payload, is_binary: tell("message", size=len(payload), is_binary=is_binary)
    return ticker


def main() -> None:
    """Make tickers, report, obey."""
    ticker = thread = None
    for line in sys.stdin:
        command = json.loads(line)
        if command["name"] != "new":
            reactor.callFromThread(getattr(ticker, command["name"]), *command["arguments"])
            continue
        ticker = make(*command["arguments"])
        if thread is None:
            ticker.connect(threaded=True)
            thread = ticker.websocket_thread
        else:
            reactor.callFromThread(ticker.connect)
    if thread is not None:
        reactor.callFromThread(reactor.stop)
        thread.join(5)


if __name__ == "__main__":
    main()

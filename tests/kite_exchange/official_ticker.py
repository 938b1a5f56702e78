"""The official KiteTicker in a process of its own: events go out as JSON lines, commands come in the same way.

Nothing of it is changed. Its reactor cannot be started twice, so a process is good for one ticker.
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


def tell(event: str, **facts: Any) -> None:
    """Write one event."""
    print(json.dumps({"event": event, **facts}, default=as_seconds), flush=True)


def main() -> None:
    """Connect, report, obey."""
    root, api_key, token = sys.argv[1:4]
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
    ticker.connect(threaded=True)
    for line in sys.stdin:
        command = json.loads(line)
        reactor.callFromThread(getattr(ticker, command["name"]), *command["arguments"])
    reactor.callFromThread(reactor.stop)
    ticker.websocket_thread.join(5)


if __name__ == "__main__":
    main()

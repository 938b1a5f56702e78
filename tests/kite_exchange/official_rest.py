"""The official KiteConnect in a process of its own: reads calls as JSON lines, writes results or exceptions.

Nothing of it is changed: it is told the exchange's root, as its constructor allows.
"""

from __future__ import annotations

import json
import sys
from datetime import date, datetime
from typing import Any

from kiteconnect import KiteConnect


def as_text(value: object) -> str:
    """Write the times that the client made of text as text again, marked as such."""
    if isinstance(value, datetime):
        return f"datetime {value.isoformat(sep=' ')}"
    if isinstance(value, date):
        return f"date {value.isoformat()}"
    raise TypeError(type(value))


def answer(client: KiteConnect, call: dict[str, Any]) -> dict[str, Any]:
    """Run one call; an exception of the client is its answer."""
    if call["name"] == "timeout":
        client.timeout = call["arguments"][0]
        return {"result": None}
    try:
        result = getattr(client, call["name"])(*call["arguments"], **call["named"])
    except Exception as error:  # noqa: BLE001 -- whatever the client raises is what the test wants to see
        return {"raised": type(error).__name__, "message": str(error), "code": getattr(error, "code", None)}
    return {"result": result.decode() if isinstance(result, bytes) else result}


def main() -> None:
    """Serve calls until the input ends."""
    client = KiteConnect(sys.argv[2], root=sys.argv[1], timeout=5.0)
    for line in sys.stdin:
        print(json.dumps(answer(client, json.loads(line)), default=as_text), flush=True)


if __name__ == "__main__":
    main()

from __future__ import annotations

from pathlib import Path
from typing import Any

from engine.store import AlertRow, Store


def test_alerts_and_what_was_told_come_back_in_order_by_account(location: Path | str, loop_run: Any) -> None:
    async def play() -> None:
        store = Store.open(location)
        store.account = "paper"
        store.write(AlertRow("a1", "alert", 1, {"value": 1_500.0}), AlertRow("a2", "alert", 2, {"value": 2.0}))
        store.write(AlertRow("a1", "alert", 1, {"value": 1_501.0}), AlertRow("a2", "alert", 2))
        store.write(*(AlertRow(f"e{number}", "event", number, {"text": "told"}) for number in range(5)))
        store.account = "live"
        store.write(AlertRow("a1", "alert", 1, {"value": 7.0}))
        await store.flush()
        assert [(row.id, row.data["value"]) for row in store.alerts("paper", "alert")] == [("a1", 1_501.0)]
        assert [row.data["value"] for row in store.alerts("live", "alert")] == [7.0]
        assert [row.id for row in store.alerts("paper", "event", most=3)] == ["e2", "e3", "e4"]
        store.close()

    loop_run(play())

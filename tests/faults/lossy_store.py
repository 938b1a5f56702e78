"""A store that forgets in a crash what was not safe on the disk yet, and takes a turn of the loop to make it safe."""

from __future__ import annotations

import asyncio
from typing import Any

from engine.core.model import Fill, Order
from engine.store.rows import AccountDay, JournalEntry, SessionRow, Setting
from tests.engine.fakes import FakeStore


class LossyStore(FakeStore):
    """What one process sees of the database; `after_crash` is what the next one finds."""

    def __init__(self, rows: list[Any] | None = None) -> None:
        super().__init__()
        self.rows = list(rows or ())
        self.safe = len(self.rows)
        """So many rows are on the disk."""
        self.is_gone = False
        self._read_from = len(self.rows)

    def write(self, *rows: Any) -> None:
        if not self.is_gone:
            self.rows.extend(rows)

    def commit(self, *rows: Any) -> asyncio.Future[None]:
        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()
        self.write(*rows)
        loop.call_soon(self._on_disk, len(self.rows), done)
        return done

    def _on_disk(self, upto: int, done: asyncio.Future[None]) -> None:
        if not self.is_gone and not done.done():
            self.safe = max(self.safe, upto)
            done.set_result(None)

    def is_safe(self, kind: str, order_id: str) -> bool:
        """Tell whether a line of the journal is on the disk."""
        return any(isinstance(row, JournalEntry) and (row.kind, row.order_id) == (kind, order_id) for row in self.rows[: self.safe])

    def after_crash(self, lucky: int = 0) -> LossyStore:
        """Return what is found after a crash: all that was safe, and `lucky` rows more that had made it to the disk."""
        self.is_gone = True
        return LossyStore(self.rows[: self.safe + lucky])

    def orders(self, account: str) -> list[Order]:
        latest = {row.id: row for row in self.rows if isinstance(row, Order)}
        return sorted(latest.values(), key=lambda order: (order.created_ns, order.id))

    def fills(self, account: str) -> list[Fill]:
        return list({(row.order_id, row.trade_id): row for row in reversed(self.rows) if isinstance(row, Fill)}.values())[::-1]

    def sessions(self) -> list[SessionRow]:
        return list({row.id: row for row in self.rows if isinstance(row, SessionRow)}.values())

    def settings(self) -> dict[str, object]:
        return {row.name: row.value for row in self.rows if isinstance(row, Setting)}

    def account_days(self, account: str) -> list[AccountDay]:
        return list({row.day: row for row in self.rows if isinstance(row, AccountDay)}.values())

    def journal(self) -> list[JournalEntry]:
        """List the journal's lines."""
        return [row for row in self.rows if isinstance(row, JournalEntry)]

"""One terminal an account on a PostgreSQL server: a second one, on whatever machine, would send the same strategy's orders again.

The lock is the server's and lives as long as one connection of its own, so it ends with the terminal whatever ends that.
"""

from __future__ import annotations

import os
import platform
import threading
from contextlib import suppress
from hashlib import sha256

from sqlalchemy import URL, Connection, select, text
from sqlalchemy.exc import SQLAlchemyError

from engine.core.errors import UserError
from engine.store.database import connect, reason_of
from engine.store.models import StoredSession
from engine.store.rows import StoreFailed

LEASES = 5_348_723
"""First number of PostgreSQL's advisory locks that are leases; the second one stands for the account."""

_SILENCE = {
    "connect_timeout": "10",
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "15000",
}
"""Our side asks no server for ever that does not answer."""

_SERVER_SILENCE = {"tcp_keepalives_idle": "20", "tcp_keepalives_interval": "10", "tcp_keepalives_count": "3"}
"""The server lets go of a terminal whose machine is gone, within a minute."""

_HOLDERS = text(
    "SELECT activity.pid, activity.application_name FROM pg_locks AS locks JOIN pg_stat_activity AS activity ON activity.pid = locks.pid"
    " WHERE locks.locktype = 'advisory' AND locks.granted AND locks.classid = :leases AND locks.objid = :number AND locks.objsubid = 2"
    " AND locks.database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)


class Lease:
    """The right to trade for one account of one server's database; its methods wait for the server, so they are for a worker thread."""

    def __init__(self, url: URL, account: str) -> None:
        """Nothing is asked before `take`."""
        self._account = account
        self._number = int.from_bytes(sha256(account.encode()).digest()[:4], "big") >> 1
        self._shown = url.set(drivername="postgresql", query={}).render_as_string(hide_password=True)
        name = f"shikra, process {os.getpid()} on {platform.node()}"[:63]  # as much as the server keeps
        self._engine = connect(url.update_query_dict({**_SILENCE, "application_name": name}))
        self._connection: Connection | None = None
        self._earlier: set[str] = set()
        self._was_elsewhere = self._is_over = False
        self._one_at_a_time = threading.Lock()

    def take(self) -> None:
        """Take it until `release`; raises UserError when another terminal has it, StoreFailed when the server cannot be asked."""
        with self._one_at_a_time:
            self._take()
            self._earlier = self._runs()

    def renew(self, run_id: str) -> None:
        """See that it is still held, and take it again if its connection was lost; after `release` that is nobody's business.

        Raises UserError when another terminal has it, or when one other than our `run_id` has had it meanwhile: then what was done is
        not in our books, and it is not taken again. Raises StoreFailed when the server cannot be asked.
        """
        with self._one_at_a_time:
            if self._is_over or self._is_held():
                return
            self._drop()
            if not self._was_elsewhere:
                self._take()
                self._was_elsewhere = bool(self._runs() - self._earlier - {run_id})
            if self._was_elsewhere:
                self._drop()
                raise UserError(
                    f'Expected that nobody else traded for "{self._account}" in {self._shown}, but another terminal has while the '
                    "connection was lost: this one does not know of its orders; close it, and start it again once the other is closed"
                )

    def release(self) -> None:
        """Let the next one in, for good."""
        with self._one_at_a_time:
            self._is_over = True
            self._drop()

    def _take(self) -> None:
        try:
            self._connection = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
            for name, value in _SERVER_SILENCE.items():
                self._connection.execute(text("SELECT set_config(:name, :value, false)"), {"name": name, "value": value})
            key = {"leases": LEASES, "number": self._number}
            is_ours = self._connection.execute(text("SELECT pg_try_advisory_lock(:leases, :number)"), key).scalar_one()
            holders = [] if is_ours else [str(name) for _, name in self._holders(self._connection)]
        except SQLAlchemyError as error:
            self._drop()
            raise self._unasked(error) from error
        if not is_ours:
            self._drop()
            raise UserError(
                f'Expected to be the only terminal that trades for "{self._account}" in {self._shown}, was the second: '
                f"{', '.join(holders) or 'another terminal'} does. Close that one, or give this one a database of its own in the settings."
            )

    def _is_held(self) -> bool:
        """Ask the server whether this very connection holds it: one that was made anew behind our back does not."""
        if self._connection is None:
            return False
        try:
            ours = self._connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
            return ours in [pid for pid, _ in self._holders(self._connection)]
        except SQLAlchemyError:
            return False

    def _holders(self, connection: Connection) -> list[tuple[int, str]]:
        found = connection.execute(_HOLDERS, {"leases": LEASES, "number": self._number})
        return [(row.pid, row.application_name) for row in found]

    def _runs(self) -> set[str]:
        """Return the account's runs of all terminals so far, by id."""
        assert self._connection is not None
        try:
            return set(self._connection.scalars(select(StoredSession.id).where(StoredSession.account == self._account)))
        except SQLAlchemyError as error:
            self._drop()
            raise self._unasked(error) from error

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(SQLAlchemyError):
                connection.close()

    def _unasked(self, error: SQLAlchemyError) -> StoreFailed:
        return StoreFailed(
            f'Expected an answer of {self._shown} on who trades for "{self._account}", but: {reason_of(error)}; look at the server.'
        )

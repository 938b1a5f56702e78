"""The same memory on a PostgreSQL server; set SHIKRA_TEST_POSTGRES to the URL of a server where databases may be made."""

from __future__ import annotations

import os
from collections.abc import Callable, Coroutine, Iterator
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import create_engine, make_url, text
from sqlalchemy.exc import SQLAlchemyError

from engine.store import JournalEntry, Setting, Store, StrategyRemoved, StrategyRow
from engine.store.database import connect, to_url


@pytest.fixture
def url() -> Iterator[str]:
    server = os.environ.get("SHIKRA_TEST_POSTGRES")
    if not server:
        pytest.skip("no PostgreSQL server; set SHIKRA_TEST_POSTGRES to the URL of one")
    name = f"shikra_test_{uuid4().hex}"
    engine = create_engine(to_url(server), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    yield make_url(server).set(database=name).render_as_string(hide_password=False)
    with engine.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name}"))
    engine.dispose()


def test_everything_comes_back_from_a_server_too(url: str, nouns: Any, loop_run: Callable[[Coroutine[Any, Any, Any]], Any]) -> None:
    store = Store.open(url)
    store.account = "AB1234"

    async def run() -> None:
        await store.commit(nouns.order(filled=0), JournalEntry(1, "INTENT", "R1", {"ü": 1}), JournalEntry(2, "SENT", "R1"))
        store.write(nouns.order(), nouns.fill(), nouns.fill(), nouns.trade(), nouns.trade(), nouns.position(3), nouns.position())
        store.write(Setting("a", 1), StrategyRow("s", "S", "rsi", state_buffer=b"\0\1"), StrategyRow("t", "T", "rsi"), StrategyRemoved("t"))
        await store.flush()

    loop_run(run())
    store.close()
    again = Store.open(url)
    assert again.orders("AB1234") == [nouns.order()]
    assert again.fills("AB1234") == [nouns.fill()]
    assert again.trades("AB1234") == [nouns.trade()]
    assert again.positions("AB1234") == [nouns.position()]
    assert [s.state_buffer for s in again.strategies()] == [b"\0\1"]
    assert again.settings() == {"a": 1}
    assert again.verify_journal() == 2
    again.close()


def test_two_terminals_on_one_server_keep_one_chain(url: str, loop_run: Callable[[Coroutine[Any, Any, Any]], Any]) -> None:
    one, two = Store.open(url), Store.open(url)

    async def run() -> None:
        for n in range(20):
            await one.commit(JournalEntry(n, "one"))
            await two.commit(JournalEntry(n, "two"))

    loop_run(run())
    assert one.verify_journal() == 40
    one.close()
    two.close()


@pytest.mark.parametrize("statement", ["UPDATE journal SET kind = 'X'", "DELETE FROM journal", "TRUNCATE journal"])
def test_the_server_itself_refuses_to_change_a_line(url: str, statement: str) -> None:
    store = Store.open(url)
    store.write(JournalEntry(1, "INTENT"))
    store.close()
    engine = connect(to_url(url))
    with engine.connect() as connection, pytest.raises(SQLAlchemyError, match="only grows"):
        connection.execute(text(statement))
    engine.dispose()

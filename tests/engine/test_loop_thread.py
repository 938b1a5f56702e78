"""An event loop beside a script: questions go in, answers and exceptions come out."""

from __future__ import annotations

import asyncio
import threading

import pytest

from engine.loop_thread import LoopThread


def test_calls_and_coroutines_run_on_the_one_thread_and_bring_back_their_answer() -> None:
    host = LoopThread("a strategy")
    try:
        assert host.call(threading.get_ident) == host.call(threading.get_ident) != threading.get_ident()

        async def name() -> str:
            await asyncio.sleep(0)
            return threading.current_thread().name

        assert host.wait_for(name()) == "a strategy"
        assert not host.is_current
        assert host.call(lambda: host.call(lambda: host.is_current))
    finally:
        host.stop()
    host.stop()
    assert "a strategy" not in [thread.name for thread in threading.enumerate()]


def test_an_exception_comes_out_as_it_is() -> None:
    host = LoopThread("a strategy")

    async def fail() -> None:
        raise KeyError("no")

    def refuse() -> None:
        raise ValueError("never")

    try:
        with pytest.raises(KeyError, match="no"):
            host.wait_for(fail())
        with pytest.raises(ValueError, match="never"):
            host.call(refuse)
        host.call(host.stop)
        assert host.call(int, "5") == 5
    finally:
        host.stop()

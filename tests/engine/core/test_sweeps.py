from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from engine.core.sweeps import NEVER, few_sweeps, keep_all


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    usual = gc.get_threshold()
    yield
    gc.unfreeze()
    assert gc.get_threshold() == usual


def test_no_full_sweep_is_made_inside_and_the_usual_ones_come_back() -> None:
    usual = gc.get_threshold()
    outer, inner = few_sweeps(), few_sweeps()
    with outer:
        assert gc.get_threshold() == (*usual[:2], NEVER)
        with inner:
            assert gc.get_threshold() == (*usual[:2], NEVER)
        assert gc.get_threshold() == (*usual[:2], NEVER)
    assert gc.get_threshold() == usual


def test_blocks_may_overlap() -> None:
    usual = gc.get_threshold()
    first, second = few_sweeps(), few_sweeps()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert gc.get_threshold()[2] == NEVER
    second.__exit__(None, None, None)
    assert gc.get_threshold() == usual


def test_the_usual_comes_back_after_an_error() -> None:
    with pytest.raises(ValueError, match="no"), few_sweeps():
        raise ValueError("no")


def test_what_is_dropped_inside_is_freed_and_what_is_left_is_not_looked_at_again() -> None:
    class Ring:
        freed = 0

        def __init__(self) -> None:
            self.me = self

        def __del__(self) -> None:
            Ring.freed += 1

    with few_sweeps():
        Ring()
        kept = Ring()
    assert Ring.freed == 1
    before = gc.get_freeze_count()
    assert before > 0
    keep_all()
    assert gc.get_freeze_count() >= before
    del kept
    gc.collect()
    assert Ring.freed == 1
    gc.unfreeze()
    gc.collect()
    assert Ring.freed == 2

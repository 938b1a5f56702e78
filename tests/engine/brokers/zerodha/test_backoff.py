"""A lost feed is dialled at once, then with growing patience, and only health makes it eager again."""

from __future__ import annotations

from random import Random

import pytest

from engine.brokers.zerodha.backoff import HEALTHY_S, Backoff


class Most(Random):
    """Chance that always takes the most."""

    def uniform(self, a: float, b: float) -> float:
        return b


def test_the_first_try_comes_at_once_and_the_ceiling_doubles_up_to_thirty_seconds() -> None:
    backoff = Backoff(Most())
    assert [backoff.delay_s() for _ in range(9)] == [0.0, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0]


def test_the_wait_is_spread_evenly_below_the_ceiling() -> None:
    backoff = Backoff(Random(7))
    for _ in range(20):
        backoff.delay_s()
    waits = [backoff.delay_s() for _ in range(4_000)]
    assert 0.0 <= min(waits) < 0.1
    assert 29.9 < max(waits) <= 30.0
    assert sum(waits) / len(waits) == pytest.approx(15.0, abs=0.5)


def test_the_waits_of_many_tries_do_not_overflow() -> None:
    backoff = Backoff(Most())
    assert max(backoff.delay_s() for _ in range(2_000)) == 30.0


@pytest.mark.parametrize(("lived_s", "first"), [(HEALTHY_S - 0.001, 2.0), (HEALTHY_S, 0.0)])
def test_only_a_minute_of_health_begins_the_count_anew(lived_s: float, first: float) -> None:
    backoff = Backoff(Most())
    backoff.delay_s(), backoff.delay_s()
    backoff.lived(lived_s)
    assert backoff.delay_s() == first

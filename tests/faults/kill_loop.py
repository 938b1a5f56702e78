"""Kills terminals that trade, at each named point and at random moments, and looks after each restart what was lost or done twice.

    python -m tests.faults.kill_loop [--kills 200] [--seed N] [--workers 1]

A strategy and a hand trade at the Kite exchange, which runs in a process of its own and outlives them, and at the simulated one, whose
book is a file. It ends with one line of what was found; the exit code is 1 if anything was. The same seed draws the same points.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from random import Random, SystemRandom

from tests.faults.accounts import SCALE, Account, equip, kite_account, simulated_account
from tests.faults.mortal import Mortal, preload
from tests.faults.truth import Books, Found, Left
from tests.kite_exchange.process import start_exchange

OPENS_WITHIN_S = 60.0
AGREES_WITHIN_S = 30.0
DIES_WITHIN_S = 6.0
LIVES_S = 0.6
"""A terminal that is killed at a random moment trades up to so long."""

AN_ACCOUNT = 25
"""So many terminals of one account are killed before another begins."""

AT_START = frozenset({"mid-reconcile", "mid-migration", "mid-backup"})
ONCE = frozenset({"mid-migration", "mid-backup"})
RANDOM = "a random moment"
MARKET = {"market": "walk", "ticks_per_second": 0.5, "instruments": 20, "moving": 16, "depth_quantity": 4, "funds": 1e9}


@dataclass
class Tally:
    """What was done, and what was found."""

    kills: Counter[str] = field(default_factory=Counter)
    found: Found = field(default_factory=Found)

    def line(self) -> str:
        """Return the one line that it ends with."""
        found = self.found
        counts = (sum(self.kills.values()), len(found.duplicates), len(found.lost), len(found.broken))
        return "{} kills, {} duplicates, {} lost fills, {} broken invariants".format(*counts)


class Mortality:
    """The terminals of one account, one after another."""

    def __init__(self, account: Account, random: Random, tally: Tally) -> None:
        self._account, self._random, self._tally = account, random, tally
        self._books = Books(account.home)
        self._left = Left(0, is_latched=False)

    def first(self) -> None:
        """Be killed while the database is made for the first time and while it is first copied, and trade there with one terminal only."""
        self._dies_at_start("mid-migration", self._random.randint(1, 3))
        equip(self._account)
        self._dies_at_start("mid-backup", 1)
        terminal = Mortal(self._account.birth(""))
        try:
            if self._stands(terminal):
                self._refuses_another()
        finally:
            terminal.kill()
        self._count(RANDOM, terminal)

    def next(self, point: str) -> bool:
        """Start a terminal, see whether it agrees with the exchange, let it trade and be killed; False when something was wrong."""
        known = len(self._tally.found.lines())
        if point in AT_START:
            self._dies_at_start(point, 1)
            return True
        at = "" if point == RANDOM else f"{point}:{self._random.randint(1, 4)}"
        terminal = Mortal(self._account.birth(at))
        try:
            if not self._stands(terminal):
                return len(self._tally.found.lines()) == known
            self._trades(terminal, point)
        finally:
            terminal.kill()
        self._count(point, terminal)
        return len(self._tally.found.lines()) == known

    def last(self) -> None:
        """Start one more, see whether it agrees, and close it as a trader does."""
        terminal = Mortal(self._account.birth(""))
        try:
            if self._stands(terminal) and terminal.ask("close", OPENS_WITHIN_S) is None:
                self._tally.found.broken.append("it did not close")
        finally:
            terminal.kill()

    def _refuses_another(self) -> None:
        """Start a second terminal out of the folder of one that lives."""
        second = Mortal(self._account.birth(""))
        try:
            told = second.answer(OPENS_WITHIN_S)
        finally:
            second.kill()
        if told is None or "failed" not in told:
            self._tally.found.broken.append(f"a second terminal opened beside it: {told}")

    def _dies_at_start(self, point: str, times: int) -> None:
        terminal = Mortal(self._account.birth(f"{point}:{times}"))
        has_died = terminal.dies_within(OPENS_WITHIN_S)
        terminal.kill()
        self._count(point if has_died else RANDOM, terminal)

    def _stands(self, terminal: Mortal) -> bool:
        """Wait until it has opened and agrees with the exchange; False when it was killed on the way, or never does."""
        told = terminal.answer(OPENS_WITHIN_S)
        if told is None and terminal.was_killed:
            self._count("its start", terminal)
            return False
        if told is None or "failed" in told:
            self._tally.found.broken.append(f"it did not open: {told or self._last_words()}")
            return False
        return self._agrees(terminal)

    def _agrees(self, terminal: Mortal) -> bool:
        until_s = time.monotonic() + AGREES_WITHIN_S
        while True:
            told = terminal.ask("look")
            if told is None:
                if terminal.was_killed:
                    self._count("after its start", terminal)
                else:
                    self._tally.found.broken.append(f"it ended: {self._last_words()}")
                return False
            found = self._books.compare(self._account.truth(), self._left, told)
            if not found or time.monotonic() > until_s:
                break
            time.sleep(0.02)
        self._tally.found.add(found)
        if told["state"] != "ACTIVE":  # by the kill switch, or because so many have died
            terminal.ask("rearm")
        return not found

    def _trades(self, terminal: Mortal, point: str) -> None:
        random = self._random
        self._account.stir(random)
        is_kill = point == "between kill legs" or (point == RANDOM and random.random() < 0.2)
        kill_after = random.randint(5, 20) if is_kill else 0
        terminal.ask("trade", keys=self._account.keys, seed=random.getrandbits(32), kill_after=kill_after, flatten=random.random() < 0.5)
        if point == RANDOM:
            time.sleep(random.uniform(0.02, LIVES_S))
        else:
            terminal.dies_within(DIES_WITHIN_S)

    def _count(self, point: str, terminal: Mortal) -> None:
        """Count a kill, and look at what was left."""
        self._tally.kills[point if terminal.was_killed else RANDOM] += 1
        self._left = self._books.left()
        self._tally.found.broken += self._books.chain()
        if point == "between kill legs" and terminal.was_killed and not self._left.is_latched:
            self._tally.found.broken.append("it was killed while the kill switch was at work, and nothing is latched")

    def _last_words(self) -> str:
        died = self._account.home.parent / "died.txt"
        return died.read_text(encoding="utf-8")[-2_000:] if died.exists() else "nothing was said"


def points(random: Random, account_points: frozenset[str]) -> Iterator[str]:
    """Draw every point in turn, in any order, and as often a random moment."""
    while True:
        turn = sorted(account_points - ONCE)
        turn += [RANDOM] * len(turn)
        random.shuffle(turn)
        yield from turn


def run(kills: int, seed: int, tell: Callable[[str], None], an_account: int = AN_ACCOUNT) -> Tally:
    """Kill so many terminals, `an_account` of one account after another, at both exchanges in turn."""
    random, tally = Random(seed), Tally()
    with start_exchange(rate_limits=False, scale=SCALE, **MARKET) as exchange:
        turn = 0
        while (done := tally.kills.total()) < kills:
            with tempfile.TemporaryDirectory() as folder:
                made = kite_account(exchange, Path(folder)) if turn % 2 == 0 else simulated_account(Path(folder))
                with made as account:
                    _one_account(account, random, min(kills - done, an_account), tally, tell)
            turn += 1
            tell(tally.line())
    return tally


def _one_account(account: Account, random: Random, kills: int, tally: Tally, tell: Callable[[str], None]) -> None:
    before, known = tally.kills.total(), len(tally.found.lines())
    life = Mortality(account, random, tally)
    life.first()
    for point in points(random, account.points):
        if tally.kills.total() - before >= kills or not life.next(point):
            break
    else:
        raise AssertionError("points never end")
    if len(tally.found.lines()) == known:
        life.last()
    truth = account.truth()
    tell(f"{account.words[-1].strip('-')}: {len(truth.orders)} orders, {len(truth.trades)} trades")
    for line in tally.found.lines()[known:]:
        tell(f"    {line}")


def _in_one(given: argparse.Namespace, seed: int) -> Tally:
    preload()
    return run(given.kills, seed, lambda line: print(line, flush=True), given.account)


def _in_two(given: argparse.Namespace, seed: int) -> Tally:
    """Let two processes do half of it each, and add up what they found."""
    halves = [(given.kills + 1) // 2, given.kills // 2]
    module = [sys.executable, "-m", "tests.faults.kill_loop", "--account", str(given.account)]
    running = [
        subprocess.Popen([*module, "--kills", str(kills), "--seed", str(seed + at), "--tally"], stdout=subprocess.PIPE, text=True)
        for at, kills in enumerate(halves)
    ]
    tally = Tally()
    for one in running:
        assert one.stdout is not None
        said = one.stdout.read().splitlines()
        if one.wait() not in (0, 1):
            raise RuntimeError(f"a loop ended with code {one.returncode}")
        print("\n".join(said[:-1]), flush=True)
        told = json.loads(said[-1])
        tally.kills.update(told["kills"])
        tally.found.add(Found(**told["found"]))
    return tally


def main() -> int:
    """Kill as often as was asked, and say what was found."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--account", type=int, default=AN_ACCOUNT, help="kills of one account before another begins")
    parser.add_argument("--workers", type=int, choices=(1, 2), default=1, help="loops at once; each has its part of the kills")
    parser.add_argument("--tally", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    seed = SystemRandom().getrandbits(32) if given.seed is None else given.seed
    print(f"seed {seed}", flush=True)
    began_s = time.monotonic()
    tally = _in_two(given, seed) if given.workers == 2 else _in_one(given, seed)
    if given.tally:
        print(json.dumps({"kills": tally.kills, "found": asdict(tally.found)}), flush=True)
        return 1 if tally.found else 0
    print(", ".join(f"{count} at {point}" for point, count in sorted(tally.kills.items())), f"in {time.monotonic() - began_s:.0f} s")
    print(tally.line(), flush=True)
    return 1 if tally.found else 0


if __name__ == "__main__":
    sys.exit(main())

"""Accounts whose terminals are there to be killed: at the Kite exchange, which outlives them, and at the simulated one with its file.

Each lies in a folder of its own, trades by a clock that runs fast, and has limits that let it trade on whatever it loses.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random

from engine.failpoints import POINTS
from engine.kept_limits import KeptLimits
from engine.store import Store
from engine.store.rows import StrategyRow
from terminal.arming import arm
from terminal.settings import Settings
from tests.end_to_end.kite_market import shares
from tests.faults.mortal import Birth
from tests.faults.truth import Truth, of_kite, of_simulated
from tests.kite_exchange.process import RunningExchange

SCALE = 20.0
BEGINS_NS = 1_795_408_200 * 10**9
"""23 November 2026, 10:00 in India."""

HOURS_8_NS = 8 * 3_600 * 10**9
ONLY_KITE = frozenset({"mid-write"})
LIMITED = {"message_rate": 8.0, "max_position_size": 1_000.0}
SIMULATED_KEYS = ["NSE:RELIANCE", "NSE:TCS", "NSE:INFY"]


@dataclass
class Account:
    """One account with its exchange, and how its terminals are started."""

    home: Path
    words: tuple[str, ...]
    keys: list[str]
    truth: Callable[[], Truth]
    clock: Callable[[], tuple[int, int, float]]
    stir: Callable[[Random], None]
    """Moves the market, so that a strategy trades."""
    points: frozenset[str]

    def birth(self, kill_at: str) -> Birth:
        """Return what its next terminal is born with."""
        return Birth(self.home, self.words, self.clock(), kill_at)


@contextmanager
def kite_account(exchange: RunningExchange, folder: Path) -> Iterator[Account]:
    """Make a fresh account at the Kite exchange."""
    exchange.reset()
    keys = shares(exchange, 10)
    home = folder / "data"
    start = {key: float(exchange.control("quote", symbol=key)["last_price"]) for key in keys}
    now_ns = int(exchange.control("now")["time_ns"])
    _settle(home, broker="zerodha", kite_root=exchange.root, kite_ws_root=exchange.ws_root, api_key=exchange.api_key, watch=keys)
    arm(home, exchange.user_id, now_ns + HOURS_8_NS)
    token = {"access": exchange.login(), "user_id": exchange.user_id, "user_name": "T", "expires_ns": now_ns + HOURS_8_NS}
    (folder / "ring.json").write_text(json.dumps({f"shikra.zerodha {exchange.api_key}:token": json.dumps(token)}), encoding="utf-8")

    def clock() -> tuple[int, int, float]:
        began_ns = time.monotonic_ns()
        now_ns = int(exchange.control("now")["time_ns"])
        return now_ns, (began_ns + time.monotonic_ns()) // 2, SCALE

    def stir(random: Random) -> None:
        moved = {key: round(price * (1 + random.choice((-0.01, 0.01))), 0) for key, price in start.items()}
        exchange.control("set_prices", prices=moved)

    yield Account(home, ("--headless", "--live"), keys, lambda: of_kite(exchange), clock, stir, POINTS)


@contextmanager
def simulated_account(folder: Path) -> Iterator[Account]:
    """Make a fresh account at the simulated exchange, whose market goes on as time does."""
    home, began_ns = folder / "data", time.monotonic_ns()
    _settle(home, broker="simulated", watch=SIMULATED_KEYS)
    (folder / "ring.json").write_text("{}", encoding="utf-8")

    def clock() -> tuple[int, int, float]:
        return BEGINS_NS, began_ns, SCALE

    yield Account(
        home, ("--headless",), SIMULATED_KEYS, lambda: of_simulated(home / "simulated.db"), clock, lambda random: None, POINTS - ONLY_KITE
    )


def _settle(home: Path, **facts: object) -> None:
    home.mkdir(parents=True)
    Settings.load(home).change(demo_strategy=False, log_level="warning", **facts)


def equip(account: Account) -> None:
    """Give it limits that let it trade all day, and a strategy."""
    store = Store.open(account.home / "shikra.db")
    strategy = {"name": "Ema", "strategy_type": "ema_crossover", "symbols": account.keys[:2], "product": "MIS", "sizing": "fixed:10"}
    config = {
        "strategy_config": strategy | {"parameters": {"fast_ema": 2, "slow_ema": 5, "scan_interval": 1}},
        "risk_config": {"capital": 500_000},
    }
    store.write(*KeptLimits.rows(LIMITED), StrategyRow("ema", "Ema", "ema_crossover", config=config))
    store.close()

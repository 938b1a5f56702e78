"""A run that is killed in the middle loses nothing, does nothing twice, and ends as if it had never been killed."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.store import Store

ROOT = Path(__file__).resolve().parents[2]
DAYS = ("2021-04-05", "2021-04-06", "2021-04-07", "2021-04-08")
MINUTES = 375
EXITS = {"stop", "target", "exit", "reversal"}


@pytest.fixture(scope="module")
def minutes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write four sessions of made-up minutes, as Kite writes them."""
    rng = np.random.default_rng(7)
    lines = ["date,open,high,low,close,volume"]
    price = 2000.0
    for day in DAYS:
        for minute in range(MINUTES):
            opened = price
            path = opened + np.round(np.cumsum(rng.normal(0, 0.8, 4)) / 0.05) * 0.05
            price = round(float(path[-1]), 2)
            high, low = round(max(opened, *path), 2), round(min(opened, *path), 2)
            at = 9 * 60 + 15 + minute
            lines.append(
                f"{day} {at // 60:02d}:{at % 60:02d}:00+05:30,{opened:.2f},{high:.2f},{low:.2f},{price:.2f},{int(rng.integers(100, 9000))}"
            )
    file = tmp_path_factory.mktemp("minutes") / "RELIANCE.csv"
    file.write_text("\n".join(lines) + "\n")
    return file


def command(minutes: Path, home: Path, *more: str) -> list[str]:
    words = "run --strategy ema_crossover --param warmup=30 --param stop=0.002 --param target=0.003 --symbols RELIANCE --broker simulated"
    rest = f"--speed max --sizing fixed:5 --product MIS --json --data-dir {home} --replay {minutes}"
    return [sys.executable, "main.py", *words.split(), *rest.split(), *more]


def finish(words: list[str]) -> dict[str, Any]:
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=150, check=False)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


def told(run: dict[str, Any]) -> list[tuple[Any, ...]]:
    return [tuple(fill[name] for name in ("time", "symbol", "side", "quantity", "price", "charges", "purpose")) for fill in run["fills"]]


def count(home: Path, table: str) -> int:
    try:
        with sqlite3.connect(f"file:{home / 'shikra.db'}?mode=ro", uri=True) as connection:
            return int(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])
    except sqlite3.DatabaseError:  # it is being made; whether it is whole is looked at after the kill
        return 0


def kill_after(words: list[str], home: Path, fills: int) -> None:
    """Start a run and kill it as soon as its database holds that many fills."""
    process = subprocess.Popen(words, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while count(home, "fills") < fills:
        try:
            process.wait(0.01)
        except subprocess.TimeoutExpired:
            continue
        raise AssertionError(f"it ended with code {process.returncode} before it had {fills} fills")
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL


def look_through(home: Path, *, is_dead: bool) -> None:
    """Hold what a run left against itself: each journalled order is there, each fill once, positions are the sum of the fills.

    A dead run may lack the very last position: it is a projection of the fills, made anew at the restart.
    """
    store = Store.open(home / "shikra.db")
    try:
        store.verify_journal()
        account = next(row.account for row in store.sessions())
        orders = {order.id: order for order in store.orders(account)}
        fills = store.fills(account)
        journalled = {entry.order_id for entry in store.journal(account) if entry.kind == "INTENT"}
        assert journalled
        assert journalled <= set(orders)
        assert Counter(fill.trade_id for fill in fills).most_common(1)[0][1] == 1
        held = Counter[str]()
        for fill in fills:
            assert fill.order_id in journalled
            held[fill.instrument.key] += fill.signed_quantity
        kept = Counter[str]()
        for position in store.positions(account):
            if position.owner:
                kept[position.instrument.key] += position.quantity
        assert is_dead or {key: n for key, n in kept.items() if n} == {key: n for key, n in held.items() if n}
    finally:
        store.close()


@pytest.fixture(scope="module")
def unbroken(minutes: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Run once from beginning to end."""
    run = finish(command(minutes, tmp_path_factory.mktemp("unbroken")))
    assert len(run["fills"]) > 60
    assert {fill["purpose"] for fill in run["fills"]} > {"entry", "stop", "target"}
    return run


@pytest.mark.parametrize("fills", [3, 30])
def test_a_killed_run_that_goes_on_ends_as_the_unbroken_one(minutes: Path, unbroken: dict[str, Any], tmp_path: Path, fills: int) -> None:
    kill_after(command(minutes, tmp_path), tmp_path, fills)
    look_through(tmp_path, is_dead=True)
    resumed = finish(command(minutes, tmp_path, "--resume"))
    assert resumed["is_resumed"]
    assert told(resumed) == told(unbroken)
    assert len({fill["trade_id"] for fill in resumed["fills"]}) == len(resumed["fills"])
    for name in ("positions", "gross_pnl", "charges", "net_pnl"):
        assert resumed[name] == unbroken[name]
    look_through(tmp_path, is_dead=False)


def test_a_run_killed_twice_still_ends_the_same(minutes: Path, unbroken: dict[str, Any], tmp_path: Path) -> None:
    kill_after(command(minutes, tmp_path), tmp_path, 10)
    kill_after(command(minutes, tmp_path, "--resume"), tmp_path, 40)
    look_through(tmp_path, is_dead=True)
    assert told(finish(command(minutes, tmp_path, "--resume"))) == told(unbroken)


def test_what_is_printed_is_what_the_database_holds_to_the_paisa(minutes: Path, tmp_path: Path) -> None:
    run = finish(command(minutes, tmp_path))
    store = Store.open(tmp_path / "shikra.db")
    try:
        fills = store.fills(run["account"])
        positions = [position for position in store.positions(run["account"]) if position.owner]
    finally:
        store.close()
    assert len(fills) == len(run["fills"])
    charges = sum(fill.charges_units for fill in fills)
    cash = -sum(int(fill.side) * fill.value_units for fill in fills)
    gross = cash + sum(position.last_price_units * position.quantity for position in positions)
    assert round(run["charges"] * 10_000) == charges
    assert round(run["gross_pnl"] * 10_000) == gross
    assert round(run["net_pnl"] * 10_000) == gross - charges
    assert sum(position.realised_units + position.unrealised_units for position in positions) == gross
    assert EXITS & {fill.purpose.value for fill in fills}

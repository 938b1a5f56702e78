from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest

from engine.backtest import run_backtest
from engine.calendar import Calendar
from engine.clock import ist
from engine.core.friction import Friction
from engine.core.model import UNITS, Product, to_units
from engine.core.registry import TEMPLATES
from engine.instruments import Instruments
from engine.replay_file import read_replay
from engine.store import Store
from engine.tariffs import Tariff
from tests.end_to_end.conftest import Shikra, wait_for


def backtest(
    file: Path, symbols: list[str] | None, product: str, charges: str, friction: Friction | None = None, **parameters: float
) -> list[tuple[Any, ...]]:
    calendar = Calendar.load()
    bars = read_replay(file, symbols, calendar, Instruments.load_bundled())
    result = run_backtest(
        TEMPLATES.get("ema_crossover"), bars, parameters, interval_s=60, base_s=60, sizing="fixed:1", product=Product(product),
        capital_units=to_units(100_000), limits={}, tariff=Tariff.load(charges), calendar=calendar,
        friction=friction,
    )  # fmt: skip
    return [
        (ist(f.time_ns).isoformat(), f.instrument.symbol, f.side.name, f.quantity, f.price, f.charges_units / UNITS) for f in result.fills()
    ]


def told(result: dict[str, Any]) -> list[tuple[Any, ...]]:
    return [tuple(fill[name] for name in ("time", "symbol", "side", "quantity", "price", "charges")) for fill in result["fills"]]


def test_a_run_prints_what_the_compiled_replay_trades_and_the_database_holds_it(shikra: Shikra, minutes: Callable[..., Path]) -> None:
    file = minutes()
    done = shikra("run", "--strategy", "ema_crossover", "--param", "warmup=50", "--replay", str(file), "--speed", "max", "--json")
    assert (done.code, done.err) == (0, "")
    result = json.loads(done.out)
    expected = backtest(file, None, "MIS", "zerodha", warmup=50)
    assert len(expected) > 20
    assert told(result) == expected
    store = Store.open(shikra.home / "shikra.db")
    try:
        fills = store.fills(result["account"])
        assert result["charges"] == sum(fill.charges_units for fill in fills) / UNITS
        assert result["gross_pnl"] == -sum(int(fill.side) * fill.value_units for fill in fills) / UNITS
        assert result["net_pnl"] == pytest.approx(result["gross_pnl"] - result["charges"], abs=1e-9)
        assert {order.id for order in store.orders(result["account"])} == {order["id"] for order in result["orders"]}
        kinds = {(entry.order_id, entry.kind) for entry in store.journal(result["account"])}
        assert all((order["id"], "INTENT") in kinds and (order["id"], "SENT") in kinds for order in result["orders"])
        assert store.verify_journal() > len(fills)
    finally:
        store.close()
    assert list((shikra.home / "runs").iterdir()) == []


def test_a_run_meets_the_friction_that_a_backtest_meets(shikra: Shikra, minutes: Callable[..., Path]) -> None:
    file = minutes()
    words = ("--slippage-bps", "5", "--slippage-ticks", "1", "--half-spread-bps", "2", "--participation", "0.0005", "--latency-bars", "1")
    done = shikra("run", "--strategy", "ema_crossover", "--param", "warmup=50", "--replay", str(file), *words, "--json")
    assert (done.code, done.err) == (0, "")
    friction = Friction(slippage_bps=5.0, slippage_ticks=1, half_spread_bps=2.0, participation=0.0005, latency_bars=1)
    expected = backtest(file, None, "MIS", "zerodha", friction, warmup=50)
    assert told(json.loads(done.out)) == expected
    assert expected != backtest(file, None, "MIS", "zerodha", warmup=50)
    done = shikra("run", "--strategy", "ema_crossover", "--replay", str(file), "--participation", "2")
    assert (done.code, done.out) == (2, "")
    assert "Expected participation to be a number from 0 to 1 of a bar's volume, was 2.0" in done.err


def test_a_run_over_real_minutes_trades_what_the_replay_trades(shikra: Shikra, shared_data: Path) -> None:
    file = shared_data / "bars_multi_interval" / "RELIANCE_1min_60days.csv.gz"
    words = "--strategy ema_crossover --param warmup=500 --symbols RELIANCE --broker simulated --speed max --product NRML --charges none"
    done = shikra("run", *words.split(), "--sizing", "fixed:1", "--replay", str(file), "--json")
    assert (done.code, done.err) == (0, "")
    expected = backtest(file, ["RELIANCE"], "NRML", "none", warmup=500)
    assert len(expected) > 300
    assert told(json.loads(done.out)) == expected


def test_a_run_for_a_human_ends_in_the_same_figures(shikra: Shikra, minutes: Callable[..., Path]) -> None:
    file = minutes(days=1)
    done = shikra(
        "run", "--strategy", "ema_crossover", "--replay", str(file), "--charges", "none", "--risk", "capital=500000", "--sizing", "fixed:10"
    )
    assert (done.code, done.err) == (0, "")
    assert "ema_crossover on NSE:RELIANCE" in done.out
    assert "charges              0.00" in done.out
    assert "  2025-09-01 " in done.out


def test_a_run_that_was_killed_goes_on_and_does_nothing_twice(shikra: Shikra, minutes: Callable[..., Path], tmp_path: Path) -> None:
    file = minutes(days=4)
    words = ["run", "--strategy", "ema_crossover", "--param", "warmup=30", "--replay", str(file), "--json"]
    whole = json.loads(Shikra(tmp_path / "other")(*words).out)
    process = shikra.start(*words)
    wait_for("fills", lambda: has_fills(shikra.home, 20), process)
    process.kill()
    process.communicate()
    done = shikra(*words, "--resume")
    assert (done.code, done.err) == (0, "")
    result = json.loads(done.out)
    assert result["is_resumed"]
    assert told(result) == told(whole)
    assert len({fill["trade_id"] for fill in result["fills"]}) == len(result["fills"])
    assert (result["gross_pnl"], result["charges"]) == (whole["gross_pnl"], whole["charges"])
    assert {order["status"] for order in result["orders"]} <= {"FILLED", "CANCELLED", "NOT_PLACED"}


def has_fills(home: Path, count: int) -> bool:
    """Tell whether the exchange of a run that is under way has filled so much."""
    for path in (home / "runs").glob("*/exchange.db"):
        with suppress(sqlite3.Error), closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as file:
            return bool(file.execute("select count(*) from fills").fetchone()[0] >= count)
    return False


def test_there_must_be_something_to_resume(shikra: Shikra, minutes: Callable[..., Path]) -> None:
    done = shikra("run", "--strategy", "ema_crossover", "--replay", str(minutes(days=1)), "--resume")
    assert done.code == 2
    assert "run it without --resume" in done.err


def test_a_larger_interval_and_a_file_of_larger_bars(shikra: Shikra, minutes: Callable[..., Path], shared_data: Path) -> None:
    done = shikra("run", "--strategy", "ema_crossover", "--replay", str(minutes(days=2)), "--interval", "5", "--json")
    assert done.code == 0, done.err
    assert len(json.loads(done.out)["fills"]) > 3
    file = shared_data / "bars_multi_interval" / "RELIANCE_15min_200days.csv.gz"
    done = shikra("run", "--strategy", "rsi", "--product", "NRML", "--replay", str(file), "--json")
    assert done.code == 0, done.err
    assert len(json.loads(done.out)["fills"]) > 5
    done = shikra("run", "--strategy", "rsi", "--replay", str(file), "--interval", "5")
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert "15 minutes" in done.err


BAD = {
    "unknown strategy": (["--strategy", "ema_crosover"], 'did you mean "ema_crossover"'),
    "unknown parameter": (["--param", "fast=3"], 'did you mean "fast_ema"'),
    "parameter out of range": (["--param", "fast_ema=1"], "Expected fast_ema from 2 to"),
    "unknown risk": (["--risk", "max_position=3"], 'did you mean "max_positions"'),
    "risk that is no number": (["--risk", "max_positions=many"], "Expected max_positions to be a number"),
    "unknown symbol": (["--symbols", "RELIANSE"], "RELIANSE"),
    "unknown broker": (["--broker", "simulatd"], 'did you mean "simulated"'),
    "sizing": (["--sizing", "fixed:0"], 'Expected sizing "risk", "kelly:F"'),
    "no size": (["--sizing", "risk"], "max_risk_per_trade or max_position_size"),
    "product": (["--product", "BO"], 'Unknown --product "BO"'),
    "no file": (["--replay", "nothing.csv"], "nothing.csv, which is not there"),
    "a folder": (["--replay", "."], "which is a folder"),
    "speed": (["--speed", "quick"], 'expected "max"'),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_one_line_and_nothing_is_written(name: str, shikra: Shikra, minutes: Callable[..., Path]) -> None:
    words, expected = BAD[name]
    base = {"--strategy": "ema_crossover", "--replay": str(minutes(days=1))} | dict(zip(words[::2], words[1::2], strict=True))
    done = shikra("run", *[word for pair in base.items() for word in pair], "--json")
    assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)
    assert expected in done.err
    assert not shikra.home.exists()


ROW = "2025-09-01T09:15:00+05:30,100,101,99,100.5,10\n"
BAD_FILES = {
    "high below low": (ROW + "2025-09-01T09:16:00+05:30,100,99,101,100.5,10\n", "line 3: expected high at or above low"),
    "not a number": (ROW + "2025-09-01T09:16:00+05:30,100,101,nan,100.5,10\n", "line 3: expected open, high, low and close as numbers"),
    "no time": (ROW + "yesterday,100,101,99,100.5,10\n", "line 3: expected a date and time"),
    "price of zero": (ROW + "2025-09-01T09:16:00+05:30,0,101,0,100.5,10\n", "line 3: expected prices above 0"),
    "empty": ("", "nothing that can be taken|none"),
    "binary": ("\x00\x01\x02\x03" * 50, ""),
}


@pytest.mark.parametrize("name", BAD_FILES)
@pytest.mark.parametrize("command", ["run", "import"])
def test_a_bad_file_is_one_line_and_nothing_is_written(name: str, command: str, shikra: Shikra, tmp_path: Path) -> None:
    text, expected = BAD_FILES[name]
    file = tmp_path / "RELIANCE.csv"
    file.write_text("date,open,high,low,close,volume\n" + text, encoding="utf-8")
    words = ["run", "--strategy", "ema_crossover", "--replay", str(file)] if command == "run" else ["import", str(file)]
    done = shikra(*words)
    assert (done.code, done.out, done.err.count("\n")) == (2, "", 1), done
    assert any(part in done.err for part in expected.split("|"))
    assert not list(shikra.home.rglob("*.parquet"))
    assert not (shikra.home / "shikra.db").exists()

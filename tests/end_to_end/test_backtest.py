"""`shikra backtest`, as a user types it: it trades what `run` trades, answers in clean JSON, and writes a page."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from tests.end_to_end.conftest import Shikra

ASKED = ["--strategy", "ema_crossover", "--param", "warmup=30", "--sizing", "fixed:5", "--capital", "200000"]


def test_it_trades_what_a_run_trades_and_writes_a_page(shikra: Shikra, minutes: Callable[..., Path], tmp_path: Path) -> None:
    file, page = minutes(days=3), tmp_path / "report.html"
    tested = shikra("backtest", *ASKED, "--data", str(file), "--json", "--report", str(page))
    ran = shikra("run", *ASKED, "--replay", str(file), "--json")
    assert (tested.code, tested.err, ran.code, ran.err) == (0, "", 0, "")
    made, other = json.loads(tested.out), json.loads(ran.out)
    fills = [tuple(fill[name] for name in ("time", "symbol", "side", "quantity", "price", "charges")) for fill in made["fills"]]
    assert fills == [tuple(fill[name] for name in ("time", "symbol", "side", "quantity", "price", "charges")) for fill in other["fills"]]
    assert [fill["reason"] for fill in made["fills"]] == [fill["purpose"] for fill in other["fills"]]
    assert len(fills) > 20
    assert (made["net_pnl"], made["metrics"]["charges"]) == (other["net_pnl"], other["charges"])
    assert made["version"] in page.read_text(encoding="utf-8")


def test_a_mistake_is_one_line_and_code_2(shikra: Shikra, minutes: Callable[..., Path]) -> None:
    done = shikra("backtest", "--strategy", "ema_crosover", "--data", str(minutes(days=1)))
    assert (done.code, done.out) == (2, "")
    assert done.err == 'shikra: Unknown strategy "ema_crosover"; did you mean "ema_crossover"?\n'

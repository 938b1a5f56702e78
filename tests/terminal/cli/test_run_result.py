from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from engine.core.errors import InvariantBroken
from engine.core.model import Exchange, Fill, Instrument, Product, Purpose, Side
from engine.position_tracker import PositionTracker
from engine.store import Store
from terminal.cli.run_result import RunResult, print_text

TCS = Instrument(Exchange.NSE, "TCS", 2953217)
SUMMARY: dict[str, Any] = {
    "name": "ema", "strategy_type": "ema_crossover", "symbols": ["NSE:TCS"], "state": "RUNNING", "parameters": {}, "capital": 1.0,
    "signals": 0, "last_error": "", "code_sha256": "ab12",
}  # fmt: skip


def fill(trade_id: str, side: Side, price_units: int) -> Fill:
    return Fill(trade_id, f"o{trade_id}", TCS, side, 10, price_units, 12_300, 1_757_390_400_000_000_000, Product.MIS, "ema", Purpose.ENTRY)


def read(folder: Path, kept: list[Fill], booked: list[Fill]) -> RunResult:
    store, ledger = Store.open(folder / "shikra.db"), PositionTracker(10**10)
    store.account = "run-1"
    for each in booked:
        ledger.on_fill(each)
    try:
        store.write(*kept)
        store.close()
        store = Store.open(folder / "shikra.db")
        return RunResult.read(store, "run-1", SUMMARY, ledger, run_s=1.5, is_resumed=False)
    finally:
        store.close()


def test_money_is_what_the_fills_in_the_database_come_to(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fills = [fill("1", Side.BUY, 30_000_000), fill("2", Side.SELL, 30_010_500)]
    result = read(tmp_path, fills, fills)
    told = result.as_dict()
    assert (told["gross_pnl"], told["charges"], told["net_pnl"]) == (10.5, 2.46, 8.04)
    assert [f["price"] for f in told["fills"]] == [3_000.0, 3_001.05]
    assert told["fills"][0]["time"] == "2025-09-09T09:30:00+05:30"
    print_text(result)
    text = capsys.readouterr().out
    assert "net_pnl              8.04" in text
    assert "SELL       10     3,001.05" in text


def test_a_database_that_differs_from_the_ledger_is_no_result(tmp_path: Path) -> None:
    fills = [fill("1", Side.BUY, 30_000_000), fill("2", Side.SELL, 30_010_500)]
    with pytest.raises(InvariantBroken, match="the ledger to"):
        read(tmp_path, fills[:1], fills)

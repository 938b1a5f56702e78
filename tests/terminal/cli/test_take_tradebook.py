"""`import` takes a tradebook into the database and prints what it came to, beside the broker's own statement."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.core.errors import InvalidOption
from engine.store import Store
from terminal.cli.arguments import parser
from terminal.cli.take_in import take_in

TRADES = """symbol,isin,trade_date,exchange,segment,series,trade_type,auction,quantity,price,trade_id,order_id,order_execution_time
SBIN,INE062A01020,2025-06-02,NSE,EQ,EQ,buy,false,10,100.10,1,A,2025-06-02T10:00:00
SBIN,INE062A01020,2025-06-02,NSE,EQ,EQ,sell,false,10,110.10,2,B,2025-06-02T11:00:00
TCS,INE467B01029,2025-06-02,NSE,EQ,EQ,sell,false,1,3000,3,C,2025-06-02T11:00:00
TCS,INE467B01029,2025-06-02,NSE,EQ,EQ,keep,false,1,3000,4,D,2025-06-02T11:00:00
"""
STATEMENT = {
    "charges_by_account_head": {"Brokerage - Z": 0.6306},
    "symbols": [{"Symbol": "SBIN", "ISIN": "INE062A01020", "Buy Value": 1001, "Sell Value": 1101, "Realized P&L": 100}],
}


def run(*words: str) -> int:
    return take_in(parser("0").parse_args(["import", *words]))


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, str, str]:
    trades, statement, prices = tmp_path / "tradebook-AB1234-EQ.csv", tmp_path / "statement.json", tmp_path / "TCS.csv"
    trades.write_text(TRADES)
    statement.write_text(json.dumps(STATEMENT))
    prices.write_text("date,open,high,low,close,volume\n2025-10-29 09:15:00,100,102,99.5,101,10\n")
    return str(trades), str(statement), str(prices)


def test_trades_are_kept_once_and_told(files: tuple[str, str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trades, statement, prices = files
    home = ["--data-dir", str(tmp_path / "data")]
    assert run(*home, trades, prices) == 2
    assert "line 5: expected buy or sell, was 'keep'" in capsys.readouterr().err
    assert run(*home, trades, prices, "--skip-bad", "--statement", statement) == 0
    text = capsys.readouterr().out
    assert "3 trades from 2025-06-02 to 2025-06-02, 3 new, as tradebook AB1234" in text
    assert "line 5: expected buy or sell" in text
    assert "and 1 that were held before, sold for 3,000.00" in text
    assert "besides 15.34 to the depository" in text
    assert "beside the broker's statement" in text
    assert "brokerage" in text
    assert "no cause is known" in text
    assert "1 bars of 1 instruments taken" in text
    assert run(*home, trades, "--skip-bad", "--json", "--statement", statement) == 0
    (told,) = json.loads(capsys.readouterr().out)
    assert (told["kind"], told["trades"], told["new"], told["realised"]) == ("tradebook", 3, 0, 100.0)
    assert told["charges"]["total"] == pytest.approx(sum(amount for head, amount in told["charges"].items() if head != "total"))
    assert told["statement"]["symbols"][0] == {"what": "SBIN", "ours": 100.0, "theirs": 100.0, "cause": "", "is_equal": True}
    assert run(*home, trades, "--skip-bad") == 0
    assert "0 new, 3 kept already" in capsys.readouterr().out
    store = Store.open(tmp_path / "data" / "shikra.db")
    try:
        assert [fill.owner for fill in store.fills("tradebook AB1234")] == ["external"] * 3
    finally:
        store.close()


def test_a_statement_needs_a_tradebook(files: tuple[str, str, str], tmp_path: Path) -> None:
    _, statement, prices = files
    with pytest.raises(InvalidOption, match="Expected a tradebook to compare --statement with"):
        run("--data-dir", str(tmp_path / "data"), prices, "--statement", statement)

"""A client's tradebook beside the broker's own statement: all figures agree, but for those whose cause is named."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from engine.core.errors import UserError
from engine.core.model import to_units
from engine.instruments import Instruments
from engine.statement import Compared, Reconciliation, depository_units, exact_charges, read_statement, reconcile
from engine.tariffs import Tariff
from engine.tradebook import Tradebook, read_tradebook
from tests.engine.tradebooks import row, write

TARIFF = Tariff.load()


def book_of(path: Path) -> Tradebook:
    return read_tradebook(path, Instruments.load_bundled(), TARIFF)


@pytest.fixture(scope="module")
def real(shared_data: Path) -> Reconciliation:
    folder = shared_data / "tradebook"
    book = book_of(folder / "tradebook-XX0004-EQ_20251229_20260204.csv")
    return reconcile(book, read_statement(folder / "pnl_statement_XX0004_EQ_oracle.json"), TARIFF)


def test_charges_by_head_are_the_brokers_own(real: Reconciliation) -> None:
    charges = {row.what: row for row in real.charges}
    assert {what for what, row in charges.items() if row.is_equal} == {"exchange", "sebi", "ipft", "stt", "stamp", "depository"}
    assert (charges["stt"].ours, charges["stamp"].ours) == (514.0, 58.0)
    # What was squared off the same day at 0.03 %, at most 20 an order; the statement has 135.14 more, which no tradebook explains.
    assert charges["brokerage"].ours == pytest.approx(738.8261, abs=5e-5)
    assert charges["brokerage"].theirs == 873.9624
    assert "tells neither the product nor the plan" in charges["brokerage"].cause
    more = charges["brokerage"].theirs - charges["brokerage"].ours
    assert charges["gst"].theirs - charges["gst"].ours == pytest.approx(0.18 * more, abs=1e-4)
    assert charges["gst"].cause == "18 % of the 135.1363 by which the brokerage differs"


def test_profit_by_symbol_is_the_brokers_own(real: Reconciliation) -> None:
    differing = {row.what: row.cause for row in real.symbols if not row.is_equal}
    assert len(real.symbols) == 26
    assert {symbol: cause.split(" were bought")[0] for symbol, cause in differing.items()} == {
        "COALINDIA": "11 sold for 4,681.65",
        "IOC": "11 sold for 1,844.81",
        "MTNL": "24 sold for 852.00",
    }
    assert differing["MTNL"].endswith("before the tradebook begins; the statement has them at 898.08")
    assert real.unexplained == []
    assert len(real.differences) == 5
    assert real.notes[0].startswith("LIQUIDBEES: 0.023 open by the statement")
    assert real.notes[1].startswith("-542.80 of other credits and debits")


def statement(tmp_path: Path, symbols: list[dict[str, Any]], **heads: float) -> Path:
    path = tmp_path / "statement.json"
    path.write_text(json.dumps({"charges_by_account_head": heads, "symbols": symbols}))
    return path


def of_sbin(**changes: Any) -> dict[str, Any]:
    row = {"Symbol": "SBIN-EQ", "ISIN": "INE062A01020", "Quantity": 10, "Buy Value": 1001.0, "Sell Value": 1101.0, "Realized P&L": 100.0}
    return row | changes


def test_symbols_are_matched_by_isin_and_a_difference_without_a_cause_is_left_without_one(tmp_path: Path) -> None:
    book = book_of(write(tmp_path, row(1), row(2, "sell", price="110.1"), row(3, symbol="TCS", isin="INE467B01029")))
    made = reconcile(book, read_statement(statement(tmp_path, [of_sbin()])), TARIFF)
    assert made.symbols == [Compared("SBIN", 100.0, 100.0), Compared("TCS", 0.0, 0.0, "nothing of it was closed")]
    assert {row.what for row in made.unexplained} == {row.what for row in made.charges if row.ours and row.what != "brokerage"}
    made = reconcile(book, read_statement(statement(tmp_path, [of_sbin(**{"Realized P&L": 90.0})])), TARIFF)
    assert [row.what for row in made.symbols if not row.is_equal and not row.cause] == ["SBIN"]


def test_what_was_held_before_must_account_for_all_of_the_difference(tmp_path: Path) -> None:
    book = book_of(write(tmp_path, row(2, "sell", price="110.1")))
    given = of_sbin(**{"Buy Value": 900.0, "Realized P&L": 201.0})
    made = reconcile(book, read_statement(statement(tmp_path, [given])), TARIFF)
    assert made.symbols[0].cause == "10 sold for 1,101.00 were bought before the tradebook begins; the statement has them at 900.00"
    made = reconcile(book, read_statement(statement(tmp_path, [given | {"Realized P&L": 200.0}])), TARIFF)
    assert made.symbols[0].cause == ""


def test_the_depository_is_paid_once_a_symbol_and_day_for_what_leaves_the_holdings(tmp_path: Path) -> None:
    rows = [
        row(1, "buy", "10", day="2025-06-02"),
        row(2, "sell", "4", day="2025-06-03"),
        row(3, "sell", "4", day="2025-06-03", place="BSE,EQ", order="B"),
        row(4, "buy", "5", day="2025-06-04"),
        row(5, "sell", "5", day="2025-06-04", time="11:00:00"),
        row(6, "sell", "1", day="2025-06-05", symbol="LIQUIDBEES"),
        row(7, "sell", "75", day="2025-06-05", symbol="NIFTY2560524750PE", isin="", place="NSE,FO"),
    ]
    assert depository_units(book_of(write(tmp_path, *rows)).fills, TARIFF) == to_units("15.34") + to_units("11.21")
    path = statement(tmp_path, [])
    debits = [{"what": "DP Charges for Sale of SBIN", "debit": 15.34}, {"what": "Pledge", "debit": 9}]
    content = json.loads(path.read_text()) | {"other_debits": debits}
    path.write_text(json.dumps(content))
    assert read_statement(path).depository == 15.34


def test_flat_brokerage_is_charged_an_order(tmp_path: Path) -> None:
    option = {"symbol": "NIFTY2560524750PE", "isin": "", "place": "NSE,FO"}
    rows = [row(n, "sell", "75", "300", order="A", **option) for n in (1, 2)]
    assert exact_charges(book_of(write(tmp_path, *rows)).fills, TARIFF)["brokerage"] == 20.0


def test_what_is_no_statement_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "statement.json"
    with pytest.raises(UserError, match="Expected a statement at"):
        read_statement(path)
    for text in ("no json", "[]", '{"charges_by_account_head": {}}', '{"charges_by_account_head": {"x": "y"}, "symbols": []}'):
        path.write_text(text)
        with pytest.raises(UserError, match="Expected charges_by_account_head and symbols"):
            read_statement(path)

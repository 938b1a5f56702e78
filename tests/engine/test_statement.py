"""A client's own statement of 261 trades, December 2025 to February 2026: what ledger, costs and tariff make of them."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime
from fractions import Fraction
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest

from engine.clock import IST, ist
from engine.core.costs import PPB, Charges, contract_note
from engine.core.ledger import TradeBuilder, apply
from engine.core.model import UNITS, Exchange, Fill, Instrument, Position, Product, Purpose, Side, to_units
from engine.tariffs import Tariff

JANUARY_2026 = date(2026, 1, 15)


def fills_of(path: Path) -> Iterator[Fill]:
    with path.open(encoding="utf-8") as file:
        for row in sorted(csv.DictReader(file), key=lambda row: row["order_execution_time"]):
            at = datetime.fromisoformat(row["order_execution_time"]).replace(tzinfo=IST)
            of = Instrument(Exchange(row["exchange"]), row["symbol"], 1)
            price = round(float(row["price"]), 2)  # written from a 32-bit float
            side = Side.BUY if row["trade_type"] == "buy" else Side.SELL
            count, time_ns = int(float(row["quantity"])), int(at.timestamp()) * 10**9
            yield Fill(row["trade_id"], row["order_id"], of, side, count, to_units(price), 0, time_ns, Product.CNC, "hand", Purpose.ENTRY)


@pytest.fixture(scope="module")
def fills(shared_data: Path) -> list[Fill]:
    return list(fills_of(shared_data / "tradebook" / "tradebook-XX0004-EQ_20251229_20260204.csv"))


@pytest.fixture(scope="module")
def statement(shared_data: Path) -> dict[str, Any]:
    text = (shared_data / "tradebook" / "pnl_statement_XX0004_EQ_oracle.json").read_text(encoding="utf-8")
    return dict(json.loads(text))


def test_whole_rupee_taxes_are_those_of_the_daily_notes(fills: list[Fill], statement: dict[str, Any]) -> None:
    tariff, total = Tariff.load(), Charges()
    for day, of_day in groupby(fills, key=lambda fill: ist(fill.time_ns).date()):
        total += contract_note(of_day, lambda of, product, day=day: tariff.rates(of, product, day)[0]).total
    charged = statement["charges_by_account_head"]
    assert total.stt == to_units(charged["Securities Transaction Tax - Z"])
    assert total.stamp == to_units(charged["Stamp Duty - Z"])


def test_fees_by_head_agree_to_the_last_digit(fills: list[Fill], statement: dict[str, Any]) -> None:
    tariff, charged = Tariff.load(), statement["charges_by_account_head"]
    names = {"exchange": "Exchange Transaction Charges - Z", "sebi": "SEBI Turnover Fees - Z", "ipft": "IPFT"}
    exact = dict.fromkeys(names, Fraction(0))
    for fill in fills:
        rates = tariff.rates(fill.instrument, fill.product, JANUARY_2026)[0]
        for head in names:
            exact[head] += Fraction(fill.value_units, UNITS) * int(rates[head]) / PPB
    for head, name in names.items():
        assert float(exact[head]) == pytest.approx(charged[name], abs=5.1e-5), head


def test_gst_is_taken_on_the_investor_protection_fund_too(fills: list[Fill], statement: dict[str, Any]) -> None:
    charged = statement["charges_by_account_head"]
    rates = Tariff.load().rates(fills[0].instrument, Product.MIS, JANUARY_2026)[0]
    base = charged["Brokerage - Z"] + charged["Exchange Transaction Charges - Z"] + charged["SEBI Turnover Fees - Z"] + charged["IPFT"]
    assert rates.gst_on_ipft
    assert base * int(rates.gst) / PPB == pytest.approx(charged["Integrated GST - Z"], abs=5.1e-5)


def test_realised_profit_agrees_symbol_by_symbol(fills: list[Fill], statement: dict[str, Any]) -> None:
    agreed = 0
    for row in statement["symbols"]:
        share = Instrument(Exchange.NSE, row["Symbol"], 1)
        position, builder, trades = Position(share, Product.CNC), TradeBuilder(), []
        for fill in (one for one in fills if one.instrument.symbol == share.symbol):
            moved = replace(fill, instrument=share)  # whichever exchange it was traded on
            position, _ = apply(position, moved)
            trades.append(builder.add(moved))
        if position.quantity or not position.bought:
            continue  # held before or after: average cost and first in first out differ
        agreed += 1
        assert position.realised_units == to_units(row["Realized P&L"]), share.symbol
        assert sum(trade.pnl_units for trade in trades if trade) == position.realised_units
    assert agreed >= 20

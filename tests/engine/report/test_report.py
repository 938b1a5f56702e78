"""A report's figures are the backtest's own: to the paisa, by head, and the same bars have the same fingerprint."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from engine.clock import ist
from engine.core.model import UNITS, Exchange, Instrument, Product
from engine.core.records import BAR, Rows
from engine.core.registry import METRICS
from engine.report import Report
from engine.report.fingerprint import fingerprint
from engine.report.report import reason_of, stamps
from tests.engine.report.conftest import OTHER, SHARE, wave

MakeReport = Callable[..., Report]


def test_json_holds_every_figure_and_adds_up(make_report: MakeReport) -> None:
    report = make_report()
    told = json.loads(json.dumps(report.as_dict(), allow_nan=False))
    fills, trades = told["fills"], told["trades"]
    assert told["bars"] == 1000
    assert len(fills) == len(report.run.fills) > 50
    assert fills[0].keys() == {"time", "symbol", "side", "quantity", "price", "charges", "reason"}
    assert fills[0]["time"].endswith("+05:30")
    assert set(told["metrics"]) == set(METRICS.names())
    assert told["equity_final"] == pytest.approx(100_000 + told["net_pnl"])
    assert told["metrics"]["net_profit"] == pytest.approx(told["net_pnl"])
    assert sum(fill["charges"] for fill in fills) == pytest.approx(sum(told["charges"].values()))
    assert told["charges"]["stt"] > told["charges"]["gst"] > 0
    assert "other" not in told["charges"]
    assert sum(trade["net"] for trade in trades) == pytest.approx(told["net_pnl"], abs=0.05)
    assert trades[-1]["exit_reason"] == "open"
    assert {trade["side"] for trade in trades} == {"LONG", "SHORT"}
    assert told["data"] | {"fingerprint": ""} == {
        "source": "wave.csv",
        "fingerprint": "",
        "from": "2024-01-01T09:15:00+05:30",
        "to": "2024-02-09T15:15:00+05:30",
        "notes": [],
    }
    assert (told["version"], told["warning"], told["benchmark"]) == ("9.9", None, None)


def test_what_no_metric_can_tell_is_null(make_report: MakeReport) -> None:
    told = make_report({SHARE: wave(1)[:3]}).as_dict()
    assert told["metrics"]["sharpe"] is None
    assert told["metrics"]["trades"] == 0.0


def test_charges_that_no_schedule_was_given_for_are_none(make_report: MakeReport) -> None:
    assert set(make_report(tariff=None).heads.values()) == {0.0}


def test_the_fingerprint_is_of_the_fields_and_of_the_names() -> None:
    rows = wave(2)
    copy: Rows = np.empty(len(rows), BAR)
    copy.view(np.uint8)[:] = 255  # what lies between the fields is another
    for name in BAR.names or ():
        copy[name] = rows[name]
    first = fingerprint([SHARE], rows)
    assert first == fingerprint([SHARE], copy)
    assert len(first) == 16
    assert first != fingerprint([OTHER], rows)
    changed = rows.copy()
    changed["close"][7] += 0.05
    assert first != fingerprint([SHARE], changed)


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"parameters": {"fast_ema": 3, "slow_ema": 7, "warmup": 5000}}, "It never traded: it wanted nothing on 1,000 bars"),
        ({"limits": {"max_order_value": 10.0}}, r"every order was refused \(max_order_value"),
        ({"sizing": "risk", "limits": {"max_position_size": 0.01}}, "came to a size of zero"),
        ({"sizing": "risk"}, "The strategy was stopped at 2024-01-01 .*: Expected a stop"),
    ],
)
def test_a_strategy_that_never_traded_says_why(asked: dict[str, object], words: str, make_report: MakeReport) -> None:
    report = make_report(**asked)
    assert re.search(words, report.warning), report.warning
    assert report.as_dict()["warning"] == report.warning


def test_wishes_that_no_price_met_are_told(make_report: MakeReport) -> None:
    report = make_report()
    outcome = replace(report.result.outcome, fills=report.run.fills[:0])
    silent = replace(report, result=replace(report.result, outcome=outcome))
    assert f"none of {outcome.signals:,} wishes was filled" in silent.warning


def test_why_a_round_trip_ended() -> None:
    assert [reason_of(code) for code in (-1, 2, 5)] == ["open", "stop", "square_off"]


def test_what_a_lot_stands_for_counts(make_report: MakeReport) -> None:
    crude = Instrument(Exchange.MCX, "CRUDE", 3, multiplier=100)
    report = make_report({crude: wave(5)}, sizing="fixed:1", product=Product.NRML, tariff=None)
    assert sum(trade["net"] for trade in report.trades()) == pytest.approx(report.result.net_units / UNITS)


def test_times_are_written_as_the_clock_writes_them() -> None:
    whole = np.array([1_704_080_700_000_000_000, 1_704_100_000_000_000_000])
    assert stamps(whole) == [ist(time_ns).isoformat() for time_ns in whole.tolist()]
    assert stamps(whole + 250_000_000) == ["2024-01-01T09:15:00.250000+05:30", "2024-01-01T14:36:40.250000+05:30"]
    assert stamps(whole[:0]) == []

"""`backtest`: what was asked is checked before anything is reckoned, and the answer is clean JSON, a calm table, or a page."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from engine.core.errors import DataError, InvalidOption, TradingError, UnknownTemplate, UserError
from terminal.cli.arguments import parser
from terminal.cli.backtest import backtest

Command = Callable[..., int]


def lines(symbol: str, days: int = 4, phase: float = 0.0, volume: int = 500) -> list[str]:
    """Write bars of 15 minutes that swing around 1,400."""
    made, close = [], 1400.0
    for day in range(days):
        for step in range(25):
            start, close = close, round(1400 + 12 * math.sin((day * 25 + step) / 3 + phase), 1)
            at = f"2025-09-{day + 1:02d}T{9 + (15 + step * 15) // 60:02d}:{(15 + step * 15) % 60:02d}:00+05:30"
            made.append(f"{at},{symbol},{start},{max(start, close) + 0.5:.1f},{min(start, close) - 0.5:.1f},{close},{volume}")
    return made


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "bars.csv"
    rows = [*lines("RELIANCE"), *lines("TCS", phase=1.0), *lines("NIFTY 50", phase=2.0, volume=0)]
    path.write_text("\n".join(["date,symbol,open,high,low,close,volume", *rows]) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def command(file: Path) -> Command:
    def run(*words: str, data: Path = file, strategy: str = "ema_crossover") -> int:
        fixed = ["backtest", "--strategy", strategy, "--data", str(data)]
        quick = ["--param", "fast_ema=3", "--param", "slow_ema=6"] if strategy == "ema_crossover" else []
        return backtest(parser("1").parse([*fixed, *quick, *words]))

    return run


@pytest.fixture
def told(command: Command, capsys: pytest.CaptureFixture[str]) -> Callable[..., dict[str, Any]]:
    """Run it with --json and return what it printed; nothing else was printed."""

    def run(*words: str, **more: Any) -> dict[str, Any]:
        assert command(*words, "--json", **more) == 0
        printed = capsys.readouterr()
        assert printed.err == ""
        made: dict[str, Any] = json.loads(printed.out)
        return made

    return run


def test_json_holds_what_was_asked_and_what_came_of_it(told: Callable[..., dict[str, Any]]) -> None:
    made = told(
        "--symbols", "RELIANCE", "TCS", "--sizing", "fixed:10", "--capital", "500000", "--charges", "none", "--risk", "max_positions=1"
    )
    assert made["symbols"] == ["RELIANCE", "TCS"]
    assert made["parameters"] == {"fast_ema": 3.0, "slow_ema": 6.0, "stop": 0.0, "target": 0.0, "warmup": 0.0}
    assert made["terms"] | {} == {
        "capital": 500_000.0,
        "product": "MIS",
        "sizing": "fixed:10",
        "charges": "none",
        "interval_minutes": 15.0,
        "data": "bars of 15 min",
        "limit_orders": "fill when traded through",
        "repair": "none",
        "friction": {},
        "risk": {"max_positions": 1.0},
        "exits": "at no time of their own",
    }
    assert (made["bars"], made["metrics"]["charges"], made["benchmark"]) == (200, 0.0, None)
    assert made["refused"]["max_positions"] > 0
    assert {fill["quantity"] for fill in made["fills"]} <= {10, 20}
    assert made["equity_final"] == pytest.approx(500_000 + made["net_pnl"])
    assert len(made["trades"]) > 5
    assert made["run_s"] > 0


def test_friction_makes_it_dearer(told: Callable[..., dict[str, Any]]) -> None:
    smooth = told("--symbols", "RELIANCE")
    rough = told("--symbols", "RELIANCE", "--slippage-bps", "5", "--slippage-ticks", "2", "--half-spread-bps", "1")
    assert rough["terms"]["friction"] == {"slippage_bps": 5.0, "slippage_ticks": 2, "half_spread_bps": 1.0}
    assert rough["gross_pnl"] < smooth["gross_pnl"]
    late = told("--symbols", "RELIANCE", "--latency-bars", "1", "--participation", "0.5")
    assert late["fills"][0]["time"] > smooth["fills"][0]["time"]


def test_decisions_may_be_made_on_longer_bars(told: Callable[..., dict[str, Any]]) -> None:
    assert told("--interval", "30")["terms"]["interval_minutes"] == 30.0


def test_a_benchmark_is_compared_with_and_not_traded(told: Callable[..., dict[str, Any]]) -> None:
    made = told("--benchmark", "tcs")
    assert made["symbols"] == ["RELIANCE"]
    assert made["benchmark"] == "TCS"
    own = told("--symbols", "RELIANCE")
    assert made["metrics"]["buy_and_hold"] != own["metrics"]["buy_and_hold"]
    assert made["metrics"]["net_profit"] == own["metrics"]["net_profit"]
    assert told("--symbols", "TCS", "--benchmark", "NIFTY 50")["symbols"] == ["TCS"]


def test_the_table_is_calm(command: Command, capsys: pytest.CaptureFixture[str]) -> None:
    assert command("--symbols", "RELIANCE") == 0
    text = capsys.readouterr().out
    assert text.startswith("EMA crossover on RELIANCE\n100 bars, 2025-09-01 to 2025-09-04, 4 trading days\n")
    assert "Net profit   " in text
    assert "Rs      Total return" in text
    assert "fingerprint" in text
    assert max(map(len, text.splitlines())) < 110


def test_the_page_is_written_where_it_was_asked_for(command: Command, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "made.html"
    assert command("--symbols", "RELIANCE", "--report", str(page)) == 0
    assert page.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert f"report  {page}" in capsys.readouterr().out


def test_a_strategy_that_never_trades_says_so(
    told: Callable[..., dict[str, Any]], command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    made = told("--symbols", "RELIANCE", "--param", "warmup=5000")
    assert "never traded" in made["warning"]
    assert made["metrics"]["win_rate"] is None
    command("--symbols", "RELIANCE", "--param", "warmup=5000")
    assert "It never traded" in capsys.readouterr().out


NOT_A_NUMBER = """
from engine.core.compiled import compiled
from engine.core.records import fields
from engine.core.registry import strategy

STATE = fields("n")
PARAMS = fields("amount")


@strategy("Wants infinity", amount=(1, 1, 10))
@compiled("void(f8[:], f8[:], BAR, INTENT)")
def on_bar(state, params, bar, intent):
    intent.target = 1.0 / state[0] if state[0] > 0.0 else float("inf")
"""

RAISES = """
from engine import Strategy


class Breaks(Strategy):
    '''Breaks at the third bar.'''

    def on_start(self):
        self.seen = 0

    def on_bar(self, bar):
        self.seen += 1
        if self.seen == 3:
            raise ValueError("no such level")
"""


@pytest.mark.parametrize(("text", "words"), [(NOT_A_NUMBER, "Expected a finite target"), (RAISES, "no such level")])
def test_a_strategy_that_breaks_is_told_and_the_rest_is_still_there(
    text: str, words: str, tmp_path: Path, command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    own = tmp_path / "mine.py"
    own.write_text(text, encoding="utf-8")
    assert command("--symbols", "RELIANCE", "--json", strategy=str(own)) == 1
    printed = capsys.readouterr()
    assert words in printed.err
    assert printed.err.startswith("shikra: The strategy was stopped")
    assert words in json.loads(printed.out)["warning"]


@pytest.mark.parametrize(
    ("words", "error", "match"),
    [
        (["--param", "fast=3"], InvalidOption, 'Unknown parameter "fast" of ema_crossover'),
        (["--risk", "max_position=3"], InvalidOption, 'Unknown "max_position" in risk_config; did you mean "max_positions"'),
        (["--symbols", "RELIANC"], TradingError, "RELIANC"),
        (["--benchmark", "NIFTY"], TradingError, "NIFTY"),
        (["--slippage-bps", "-1"], InvalidOption, "Expected slippage_bps"),
        (["--participation", "2"], InvalidOption, "Expected participation"),
        (["--interval", "20"], InvalidOption, r"Expected --interval to be the file's bars \(15 minutes\)"),
        (["--report", "out.pdf"], InvalidOption, "Expected --report to end in .html, was out.pdf"),
        (["--report", "nowhere/out.html"], InvalidOption, "Expected a folder that is there for --report, was nowhere"),
        (["--repair", "mend"], InvalidOption, '"mend"'),
        (["--sizing", "lots"], InvalidOption, "lots"),
        (["--capital", "5", "--risk", "capital=6"], InvalidOption, "Expected the capital once"),
    ],
)
def test_a_mistake_is_told_before_anything_is_reckoned(words: list[str], error: type[Exception], match: str, command: Command) -> None:
    with pytest.raises(error, match=match):
        command(*words)


def test_an_unknown_strategy_or_file_is_told(command: Command, tmp_path: Path) -> None:
    with pytest.raises(UnknownTemplate, match='Unknown strategy "ema_cross"; did you mean "ema_crossover"'):
        command(strategy="ema_cross")
    with pytest.raises(InvalidOption, match="which is not there"):
        command(data=tmp_path / "none.csv")


def test_damaged_bars_are_refused_or_mended_by_the_rule_and_the_report_says_so(
    file: Path, command: Command, told: Callable[..., dict[str, Any]]
) -> None:
    rows = file.read_text(encoding="utf-8").splitlines()
    rows[5], rows[9] = rows[9], rows[5]
    file.write_text("\n".join(rows) + "\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"bars\.csv"):
        command("--symbols", "RELIANCE")
    made = told("--symbols", "RELIANCE", "--repair", "sort")
    assert "order=sort" in made["terms"]["repair"]
    assert any("sort" in note for note in made["data"]["notes"])


def test_ticks_are_traded_on_too(told: Callable[..., dict[str, Any]], tmp_path: Path) -> None:
    ticks = tmp_path / "kite_ltp_TCS_2953217_20250901.csv"
    rows = [
        f"2025-09-01 {9 + (15 + n // 6) // 60:02d}:{(15 + n // 6) % 60:02d}:{n % 6 * 10:02d},{100 + 3 * math.sin(n / 40):.1f}"
        for n in range(900)
    ]
    ticks.write_text("\n".join(["time,ltp", *rows]) + "\n", encoding="utf-8")
    made = told("--benchmark", "TCS", data=ticks)
    assert (made["terms"]["data"], made["terms"]["interval_minutes"], made["bars"]) == ("ticks", 1.0, 900)
    assert len(made["fills"]) > 3


CHEAT = """
import sys
from engine import Strategy

class Cheat(Strategy):
    at = 0

    def on_bar(self, bar):
        self.at += 1
        frame = sys._getframe()
        while "plan" not in frame.f_locals:
            frame = frame.f_back
        closes = next(iter(frame.f_locals["plan"].bars.values()))["close"]
        self.next = float(closes[self.at]) if self.at < len(closes) else 0.0
"""


def test_a_strategy_may_be_checked_for_looking_ahead(
    command: Command, file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command("--check-look-ahead", "--symbols", "RELIANCE", "TCS") == 0
    assert capsys.readouterr().err.endswith("look-ahead: none was found where the bars were cut off\n")
    cheat = tmp_path / "cheat.py"
    cheat.write_text(CHEAT)
    with pytest.raises(UserError, match="The strategy looks ahead: next of RELIANCE at 2025-09-"):
        command("--check-look-ahead", "--symbols", "RELIANCE", strategy=str(cheat))

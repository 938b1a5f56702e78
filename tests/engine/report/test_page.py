"""The page opens anywhere: one file, nothing from outside, a user's words harmless, small however long the run."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from engine.core.records import BAR, Rows
from engine.core.registry import METRICS
from engine.report import Report, write_page
from engine.report.order import in_groups
from engine.report.page import page_of
from engine.report.page_data import script_data
from engine.report.tables import monthly_returns
from tests.engine.report.conftest import OTHER, SHARE, wave

MakeReport = Callable[..., Report]

VOID = {"meta", "br", "path", "circle", "link"}


class Page(HTMLParser):
    """Reads a page as a browser does: elements that are open, what they carry, and the text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not {"script", "style"} & set(self.open):
            self.words.append(data)


def test_the_page_is_whole_and_loads_nothing(make_report: MakeReport, tmp_path: Path) -> None:
    write_page(make_report({SHARE: wave(), OTHER: wave(phase=2.0)}, notes=["3 bars missing"]), tmp_path / "report.html")
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    page = Page(text)
    assert page.open == []
    assert not [given for _, given in page.seen if {"src", "href", "data-src", "action"} & given.keys()]
    assert not re.search(r"https?:|//[a-z]|@import|url\((?!#)", text.replace("// ", ""))
    assert "default-src 'none'" in text
    words = " ".join(page.words)
    for expected in (
        "EMA crossover",
        "3 bars missing",
        "wave.csv",
        "fast_ema",
        "Securities transaction tax",
        "slippage bps 2",
        "Shikra 9.9",
        "Hour of entry",
    ):
        assert expected in words
    assert all(metric.title in words for _, metric in METRICS.items())
    assert sum(given.get("class") == "prices" for _, given in page.seen) == 2
    assert not re.search(r"nan|inf", " ".join(re.findall(r' (?:d|x|y)="([^"]*)"', text.partition("<script")[0])))


def test_a_users_words_are_only_words(make_report: MakeReport) -> None:
    evil = "</script><script>alert(1)</script><b onclick='x'>&"
    text = page_of(make_report(title=evil, strategy=evil, source=evil, notes=[evil], benchmark=evil))
    assert "alert(1)</script>" not in text
    assert "<b onclick" not in text
    assert text.count("</script>") == 2
    assert text.count("&lt;/script&gt;&lt;script&gt;alert(1)") >= 5


def test_a_run_without_trades_has_a_page_that_says_so(make_report: MakeReport) -> None:
    page = Page(page_of(make_report({SHARE: wave(1)[:3]})))
    words = " ".join(page.words)
    assert "It never traded" in words
    assert "Prices and trades" not in words
    assert "Equity" in words


def test_however_many_bars_draw_what_the_paper_has_room_for(make_report: MakeReport) -> None:
    count = 20_000
    rows: Rows = np.zeros(count, BAR)
    rows["time_ns"] = 1_704_080_700_000_000_000 + np.arange(count) * 60_000_000_000
    rows["close"] = rows["open"] = np.round(100 + 5 * np.sin(np.arange(count) / 300) + np.arange(count) % 7 * 0.1, 2)
    rows["high"], rows["low"] = rows["close"] + 0.2, rows["close"] - 0.2
    rows["high"][12_345] = 300.0
    report = make_report({SHARE: rows[:50]}, base_s=60)
    result, run = report.result, report.run
    steps = {"equity": np.arange(count) % 977 + run.capital_units, "equity_ns": rows["time_ns"]}
    report = replace(report, result=replace(result, bars=rows, outcome=replace(result.outcome, **steps)))
    text = page_of(report)
    data = json.loads(re.search(r'id="data">(.*?)</script>', text, re.S)[1])  # type: ignore[index]
    charts = data["charts"][0]
    assert len(charts["t"]) <= 9_000
    assert max(np.cumsum(charts["c"]) + charts["h"]) == 30_000
    svgs = "".join(re.findall(r"<svg.*?</svg>", text, re.S))
    assert 10_000 < len(svgs) < 300_000


def test_the_script_gets_every_trade_as_it_was(make_report: MakeReport) -> None:
    report = make_report()
    data = json.loads(script_data(report))
    raw, trades = data["trades"], report.run.trades
    assert np.cumsum(raw["t"]).tolist() == (trades["entry_ns"] // 10**9).tolist()
    assert (np.cumsum(raw["p"]) + raw["x"]).tolist() == (trades["exit_price"] // 100).tolist()
    assert raw["q"] == trades["quantity"].tolist()
    assert data["all"] == len(trades)
    curve = data["curve"]
    assert np.cumsum(curve["i"])[-1] == curve["last"] == len(report.run.equity) - 1


def test_months_follow_one_another(make_report: MakeReport) -> None:
    run = make_report().run
    (values,) = monthly_returns(run).values()
    january, february, year = values[0], values[1], values[12]
    assert (1 + january / 100) * (1 + february / 100) == pytest.approx(1 + year / 100)
    assert year == pytest.approx(100 * (run.equity[-1] / run.capital_units - 1))
    assert np.isnan(values[2:12]).all()


def test_every_metric_has_a_place() -> None:
    shown = [metric.name for _, metrics in in_groups() for metric in metrics]
    assert sorted(shown) == sorted(METRICS.names())


@pytest.mark.skipif(shutil.which("node") is None, reason="no JavaScript engine here")
def test_the_pages_script_draws_and_lists_the_trades(make_report: MakeReport, tmp_path: Path) -> None:
    report = make_report({SHARE: wave(), OTHER: wave(phase=2.0)})
    write_page(report, tmp_path / "report.html")
    driver = Path(__file__).with_name("page_driver.js")
    done = subprocess.run(["node", str(driver), str(tmp_path / "report.html")], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    trades = report.run.trades
    assert told["rows"] == 50
    assert told["pages"].startswith(f"{len(trades)} trades, page 1 of ")
    assert told["lists"] == {"won": int((trades["net"] > 0).sum()), "short": int((trades["quantity"] < 0).sum())}
    assert told["best"] == f"{trades['net'].max() / 10_000:.2f}"
    assert told["whole"]["bars"] < told["near"]["bars"] == 2 * 13
    assert told["near"]["marks"] > 0
    assert re.match(r"\d+ \w+ 2024 \d\d:\d\d  O .* C ", told["price"])
    assert re.match(r"\d+ \w+ 2024 \d\d:\d\d  equity ₹[\d,.]+  drawdown", told["equity"])
    assert told["bad"] == []

"""`optimise` on a file of bars: JSON that a script can read, a table for a human, and a plain word when something is wrong."""

from __future__ import annotations

import io
import json
import signal
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.core.errors import InvalidOption, UserError
from terminal.cli import optimise as command
from terminal.cli.arguments import parser
from terminal.cli.backtest import backtest
from terminal.cli.console import Progress
from terminal.cli.optimise import INTERRUPTED, optimise


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Write four days of a share that swings."""
    lines = ["date,open,high,low,close,volume"]
    last = 1000.0
    for day in range(4):
        for minute in range(120):
            at = day * 120 + minute
            close = round((1000 + 40 * np.sin(at / 17) + 20 * np.sin(at / 5.3)) * 20) / 20
            stamp = f"2024-01-0{1 + day} {9 + (15 + minute) // 60:02d}:{(15 + minute) % 60:02d}:00+05:30"
            lines.append(f"{stamp},{last:.2f},{max(last, close):.2f},{min(last, close):.2f},{close:.2f},1000")
            last = close
    path = tmp_path / "RELIANCE.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


def asked(file: Path, *more: str, grids: tuple[str, ...] = ("fast_ema=3:6:1", "slow_ema=8:16:4")) -> int:
    words = ["optimise", "--strategy", "ema_crossover", "--data", str(file), "--objective", "net_profit", *more]
    for grid in grids:
        words += ["--grid", grid]
    return optimise(parser("1").parse(words))


def answer(capsys: pytest.CaptureFixture[str], file: Path, *more: str, **given: Any) -> dict[str, Any]:
    assert asked(file, "--json", *more, **given) == 0
    made: dict[str, Any] = json.loads(capsys.readouterr().out)
    return made


def test_every_combination_is_told_and_the_best_is_the_backtest_of_it(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = answer(capsys, file)
    assert [each["parameters"] for each in made["results"]] == [
        {"fast_ema": fast, "slow_ema": slow} for fast in (3, 4, 5) for slow in (8, 12)
    ]
    best = made["best"]
    assert best["objective"] == max(each["objective"] for each in made["results"])
    assert (made["bars"], made["trials"], made["is_complete"]) == (480, 6, True)
    assert made["run_s"] > 0
    assert {"plateau", "deflated_sharpe", "pbo", "monte_carlo"} <= made.keys()
    assert len(made["plateau"]["heatmap"]["cells"]) == 3
    params = [word for name, value in best["parameters"].items() for word in ("--param", f"{name}={value}")]
    backtest(parser("1").parse(["backtest", "--strategy", "ema_crossover", "--data", str(file), "--json", *params]))
    single = json.loads(capsys.readouterr().out)
    assert single["metrics"]["net_profit"] == best["objective"] == best["net_pnl"]
    assert len(single["fills"]) == best["fills"]


def test_a_human_gets_a_table(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert asked(file, "--study", "night") == 0
    told = capsys.readouterr().out
    for words in ("EMA crossover: 6 of 6 trials", "best  ", "plateau  ", "luck  ", "overfit  ", "trades  ", "study      night"):
        assert words in told


def test_two_objectives_and_a_front(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = answer(capsys, file, "--objective2", "max_drawdown", "--method", "nsga2", "--trials", "8", "--seed", "3")
    assert len(made["results"]) == 8
    assert all(len(each["objectives"]) == 2 for each in made["results"])
    assert made["front"]
    assert asked(file, "--objective2", "max_drawdown") == 0
    assert "front  " in capsys.readouterr().out


def test_a_walk_forward_is_told_window_by_window(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = answer(capsys, file, "--walk-forward", "2d/1d:anchored")
    walk = made["walk_forward"]
    assert [(each["learn_from"], each["test_from"], each["test_to"]) for each in walk["windows"]] == [
        ("2024-01-01", "2024-01-03", "2024-01-03"),
        ("2024-01-01", "2024-01-04", "2024-01-04"),
    ]
    assert walk["net_pnl"] == pytest.approx(sum(each["net_pnl"] for each in walk["windows"]))
    assert len(walk["equity"]) == 2
    assert asked(file, "--walk-forward", "2d/1d") == 0
    assert "unseen  " in capsys.readouterr().out


def test_ctrl_c_ends_in_good_order_and_says_how_to_go_on(
    file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = answer(capsys, file, "--study", "whole")

    class Interrupting(Progress):
        def __call__(self, done: int, total: int) -> None:
            if done == 2:
                signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(command, "Progress", Interrupting)
    before = signal.getsignal(signal.SIGINT)
    assert asked(file, "--study", "night", "--workers", "1", "--json") == INTERRUPTED
    assert signal.getsignal(signal.SIGINT) is before
    told = capsys.readouterr()
    assert "the same words with --study night --resume go on from there" in told.err
    cut = json.loads(told.out)
    assert not cut["is_complete"]
    assert 2 <= len(cut["results"]) < 6
    monkeypatch.setattr(command, "Progress", Progress)
    rest = answer(capsys, file, "--study", "night", "--workers", "1", "--resume")
    assert rest["results"] == whole["results"]
    assert rest["best"] == whole["best"]


def test_large_grids_are_asked_about(file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(command, "LARGE", 5)
    with pytest.raises(InvalidOption, match="Expected --yes for a grid of 6 combinations"):
        asked(file)
    assert asked(file, "--yes") == 0
    for word, goes_on in (("y", True), ("", False)):
        stdin = io.StringIO(word + "\n")
        monkeypatch.setattr(stdin, "isatty", lambda: True)
        monkeypatch.setattr(sys, "stdin", stdin)
        if goes_on:
            assert asked(file) == 0
            assert "this grid has 6 combinations. Try them all?" in capsys.readouterr().err
        else:
            with pytest.raises(InvalidOption, match="Expected a yes for a grid of 6 combinations"):
                asked(file)


@pytest.mark.parametrize(
    ("more", "grids", "message"),
    [
        ((), (), "Expected at least one parameter to search over"),
        ((), ("fast=3:6:1",), 'Unknown parameter "fast" of ema_crossover; did you mean "fast_ema"'),
        (("--objective", "sharp"), ("fast_ema=3:6:1",), 'Unknown metric "sharp"'),
        (("--method", "gird"), ("fast_ema=3:6:1",), 'did you mean "grid"'),
        (("--walk-forward", "60"), ("fast_ema=3:6:1",), "Expected days to learn on"),
        (("--walk-forward", "9d/1d"), ("fast_ema=3:6:1",), "Expected more than 9 trading days"),
        (("--param", "fast_ema=3"), ("fast_ema=3:6:1",), "Expected fast_ema once"),
        (("--resume",), ("fast_ema=3:6:1",), "Expected a study of the very same data and words"),
    ],
)
def test_what_makes_no_sense_is_one_sentence(file: Path, more: tuple[str, ...], grids: tuple[str, ...], message: str) -> None:
    with pytest.raises(UserError, match=message):
        asked(file, *more, grids=grids)


def test_a_strategy_that_cannot_be_sized_is_told(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert asked(file, "--risk", "max_risk_per_trade=1") == 1
    assert "the strategy was stopped in 6 of 6 trials: Expected a stop" in capsys.readouterr().err


def test_a_strategy_that_never_trades_is_told(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert asked(file, "--param", "warmup=90000") == 0
    assert "no combination ever traded" in capsys.readouterr().err


def test_an_objective_that_one_day_cannot_tell_is_told(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    day = file.read_text().splitlines()[:121]
    file.write_text("\n".join(day) + "\n")
    made = answer(capsys, file, "--objective", "sharpe")
    assert made["best"]["objective"] is None
    assert made["best"]["fills"] > 0
    assert asked(file, "--objective", "sharpe") == 0
    assert "no trial has a number for sharpe; give more days of bars" in capsys.readouterr().err

from __future__ import annotations

import json
import signal
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.history import History
from terminal import VERSION
from tests.end_to_end.conftest import ROOT, Shikra, wait_for


def test_the_version_is_that_of_the_package(shikra: Shikra) -> None:
    done = shikra("--version")
    assert (done.code, done.out) == (0, f"shikra {VERSION}\n")
    assert tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"] == VERSION


def test_help_names_every_command(shikra: Shikra) -> None:
    done = shikra("--help")
    assert done.code == 0
    assert all(word in done.out for word in ("run", "import", "doctor", "kill", "--headless", "--smoke", "--data-dir"))


def test_an_import_says_what_became_of_each_row(shikra: Shikra, minutes: Callable[..., Path]) -> None:
    done = shikra("import", str(minutes(days=2)))
    assert (done.code, done.err) == (0, "")
    assert done.out == "RELIANCE.csv: 750 bars of 1 instruments taken\n"
    assert len(History(shikra.home / "history").bars("NSE:RELIANCE", 60)) == 750


def test_an_import_tells_json_for_every_file_and_takes_the_good_ones(shikra: Shikra, minutes: Callable[..., Path], tmp_path: Path) -> None:
    bad = tmp_path / "TCS.csv"
    bad.write_text("date,open,high,low,close,volume\n2025-09-01T09:15:00+05:30,1,2,3,1,5\n", encoding="utf-8")
    done = shikra("import", str(bad), str(minutes(days=1)), "--json")
    assert (done.code, done.err.count("\n")) == (2, 1)
    told = json.loads(done.out)
    assert "expected high at or above low" in told[0]["error"]
    assert told[1]["taken"] == 375
    done = shikra("import", str(bad), "--skip-bad", "--json")
    assert done.code == 2  # no row was left to take


def test_rows_that_cannot_be_true_are_left_out_when_asked(shikra: Shikra, minutes: Callable[..., Path]) -> None:
    file = minutes(days=1)
    with file.open("a", encoding="utf-8") as end:
        end.write("2025-09-02T09:15:00+05:30,100,99,101,100,5\n")
    done = shikra("import", str(file), "--skip-bad")
    assert (done.code, done.err) == (0, "")
    assert "375 bars of 1 instruments taken, 1 refused" in done.out
    assert "  line 377: expected high at or above low" in done.out


def test_kill_latches_and_the_doctor_sees_it(shikra: Shikra) -> None:
    done = shikra("kill", "--json")
    told = json.loads(done.out)
    assert (done.code, told["latched"], told["terminal"]) == (0, str(shikra.home / "kill.latch"), "silent")
    assert "there is nothing to cancel from here" in told["note"]
    assert "latched: nothing is sent" in shikra("doctor").out


@pytest.mark.parametrize("words", [["--smoke"], ["--smoke", "--headless"]])
def test_smoke_trades_and_ends(words: list[str], shikra: Shikra) -> None:
    done = shikra(*words)
    assert (done.code, done.err) == (0, ""), done
    assert "smoke: bought and sold" in (shikra.home / "logs" / "shikra.log").read_text(encoding="utf-8")


def test_without_a_display_it_says_so_and_runs_on(shikra: Shikra) -> None:
    done = shikra("--smoke", QT_QPA_PLATFORM="", DISPLAY="", WAYLAND_DISPLAY="")
    assert done.code == 0, done
    assert done.err == "shikra: no display here, so this runs without a window; Ctrl+C ends it.\n"


def test_headless_trades_a_file_to_its_end_and_shows_what_it_did(shikra: Shikra, minutes: Callable[..., Path]) -> None:
    done = shikra("--headless", "--replay", str(minutes(days=1)), "--speed", "max")
    assert (done.code, done.err) == (0, ""), done
    assert "RELIANCE at " in done.out


def test_headless_ends_on_ctrl_c(shikra: Shikra) -> None:
    process = shikra.start("--headless")
    log = shikra.home / "logs" / "shikra.log"
    try:
        wait_for("the engine", lambda: log.is_file() and "trading without a window" in log.read_text(encoding="utf-8"), process)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert (process.returncode, err) == (0, "")


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--headles"], 'did you mean "--headless"'),
        (["docter"], 'did you mean "doctor"'),
        (["--replay", "none.csv"], "none.csv, which is not there"),
        (["--symbols", "TCS"], "Expected --replay FILE with --symbols"),
        (["--data-dir", "/dev/null/x", "--smoke"], "give another with --data-dir"),
        (["import", "none.csv"], "which is not there"),
    ],
)
def test_a_mistake_is_one_line(words: list[str], expected: str, shikra: Shikra) -> None:
    done = shikra(*words)
    assert (done.code, done.out, done.err.count("\n")) == (2, "", 1), done
    assert expected in done.err
    assert not shikra.home.exists()


def test_a_bad_file_ends_the_window_with_a_line(shikra: Shikra, tmp_path: Path) -> None:
    file = tmp_path / "RELIANCE.csv"
    file.write_text("date,open,high,low,close,volume\n2025-09-01T09:15:00+05:30,1,2,3,1,5\n", encoding="utf-8")
    done = shikra("--replay", str(file))
    assert (done.code, done.err.count("\n")) == (2, 1), done
    assert "expected high at or above low" in done.err

"""What the README shows runs as it stands there."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from tests.end_to_end.conftest import ROOT, Shikra

README = (ROOT / "README.md").read_text(encoding="utf-8")
SNIPPETS = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)


def test_the_first_screen_has_the_two_commands() -> None:
    first = "\n".join(README.splitlines()[:12])
    assert re.findall(r"^    (make \w+)", first, flags=re.MULTILINE) == ["make run", "make test"]
    targets = (ROOT / "Makefile").read_text() + (ROOT / "make.cmd").read_text()
    for name in ("run", "test"):
        assert f"\n{name}:" in targets
        assert f'"%1"=="{name}"' in targets


def test_the_script_runs_and_prints_a_summary(shikra: Shikra) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SNIPPETS[0]], cwd=ROOT, env=shikra.environment(), capture_output=True, text=True, timeout=120, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "'name': 'EMA Crossover'" in done.stdout


def test_the_strategy_of_ones_own_trades(shikra: Shikra, minutes: Callable[..., Path], tmp_path: Path) -> None:
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "two_averages.py").write_text(SNIPPETS[2])
    start = (
        f"import sys, engine.strategies; engine.strategies.__path__.append({str(tmp_path / 'more')!r}); import main; sys.exit(main.main())"
    )
    words = ["run", "--strategy", "two_averages", "--replay", str(minutes()), "--speed", "max", "--json"]
    done = subprocess.run(
        [sys.executable, "-c", start, *words],
        cwd=ROOT,
        env=shikra.environment(SHIKRA_CACHE=str(tmp_path / "cache")) | {"PYTHONPATH": os.pathsep.join([str(ROOT)])},
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    run = json.loads(done.stdout)
    assert len(run["fills"]) > 10
    assert {fill["purpose"] for fill in run["fills"]} >= {"entry", "exit"}


def test_the_class_of_ones_own_trades_alike_in_a_backtest_and_in_a_run(
    shikra: Shikra, minutes: Callable[..., Path], tmp_path: Path
) -> None:
    (tmp_path / "pullback.py").write_text(SNIPPETS[1])
    words = ["--strategy", str(tmp_path / "pullback.py"), "--param", "length=3", "--product", "MIS", "--charges", "none", "--json"]
    file = str(minutes())
    tested = json.loads(shikra("backtest", *words, "--data", file, "--check-look-ahead").out)
    run = json.loads(shikra("run", *words, "--replay", file, "--speed", "max").out)
    assert len(tested["fills"]) > 3
    fills = [[(fill["time"], fill["side"], fill["quantity"], fill["price"]) for fill in made["fills"]] for made in (tested, run)]
    assert fills[0] == fills[1]


def test_each_option_of_the_command_line_that_is_named_exists(shikra: Shikra) -> None:
    known = "".join(
        shikra(*words, "--help").out
        for words in ((), ("run",), ("backtest",), ("optimise",), ("serve",), ("login",), ("import",), ("journal",), ("backup",), ("kill",))
    )
    for option in set(re.findall(r"--[a-z][a-z-]+", README)):
        assert option in known, option


def test_the_three_calls_over_rest_work_as_they_are_typed(shikra: Shikra) -> None:
    server = shikra.start("serve", "--demo", "--json", "--port", "0")
    assert server.stdout is not None
    try:
        url = json.loads(server.stdout.readline())["url"]
        [calls] = re.findall(r"```sh\n(.*?)```", README, flags=re.DOTALL)
        typed = calls.replace(".venv/bin/python", sys.executable).replace("http://127.0.0.1:8050", url)
        done = subprocess.run(
            ["bash", "-euc", typed], cwd=ROOT, env=shikra.environment(), capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == 0, done.stderr
        listed = json.loads(done.stdout[done.stdout.rindex('{"strategies"') :])["strategies"]
        mine = next(each for each in listed if each["name"] == "My Strategy")
        assert mine["state"] in ("STARTING", "RUNNING")
        assert (mine["mode"], mine["parameters"]["symbols"]) == ("paper", ["RELIANCE", "TCS"])
    finally:
        server.terminate()
        _, said = server.communicate(timeout=60)
    assert "stay open" in said

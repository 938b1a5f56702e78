from __future__ import annotations

import pytest

from engine.core.errors import InvalidOption
from terminal.cli.arguments import parser

RUN = ["run", "--strategy", "ema_crossover", "--replay", "f.csv"]


def test_no_word_opens_the_window() -> None:
    arguments = parser("1").parse([])
    assert (arguments.command, arguments.headless, arguments.smoke, arguments.data_dir) == (None, False, False, None)


def test_the_run_of_the_readme_is_understood() -> None:
    line = (
        "run --strategy ema_crossover --symbols reliance,TCS --broker simulated --replay f.csv --speed max"
        " --param warmup=500 --param fast_ema=9 --risk capital=100000 --sizing fixed:10 --product NRML --charges none --json"
    )
    arguments = parser("1").parse(line.split())
    assert arguments.symbols == ("RELIANCE", "TCS")
    assert arguments.param == [("warmup", "500"), ("fast_ema", "9")]
    assert arguments.risk == [("capital", "100000")]
    assert (arguments.speed, arguments.sizing, arguments.product, arguments.charges, arguments.json) == (
        0.0,
        "fixed:10",
        "NRML",
        "none",
        True,
    )


@pytest.mark.parametrize("words", [["--data-dir", "d", *RUN], [*RUN, "--data-dir", "d"]])
def test_the_data_folder_may_stand_anywhere(words: list[str]) -> None:
    assert parser("1").parse(words).data_dir == "d"


@pytest.mark.parametrize(
    ("words", "match"),
    [
        ([*RUN, "--strateg", "x"], r'Unknown argument "--strateg"; did you mean "--strategy"'),
        (["--headles"], r'Unknown argument "--headles"; did you mean "--headless"'),
        (["rnu"], 'Unknown command "rnu"; did you mean "run"'),
        (["run", "--replay", "f"], "required: --strategy"),
        ([*RUN, "--speed", "fast"], 'expected "max" or a factor above 0 up to 100000, was "fast"'),
        ([*RUN, "--speed", "0"], 'expected "max"'),
        ([*RUN, "--speed", "nan"], 'expected "max"'),
        ([*RUN, "--param", "warmup"], 'expected name=value, was "warmup"'),
        ([*RUN, "--param", "=5"], "expected name=value"),
        ([*RUN, "--product", "XYZ"], 'Unknown --product "XYZ"; known are: CNC, MIS, NRML'),
        ([*RUN, "--interval", "soon"], "nvalid int value"),
        (["import"], "required: FILE"),
    ],
)
def test_a_mistake_is_one_sentence(words: list[str], match: str) -> None:
    with pytest.raises(InvalidOption, match=match) as caught:
        parser("1").parse(words)
    assert "\n" not in str(caught.value)


def test_a_factor_of_real_time_is_read() -> None:
    assert parser("1").parse(["--replay", "f", "--speed", "60"]).speed == 60.0
